import CCapstone
import ISA
import Testing

@Suite("Addressing")
struct AddressingTests {
  @Test("16-bit forms: base, index and default segment of each r/m value")
  func forms16() {
    let expected: [(base: UInt8, index: UInt8, segment: SegmentRegister)] = [
      (3, 6, .ds), (3, 7, .ds), (5, 6, .ss), (5, 7, .ss), (6, 8, .ds), (7, 8, .ds), (5, 8, .ss), (3, 8, .ds),
    ]
    for (rm, form) in expected.enumerated() {
      let instruction = decode(0x8b, 0x40 | UInt8(rm), 0xfe, size: .bits16)
      #expect(instruction.base == form.base && instruction.index == form.index, "r/m \(rm)")
      #expect(instruction.segment == form.segment && instruction.displacement == 0xffff_fffe)
      #expect(instruction.address16 && instruction.operandSize == 2 && instruction.scale == 0)
    }
    let direct = decode(0x8b, 0x06, 0x34, 0x12, size: .bits16)
    #expect(direct.base == 8 && direct.displacement == 0x1234 && direct.segment == .ds && direct.length == 4)
  }

  @Test("EBP and ESP as a base mean SS, but not EBP as an index, nor a bare displacement")
  func defaultSegments() {
    #expect(decode(0x8b, 0x45, 0x00).segment == .ss)
    #expect(decode(0x8b, 0x04, 0x24).segment == .ss)
    #expect(decode(0x8b, 0x04, 0x28).segment == .ds)
    #expect(decode(0x8b, 0x05, 0, 0, 0, 0).segment == .ds)
    #expect(decode(0x8b, 0x04, 0x2d, 0, 0, 0, 0).segment == .ds)
    #expect(decode(0x3e, 0x8b, 0x45, 0x00).segment == .ds)
    #expect(decode(0x2e, 0x8b, 0x45, 0x00).segment == .cs)
  }

  /// Capstone's own reading of each memory form, as (base, index, scale, displacement).
  @Test("every ModRM and SIB byte means what Capstone says", arguments: [CodeSize.bits16, .bits32], [false, true])
  func agreesWithCapstone(size: CodeSize, prefixed: Bool) {
    var handle = csh()
    #expect(cs_open(CS_ARCH_X86, size == .bits32 ? CS_MODE_32 : CS_MODE_16, &handle) == CS_ERR_OK)
    defer { cs_close(&handle) }
    cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue))
    let decoder = Decoder()
    var mismatches: [String] = []
    var compared = 0
    for modRM in 0..<0xc0 as Range<UInt8> {
      let hasSIB = ((size == .bits32) != prefixed) && modRM & 7 == 4
      for sib in 0...(hasSIB ? 255 : 0) as ClosedRange<UInt8> {
        let bytes: [UInt8] =
          (prefixed ? [0x67] : []) + [0x8b, modRM] + (hasSIB ? [sib] : []) + [0x81, 0xf2, 0x63, 0x94, 0x90, 0x90]
        let ours = bytes.withUnsafeBytes { decoder.decode($0.baseAddress!, count: bytes.count, size: size) }
        var list: UnsafeMutablePointer<cs_insn>?
        let count = cs_disasm(handle, bytes, bytes.count, 0, 1, &list)
        guard count == 1, let list else { continue }
        let x86 = list.pointee.detail.pointee.x86
        let memory = x86.operands.1.mem
        let theirs = [
          number(memory.base), number(memory.index), number(memory.index) == 8 ? 1 : Int(memory.scale),
          Int(UInt32(truncatingIfNeeded: memory.disp)), Int(list.pointee.size),
        ]
        let mine = [
          Int(ours.base), Int(ours.index), 1 << Int(ours.scale), Int(ours.displacement), Int(ours.length),
        ]
        // Capstone doesn't sign-extend a 16-bit displacement that stands alone.
        let mask = ours.address16 ? 0xffff : 0xffff_ffff
        if mine[0...2] != theirs[0...2] || mine[4] != theirs[4] || mine[3] & mask != theirs[3] & mask {
          mismatches.append("\(hex(bytes)): \(mine), Capstone \(theirs)")
        }
        compared += 1
        cs_free(list, count)
      }
    }
    #expect(mismatches.isEmpty, "\(mismatches.prefix(5))")
    #expect(compared >= 0xc0)
  }

  private func number(_ register: x86_reg) -> Int {
    switch register {
    case X86_REG_EAX, X86_REG_AX: 0
    case X86_REG_ECX, X86_REG_CX: 1
    case X86_REG_EDX, X86_REG_DX: 2
    case X86_REG_EBX, X86_REG_BX: 3
    case X86_REG_ESP, X86_REG_SP: 4
    case X86_REG_EBP, X86_REG_BP: 5
    case X86_REG_ESI, X86_REG_SI: 6
    case X86_REG_EDI, X86_REG_DI: 7
    default: 8
    }
  }
}
