// The state after power-up and RESET (SDM 3A, 9.1, table 9-1).

import ISA

extension CPU {
  /// Puts the processor into its state after RESET. Retired instructions, interrupt request and A20 are not its own.
  func reset() {
    for n in UInt8(0)..<8 { setRegister(n, UInt32(0)) }
    edx = CPUIDTable.signature
    eflags = EFlags.fixed.rawValue
    s.pointee.eip = 0xfff0
    s.pointee.cpl = 0

    // Present, writable, accessed data of 64 KiB; CS too, 64 KiB below the end of the address space.
    for register in SegmentRegister.allCases {
      segment(register).pointee = SegmentCache(limit: 0xffff, attributes: 0x93)
    }
    segment(.cs).pointee.selector = 0xf000
    segment(.cs).pointee.base = 0xffff_0000
    s.pointee.gdtr = DescriptorTable(base: 0, limit: 0xffff)
    s.pointee.idtr = DescriptorTable(base: 0, limit: 0xffff)
    // Present LDT, present and busy TSS.
    s.pointee.ldtr = SegmentCache(limit: 0xffff, attributes: 0x82)
    s.pointee.tr = SegmentCache(limit: 0xffff, attributes: 0x8b)

    s.pointee.cr0 = CR0.reset.rawValue
    s.pointee.cr2 = 0
    s.pointee.cr3 = 0
    s.pointee.cr4 = 0
    s.pointee.efer = 0
    parkX87()
    s.pointee.fpu = FloatingPointState()
    s.pointee.numericError = false
    s.pointee.ignoresNumericErrors = false
    updateObstacles()
    s.pointee.pdptes = (0, 0, 0, 0)
    s.pointee.breakpoints = (0, 0, 0, 0)
    s.pointee.dr6 = DR6.fixed.rawValue
    s.pointee.dr7 = DR7.fixed.rawValue
    s.pointee.sysenterCS = 0
    s.pointee.sysenterESP = 0
    s.pointee.sysenterEIP = 0
    s.pointee.apicBase = APICBase.reset
    s.pointee.cpuidNumber = CPUIDTable.noLeaf
    s.pointee.timestampOffset = 0 &- UInt64(bitPattern: retired)

    s.pointee.pendingDebug = 0
    s.pointee.shadowAt = -1
    s.pointee.shadowsDebug = false
    s.pointee.resumeAt = -1
    forgetDeviceLog()
    flushTLB(keepingGlobal: false)
    updateContext()
  }
}
