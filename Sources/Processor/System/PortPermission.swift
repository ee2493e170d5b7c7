// Who may use a port: IOPL, and past it the bitmap in the TSS (SDM 1, 19.5; SDM 2, IN and OUT).
//
//   TSS + 66h: offset of the map; a byte past the last port's must lie within the limit, and be all ones.
//   Port n is bit n & 7 of byte n >> 3; an access of 2 or 4 bytes needs all of its bits clear.

import ISA

extension CPU {
  /// #GP(0) unless the program may use `size` ports from `port`. Notes I/O breakpoints.
  @inline(__always)
  func checkPortAccess(_ port: UInt16, size: UInt8) throws(GuestFault) {
    if isProtected, cpl > ioPrivilege || isVirtual8086 { try checkPortMap(port, size: size) }
    if s.pointee.dr7 & DR7.anyEnabled.rawValue != 0 { notePortAccess(port, size: size) }
  }

  @inline(never)
  private func checkPortMap(_ port: UInt16, size: UInt8) throws(GuestFault) {
    let tss = s.pointee.tr
    // A 16-bit TSS has no map.
    guard tss.isPresent, tss.attributes & 8 != 0, tss.limit >= TaskStateLayout.ioMap &+ 1 else {
      throw .generalProtection(0)
    }
    let map = UInt32(try loadSystem(tss.base &+ TaskStateLayout.ioMap, as: UInt16.self))
    let offset = map &+ UInt32(port >> 3)
    if offset &+ 1 > tss.limit { throw .generalProtection(0) }
    let bits: UInt16 = try loadSystem(tss.base &+ offset)
    let mask = (UInt16(1) &<< UInt16(size)) &- 1
    if bits &>> (port & 7) & mask != 0 { throw .generalProtection(0) }
  }

  // MARK: For the engine's own handlers

  /// IN: checks, and leaves the access in `exitAccess` for the machine.
  func preparePortRead(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let port = port(of: i)
    try checkPortAccess(port, size: i.pointee.operandSize)
    s.pointee.exitAccess = DeviceAccess(
      address: UInt64(port), value: 0, size: i.pointee.operandSize, kind: .portRead)
  }

  /// OUT: checks, and leaves the access with its value in `exitAccess` for the machine.
  func preparePortWrite(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let port = port(of: i)
    try checkPortAccess(port, size: i.pointee.operandSize)
    let value: UInt32
    switch i.pointee.operandSize {
    case 1: value = UInt32(al)
    case 2: value = UInt32(ax)
    default: value = eax
    }
    s.pointee.exitAccess = DeviceAccess(
      address: UInt64(port), value: value, size: i.pointee.operandSize, kind: .portWrite)
  }

  /// The immediate port number, or DX.
  private func port(of i: UnsafePointer<Instruction>) -> UInt16 {
    i.pointee.form == .imm ? UInt16(truncatingIfNeeded: i.pointee.immediate & 0xff) : register(2)
  }
}
