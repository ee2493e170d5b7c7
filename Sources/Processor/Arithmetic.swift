// The arithmetic of the instruction set as pure functions: operands and flags in, result and flags out. Both engines
// and the tests share them. Where the manual leaves a flag undefined, what is computed here is what falls out most
// simply; Sources/Oracle/UndefinedFlags.swift lists those cases.

/// An operand width: 8, 16 or 32 bits.
protocol OperandWidth: FixedWidthInteger, UnsignedInteger, BitwiseCopyable {
  associatedtype Signed: FixedWidthInteger, SignedInteger
  /// Twice as wide: products and dividends.
  associatedtype Double: FixedWidthInteger, UnsignedInteger
  associatedtype SignedDouble: FixedWidthInteger, SignedInteger
}
extension UInt8: OperandWidth {
  typealias Signed = Int8
  typealias Double = UInt16
  typealias SignedDouble = Int16
}
extension UInt16: OperandWidth {
  typealias Signed = Int16
  typealias Double = UInt32
  typealias SignedDouble = Int32
}
extension UInt32: OperandWidth {
  typealias Signed = Int32
  typealias Double = UInt64
  typealias SignedDouble = Int64
}

extension OperandWidth {
  /// Sign-extended to 32 bits.
  @inline(__always) var extended: UInt32 { UInt32(bitPattern: Int32(truncatingIfNeeded: Signed(truncatingIfNeeded: self))) }
  @inline(__always) var isNegative: Bool { Signed(truncatingIfNeeded: self) < 0 }
}

enum Arithmetic {
  /// The auxiliary word of a carry chain: bit n of `carries` is the carry (or borrow) out of bit n.
  @inline(__always) static func auxiliary<W: OperandWidth>(carries: W) -> UInt32 {
    let c = UInt32(truncatingIfNeeded: carries)
    return W.bitWidth == 32 ? c & 0xc000_0008 : (c << UInt32(32 - W.bitWidth)) & 0xc000_0000 | c & 8
  }

  @inline(__always) static func flags<W: OperandWidth>(_ result: W, carries: W) -> LazyFlags {
    LazyFlags(result: result.extended, auxiliary: auxiliary(carries: carries))
  }

  @inline(__always) static func add<W: OperandWidth>(_ a: W, _ b: W) -> (W, LazyFlags) {
    let r = a &+ b
    return (r, flags(r, carries: (a & b) | ((a | b) & ~r)))
  }

  @inline(__always) static func adc<W: OperandWidth>(_ a: W, _ b: W, carry: Bool) -> (W, LazyFlags) {
    let r = a &+ b &+ (carry ? 1 : 0)
    return (r, flags(r, carries: (a & b) | ((a | b) & ~r)))
  }

  @inline(__always) static func sub<W: OperandWidth>(_ a: W, _ b: W) -> (W, LazyFlags) {
    let r = a &- b
    return (r, flags(r, carries: (~a & b) | ((~a | b) & r)))
  }

  @inline(__always) static func sbb<W: OperandWidth>(_ a: W, _ b: W, carry: Bool) -> (W, LazyFlags) {
    let r = a &- b &- (carry ? 1 : 0)
    return (r, flags(r, carries: (~a & b) | ((~a | b) & r)))
  }

  @inline(__always) static func logic<W: OperandWidth>(_ r: W) -> LazyFlags {
    LazyFlags(result: r.extended, auxiliary: 0)
  }

