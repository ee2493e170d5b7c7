// swift-format-ignore-file: a table reads best with a handler on each line.
// The fast handlers themselves, as tables of function pointers: which forms have one is written here and nowhere else.
// Function pointers can't be generic, so each instantiation of a template is spelled out. Each is a local function and not
// a closure: the compiler turns a closure into a thunk that jumps to the body, one jump more for each guest instruction
// (measured: 1.02 to 1.35 times slower).

import ISA

/// The handlers of one two-operand operation at one width.
struct BinaryHandlers {
  var registerRegister, registerImmediate: Handler
  var registerMemory, memoryRegister, memoryImmediate: MemoryHandlers
}

/// The handlers of one memory form, with and without an index register.
struct MemoryHandlers {
  var based, indexed: Handler
}

/// The fast handlers, by operation.
struct FastHandlers {
  /// By `Operation`, at 8 and at 32 bits.
  let binary8: [Operation: BinaryHandlers] = [
    .add: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Add.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Add.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Add.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Add.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Add.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Add.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Add.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Add.self, UInt8.self, Indexed.self) }; return h }())),
    .or: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Or.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Or.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Or.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Or.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Or.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Or.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Or.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Or.self, UInt8.self, Indexed.self) }; return h }())),
    .adc: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Adc.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Adc.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Adc.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Adc.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Adc.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Adc.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Adc.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Adc.self, UInt8.self, Indexed.self) }; return h }())),
    .sbb: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Sbb.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Sbb.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sbb.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sbb.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sbb.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sbb.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sbb.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sbb.self, UInt8.self, Indexed.self) }; return h }())),
    .and: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, And.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, And.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, And.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, And.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, And.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, And.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, And.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, And.self, UInt8.self, Indexed.self) }; return h }())),
    .sub: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Sub.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Sub.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sub.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sub.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sub.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sub.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sub.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sub.self, UInt8.self, Indexed.self) }; return h }())),
    .xor: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Xor.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Xor.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Xor.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Xor.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Xor.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Xor.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Xor.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Xor.self, UInt8.self, Indexed.self) }; return h }())),
    .cmp: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Cmp.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Cmp.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Cmp.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Cmp.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Cmp.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Cmp.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Cmp.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Cmp.self, UInt8.self, Indexed.self) }; return h }())),
    .test: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Test.self, UInt8.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Test.self, UInt8.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Test.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Test.self, UInt8.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Test.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Test.self, UInt8.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Test.self, UInt8.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Test.self, UInt8.self, Indexed.self) }; return h }())),
  ]
  let binary32: [Operation: BinaryHandlers] = [
    .add: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Add.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Add.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Add.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Add.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Add.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Add.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Add.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Add.self, UInt32.self, Indexed.self) }; return h }())),
    .or: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Or.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Or.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Or.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Or.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Or.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Or.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Or.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Or.self, UInt32.self, Indexed.self) }; return h }())),
    .adc: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Adc.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Adc.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Adc.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Adc.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Adc.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Adc.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Adc.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Adc.self, UInt32.self, Indexed.self) }; return h }())),
    .sbb: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Sbb.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Sbb.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sbb.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sbb.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sbb.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sbb.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sbb.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sbb.self, UInt32.self, Indexed.self) }; return h }())),
    .and: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, And.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, And.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, And.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, And.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, And.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, And.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, And.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, And.self, UInt32.self, Indexed.self) }; return h }())),
    .sub: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Sub.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Sub.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sub.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Sub.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sub.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Sub.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sub.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Sub.self, UInt32.self, Indexed.self) }; return h }())),
    .xor: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Xor.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Xor.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Xor.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Xor.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Xor.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Xor.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Xor.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Xor.self, UInt32.self, Indexed.self) }; return h }())),
    .cmp: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Cmp.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Cmp.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Cmp.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Cmp.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Cmp.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Cmp.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Cmp.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Cmp.self, UInt32.self, Indexed.self) }; return h }())),
    .test: BinaryHandlers(
      registerRegister: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRR(c, s, Test.self, UInt32.self) }; return h }(),
      registerImmediate: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRI(c, s, Test.self, UInt32.self) }; return h }(),
      registerMemory: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Test.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRM(c, s, Test.self, UInt32.self, Indexed.self) }; return h }()),
      memoryRegister: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Test.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMR(c, s, Test.self, UInt32.self, Indexed.self) }; return h }()),
      memoryImmediate: MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Test.self, UInt32.self, Based.self) }; return h }(),
        indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMI(c, s, Test.self, UInt32.self, Indexed.self) }; return h }())),
  ]

  let unary32: [Operation: (register: Handler, memory: Handler)] = [
    .inc: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnary(c, s, Inc.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryMemory(c, s, Inc.self, UInt32.self) }; return h }()
    ),
    .dec: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnary(c, s, Dec.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryMemory(c, s, Dec.self, UInt32.self) }; return h }()
    ),
    .neg: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnary(c, s, Neg.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryMemory(c, s, Neg.self, UInt32.self) }; return h }()
    ),
    .not: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnary(c, s, Not.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryMemory(c, s, Not.self, UInt32.self) }; return h }()
    ),
  ]

  /// Registers of 32 bits by an immediate other than 0, and by CL.
  let shift32: [Operation: (immediate: Handler, cl: Handler)] = [
    .rol: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShift(c, s, Rol.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftCL(c, s, Rol.self, UInt32.self) }; return h }()),
    .ror: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShift(c, s, Ror.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftCL(c, s, Ror.self, UInt32.self) }; return h }()),
    .shl: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShift(c, s, Shl.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftCL(c, s, Shl.self, UInt32.self) }; return h }()),
    .shr: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShift(c, s, Shr.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftCL(c, s, Shr.self, UInt32.self) }; return h }()),
    .sar: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShift(c, s, Sar.self, UInt32.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftCL(c, s, Sar.self, UInt32.self) }; return h }()),
  ]

  /// For results whose flags nobody sees; registers of 32 bits.
  let withoutFlags: [Operation: (register: Handler, immediate: Handler)] = [
    .add: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRRWithoutFlags(c, s, Add.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRIWithoutFlags(c, s, Add.self) }; return h }()),
    .or: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRRWithoutFlags(c, s, Or.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRIWithoutFlags(c, s, Or.self) }; return h }()),
    .and: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRRWithoutFlags(c, s, And.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRIWithoutFlags(c, s, And.self) }; return h }()),
    .sub: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRRWithoutFlags(c, s, Sub.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRIWithoutFlags(c, s, Sub.self) }; return h }()),
    .xor: ({ @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRRWithoutFlags(c, s, Xor.self) }; return h }(), { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastRIWithoutFlags(c, s, Xor.self) }; return h }()),
  ]
  let shiftWithoutFlags: [Operation: Handler] = [
    .rol: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftWithoutFlags(c, s, Rol.self) }; return h }(),
    .ror: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftWithoutFlags(c, s, Ror.self) }; return h }(),
    .shl: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftWithoutFlags(c, s, Shl.self) }; return h }(),
    .shr: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftWithoutFlags(c, s, Shr.self) }; return h }(),
    .sar: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastShiftWithoutFlags(c, s, Sar.self) }; return h }(),
  ]
  let unaryWithoutFlags: [Operation: Handler] = [
    .inc: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryWithoutFlags(c, s, Inc.self) }; return h }(),
    .dec: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryWithoutFlags(c, s, Dec.self) }; return h }(),
    .neg: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastUnaryWithoutFlags(c, s, Neg.self) }; return h }(),
  ]

  /// By condition code.
  let jcc: [Handler] = [
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Overflow.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, NotOverflow.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Below.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, NotBelow.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Zero.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, NotZero.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, BelowEqual.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Above.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Sign.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, NotSign.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Parity.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, NotParity.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Less.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, NotLess.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, LessEqual.self) }; return h }(),
    { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastJcc(c, s, Greater.self) }; return h }(),
  ]

  let jmp: Handler = { @inline(__always) func h(_ c: State, _ s: StepPointer) { branch(c, s) }; return h }()

  let call: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let s = CPU(c).s
      let o = operands(step)
      // `displacement` holds the offset of the return address.
      guard fastPush(c, s.pointee.blockEIP &+ o.pointee.displacement) else { return slowly(c, step) }
      branch(c, step)
    }
    return h
  }()

  let ret: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let cpu = CPU(c)
      let top = cpu.esp
      let place = Place<UInt32>(reading: top, c)
      guard place.isHit else { return slowly(c, step) }
      // `immediate` is what RET releases besides the address.
      cpu.esp = top &+ 4 &+ operands(step).pointee.immediate
      retire(c, step)
      enterIndirect(c, place.value)
    }
    return h
  }()

  let jmpRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      retire(c, step)
      enterIndirect(c, get(c, operands(step).pointee.rm))
    }
    return h
  }()

  let jmpMemory: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let place = Place<UInt32>(reading: Indexed.address(c, step), c)
      guard place.isHit else { return slowly(c, step) }
      retire(c, step)
      enterIndirect(c, place.value)
    }
    return h
  }()

  let callRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let target: UInt32 = get(c, operands(step).pointee.rm)
      guard fastPush(c, CPU(c).s.pointee.blockEIP &+ operands(step).pointee.immediate) else { return slowly(c, step) }
      retire(c, step)
      enterIndirect(c, target)
    }
    return h
  }()

  let callMemory: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let place = Place<UInt32>(reading: Indexed.address(c, step), c)
      guard place.isHit else { return slowly(c, step) }
      let target = place.value
      guard fastPush(c, CPU(c).s.pointee.blockEIP &+ operands(step).pointee.immediate) else { return slowly(c, step) }
      retire(c, step)
      enterIndirect(c, target)
    }
    return h
  }()

  /// The end of a block that goes on to its neighbour. It is no instruction: `position` counts those before it.
  let end: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let s = CPU(c).s
      let o = operands(step)
      s.pointee.remaining &-= Int64(o.pointee.position)
      enter(c, step, s.pointee.blockEIP &+ o.pointee.immediate)
    }
    return h
  }()

  // MARK: Data movement

  let movRegisterRegister8: Handler = { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMovRR(c, s, UInt8.self) }; return h }()
  let movRegisterRegister32: Handler = { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMovRR(c, s, UInt32.self) }; return h }()
  let movRegisterImmediate8: Handler = { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMovRI(c, s, UInt8.self) }; return h }()
  let movRegisterImmediate32: Handler = { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMovRI(c, s, UInt32.self) }; return h }()
  let load8 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastLoad(c, s, UInt8.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastLoad(c, s, UInt8.self, Indexed.self) }; return h }())
  let load16 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastLoad(c, s, UInt16.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastLoad(c, s, UInt16.self, Indexed.self) }; return h }())
  let load32 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastLoad(c, s, UInt32.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastLoad(c, s, UInt32.self, Indexed.self) }; return h }())
  let store8 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStore(c, s, UInt8.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStore(c, s, UInt8.self, Indexed.self) }; return h }())
  let store16 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStore(c, s, UInt16.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStore(c, s, UInt16.self, Indexed.self) }; return h }())
  let store32 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStore(c, s, UInt32.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStore(c, s, UInt32.self, Indexed.self) }; return h }())
  let storeImmediate8 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStoreImmediate(c, s, UInt8.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStoreImmediate(c, s, UInt8.self, Indexed.self) }; return h }())
  let storeImmediate16 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStoreImmediate(c, s, UInt16.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStoreImmediate(c, s, UInt16.self, Indexed.self) }; return h }())
  let storeImmediate32 = MemoryHandlers(
    based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStoreImmediate(c, s, UInt32.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastStoreImmediate(c, s, UInt32.self, Indexed.self) }; return h }())

  /// MOVZX and MOVSX to 32 bits.
  let extend: [Operation: (register: Handler, memory: MemoryHandlers)] = [
    .movzx8: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastZeroExtend(c, s, UInt8.self) }; return h }(),
      MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastZeroExtendLoad(c, s, UInt8.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastZeroExtendLoad(c, s, UInt8.self, Indexed.self) }; return h }())
    ),
    .movzx16: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastZeroExtend(c, s, UInt16.self) }; return h }(),
      MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastZeroExtendLoad(c, s, UInt16.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastZeroExtendLoad(c, s, UInt16.self, Indexed.self) }; return h }())
    ),
    .movsx8: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastSignExtend(c, s, UInt8.self) }; return h }(),
      MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastSignExtendLoad(c, s, UInt8.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastSignExtendLoad(c, s, UInt8.self, Indexed.self) }; return h }())
    ),
    .movsx16: (
      { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastSignExtend(c, s, UInt16.self) }; return h }(),
      MemoryHandlers(
        based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastSignExtendLoad(c, s, UInt16.self, Based.self) }; return h }(), indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastSignExtendLoad(c, s, UInt16.self, Indexed.self) }; return h }())
    ),
  ]

  let lea: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      put(c, operands(step).pointee.reg, Indexed.address(c, step))
      next(c, step)
    }
    return h
  }()

  let leaBased: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      put(c, operands(step).pointee.reg, Based.address(c, step))
      next(c, step)
    }
    return h
  }()

  let pushRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard fastPush(c, get(c, operands(step).pointee.rm)) else { return slowly(c, step) }
      next(c, step)
    }
    return h
  }()

  let pushImmediate: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard fastPush(c, operands(step).pointee.immediate) else { return slowly(c, step) }
      next(c, step)
    }
    return h
  }()

  let pushMemory: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let place = Place<UInt32>(reading: Indexed.address(c, step), c)
      guard place.isHit, fastPush(c, place.value) else { return slowly(c, step) }
      next(c, step)
    }
    return h
  }()

  let popRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let cpu = CPU(c)
      let top = cpu.esp
      let place = Place<UInt32>(reading: top, c)
      guard place.isHit else { return slowly(c, step) }
      cpu.esp = top &+ 4
      put(c, operands(step).pointee.rm, place.value)
      next(c, step)
    }
    return h
  }()

  let leave: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let cpu = CPU(c)
      let frame = cpu.ebp
      let place = Place<UInt32>(reading: frame, c)
      guard place.isHit else { return slowly(c, step) }
      cpu.esp = frame &+ 4
      cpu.ebp = place.value
      next(c, step)
    }
    return h
  }()

  let cdq: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let cpu = CPU(c)
      cpu.edx = UInt32(bitPattern: Int32(bitPattern: cpu.eax) >> 31)
      next(c, step)
    }
    return h
  }()

  let nop: Handler = { @inline(__always) func h(_ c: State, _ s: StepPointer) { next(c, s) }; return h }()
  let x87 = X87Handlers()

  let setccRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let o = operands(step)
      // `immediate` is the condition.
      put(c, o.pointee.rm, UInt8(CPU(c).flags.holds(UInt8(truncatingIfNeeded: o.pointee.immediate)) ? 1 : 0))
      next(c, step)
    }
    return h
  }()

  let cmovRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let o = operands(step)
      if CPU(c).flags.holds(UInt8(truncatingIfNeeded: o.pointee.immediate)) {
        put(c, o.pointee.reg, get(c, o.pointee.rm, UInt32.self))
      }
      next(c, step)
    }
    return h
  }()

  // MARK: Products

  let imulRegister: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let o = operands(step)
      fastTruncatingProduct(c, step, get(c, o.pointee.reg), get(c, o.pointee.rm))
    }
    return h
  }()

  let imulMemory: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let place = Place<UInt32>(reading: Indexed.address(c, step), c)
      guard place.isHit else { return slowly(c, step) }
      fastTruncatingProduct(c, step, get(c, operands(step).pointee.reg), place.value)
    }
    return h
  }()

  let imulRegisterImmediate: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let o = operands(step)
      fastTruncatingProduct(c, step, get(c, o.pointee.rm), o.pointee.immediate)
    }
    return h
  }()

  let imulMemoryImmediate: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      let place = Place<UInt32>(reading: Indexed.address(c, step), c)
      guard place.isHit else { return slowly(c, step) }
      fastTruncatingProduct(c, step, place.value, operands(step).pointee.immediate)
    }
    return h
  }()
}
