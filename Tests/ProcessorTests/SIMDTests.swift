// What the processor underneath can't be asked about MMX and SSE: the switches in CR0 and CR4, the exceptions that need
// ring 0 to set up, and stores that cross pages. Results and flags are the oracle's business.

import ISA
import Testing

@testable import Processor

@Suite("MMX and SSE", .enabled(if: SIMDUnit.isAvailable))
struct SIMDTests {
  static let addps: [UInt8] = [0x0f, 0x58, 0xc1]  // addps xmm0, xmm1
  static let paddb: [UInt8] = [0x0f, 0xfc, 0xc1]  // paddb mm0, mm1
  static let movnti: [UInt8] = [0x0f, 0xc3, 0x05, 0, 0xc0, 0, 0]  // movnti [c000], eax

  /// Runs code with a HLT behind it; the vector it raised, or nil.
  private func run(
    _ code: [UInt8], cr4: UInt32 = 0x600, cr0: UInt32 = 0, _ prepare: (CPU) -> Void = { _ in }
  ) throws -> (vector: UInt8?, guest: ProtectedGuest) {
    let guest = try ProtectedGuest(code + [0xf4])
    guest.cpu.s.pointee.cr4 |= cr4
    guest.cpu.s.pointee.cr0 |= cr0
    guest.cpu.updateObstacles()
    prepare(guest.cpu)
    return (guest.vectorOfHalt(), guest)
  }

  @Test("every line of the table that computes has a function of the host's")
  func functions() {
    for row in SIMDTable.rows where row.operands.rawValue < SIMDInstruction.Operands.loadAligned.rawValue {
      #expect(SIMDUnit.function(of: row) != nil, "\(row.mnemonic)")
    }
  }

  @Test("XMM registers need CR4.OSFXSR, CR0.EM clear and CR0.TS clear, in this order")
  func sseGates() throws {
    #expect(try run(Self.addps).vector == nil)
    #expect(try run(Self.addps, cr4: 0).vector == 6)
    #expect(try run(Self.addps, cr0: 4).vector == 6)
    #expect(try run(Self.addps, cr0: 8).vector == 7)
    #expect(try run(Self.addps, cr0: 12).vector == 6)
    #expect(try run(Self.addps, cr4: 0, cr0: 8).vector == 6)
  }

  @Test("MMX registers need CR0.EM and CR0.TS clear, and no CR4.OSFXSR")
  func mmxGates() throws {
    #expect(try run(Self.paddb, cr4: 0).vector == nil)
    #expect(try run(Self.paddb, cr0: 4).vector == 6)
    #expect(try run(Self.paddb, cr0: 8).vector == 7)
  }

  @Test("MOVNTI, fences and CLFLUSH need none of it")
  func ungated() throws {
    for code in [Self.movnti, [0x0f, 0xae, 0xe8], [0x0f, 0xae, 0xf0], [0x0f, 0xae, 0xf8], [0x0f, 0xae, 0x3d, 0, 0xc0, 0, 0]] {
      #expect(try run(code, cr4: 0, cr0: 12).vector == nil)
    }
  }

  @Test("an operand that isn't at a multiple of 16 is #GP(0), but for MOVUPS")
  func alignment() throws {
    #expect(try run([0x0f, 0x28, 0x05, 8, 0xc0, 0, 0]).vector == 13)
    #expect(try run([0x0f, 0x58, 0x05, 8, 0xc0, 0, 0]).vector == 13)
    #expect(try run([0x0f, 0x29, 0x05, 8, 0xc0, 0, 0]).vector == 13)
    #expect(try run([0x0f, 0x10, 0x05, 8, 0xc0, 0, 0]).vector == nil)
    #expect(try run([0x0f, 0x28, 0x05, 0, 0xc0, 0, 0]).vector == nil)
  }