  /// INC: CF stays.
  @inline(__always) static func inc<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags) {
    let r = a &+ 1
    return (r, keepingCarry(flags(r, carries: a & ~r), old))
  }

  /// DEC: CF stays.
  @inline(__always) static func dec<W: OperandWidth>(_ a: W, _ old: LazyFlags) -> (W, LazyFlags) {
    let r = a &- 1
    return (r, keepingCarry(flags(r, carries: ~a & r), old))
  }

  @inline(__always) private static func keepingCarry(_ new: LazyFlags, _ old: LazyFlags) -> LazyFlags {
    let carry = old.auxiliary & 0x8000_0000
    let overflow = (new.auxiliary ^ new.auxiliary << 1) & 0x8000_0000
    return LazyFlags(result: new.result, auxiliary: new.auxiliary & 8 | carry | (carry ^ overflow) >> 1)
  }

  @inline(__always) static func neg<W: OperandWidth>(_ a: W) -> (W, LazyFlags) { sub(0, a) }

  /// What stands for flags that the manual leaves undefined: each is 0. Processors differ here, so the two engines agree on
  /// something that neither has to compute: AF after shifts, OF after shifts and rotates by more than 1, all but CF and OF
  /// after multiplications, all after divisions, all but ZF after bit scans.
  @inline(__always) static var undefined: LazyFlags { LazyFlags(result: 1, auxiliary: 0) }

  /// After BSF and BSR.
  @inline(__always) static func scanned(isZero: Bool) -> LazyFlags {
    isZero ? LazyFlags(result: 0, auxiliary: 1 << 8) : undefined
  }

  // MARK: Shifts and rotates. `count` is already masked to 0...31; a count of 0 changes nothing.

  @inline(__always) static func shl<W: OperandWidth>(_ a: W, _ count: UInt32) -> (W, LazyFlags) {
    let wide = UInt64(truncatingIfNeeded: a) &<< UInt64(count)
    let r = W(truncatingIfNeeded: wide)
    let carry = wide &>> UInt64(W.bitWidth) & 1 != 0
    return (r, logic(r).with(carry: carry, overflow: count == 1 && carry != r.isNegative))
  }

  @inline(__always) static func shr<W: OperandWidth>(_ a: W, _ count: UInt32) -> (W, LazyFlags) {
    let wide = UInt64(truncatingIfNeeded: a)
    let r = W(truncatingIfNeeded: wide &>> UInt64(count))
    let carry = wide &>> UInt64(count &- 1) & 1 != 0
    return (r, logic(r).with(carry: carry, overflow: count == 1 && a.isNegative))
  }

  @inline(__always) static func sar<W: OperandWidth>(_ a: W, _ count: UInt32) -> (W, LazyFlags) {
    let wide = Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: a))
    let r = W(truncatingIfNeeded: wide &>> Int64(count))
    let carry = wide &>> Int64(count &- 1) & 1 != 0
    return (r, logic(r).with(carry: carry, overflow: false))
  }

  @inline(__always) static func rol<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    let n = W(truncatingIfNeeded: count & UInt32(W.bitWidth - 1))
    let result = a &<< n | a &>> (0 &- n)
    let carry = result & 1 != 0
    return (result, old.with(carry: carry, overflow: count == 1 && carry != result.isNegative))
  }

  @inline(__always) static func ror<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    let n = W(truncatingIfNeeded: count & UInt32(W.bitWidth - 1))
    let result = a &>> n | a &<< (0 &- n)
    let carry = result.isNegative
    return (result, old.with(carry: carry, overflow: count == 1 && carry != (result >> (W.bitWidth - 2) & 1 != 0)))
  }

  /// Rotate left through carry; the count wraps at width + 1.
  static func rcl<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    let n = UInt64(count) % UInt64(W.bitWidth + 1)
    if n == 0 { return (a, old.with(carry: old.carry, overflow: false)) }
    let ring = UInt64(truncatingIfNeeded: a) | (old.carry ? 1 : 0) << UInt64(W.bitWidth)
    let turned = ring << n | ring >> (UInt64(W.bitWidth + 1) - n)
    let r = W(truncatingIfNeeded: turned)
    let carry = turned &>> UInt64(W.bitWidth) & 1 != 0
    return (r, old.with(carry: carry, overflow: count == 1 && carry != r.isNegative))
  }

  /// Rotate right through carry; the count wraps at width + 1.
  static func rcr<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    let n = UInt64(count) % UInt64(W.bitWidth + 1)
    let overflow = { (r: W) in count == 1 && r.isNegative != (r >> (W.bitWidth - 2) & 1 != 0) }
    if n == 0 { return (a, old.with(carry: old.carry, overflow: overflow(a))) }
    let ring = UInt64(truncatingIfNeeded: a) | (old.carry ? 1 : 0) << UInt64(W.bitWidth)
    let turned = ring >> n | ring << (UInt64(W.bitWidth + 1) - n)
    let r = W(truncatingIfNeeded: turned)
    return (r, old.with(carry: turned &>> UInt64(W.bitWidth) & 1 != 0, overflow: overflow(r)))
  }

  /// SHLD. For 16-bit operands a count above 16 gives an undefined result; this one rotates the three words on.
  static func shld<W: OperandWidth>(_ a: W, _ b: W, _ count: UInt32) -> (W, LazyFlags) {
    let width = UInt64(W.bitWidth), n = UInt64(count)
    let r: W
    let carry: Bool
    if n <= width {
      let pair = UInt64(truncatingIfNeeded: a) << width | UInt64(truncatingIfNeeded: b)
      r = W(truncatingIfNeeded: (pair << n) >> width)
      carry = UInt64(truncatingIfNeeded: a) >> (width - n) & 1 != 0
    } else {
      let pair = UInt64(truncatingIfNeeded: b) << width | UInt64(truncatingIfNeeded: a)
      r = W(truncatingIfNeeded: (pair << (n - width)) >> width)
      carry = UInt64(truncatingIfNeeded: b) >> (2 * width - n) & 1 != 0
    }
    return (r, logic(r).with(carry: carry, overflow: count == 1 && r.isNegative != a.isNegative))
  }

  /// SHRD; see `shld` for counts above the width.
  static func shrd<W: OperandWidth>(_ a: W, _ b: W, _ count: UInt32) -> (W, LazyFlags) {
    let width = UInt64(W.bitWidth), n = UInt64(count)
    let r: W
    let carry: Bool
    if n <= width {
      let pair = UInt64(truncatingIfNeeded: b) << width | UInt64(truncatingIfNeeded: a)
      r = W(truncatingIfNeeded: pair >> n)
      carry = pair >> (n - 1) & 1 != 0
    } else {
      let pair = UInt64(truncatingIfNeeded: a) << width | UInt64(truncatingIfNeeded: b)
      r = W(truncatingIfNeeded: pair >> (n - width))
      carry = pair >> (n - width - 1) & 1 != 0
    }
    return (r, logic(r).with(carry: carry, overflow: count == 1 && r.isNegative != a.isNegative))
  }

  // MARK: Multiplication and division

  /// Unsigned product, low and high half; CF and OF say whether the high half counts.
  @inline(__always) static func mul<W: OperandWidth>(_ a: W, _ b: W) -> (low: W, high: W, LazyFlags) {
    let (high, low) = a.multipliedFullWidth(by: b)
    let lowHalf = W(truncatingIfNeeded: low)
    return (lowHalf, high, undefined.with(carry: high != 0, overflow: high != 0))
  }

  /// Signed product; CF and OF say whether it needs more than the low half.
  @inline(__always) static func imul<W: OperandWidth>(_ a: W, _ b: W) -> (low: W, high: W, LazyFlags) {
    let product =
      Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: a))
      &* Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: b))
    let low = W(truncatingIfNeeded: product)
    let high = W(truncatingIfNeeded: product >> Int64(W.bitWidth))
    let significant = Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: low)) != product
    return (low, high, undefined.with(carry: significant, overflow: significant))
  }

  /// Unsigned quotient and remainder of high:low; nil is #DE.
  @inline(__always) static func div<W: OperandWidth>(high: W, low: W, by divisor: W) -> (quotient: W, remainder: W)? {
    if divisor == 0 || high >= divisor { return nil }
    let dividend = UInt64(truncatingIfNeeded: high) << UInt64(W.bitWidth) | UInt64(truncatingIfNeeded: low)
    let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: UInt64(truncatingIfNeeded: divisor))
    return (W(truncatingIfNeeded: quotient), W(truncatingIfNeeded: remainder))
  }

  /// Signed quotient (towards zero) and remainder of high:low; nil is #DE.
  static func idiv<W: OperandWidth>(high: W, low: W, by divisor: W) -> (quotient: W, remainder: W)? {
    if divisor == 0 { return nil }
    let bits = UInt64(truncatingIfNeeded: high) << UInt64(W.bitWidth) | UInt64(truncatingIfNeeded: low)
    let shift = UInt64(64 - 2 * W.bitWidth)
    let dividend = Int64(bitPattern: bits << shift) >> Int64(shift)
    let by = Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: divisor))
    let (quotient, overflow) = dividend.dividedReportingOverflow(by: by)
    if overflow || Int64(truncatingIfNeeded: W.Signed(truncatingIfNeeded: quotient)) != quotient { return nil }
    return (W(truncatingIfNeeded: quotient), W(truncatingIfNeeded: dividend - quotient * by))
  }

  // MARK: Decimal (SDM 2A: AAA AAD AAM AAS DAA DAS)

  static func daa(_ al: UInt8, _ old: LazyFlags) -> (UInt8, LazyFlags) {
    var r = al
    var carry = false
    let adjust = al & 0xf > 9 || old.adjust
    if adjust { r = r &+ 6 }
    if al > 0x99 || old.carry {
      r = r &+ 0x60
      carry = true
    }
    return (r, decimalFlags(r, carry: carry, adjust: adjust))
  }

  static func das(_ al: UInt8, _ old: LazyFlags) -> (UInt8, LazyFlags) {
    var r = al
    var carry = false
    let adjust = al & 0xf > 9 || old.adjust
    if adjust {
      carry = old.carry || al < 6
      r = r &- 6
    }
    if al > 0x99 || old.carry {
      r = r &- 0x60
      carry = true
    }
    return (r, decimalFlags(r, carry: carry, adjust: adjust))
  }

  static func aaa(_ ax: UInt16, _ old: LazyFlags) -> (UInt16, LazyFlags) {
    let adjust = ax & 0xf > 9 || old.adjust
    let r = (adjust ? ax &+ 0x106 : ax) & 0xff0f
    return (r, decimalFlags(UInt8(truncatingIfNeeded: r), carry: adjust, adjust: adjust))
  }

  static func aas(_ ax: UInt16, _ old: LazyFlags) -> (UInt16, LazyFlags) {
    let adjust = ax & 0xf > 9 || old.adjust
    let r = (adjust ? ax &- 6 &- 0x100 : ax) & 0xff0f
    return (r, decimalFlags(UInt8(truncatingIfNeeded: r), carry: adjust, adjust: adjust))
  }

  /// AAM; nil is #DE (base 0).
  static func aam(_ al: UInt8, base: UInt8) -> (UInt16, LazyFlags)? {
    if base == 0 { return nil }
    let r = UInt16(al / base) << 8 | UInt16(al % base)
    return (r, logic(UInt8(truncatingIfNeeded: r)))
  }

  static func aad(_ ax: UInt16, base: UInt8) -> (UInt16, LazyFlags) {
    let r = UInt8(truncatingIfNeeded: ax) &+ UInt8(truncatingIfNeeded: ax >> 8) &* base
    return (UInt16(r), logic(r))
  }

  private static func decimalFlags(_ r: UInt8, carry: Bool, adjust: Bool) -> LazyFlags {
    var flags = logic(r).with(carry: carry, overflow: false)
    if adjust { flags.auxiliary |= 8 }
    return flags
  }
}
