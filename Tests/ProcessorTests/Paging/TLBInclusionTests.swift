import ISA
import Memory
import Testing

@testable import Processor

// MARK: - Inclusion

@Suite("What the modelled TLB lost, nobody has")
struct TLBInclusionTests {
  /// Fills the one set of a TLB with other pages.
  private func crowdOut(_ bench: TLBBench) throws { try bench.readPages(1...4) }

  @Test(
    "a stale translation is used as long as the TLB has it and not after", arguments: [PagerKind.none, .nested],
    [false, true])
  func stale(_ pager: PagerKind, _ user: Bool) throws {
    let bench = try TLBBench(tlb((4, 4)), pager: pager)
    bench.mapWindow(5)
    for stores in [false, true] {
      bench.map(TLBBench.page(0), to: TLBBench.frame(0))
      bench.invlpg(TLBBench.page(0))
      try bench.read(TLBBench.page(0), user: user)
      if stores { try bench.store(1, TLBBench.page(0) + 8, user: user) }
      bench.map(TLBBench.page(0), to: TLBBench.frame(9), TLBBench.all | 0x60)
      #expect(try bench.read(TLBBench.page(0), user: user) == TLBBench.frame(0))
      try crowdOut(bench)
      #expect(try bench.read(TLBBench.page(0), user: user) == TLBBench.frame(9))
      try bench.store(2, TLBBench.page(0) + 8, user: user)
      #expect(bench.word(TLBBench.frame(9) + 8) == 2)
    }
  }

  @Test("a global page that was replaced isn't revived after a load of CR3", arguments: [PagerKind.none, .nested])
  func global(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((4, 4)), pager: pager)
    bench.mapWindow(5)
    bench.map(TLBBench.page(0), to: TLBBench.frame(0), TLBBench.all | TLBBench.global)
    try bench.readPages([0])
    try bench.reloadCR3()
    bench.map(TLBBench.page(0), to: TLBBench.frame(9), TLBBench.all | TLBBench.global)
    try crowdOut(bench)
    #expect(try bench.read(TLBBench.page(0)) == TLBBench.frame(9))
  }

  @Test("of a large page that was replaced no part stays", arguments: [PagerKind.none, .nested])
  func large(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((4, 4), large: 4), pager: pager)
    for n in UInt32(0)..<6 { bench.mapLarge(0x5000_0000 + n << 22, to: TLBBench.large) }
    bench.write(1, at: TLBBench.large)
    try bench.read(0x5000_0000)
    bench.write(0, at: bench.root + 0x5000_0000 >> 22 * 4)
    #expect(try bench.read(0x5000_0000) == 1)
    for n in UInt32(1)..<6 { try bench.read(0x5000_0000 + n << 22) }
    #expect(throws: GuestFault.self) { try bench.read(0x5000_0000) }
  }

  @Test(
    "a translation that another access found changed is changed for both privileges",
    arguments: [PagerKind.none, .nested])
  func changed(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapWindow(1)
    try bench.read(TLBBench.page(0), user: true)
    try bench.read(TLBBench.page(0))
    bench.map(TLBBench.page(0), to: TLBBench.frame(9))
    // The page isn't dirty: the processor walks, and finds the other frame.
    try bench.store(1, TLBBench.page(0) + 8)
    #expect(bench.word(TLBBench.frame(9) + 8) == 1)
    #expect(try bench.read(TLBBench.page(0)) == TLBBench.frame(9))
    #expect(try bench.read(TLBBench.page(0), user: true) == TLBBench.frame(9), "one TLB, one entry")
  }

  @Test(
    "stores that the TLB let pass are asked about again once their page is a page table", arguments: PagerKind.allCases,
    [false, true])
  func becomesTable(_ pager: PagerKind, _ isLarge: Bool) throws {
    for (mode, tags) in [(ShadowOptions.Mode.eager, TLBTags.vpid), (.lazy, .vpid), (.eager, .pcid), (.lazy, .none)] {
      let bench = try TLBBench(tlb((64, 4), tags), pager: pager) { $0.shadow.mode = mode }
      bench.mapWindow(2)
      let table = TLBBench.large + 0x5000
      let alias: UInt32 = isLarge ? 0x5000_5000 : TLBBench.page(1)
      if isLarge { bench.mapLarge(0x5000_0000, to: TLBBench.large) } else { bench.map(alias, to: table) }
      for user in [false, true] { try bench.store(0, alias, user: user) }
      // Its first entry is written through the alias before and after the table is in use.
      try bench.store(TLBBench.frame(1) | TLBBench.all, alias)
      bench.write(table | TLBBench.all, at: bench.root + 0x6000_0000 >> 22 * 4)
      for n in UInt32(1)..<6 {
        #expect(try bench.read(0x6000_0000) == TLBBench.frame(n), "\(mode) \(tags)")
        try bench.store(TLBBench.frame(n + 1) | TLBBench.all, alias, user: n & 1 == 0)
        bench.invlpg(0x6000_0000)
      }
    }
  }

  @Test("an access to a device's page asks the bus each time", arguments: PagerKind.allCases)
  func device(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.map(TLBBench.page(0), to: 0xb_8000)
    for _ in 0..<3 { #expect(throws: GuestFault.self) { try bench.read(TLBBench.page(0)) } }
  }
}

