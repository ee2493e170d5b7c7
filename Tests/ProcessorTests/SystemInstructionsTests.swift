import ISA
import Testing

@testable import Processor

@Suite("System instructions")
struct SystemInstructionsTests {
  @Test("LGDT and LIDT load what SGDT and SIDT store; a 16-bit operand takes 24 bits of base")
  func tables() throws {
    // lidt [esi]; sidt [esi + 8]; 16-bit lgdt [esi + 16]; sgdt [esi + 24]
    let end = try run(
      [0x0f, 0x01, 0x1e, 0x0f, 0x01, 0x4e, 8, 0x66, 0x0f, 0x01, 0x56, 16, 0x0f, 0x01, 0x46, 24],
      Input(data: [0xff, 7, 0, 0x20, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8) + [0x27, 0, 0, 0x10, 0, 0x77]))
    #expect(Array(end.data[8..<14]) == [0xff, 7, 0, 0x20, 0, 0])
    #expect(Array(end.data[24..<30]) == [0x27, 0, 0, 0x10, 0, 0])
  }

  @Test("SMSW reads CR0's low half, LMSW sets PE but never clears it, CLTS clears TS")
  func machineStatus() throws {
    // smsw ecx; lmsw ax (TS, without PE); mov edx, cr0; clts; mov ebx, cr0
    let end = try run([0x0f, 0x01, 0xe1, 0x0f, 0x01, 0xf0, 0x0f, 0x20, 0xc2, 0x0f, 0x06, 0x0f, 0x20, 0xc3], Input(eax: 8))
    #expect(end.ecx & 0xffff == 0x11)
    #expect(end.edx & 0xf == 9)
    #expect(end.ebx & 0xf == 1)
  }

  @Test("RDTSC counts the instructions, wherever blocks and slices end")
  func timestamp() throws {
    for way in Way.allCases {
      // rdtsc; mov ecx, eax; nop; nop; rdtsc; sub eax, ecx
      let end = try GuestCode([0x0f, 0x31, 0x89, 0xc1, 0x90, 0x90, 0x0f, 0x31, 0x29, 0xc8], way: way).run(Input())
      #expect(end.eax == 4, "\(way)")
    }
    // The same over a REP, whose iterations count.
    let end = try run([0x0f, 0x31, 0x89, 0xc3, 0xb9, 50, 0, 0, 0, 0xf3, 0xaa, 0x0f, 0x31, 0x29, 0xd8], Input(edi: 0x2_0000))
    #expect(end.eax == 53)
  }

  @Test("CPUID says which processor this is, and nothing in registers beyond the leaf survives")
  func cpuid() throws {
    let end = try run([0x0f, 0xa2], Input(eax: 1, ecx: 0xffff_ffff))
    #expect(end.eax == CPUIDTable.signature)
    #expect(end.edx & 1 << 4 != 0, "TSC")
    #expect(try run([0x0f, 0xa2]).eax >= 1)
  }

  @Test("the SYSENTER registers read back what was written")
  func modelSpecific() throws {
    // wrmsr; xor eax, eax; rdmsr, of 0x175
    let end = try run([0x0f, 0x30, 0x31, 0xc0, 0x0f, 0x32], Input(eax: 0x1234_5678, ecx: 0x175))
    #expect(end.eax == 0x1234_5678)
  }

  @Test("MOV to and from CR and DR move whole registers, with DR6 and DR7's fixed bits")
  func registers() throws {
    // mov dr0, eax; mov dr7, ecx; mov edx, dr0; mov ebx, dr7; mov esi, dr6
    let end = try run(
      [0x0f, 0x23, 0xc0, 0x0f, 0x23, 0xf9, 0x0f, 0x21, 0xc2, 0x0f, 0x21, 0xfb, 0x0f, 0x21, 0xf6],
      Input(eax: 0x1234_5678, ecx: 0))
    #expect(end.edx == 0x1234_5678 && end.ebx == 0x400 && end.esi & 0xffff_0ff0 == 0xffff_0ff0)
    // mov cr2, eax; mov ecx, cr2
    #expect(try run([0x0f, 0x22, 0xd0, 0x0f, 0x20, 0xd1], Input(eax: 0xdead_b000)).ecx == 0xdead_b000)
  }

  @Test("ports at ring 3 need IOPL or a clear bit in the map, for each byte")
  func portMap() throws {
    for (iopl, map, port, isFree) in [
      (UInt32(0), UInt8(0xff), UInt8(0x10), false), (3, 0xff, 0x10, true), (0, 0xfe, 0x10, true), (0, 0xfe, 0x11, false),
    ] {
      // in al, port
      let guest = try ProtectedGuest([0xe4, port, 0x0f, 0x0b], isUser: true)
      guest.cpu.s.pointee.tr.limit = 0x80
      guest.put([0xff, 0xff, map, 0xff, 0xff], at: ProtectedGuest.tss + 0x68)
      guest.processor.eflags = 2 | iopl << 12
      let exit = guest.run()
      #expect(exit == (isFree ? .portRead(port: UInt16(port), size: 1) : .halt), "IOPL \(iopl), map \(map), port \(port)")
    }
  }
}