  @Test("an unmasked exception is #XM with CR4.OSXMMEXCPT, else #UD, and changes nothing but MXCSR's flag")
  func unmasked() throws {
    let divps: [UInt8] = [0x0f, 0x5e, 0xc1]
    let one = FloatingPointState.Vector(0x3f80_0000_3f80_0000, 0x3f80_0000_3f80_0000)
    for (cr4, vector) in [(0x600, 19), (0x200, 6)] as [(UInt32, UInt8)] {
      let (raised, guest) = try run(divps, cr4: cr4) {
        $0.xmmRegister(0).pointee = one
        $0.xmmRegister(1).pointee = FloatingPointState.Vector()
        $0.fpu.pointee.mxcsr = 0x1f80 & ~0x200
      }
      #expect(raised == vector)
      #expect(guest.cpu.xmmRegister(0).pointee == one)
      #expect(guest.cpu.fpu.pointee.mxcsr == 0x1d84)
    }
    let (raised, guest) = try run(divps) { $0.xmmRegister(0).pointee = one }
    #expect(raised == nil)
    #expect(guest.cpu.xmmRegister(0).pointee == FloatingPointState.Vector(0x7f80_0000_7f80_0000, 0x7f80_0000_7f80_0000))
    #expect(guest.cpu.fpu.pointee.mxcsr == 0x1f84)
  }

  @Test("LDMXCSR refuses reserved bits")
  func control() throws {
    let ldmxcsr: [UInt8] = [0x0f, 0xae, 0x15, 0, 0xc0, 0, 0]
    for (value, vector) in [(0xffff, nil), (0x1_0000, 13), (0x8000_0000, 13)] as [(UInt64, UInt8?)] {
      let guest = try ProtectedGuest(ldmxcsr + [0xf4])
      guest.cpu.s.pointee.cr4 |= 0x600
      guest.put(value, at: 0xc000)
      #expect(guest.vectorOfHalt() == vector)
      #expect(guest.cpu.fpu.pointee.mxcsr == (vector == nil ? 0xffff : 0x1f80))
    }
  }

  @Test("an MMX instruction makes TOP 0 and fills all registers, EMMS empties them")
  func transition() throws {
    let (_, guest) = try run([0x0f, 0x6f, 0xc1]) {
      $0.fpu.pointee.top = 3
      $0.fpu.pointee.occupied = 0
      $0.physicalRegister(1).pointee = FloatingPointState.Vector(42, 0)
    }
    #expect(guest.cpu.fpu.pointee.top == 0)
    #expect(guest.cpu.fpu.pointee.occupied == 0xff)
    #expect(guest.cpu.physicalRegister(0).pointee == FloatingPointState.Vector(42, 0xffff))
    let (_, emptied) = try run([0x0f, 0x6f, 0xc1, 0x0f, 0x77])
    #expect(emptied.cpu.fpu.pointee.occupied == 0)
  }

  @Test("a pending x87 exception is raised before an MMX instruction, and not before an SSE one")
  func pending() throws {
    func raise(_ cpu: CPU) {
      cpu.s.pointee.cr0 |= CR0.ne.rawValue
      cpu.fpu.pointee.control = 0x340
      cpu.fpu.pointee.status = 0x8081
      cpu.updateObstacles()
    }
    #expect(try run(Self.paddb, raise).vector == 16)
    #expect(try run(Self.addps, raise).vector == nil)
  }

  @Test("MASKMOVDQU writes the bytes that the mask selects, through a segment override")
  func masked() throws {
    let (_, guest) = try run([0x26, 0x66, 0x0f, 0xf7, 0xc1]) {
      $0.setRegister(7, UInt32(0xc003))
      $0.xmmRegister(0).pointee = FloatingPointState.Vector(0x8877_6655_4433_2211, 0xffee_ddcc_bbaa_9988)
      $0.xmmRegister(1).pointee = FloatingPointState.Vector(0x8000_0000_0000_0080, 0x7fff_ffff_ffff_ff80)
    }
    #expect(guest.word(0xc003) == 0x11)
    #expect(guest.word(0xc007) == 0x8800_0000)
    #expect(guest.word(0xc00b) == 0xbbaa_9988)
  }

  @Test("CPUID offers what is there, and the line that CLFLUSH flushes")
  func cpuid() {
    let leaf = CPUIDTable.leaf(1)
    #expect(leaf.edx >> 23 & 1 == 1 && leaf.edx >> 25 & 3 == 3 && leaf.edx >> 19 & 1 == 1)
    #expect(leaf.ebx >> 8 & 0xff == 8)
  }
}