// MARK: - The same results

@Suite("The modelled TLB changes nothing that a guest computes")
struct TLBTransparencyTests {
  private struct Random {
    var state: UInt64
    mutating func next(_ below: UInt32) -> UInt32 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt32(state >> 33) % below
    }
  }

  /// Random accesses, remappings with their INVLPG, and switches of address space; what was read, and the frames' end.
  private func results(_ bench: TLBBench, seed: UInt64) throws -> (read: [UInt32], frames: [UInt32]) {
    var random = Random(state: seed)
    let spaces = [bench.root, bench.newSpace(), bench.newSpace()]
    var frames: [[UInt32]] = []
    for space in spaces {
      frames.append((0..<24).map { _ in random.next(64) })
      for n in UInt32(0)..<24 { bench.map(TLBBench.page(n), to: TLBBench.frame(frames[frames.count - 1][Int(n)]), in: space) }
    }
    var read: [UInt32] = []
    var current = 0
    try bench.switchTo(spaces[0])
    for step in UInt32(0)..<3000 {
      let n = random.next(24)
      let offset = random.next(1024) * 4
      let user = random.next(2) == 0
      switch random.next(20) {
      case 0..<8: read.append(try bench.read(TLBBench.page(n) + offset, user: user))
      case 8..<16: try bench.store(step, TLBBench.page(n) + offset, user: user)
      case 16, 17:
        bench.map(TLBBench.page(n), to: TLBBench.frame(random.next(64)), in: spaces[current])
        bench.invlpg(TLBBench.page(n))
      case 18:
        // Elsewhere: seen at the next switch.
        let other = (current + 1 + Int(random.next(2))) % 3
        bench.map(TLBBench.page(n), to: TLBBench.frame(random.next(64)), in: spaces[other])
      default:
        current = Int(random.next(3))
        try bench.switchTo(spaces[current])
      }
    }
    // Of the tables only what marks say in the end, whose time a TLB may choose, is left out.
    return (read, (0..<64 * 1024).map { bench.word(TLBBench.frames + UInt32($0) * 4) })
  }

  static let models: [TLBOptions] = [
    tlb((1, 1), large: 0), tlb((4, 2)), tlb((16, 4)), tlb((16, 16), .none), tlb((64, 4), .none, keepsGlobal: false),
    tlb((64, 4), .pcid), tlb((8, 1), large: 0, .pcid),
  ]

  @Test("random accesses read the same with every TLB under every pager", arguments: 1...4)
  func random(seed: UInt64) throws {
    let expected = try results(TLBBench(nil), seed: seed)
    for pager in PagerKind.allCases {
      for mode in pager == .shadow ? ShadowOptions.Mode.allCases : [.eager] {
        for model in [nil] + Self.models.map(Optional.some) {
          for memory in pager == .shadow ? [ShadowOptions.leastMemory, 1 << 20] : [0] {
            let bench = try TLBBench(model, pager: pager) {
              $0.shadow.mode = mode
              if memory > 0 { $0.shadow.memory = memory }
            }
            let found = try results(bench, seed: seed)
            #expect(
              found.read == expected.read && found.frames == expected.frames,
              "\(pager) \(mode) \(String(describing: model)) \(memory)")
          }
        }
      }
    }
  }

  @Test("a program ends in the same state, with every TLB under every pager")
  func program() throws {
    // mov ecx, 200; again: mov eax, ecx; and eax, 15; shl eax, 12; add [esi + eax], ecx; mov edx, [esi + eax]; add ebx, edx;
    // invlpg [esi + eax]; loop again
    let code: [UInt8] = [
      0xb9, 200, 0, 0, 0, 0x89, 0xc8, 0x83, 0xe0, 0x0f, 0xc1, 0xe0, 0x0c, 0x01, 0x0c, 0x06, 0x8b, 0x14, 0x06, 0x01,
      0xd3,
      0x0f, 0x01, 0x3c, 0x06, 0xe2, 0xea,
    ]
    func end(_ pager: PagerKind, _ model: TLBOptions?) throws -> (ArchitecturalState, [UInt32]) {
      let guest = try PagedGuest([])
      var configuration = PagingConfiguration(pager: pager)
      configuration.shadow.memory = ShadowOptions.leastMemory
      configuration.tlb = model
      try guest.processor.usePaging(configuration)
      for n in UInt32(0)..<16 { guest.map(TLBBench.page(n), to: PagingTests.frame + n << 12) }
      #expect(guest.run(code, esi: TLBBench.window) == nil)
      let words = (0..<16).map { guest.guest.word(PagingTests.frame + UInt32($0) << 12) }
      return (guest.processor.architecturalState, words)
    }
    let expected = try end(.none, nil)
    #expect(expected.1.contains { $0 != 0 })
    for pager in PagerKind.allCases {
      for model in Self.models {
        let found = try end(pager, model)
        #expect(found.0.differences(from: expected.0) == [] && found.1 == expected.1, "\(pager) \(model)")
      }
    }
  }

  @Test("a pager and a TLB may be changed in the middle of a program")
  func changed() throws {
    let bench = try TLBBench(nil)
    bench.mapWindow(16)
    var value: UInt32 = 1
    for model in [nil, Self.models[0], Self.models[5], nil, Self.models[2]] {
      for pager in PagerKind.allCases {
        var configuration = PagingConfiguration(pager: pager)
        configuration.shadow.memory = ShadowOptions.leastMemory
        configuration.tlb = model
        try bench.processor.usePaging(configuration)
        for n in UInt32(0)..<16 {
          if value > 1 { #expect(try bench.read(TLBBench.page(n) + 16) == value - 1) }
          try bench.store(value, TLBBench.page(n) + 16)
        }
        value += 1
      }
    }
  }

  @Test("a shape that makes no sense isn't valid")
  func validity() {
    for (entries, ways) in [(-1, 1), (3, 2), (6, 2), (12, 5), (65_537, 1), (131_072, 4), (4, 0), (4, -1), (2, 4)] {
      #expect(!TLBGeometry(entries: entries, ways: ways).isValid, "\(entries)x\(ways)")
    }
    for (entries, ways) in [(1, 1), (6, 3), (6, 6), (65_536, 1), (65_536, 65_536), (0, 0), (0, 5)] {
      #expect(TLBGeometry(entries: entries, ways: ways).isValid, "\(entries)x\(ways)")
    }
    #expect(!tlb((0, 1)).isValid && tlb((1, 1), large: 0).isValid)
  }
}
