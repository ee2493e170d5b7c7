// The fast handlers themselves, as tables of function pointers: which forms have one is written here and nowhere else.
// (Function pointers can't be generic, so each instantiation of a template is spelled out.)

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
      registerRegister: { fastRR($0, $1, Add.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Add.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Add.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Add.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Add.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Add.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Add.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Add.self, UInt8.self, Indexed.self) })),
    .or: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Or.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Or.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Or.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Or.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Or.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Or.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Or.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Or.self, UInt8.self, Indexed.self) })),
    .adc: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Adc.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Adc.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Adc.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Adc.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Adc.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Adc.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Adc.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Adc.self, UInt8.self, Indexed.self) })),
    .sbb: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Sbb.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Sbb.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Sbb.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Sbb.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Sbb.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Sbb.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Sbb.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Sbb.self, UInt8.self, Indexed.self) })),
    .and: BinaryHandlers(
      registerRegister: { fastRR($0, $1, And.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, And.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, And.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, And.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, And.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, And.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, And.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, And.self, UInt8.self, Indexed.self) })),
    .sub: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Sub.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Sub.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Sub.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Sub.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Sub.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Sub.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Sub.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Sub.self, UInt8.self, Indexed.self) })),
    .xor: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Xor.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Xor.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Xor.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Xor.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Xor.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Xor.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Xor.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Xor.self, UInt8.self, Indexed.self) })),
    .cmp: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Cmp.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Cmp.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Cmp.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Cmp.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Cmp.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Cmp.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Cmp.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Cmp.self, UInt8.self, Indexed.self) })),
    .test: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Test.self, UInt8.self) },
      registerImmediate: { fastRI($0, $1, Test.self, UInt8.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Test.self, UInt8.self, Based.self) },
        indexed: { fastRM($0, $1, Test.self, UInt8.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Test.self, UInt8.self, Based.self) },
        indexed: { fastMR($0, $1, Test.self, UInt8.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Test.self, UInt8.self, Based.self) },
        indexed: { fastMI($0, $1, Test.self, UInt8.self, Indexed.self) })),
  ]
  let binary32: [Operation: BinaryHandlers] = [
    .add: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Add.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Add.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Add.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Add.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Add.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Add.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Add.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Add.self, UInt32.self, Indexed.self) })),
    .or: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Or.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Or.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Or.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Or.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Or.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Or.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Or.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Or.self, UInt32.self, Indexed.self) })),
    .adc: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Adc.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Adc.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Adc.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Adc.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Adc.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Adc.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Adc.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Adc.self, UInt32.self, Indexed.self) })),
    .sbb: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Sbb.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Sbb.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Sbb.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Sbb.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Sbb.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Sbb.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Sbb.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Sbb.self, UInt32.self, Indexed.self) })),
    .and: BinaryHandlers(
      registerRegister: { fastRR($0, $1, And.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, And.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, And.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, And.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, And.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, And.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, And.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, And.self, UInt32.self, Indexed.self) })),
    .sub: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Sub.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Sub.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Sub.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Sub.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Sub.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Sub.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Sub.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Sub.self, UInt32.self, Indexed.self) })),
    .xor: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Xor.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Xor.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Xor.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Xor.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Xor.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Xor.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Xor.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Xor.self, UInt32.self, Indexed.self) })),
    .cmp: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Cmp.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Cmp.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Cmp.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Cmp.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Cmp.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Cmp.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Cmp.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Cmp.self, UInt32.self, Indexed.self) })),
    .test: BinaryHandlers(
      registerRegister: { fastRR($0, $1, Test.self, UInt32.self) },
      registerImmediate: { fastRI($0, $1, Test.self, UInt32.self) },
      registerMemory: MemoryHandlers(
        based: { fastRM($0, $1, Test.self, UInt32.self, Based.self) },
        indexed: { fastRM($0, $1, Test.self, UInt32.self, Indexed.self) }),
      memoryRegister: MemoryHandlers(
        based: { fastMR($0, $1, Test.self, UInt32.self, Based.self) },
        indexed: { fastMR($0, $1, Test.self, UInt32.self, Indexed.self) }),
      memoryImmediate: MemoryHandlers(
        based: { fastMI($0, $1, Test.self, UInt32.self, Based.self) },
        indexed: { fastMI($0, $1, Test.self, UInt32.self, Indexed.self) })),
  ]

  let unary32: [Operation: (register: Handler, memory: Handler)] = [
    .inc: (
      { fastUnary($0, $1, Inc.self, UInt32.self) }, { fastUnaryMemory($0, $1, Inc.self, UInt32.self) }
    ),
    .dec: (
      { fastUnary($0, $1, Dec.self, UInt32.self) }, { fastUnaryMemory($0, $1, Dec.self, UInt32.self) }
    ),
    .neg: (
      { fastUnary($0, $1, Neg.self, UInt32.self) }, { fastUnaryMemory($0, $1, Neg.self, UInt32.self) }
    ),
    .not: (
      { fastUnary($0, $1, Not.self, UInt32.self) }, { fastUnaryMemory($0, $1, Not.self, UInt32.self) }
    ),
  ]

  /// Registers of 32 bits by an immediate other than 0, and by CL.
  let shift32: [Operation: (immediate: Handler, cl: Handler)] = [
    .rol: ({ fastShift($0, $1, Rol.self, UInt32.self) }, { fastShiftCL($0, $1, Rol.self, UInt32.self) }),
    .ror: ({ fastShift($0, $1, Ror.self, UInt32.self) }, { fastShiftCL($0, $1, Ror.self, UInt32.self) }),
    .shl: ({ fastShift($0, $1, Shl.self, UInt32.self) }, { fastShiftCL($0, $1, Shl.self, UInt32.self) }),
    .shr: ({ fastShift($0, $1, Shr.self, UInt32.self) }, { fastShiftCL($0, $1, Shr.self, UInt32.self) }),
    .sar: ({ fastShift($0, $1, Sar.self, UInt32.self) }, { fastShiftCL($0, $1, Sar.self, UInt32.self) }),
  ]

  /// For results whose flags nobody sees; registers of 32 bits.
  let withoutFlags: [Operation: (register: Handler, immediate: Handler)] = [
    .add: ({ fastRRWithoutFlags($0, $1, Add.self) }, { fastRIWithoutFlags($0, $1, Add.self) }),
    .or: ({ fastRRWithoutFlags($0, $1, Or.self) }, { fastRIWithoutFlags($0, $1, Or.self) }),
    .and: ({ fastRRWithoutFlags($0, $1, And.self) }, { fastRIWithoutFlags($0, $1, And.self) }),
    .sub: ({ fastRRWithoutFlags($0, $1, Sub.self) }, { fastRIWithoutFlags($0, $1, Sub.self) }),
    .xor: ({ fastRRWithoutFlags($0, $1, Xor.self) }, { fastRIWithoutFlags($0, $1, Xor.self) }),
  ]
  let shiftWithoutFlags: [Operation: Handler] = [
    .rol: { fastShiftWithoutFlags($0, $1, Rol.self) },
    .ror: { fastShiftWithoutFlags($0, $1, Ror.self) },
    .shl: { fastShiftWithoutFlags($0, $1, Shl.self) },
    .shr: { fastShiftWithoutFlags($0, $1, Shr.self) },
    .sar: { fastShiftWithoutFlags($0, $1, Sar.self) },
  ]
  let unaryWithoutFlags: [Operation: Handler] = [
    .inc: { fastUnaryWithoutFlags($0, $1, Inc.self) },
    .dec: { fastUnaryWithoutFlags($0, $1, Dec.self) },
    .neg: { fastUnaryWithoutFlags($0, $1, Neg.self) },
  ]

  /// By condition code.
  let jcc: [Handler] = [
    { fastJcc($0, $1, Overflow.self) },
    { fastJcc($0, $1, NotOverflow.self) },
    { fastJcc($0, $1, Below.self) },
    { fastJcc($0, $1, NotBelow.self) },
    { fastJcc($0, $1, Zero.self) },
    { fastJcc($0, $1, NotZero.self) },
    { fastJcc($0, $1, BelowEqual.self) },
    { fastJcc($0, $1, Above.self) },
    { fastJcc($0, $1, Sign.self) },
    { fastJcc($0, $1, NotSign.self) },
    { fastJcc($0, $1, Parity.self) },
    { fastJcc($0, $1, NotParity.self) },
    { fastJcc($0, $1, Less.self) },
    { fastJcc($0, $1, NotLess.self) },
    { fastJcc($0, $1, LessEqual.self) },
    { fastJcc($0, $1, Greater.self) },
  ]

  let jmp: Handler = { branch($0, $1) }

  let call: Handler = { c, step in
    let s = CPU(c).s
    let o = operands(step)
    // `displacement` holds the offset of the return address.
    guard fastPush(c, s.pointee.blockEIP &+ o.pointee.displacement) else { return slowly(c, step) }
    branch(c, step)
  }

  let ret: Handler = { c, step in
    let cpu = CPU(c)
    let top = cpu.esp
    let place = Place<UInt32>(reading: top, c)
    guard place.isHit else { return slowly(c, step) }
    // `immediate` is what RET releases besides the address.
    cpu.esp = top &+ 4 &+ operands(step).pointee.immediate
    retire(c, step)
    enterIndirect(c, place.value)
  }

  let jmpRegister: Handler = { c, step in
    retire(c, step)
    enterIndirect(c, get(c, operands(step).pointee.rm))
  }

  let jmpMemory: Handler = { c, step in
    let place = Place<UInt32>(reading: Indexed.address(c, step), c)
    guard place.isHit else { return slowly(c, step) }
    retire(c, step)
    enterIndirect(c, place.value)
  }

  let callRegister: Handler = { c, step in
    let target: UInt32 = get(c, operands(step).pointee.rm)
    guard fastPush(c, CPU(c).s.pointee.blockEIP &+ operands(step).pointee.immediate) else { return slowly(c, step) }
    retire(c, step)
    enterIndirect(c, target)
  }

  let callMemory: Handler = { c, step in
    let place = Place<UInt32>(reading: Indexed.address(c, step), c)
    guard place.isHit else { return slowly(c, step) }
    let target = place.value
    guard fastPush(c, CPU(c).s.pointee.blockEIP &+ operands(step).pointee.immediate) else { return slowly(c, step) }
    retire(c, step)
    enterIndirect(c, target)
  }

  /// The end of a block that goes on to its neighbour. It is no instruction: `position` counts those before it.
  let end: Handler = { c, step in
    let s = CPU(c).s
    let o = operands(step)
    s.pointee.remaining &-= Int64(o.pointee.position)
    enter(c, step, s.pointee.blockEIP &+ o.pointee.immediate)
  }

  // MARK: Data movement

  let movRegisterRegister8: Handler = { fastMovRR($0, $1, UInt8.self) }
  let movRegisterRegister32: Handler = { fastMovRR($0, $1, UInt32.self) }
  let movRegisterImmediate8: Handler = { fastMovRI($0, $1, UInt8.self) }
  let movRegisterImmediate32: Handler = { fastMovRI($0, $1, UInt32.self) }
  let load8 = MemoryHandlers(
    based: { fastLoad($0, $1, UInt8.self, Based.self) }, indexed: { fastLoad($0, $1, UInt8.self, Indexed.self) })
  let load16 = MemoryHandlers(
    based: { fastLoad($0, $1, UInt16.self, Based.self) }, indexed: { fastLoad($0, $1, UInt16.self, Indexed.self) })
  let load32 = MemoryHandlers(
    based: { fastLoad($0, $1, UInt32.self, Based.self) }, indexed: { fastLoad($0, $1, UInt32.self, Indexed.self) })
  let store8 = MemoryHandlers(
    based: { fastStore($0, $1, UInt8.self, Based.self) }, indexed: { fastStore($0, $1, UInt8.self, Indexed.self) })
  let store16 = MemoryHandlers(
    based: { fastStore($0, $1, UInt16.self, Based.self) }, indexed: { fastStore($0, $1, UInt16.self, Indexed.self) })
  let store32 = MemoryHandlers(
    based: { fastStore($0, $1, UInt32.self, Based.self) }, indexed: { fastStore($0, $1, UInt32.self, Indexed.self) })
  let storeImmediate8 = MemoryHandlers(
    based: { fastStoreImmediate($0, $1, UInt8.self, Based.self) }, indexed: { fastStoreImmediate($0, $1, UInt8.self, Indexed.self) })
  let storeImmediate16 = MemoryHandlers(
    based: { fastStoreImmediate($0, $1, UInt16.self, Based.self) }, indexed: { fastStoreImmediate($0, $1, UInt16.self, Indexed.self) })
  let storeImmediate32 = MemoryHandlers(
    based: { fastStoreImmediate($0, $1, UInt32.self, Based.self) }, indexed: { fastStoreImmediate($0, $1, UInt32.self, Indexed.self) })

  /// MOVZX and MOVSX to 32 bits.
  let extend: [Operation: (register: Handler, memory: MemoryHandlers)] = [
    .movzx8: (
      { fastZeroExtend($0, $1, UInt8.self) },
      MemoryHandlers(
        based: { fastZeroExtendLoad($0, $1, UInt8.self, Based.self) }, indexed: { fastZeroExtendLoad($0, $1, UInt8.self, Indexed.self) })
    ),
    .movzx16: (
      { fastZeroExtend($0, $1, UInt16.self) },
      MemoryHandlers(
        based: { fastZeroExtendLoad($0, $1, UInt16.self, Based.self) }, indexed: { fastZeroExtendLoad($0, $1, UInt16.self, Indexed.self) })
    ),
    .movsx8: (
      { fastSignExtend($0, $1, UInt8.self) },
      MemoryHandlers(
        based: { fastSignExtendLoad($0, $1, UInt8.self, Based.self) }, indexed: { fastSignExtendLoad($0, $1, UInt8.self, Indexed.self) })
    ),
    .movsx16: (
      { fastSignExtend($0, $1, UInt16.self) },
      MemoryHandlers(
        based: { fastSignExtendLoad($0, $1, UInt16.self, Based.self) }, indexed: { fastSignExtendLoad($0, $1, UInt16.self, Indexed.self) })
    ),
  ]

  let lea: Handler = { c, step in
    put(c, operands(step).pointee.reg, Indexed.address(c, step))
    next(c, step)
  }

  let leaBased: Handler = { c, step in
    put(c, operands(step).pointee.reg, Based.address(c, step))
    next(c, step)
  }

  let pushRegister: Handler = { c, step in
    guard fastPush(c, get(c, operands(step).pointee.rm)) else { return slowly(c, step) }
    next(c, step)
  }

  let pushImmediate: Handler = { c, step in
    guard fastPush(c, operands(step).pointee.immediate) else { return slowly(c, step) }
    next(c, step)
  }

  let pushMemory: Handler = { c, step in
    let place = Place<UInt32>(reading: Indexed.address(c, step), c)
    guard place.isHit, fastPush(c, place.value) else { return slowly(c, step) }
    next(c, step)
  }

  let popRegister: Handler = { c, step in
    let cpu = CPU(c)
    let top = cpu.esp
    let place = Place<UInt32>(reading: top, c)
    guard place.isHit else { return slowly(c, step) }
    cpu.esp = top &+ 4
    put(c, operands(step).pointee.rm, place.value)
    next(c, step)
  }

  let leave: Handler = { c, step in
    let cpu = CPU(c)
    let frame = cpu.ebp
    let place = Place<UInt32>(reading: frame, c)
    guard place.isHit else { return slowly(c, step) }
    cpu.esp = frame &+ 4
    cpu.ebp = place.value
    next(c, step)
  }

  let cdq: Handler = { c, step in
    let cpu = CPU(c)
    cpu.edx = UInt32(bitPattern: Int32(bitPattern: cpu.eax) >> 31)
    next(c, step)
  }

  let nop: Handler = { next($0, $1) }
  let x87 = X87Handlers()

  let setccRegister: Handler = { c, step in
    let o = operands(step)
    // `immediate` is the condition.
    put(c, o.pointee.rm, UInt8(CPU(c).flags.holds(UInt8(truncatingIfNeeded: o.pointee.immediate)) ? 1 : 0))
    next(c, step)
  }

  let cmovRegister: Handler = { c, step in
    let o = operands(step)
    if CPU(c).flags.holds(UInt8(truncatingIfNeeded: o.pointee.immediate)) {
      put(c, o.pointee.reg, get(c, o.pointee.rm, UInt32.self))
    }
    next(c, step)
  }

  // MARK: Products

  let imulRegister: Handler = { c, step in
    let o = operands(step)
    fastTruncatingProduct(c, step, get(c, o.pointee.reg), get(c, o.pointee.rm))
  }

  let imulMemory: Handler = { c, step in
    let place = Place<UInt32>(reading: Indexed.address(c, step), c)
    guard place.isHit else { return slowly(c, step) }
    fastTruncatingProduct(c, step, get(c, operands(step).pointee.reg), place.value)
  }

  let imulRegisterImmediate: Handler = { c, step in
    let o = operands(step)
    fastTruncatingProduct(c, step, get(c, o.pointee.rm), o.pointee.immediate)
  }

  let imulMemoryImmediate: Handler = { c, step in
    let place = Place<UInt32>(reading: Indexed.address(c, step), c)
    guard place.isHit else { return slowly(c, step) }
    fastTruncatingProduct(c, step, place.value, operands(step).pointee.immediate)
  }
}
