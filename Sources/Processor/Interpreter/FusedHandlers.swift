// Comparisons fused with the branch behind them, by condition code: which pairs have a handler is written here and
// nowhere else. What is missing runs as two steps.

/// The handlers of fused pairs; nil or absent where there is none.
struct FusedHandlers {
  let compareRegisters32: [UInt8: Handler] = [
    2: { fusedRR($0, $1, Cmp.self, UInt32.self, Below.self) },
    3: { fusedRR($0, $1, Cmp.self, UInt32.self, NotBelow.self) },
    4: { fusedRR($0, $1, Cmp.self, UInt32.self, Zero.self) },
    5: { fusedRR($0, $1, Cmp.self, UInt32.self, NotZero.self) },
    6: { fusedRR($0, $1, Cmp.self, UInt32.self, BelowEqual.self) },
    7: { fusedRR($0, $1, Cmp.self, UInt32.self, Above.self) },
    8: { fusedRR($0, $1, Cmp.self, UInt32.self, Sign.self) },
    9: { fusedRR($0, $1, Cmp.self, UInt32.self, NotSign.self) },
    12: { fusedRR($0, $1, Cmp.self, UInt32.self, Less.self) },
    13: { fusedRR($0, $1, Cmp.self, UInt32.self, NotLess.self) },
    14: { fusedRR($0, $1, Cmp.self, UInt32.self, LessEqual.self) },
    15: { fusedRR($0, $1, Cmp.self, UInt32.self, Greater.self) },
  ]
  let compareImmediate32: [UInt8: Handler] = [
    2: { fusedRI($0, $1, Cmp.self, UInt32.self, Below.self) },
    3: { fusedRI($0, $1, Cmp.self, UInt32.self, NotBelow.self) },
    4: { fusedRI($0, $1, Cmp.self, UInt32.self, Zero.self) },
    5: { fusedRI($0, $1, Cmp.self, UInt32.self, NotZero.self) },
    6: { fusedRI($0, $1, Cmp.self, UInt32.self, BelowEqual.self) },
    7: { fusedRI($0, $1, Cmp.self, UInt32.self, Above.self) },
    8: { fusedRI($0, $1, Cmp.self, UInt32.self, Sign.self) },
    9: { fusedRI($0, $1, Cmp.self, UInt32.self, NotSign.self) },
    12: { fusedRI($0, $1, Cmp.self, UInt32.self, Less.self) },
    13: { fusedRI($0, $1, Cmp.self, UInt32.self, NotLess.self) },
    14: { fusedRI($0, $1, Cmp.self, UInt32.self, LessEqual.self) },
    15: { fusedRI($0, $1, Cmp.self, UInt32.self, Greater.self) },
  ]
  let compareRegisterMemory32: [UInt8: Handler] = [
    2: { fusedRM($0, $1, Cmp.self, UInt32.self, Below.self) },
    3: { fusedRM($0, $1, Cmp.self, UInt32.self, NotBelow.self) },
    4: { fusedRM($0, $1, Cmp.self, UInt32.self, Zero.self) },
    5: { fusedRM($0, $1, Cmp.self, UInt32.self, NotZero.self) },
    6: { fusedRM($0, $1, Cmp.self, UInt32.self, BelowEqual.self) },
    7: { fusedRM($0, $1, Cmp.self, UInt32.self, Above.self) },
    8: { fusedRM($0, $1, Cmp.self, UInt32.self, Sign.self) },
    9: { fusedRM($0, $1, Cmp.self, UInt32.self, NotSign.self) },
    12: { fusedRM($0, $1, Cmp.self, UInt32.self, Less.self) },
    13: { fusedRM($0, $1, Cmp.self, UInt32.self, NotLess.self) },
    14: { fusedRM($0, $1, Cmp.self, UInt32.self, LessEqual.self) },
    15: { fusedRM($0, $1, Cmp.self, UInt32.self, Greater.self) },
  ]
  let compareMemoryRegister32: [UInt8: Handler] = [
    2: { fusedMR($0, $1, Cmp.self, UInt32.self, Below.self) },
    3: { fusedMR($0, $1, Cmp.self, UInt32.self, NotBelow.self) },
    4: { fusedMR($0, $1, Cmp.self, UInt32.self, Zero.self) },
    5: { fusedMR($0, $1, Cmp.self, UInt32.self, NotZero.self) },
    6: { fusedMR($0, $1, Cmp.self, UInt32.self, BelowEqual.self) },
    7: { fusedMR($0, $1, Cmp.self, UInt32.self, Above.self) },
    8: { fusedMR($0, $1, Cmp.self, UInt32.self, Sign.self) },
    9: { fusedMR($0, $1, Cmp.self, UInt32.self, NotSign.self) },
    12: { fusedMR($0, $1, Cmp.self, UInt32.self, Less.self) },
    13: { fusedMR($0, $1, Cmp.self, UInt32.self, NotLess.self) },
    14: { fusedMR($0, $1, Cmp.self, UInt32.self, LessEqual.self) },
    15: { fusedMR($0, $1, Cmp.self, UInt32.self, Greater.self) },
  ]
  let compareMemoryImmediate32: [UInt8: Handler] = [
    2: { fusedMI($0, $1, Cmp.self, UInt32.self, Below.self) },
    3: { fusedMI($0, $1, Cmp.self, UInt32.self, NotBelow.self) },
    4: { fusedMI($0, $1, Cmp.self, UInt32.self, Zero.self) },
    5: { fusedMI($0, $1, Cmp.self, UInt32.self, NotZero.self) },
    6: { fusedMI($0, $1, Cmp.self, UInt32.self, BelowEqual.self) },
    7: { fusedMI($0, $1, Cmp.self, UInt32.self, Above.self) },
    8: { fusedMI($0, $1, Cmp.self, UInt32.self, Sign.self) },
    9: { fusedMI($0, $1, Cmp.self, UInt32.self, NotSign.self) },
    12: { fusedMI($0, $1, Cmp.self, UInt32.self, Less.self) },
    13: { fusedMI($0, $1, Cmp.self, UInt32.self, NotLess.self) },
    14: { fusedMI($0, $1, Cmp.self, UInt32.self, LessEqual.self) },
    15: { fusedMI($0, $1, Cmp.self, UInt32.self, Greater.self) },
  ]
  let compareRegisters8: [UInt8: Handler] = [
    2: { fusedRR($0, $1, Cmp.self, UInt8.self, Below.self) },
    3: { fusedRR($0, $1, Cmp.self, UInt8.self, NotBelow.self) },
    4: { fusedRR($0, $1, Cmp.self, UInt8.self, Zero.self) },
    5: { fusedRR($0, $1, Cmp.self, UInt8.self, NotZero.self) },
    6: { fusedRR($0, $1, Cmp.self, UInt8.self, BelowEqual.self) },
    7: { fusedRR($0, $1, Cmp.self, UInt8.self, Above.self) },
    8: { fusedRR($0, $1, Cmp.self, UInt8.self, Sign.self) },
    9: { fusedRR($0, $1, Cmp.self, UInt8.self, NotSign.self) },
    12: { fusedRR($0, $1, Cmp.self, UInt8.self, Less.self) },
    13: { fusedRR($0, $1, Cmp.self, UInt8.self, NotLess.self) },
    14: { fusedRR($0, $1, Cmp.self, UInt8.self, LessEqual.self) },
    15: { fusedRR($0, $1, Cmp.self, UInt8.self, Greater.self) },
  ]
  let compareImmediate8: [UInt8: Handler] = [
    2: { fusedRI($0, $1, Cmp.self, UInt8.self, Below.self) },
    3: { fusedRI($0, $1, Cmp.self, UInt8.self, NotBelow.self) },
    4: { fusedRI($0, $1, Cmp.self, UInt8.self, Zero.self) },
    5: { fusedRI($0, $1, Cmp.self, UInt8.self, NotZero.self) },
    6: { fusedRI($0, $1, Cmp.self, UInt8.self, BelowEqual.self) },
    7: { fusedRI($0, $1, Cmp.self, UInt8.self, Above.self) },
    8: { fusedRI($0, $1, Cmp.self, UInt8.self, Sign.self) },
    9: { fusedRI($0, $1, Cmp.self, UInt8.self, NotSign.self) },
    12: { fusedRI($0, $1, Cmp.self, UInt8.self, Less.self) },
    13: { fusedRI($0, $1, Cmp.self, UInt8.self, NotLess.self) },
    14: { fusedRI($0, $1, Cmp.self, UInt8.self, LessEqual.self) },
    15: { fusedRI($0, $1, Cmp.self, UInt8.self, Greater.self) },
  ]
  let compareMemoryImmediate8: [UInt8: Handler] = [
    2: { fusedMI($0, $1, Cmp.self, UInt8.self, Below.self) },
    3: { fusedMI($0, $1, Cmp.self, UInt8.self, NotBelow.self) },
    4: { fusedMI($0, $1, Cmp.self, UInt8.self, Zero.self) },
    5: { fusedMI($0, $1, Cmp.self, UInt8.self, NotZero.self) },
    6: { fusedMI($0, $1, Cmp.self, UInt8.self, BelowEqual.self) },
    7: { fusedMI($0, $1, Cmp.self, UInt8.self, Above.self) },
    8: { fusedMI($0, $1, Cmp.self, UInt8.self, Sign.self) },
    9: { fusedMI($0, $1, Cmp.self, UInt8.self, NotSign.self) },
    12: { fusedMI($0, $1, Cmp.self, UInt8.self, Less.self) },
    13: { fusedMI($0, $1, Cmp.self, UInt8.self, NotLess.self) },
    14: { fusedMI($0, $1, Cmp.self, UInt8.self, LessEqual.self) },
    15: { fusedMI($0, $1, Cmp.self, UInt8.self, Greater.self) },
  ]
  let testRegisters32: [UInt8: Handler] = [
    4: { fusedRR($0, $1, Test.self, UInt32.self, Zero.self) },
    5: { fusedRR($0, $1, Test.self, UInt32.self, NotZero.self) },
    8: { fusedRR($0, $1, Test.self, UInt32.self, Sign.self) },
    9: { fusedRR($0, $1, Test.self, UInt32.self, NotSign.self) },
    14: { fusedRR($0, $1, Test.self, UInt32.self, LessEqual.self) },
    15: { fusedRR($0, $1, Test.self, UInt32.self, Greater.self) },
  ]
  let testRegisters8: [UInt8: Handler] = [
    4: { fusedRR($0, $1, Test.self, UInt8.self, Zero.self) },
    5: { fusedRR($0, $1, Test.self, UInt8.self, NotZero.self) },
    8: { fusedRR($0, $1, Test.self, UInt8.self, Sign.self) },
    9: { fusedRR($0, $1, Test.self, UInt8.self, NotSign.self) },
    14: { fusedRR($0, $1, Test.self, UInt8.self, LessEqual.self) },
    15: { fusedRR($0, $1, Test.self, UInt8.self, Greater.self) },
  ]
  let testImmediate32: [UInt8: Handler] = [
    4: { fusedRI($0, $1, Test.self, UInt32.self, Zero.self) },
    5: { fusedRI($0, $1, Test.self, UInt32.self, NotZero.self) },
    8: { fusedRI($0, $1, Test.self, UInt32.self, Sign.self) },
    9: { fusedRI($0, $1, Test.self, UInt32.self, NotSign.self) },
  ]
  let testImmediate8: [UInt8: Handler] = [
    4: { fusedRI($0, $1, Test.self, UInt8.self, Zero.self) },
    5: { fusedRI($0, $1, Test.self, UInt8.self, NotZero.self) },
    8: { fusedRI($0, $1, Test.self, UInt8.self, Sign.self) },
    9: { fusedRI($0, $1, Test.self, UInt8.self, NotSign.self) },
  ]
  let testMemoryImmediate8: [UInt8: Handler] = [
    4: { fusedMI($0, $1, Test.self, UInt8.self, Zero.self) },
    5: { fusedMI($0, $1, Test.self, UInt8.self, NotZero.self) },
    8: { fusedMI($0, $1, Test.self, UInt8.self, Sign.self) },
    9: { fusedMI($0, $1, Test.self, UInt8.self, NotSign.self) },
  ]
  let subtractRegisters32: [UInt8: Handler] = [
    2: { fusedRR($0, $1, Sub.self, UInt32.self, Below.self) },
    3: { fusedRR($0, $1, Sub.self, UInt32.self, NotBelow.self) },
    4: { fusedRR($0, $1, Sub.self, UInt32.self, Zero.self) },
    5: { fusedRR($0, $1, Sub.self, UInt32.self, NotZero.self) },
    6: { fusedRR($0, $1, Sub.self, UInt32.self, BelowEqual.self) },
    7: { fusedRR($0, $1, Sub.self, UInt32.self, Above.self) },
    8: { fusedRR($0, $1, Sub.self, UInt32.self, Sign.self) },
    9: { fusedRR($0, $1, Sub.self, UInt32.self, NotSign.self) },
    12: { fusedRR($0, $1, Sub.self, UInt32.self, Less.self) },
    13: { fusedRR($0, $1, Sub.self, UInt32.self, NotLess.self) },
    14: { fusedRR($0, $1, Sub.self, UInt32.self, LessEqual.self) },
    15: { fusedRR($0, $1, Sub.self, UInt32.self, Greater.self) },
  ]
  let subtractImmediate32: [UInt8: Handler] = [
    2: { fusedRI($0, $1, Sub.self, UInt32.self, Below.self) },
    3: { fusedRI($0, $1, Sub.self, UInt32.self, NotBelow.self) },
    4: { fusedRI($0, $1, Sub.self, UInt32.self, Zero.self) },
    5: { fusedRI($0, $1, Sub.self, UInt32.self, NotZero.self) },
    6: { fusedRI($0, $1, Sub.self, UInt32.self, BelowEqual.self) },
    7: { fusedRI($0, $1, Sub.self, UInt32.self, Above.self) },
    8: { fusedRI($0, $1, Sub.self, UInt32.self, Sign.self) },
    9: { fusedRI($0, $1, Sub.self, UInt32.self, NotSign.self) },
    12: { fusedRI($0, $1, Sub.self, UInt32.self, Less.self) },
    13: { fusedRI($0, $1, Sub.self, UInt32.self, NotLess.self) },
    14: { fusedRI($0, $1, Sub.self, UInt32.self, LessEqual.self) },
    15: { fusedRI($0, $1, Sub.self, UInt32.self, Greater.self) },
  ]
  let addImmediate32: [UInt8: Handler] = [
    2: { fusedRI($0, $1, Add.self, UInt32.self, Below.self) },
    3: { fusedRI($0, $1, Add.self, UInt32.self, NotBelow.self) },
    4: { fusedRI($0, $1, Add.self, UInt32.self, Zero.self) },
    5: { fusedRI($0, $1, Add.self, UInt32.self, NotZero.self) },
    8: { fusedRI($0, $1, Add.self, UInt32.self, Sign.self) },
    9: { fusedRI($0, $1, Add.self, UInt32.self, NotSign.self) },
  ]
  let andImmediate32: [UInt8: Handler] = [
    4: { fusedRI($0, $1, And.self, UInt32.self, Zero.self) },
    5: { fusedRI($0, $1, And.self, UInt32.self, NotZero.self) },
    8: { fusedRI($0, $1, And.self, UInt32.self, Sign.self) },
    9: { fusedRI($0, $1, And.self, UInt32.self, NotSign.self) },
  ]
  let increment32: [UInt8: Handler] = [
    4: { fusedUnary($0, $1, Inc.self, Zero.self) },
    5: { fusedUnary($0, $1, Inc.self, NotZero.self) },
    8: { fusedUnary($0, $1, Inc.self, Sign.self) },
    9: { fusedUnary($0, $1, Inc.self, NotSign.self) },
    14: { fusedUnary($0, $1, Inc.self, LessEqual.self) },
    15: { fusedUnary($0, $1, Inc.self, Greater.self) },
  ]
  let decrement32: [UInt8: Handler] = [
    4: { fusedUnary($0, $1, Dec.self, Zero.self) },
    5: { fusedUnary($0, $1, Dec.self, NotZero.self) },
    8: { fusedUnary($0, $1, Dec.self, Sign.self) },
    9: { fusedUnary($0, $1, Dec.self, NotSign.self) },
    14: { fusedUnary($0, $1, Dec.self, LessEqual.self) },
    15: { fusedUnary($0, $1, Dec.self, Greater.self) },
  ]
}
