// Every guest under every pager: what it computes, prints and faults on is the same, to the last accessed bit.

import Processor
import Testing
import Trapline

@Suite("Pager equivalence")
struct PagerEquivalenceTests {
  /// All guests but those that end by the clock on the wall, or with nothing done.
  static let programs = (GuestProgram.all + GuestProgram.pocket).filter { $0.exitStatus != 124 }

  @Test("a guest can't tell one pager from another", arguments: programs)
  func sameEnd(_ program: GuestProgram) throws {
    let setup = try GuestSetup(program)
    let comparison = PagingComparison(
      image: setup.image, request: setup.request, memorySize: setup.memorySize, limits: setup.limits, input: setup.input)
    try comparison.compareAll(strictly: false) { name, end, differences in
      #expect(differences == [], "\(name)")
      #expect(end.outcome.exitStatus == program.exitStatus, "\(name)")
    }
  }

  @Test("nor can one that flushes whatever it must, under any TLB", arguments: [(1, false), (2, false), (3, true), (4, true)])
  func fuzz(_ seed: Int, _ pae: Bool) throws {
    let image = try BuiltGuests.bytes("pagetable-fuzz.elf")
    var request = try GuestSetup(#require(GuestProgram.named("pagetable-fuzz"))).request
    request.append = "steps=10000 seed=\(seed) pae=\(pae ? 1 : 0)"
    let comparison = PagingComparison(
      image: image, request: request, memorySize: 64 << 20, limits: RunLimits(time: .seconds(60)))
    try comparison.compareAll(strictly: true) { name, end, differences in
      #expect(differences == [], "\(name)")
      #expect(end.outcome.exitStatus == 1 && end.exceptions > 1000, "\(name)")
    }
  }

  @Test("a fork bomb stays within the bound of shadow memory, and gets through")
  func forkBomb() throws {
    let setup = try GuestSetup(#require(GuestProgram.named("pocket forkbomb")))
    for mode in ShadowOptions.Mode.allCases {
      var configuration = PagingConfiguration(pager: .shadow)
      configuration.shadow.mode = mode
      configuration.shadow.memory = 128 << 10
      let comparison = PagingComparison(
        image: setup.image, request: setup.request, memorySize: setup.memorySize, limits: setup.limits)
      let result = try comparison.run(PagingContender(name: mode.rawValue, configuration: configuration))
      #expect(result.outcome.exitStatus == 1)
      #expect(result.counters.tablesEvicted > 100)
      #expect(result.counters.tablePagesPeak == 32)
    }
  }
}
