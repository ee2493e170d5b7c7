import ISA
import Testing

@testable import Processor

@Suite("Flag instructions")
struct FlagInstructionsTests {
  static let all: [(name: String, code: UInt8, change: @Sendable (EFlags) -> EFlags)] = [
    ("CLC", 0xf8, { $0.subtracting(.cf) }), ("STC", 0xf9, { $0.union(.cf) }),
    ("CMC", 0xf5, { $0.symmetricDifference(.cf) }), ("CLD", 0xfc, { $0.subtracting(.df) }),
    ("STD", 0xfd, { $0.union(.df) }), ("CLI", 0xfa, { $0.subtracting(.if) }), ("STI", 0xfb, { $0.union(.if) }),
  ]

  @Test("each changes its own flag and no other", arguments: 0..<7)
  func changes(number: Int) throws {
    let (name, code, change) = Self.all[number]
    for flags: EFlags in [[], .status, [.cf, .df], [.zf, .if], [.of, .df, .if], [.af, .pf]] {
      #expect(try run([code], Input(flags: flags)).flags == change(flags), "\(name) with \(flags)")
    }
  }

  @Test("PUSHF and POPF carry all flags through memory, and RF and VM only out of it as zero")
  func throughMemory() throws {
    let flags: EFlags = [.cf, .pf, .af, .zf, .sf, .of, .df, .nt, .id, .iopl]
    let end = try run([0x9c], Input(flags: flags))
    #expect(end.stack(GuestCode.stack - 4) == flags.rawValue | 2)
    // push 0x277ed7 (with TF and IF clear); popf
    let image = flags.rawValue | EFlags.rf.rawValue | EFlags.vm.rawValue
    let popped = try run([0x68] + [UInt8](words: image) + [0x9d])
    #expect(popped.flags == flags)
    let narrow = try run([0x66, 0x68, 0xd7, 0x0e, 0x66, 0x9d], Input(flags: [.id]))
    #expect(narrow.flags == [.cf, .pf, .af, .zf, .sf, .of, .df, .if, .id])
  }

  @Test("SALC copies CF into AL")
  func salc() throws {
    #expect(try run([0xd6], Input(eax: 0x1234, flags: .cf)).eax == 0x12ff)
    #expect(try run([0xd6], Input(eax: 0x1234)).eax == 0x1200)
  }
}
