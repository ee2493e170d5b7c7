import ISA
import Testing

@Suite("Registers, vectors and descriptors")
struct RegisterTests {
  @Test("flag names read like the manual's")
  func flags() {
    #expect(EFlags(rawValue: 0x246).description == "IF ZF PF")
    var flags = EFlags.fixed
    flags.ioPrivilegeLevel = 3
    #expect(flags.rawValue == 0x3002 && flags.ioPrivilegeLevel == 3)
    #expect(EFlags.status == [.cf, .pf, .af, .zf, .sf, .of])
  }

  @Test("exactly eight vectors push an error code but the reserved ones")
  func errorCodes() {
    let vectors = ExceptionVector.allCases.filter(\.hasErrorCode).map(\.rawValue)
    #expect(vectors == [8, 10, 11, 12, 13, 14, 17])
  }

  @Test("the double-fault table")
  func doubleFaults() {
    #expect(ExceptionVector.generalProtection.followed(by: .stackFault) == .doubleFault)
    #expect(ExceptionVector.pageFault.followed(by: .pageFault) == .doubleFault)
    #expect(ExceptionVector.pageFault.followed(by: .generalProtection) == .doubleFault)
    #expect(ExceptionVector.generalProtection.followed(by: .pageFault) == .serial)
    #expect(ExceptionVector.debug.followed(by: .pageFault) == .serial)
    #expect(ExceptionVector.doubleFault.followed(by: .pageFault) == .shutdown)
    #expect(ExceptionVector.doubleFault.followed(by: .debug) == .serial)
  }

  @Test("a flat code segment's descriptor is 00CF9A00_0000FFFF")
  func flatCode() {
    let code = SegmentDescriptor(base: 0, limit: 0xffff_ffff, type: 0xa)
    #expect(code.rawValue == 0x00cf_9a00_0000_ffff)
    #expect(code.isCode && !code.isData && code.isReadable && !code.isConforming && !code.isWritable)
    #expect(code.limit == 0xffff_ffff && code.base == 0 && code.is32Bit && code.hasPageGranularity && code.isPresent)
  }

  @Test("base and limit survive their scattered fields")
  func scattered() {
    let data = SegmentDescriptor(base: 0x1234_5678, limit: 0xa_bcde, type: 0x6, dpl: 3, is32Bit: false)
    #expect(data.base == 0x1234_5678 && data.limit == 0xa_bcde && data.dpl == 3)
    #expect(data.isData && data.isExpandDown && data.isWritable && !data.is32Bit && data.systemType == nil)
    #expect(data.markedAccessed.isAccessed && !data.isAccessed)
  }

  @Test("gates keep selector, offset and parameters")
  func gates() {
    let gate = SegmentDescriptor(gate: .callGate32, selector: 0x1b, offset: 0xdead_beef, dpl: 3, parameters: 5)
    #expect(gate.gateSelector == 0x1b && gate.gateOffset == 0xdead_beef && gate.gateParameterCount == 5)
    #expect(gate.systemType == .callGate32 && gate.dpl == 3 && gate.isSystem32Bit)
    let old = SegmentDescriptor(gate: .interruptGate16, selector: 8, offset: 0x1_2345)
    #expect(old.gateOffset == 0x2345)
    #expect(Selector(rawValue: 0x1f).index == 3 && Selector(rawValue: 0x1f).isLocal && Selector(rawValue: 3).isNull)
  }

  @Test("a TSS descriptor is marked busy and back")
  func busy() {
    let tss = SegmentDescriptor(base: 0x1000, limit: 0x67, type: 9, isCodeOrData: false)
    #expect(tss.systemType == .tss32Available && tss.markedBusy(true).systemType == .tss32Busy)
    #expect(tss.markedBusy(true).markedBusy(false) == tss)
  }

  @Test("DR7's fields")
  func debugControl() {
    let dr7 = DR7(rawValue: 0x000d_0402)
    #expect(dr7.isEnabled(0) && !dr7.isEnabled(1))
    #expect(dr7.condition(0) == .write && dr7.length(0) == 4)
  }
}
