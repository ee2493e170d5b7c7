// swift-format-ignore-file: a table reads best with a handler on each line.
// Comparisons fused with the branch behind them, by condition code: which pairs have a handler is written here and
// nowhere else. What is missing runs as two steps. (Why local functions: see FastHandlers.swift.)

/// The handlers of fused pairs; nil or absent where there is none.
struct FusedHandlers {
  let compareRegisters32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let compareImmediate32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let compareRegisterMemory32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRM(c, s, Cmp.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let compareMemoryRegister32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMR(c, s, Cmp.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let compareMemoryImmediate32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let compareRegisters8: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Cmp.self, UInt8.self, Greater.self) }; return h }(),
  ]
  let compareImmediate8: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Cmp.self, UInt8.self, Greater.self) }; return h }(),
  ]
  let compareMemoryImmediate8: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Cmp.self, UInt8.self, Greater.self) }; return h }(),
  ]
  let testRegisters32: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt32.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt32.self, NotSign.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let testRegisters8: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt8.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt8.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt8.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt8.self, NotSign.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt8.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Test.self, UInt8.self, Greater.self) }; return h }(),
  ]
  let testImmediate32: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt32.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt32.self, NotSign.self) }; return h }(),
  ]
  let testImmediate8: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt8.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt8.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt8.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Test.self, UInt8.self, NotSign.self) }; return h }(),
  ]
  let testMemoryImmediate8: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Test.self, UInt8.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Test.self, UInt8.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Test.self, UInt8.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedMI(c, s, Test.self, UInt8.self, NotSign.self) }; return h }(),
  ]
  let subtractRegisters32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRR(c, s, Sub.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let subtractImmediate32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, NotZero.self) }; return h }(),
    6: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, BelowEqual.self) }; return h }(),
    7: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, Above.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, NotSign.self) }; return h }(),
    12: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, Less.self) }; return h }(),
    13: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, NotLess.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Sub.self, UInt32.self, Greater.self) }; return h }(),
  ]
  let addImmediate32: [UInt8: Handler] = [
    2: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Add.self, UInt32.self, Below.self) }; return h }(),
    3: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Add.self, UInt32.self, NotBelow.self) }; return h }(),
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Add.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Add.self, UInt32.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Add.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, Add.self, UInt32.self, NotSign.self) }; return h }(),
  ]
  let andImmediate32: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, And.self, UInt32.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, And.self, UInt32.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, And.self, UInt32.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedRI(c, s, And.self, UInt32.self, NotSign.self) }; return h }(),
  ]
  let increment32: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Inc.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Inc.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Inc.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Inc.self, NotSign.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Inc.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Inc.self, Greater.self) }; return h }(),
  ]
  let decrement32: [UInt8: Handler] = [
    4: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Dec.self, Zero.self) }; return h }(),
    5: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Dec.self, NotZero.self) }; return h }(),
    8: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Dec.self, Sign.self) }; return h }(),
    9: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Dec.self, NotSign.self) }; return h }(),
    14: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Dec.self, LessEqual.self) }; return h }(),
    15: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fusedUnary(c, s, Dec.self, Greater.self) }; return h }(),
  ]
}
