// Integer arithmetic and logic (SDM 1, 5.1.2 to 5.1.4), in every mode.

import ISA

/// A two-operand operation that leaves a result and flags.
protocol BinaryOperation {
  /// False for CMP and TEST, which leave flags only.
  static var writes: Bool { get }
  static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags)
}

enum Add: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.add(a, b)
  }
}
enum Or: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    (a | b, Arithmetic.logic(a | b))
  }
}
enum Adc: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.adc(a, b, carry: old.carry)
  }
}
enum Sbb: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.sbb(a, b, carry: old.carry)
  }
}
enum And: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    (a & b, Arithmetic.logic(a & b))
  }
}
enum Sub: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.sub(a, b)
  }
}
enum Xor: BinaryOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    (a ^ b, Arithmetic.logic(a ^ b))
  }
}
enum Cmp: BinaryOperation {
  static let writes = false
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.sub(a, b)
  }
}
enum Test: BinaryOperation {
  static let writes = false
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ b: W, _ old: LazyFlags) -> (W, LazyFlags) {
    (a & b, Arithmetic.logic(a & b))
  }
}

/// A one-operand operation.
protocol UnaryOperation {
  static func apply<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags)
}

enum Inc: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.inc(a, old)
  }
}
enum Dec: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.dec(a, old)
  }
}
enum Neg: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.neg(a)
  }
}
enum Not: UnaryOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags) { (~a, old) }
}

extension CPU {
  @inline(__always)
  func binary<O: BinaryOperation>(_ i: UnsafePointer<Instruction>, _: O.Type) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try binary(i, O.self, UInt8.self)
    case 2: try binary(i, O.self, UInt16.self)
    default: try binary(i, O.self, UInt32.self)
    }
  }

  @inline(__always)
  private func binary<O: BinaryOperation, W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _: O.Type, _: W.Type
  ) throws(GuestFault) {
    if i.pointee.form == .regRM {
      let source = try readRM(i, as: W.self)
      let (value, new) = O.apply(register(i.pointee.reg, as: W.self), source, flags)
      if O.writes { setRegister(i.pointee.reg, value) }
      flags = new
      return
    }
    let source =
      i.pointee.form == .rmReg ? register(i.pointee.reg, as: W.self) : W(truncatingIfNeeded: i.pointee.immediate)
    if O.writes {
      let old = flags
      try modifyRM(i) { (value: W) in O.apply(value, source, old) }
    } else {
      flags = O.apply(try readRM(i, as: W.self), source, flags).1
    }
  }

  @inline(__always)
  func unary<O: UnaryOperation>(_ i: UnsafePointer<Instruction>, _: O.Type) throws(GuestFault) {
    let old = flags
    switch i.pointee.operandSize {
    case 1: try modifyRM(i) { (value: UInt8) in O.apply(value, old) }
    case 2: try modifyRM(i) { (value: UInt16) in O.apply(value, old) }
    default: try modifyRM(i) { (value: UInt32) in O.apply(value, old) }
    }
  }

  // MARK: Multiplication and division: the accumulator is AX, DX:AX or EDX:EAX

  func mul(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: setProduct(Arithmetic.mul(al, try readRM(i)))
    case 2: setProduct(Arithmetic.mul(ax, try readRM(i)))
    default: setProduct(Arithmetic.mul(eax, try readRM(i)))
    }
  }

  func imul(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: setProduct(Arithmetic.imul(al, try readRM(i)))
    case 2: setProduct(Arithmetic.imul(ax, try readRM(i)))
    default: setProduct(Arithmetic.imul(eax, try readRM(i)))
    }
  }

  @inline(__always)
  private func setProduct<W: OperandWidth>(_ product: (low: W, high: W, LazyFlags)) {
    setRegister(0, product.low)
    setRegister(W.bitWidth == 8 ? 4 : 2, product.high)
    flags = product.2
  }

  /// Two and three operands: the product is cut to the destination.
  func imulTruncating(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 {
      try imulTruncating(i, UInt16.self)
    } else {
      try imulTruncating(i, UInt32.self)
    }
  }

  @inline(__always)
  private func imulTruncating<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _: W.Type) throws(GuestFault) {
    let source: W = try readRM(i)
    let other: W =
      i.pointee.form == .regRMImm ? W(truncatingIfNeeded: i.pointee.immediate) : register(i.pointee.reg)
    let (low, _, new) = Arithmetic.imul(source, other)
    setRegister(i.pointee.reg, low)
    flags = new
  }

  func div(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try setQuotient(Arithmetic.div(high: ah, low: al, by: try readRM(i)))
    case 2: try setQuotient(Arithmetic.div(high: register(2), low: ax, by: try readRM(i)))
    default: try setQuotient(Arithmetic.div(high: edx, low: eax, by: try readRM(i)))
    }
  }

  func idiv(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try setQuotient(Arithmetic.idiv(high: ah, low: al, by: try readRM(i)))
    case 2: try setQuotient(Arithmetic.idiv(high: register(2), low: ax, by: try readRM(i)))
    default: try setQuotient(Arithmetic.idiv(high: edx, low: eax, by: try readRM(i)))
    }
  }

  @inline(__always)
  private func setQuotient<W: OperandWidth>(_ result: (quotient: W, remainder: W)?) throws(GuestFault) {
    guard let result else { throw .divideError }
    setRegister(0, result.quotient)
    setRegister(W.bitWidth == 8 ? 4 : 2, result.remainder)
    flags = Arithmetic.undefined
  }
}
