// Shifts and rotates (SDM 1, 5.1.5). Counts are taken modulo 32; a count of 0 changes neither operand nor flags, but a
// memory operand is still checked for writing.

import ISA

/// A shift or rotate by a count from 1 to 31.
protocol ShiftOperation {
  static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags)
}

enum Rol: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.rol(a, count, old)
  }
}
enum Ror: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.ror(a, count, old)
  }
}
enum Rcl: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.rcl(a, count, old)
  }
}
enum Rcr: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.rcr(a, count, old)
  }
}
enum Shl: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.shl(a, count)
  }
}
enum Shr: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.shr(a, count)
  }
}
enum Sar: ShiftOperation {
  @inline(__always) static func apply<W: OperandWidth>(_ a: W, _ count: UInt32, _ old: LazyFlags) -> (W, LazyFlags) {
    Arithmetic.sar(a, count)
  }
}

extension CPU {
  @inline(__always)
  func shift<O: ShiftOperation>(_ i: UnsafePointer<Instruction>, _: O.Type) throws(GuestFault) {
    let count = (i.pointee.form == .rmCL ? register(1, as: UInt32.self) : i.pointee.immediate) & 31
    let old = flags
    switch i.pointee.operandSize {
    case 1: try modifyRM(i) { (value: UInt8) in count == 0 ? (value, old) : O.apply(value, count, old) }
    case 2: try modifyRM(i) { (value: UInt16) in count == 0 ? (value, old) : O.apply(value, count, old) }
    default: try modifyRM(i) { (value: UInt32) in count == 0 ? (value, old) : O.apply(value, count, old) }
    }
  }

  func shld(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let count = (i.pointee.form == .rmRegCL ? register(1, as: UInt32.self) : i.pointee.immediate) & 31
    let old = flags
    if i.pointee.operandSize == 2 {
      let source: UInt16 = register(i.pointee.reg)
      try modifyRM(i) { (value: UInt16) in count == 0 ? (value, old) : Arithmetic.shld(value, source, count) }
    } else {
      let source: UInt32 = register(i.pointee.reg)
      try modifyRM(i) { (value: UInt32) in count == 0 ? (value, old) : Arithmetic.shld(value, source, count) }
    }
  }

  func shrd(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let count = (i.pointee.form == .rmRegCL ? register(1, as: UInt32.self) : i.pointee.immediate) & 31
    let old = flags
    if i.pointee.operandSize == 2 {
      let source: UInt16 = register(i.pointee.reg)
      try modifyRM(i) { (value: UInt16) in count == 0 ? (value, old) : Arithmetic.shrd(value, source, count) }
    } else {
      let source: UInt32 = register(i.pointee.reg)
      try modifyRM(i) { (value: UInt32) in count == 0 ? (value, old) : Arithmetic.shrd(value, source, count) }
    }
  }
}
