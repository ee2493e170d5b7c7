// Decimal arithmetic (SDM 1, 5.1.3): packed and unpacked BCD in AL and AX.

import ISA

extension CPU {
  func daa(_ i: UnsafePointer<Instruction>) throws(GuestFault) { (al, flags) = Arithmetic.daa(al, flags) }
  func das(_ i: UnsafePointer<Instruction>) throws(GuestFault) { (al, flags) = Arithmetic.das(al, flags) }
  func aaa(_ i: UnsafePointer<Instruction>) throws(GuestFault) { (ax, flags) = Arithmetic.aaa(ax, flags) }
  func aas(_ i: UnsafePointer<Instruction>) throws(GuestFault) { (ax, flags) = Arithmetic.aas(ax, flags) }

  func aam(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    guard let (value, new) = Arithmetic.aam(al, base: UInt8(truncatingIfNeeded: i.pointee.immediate)) else {
      throw .divideError
    }
    (ax, flags) = (value, new)
  }

  func aad(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    (ax, flags) = Arithmetic.aad(ax, base: UInt8(truncatingIfNeeded: i.pointee.immediate))
  }
}
