// The nanobenchmarks of Adams and Agesen (ASPLOS 2006, section 6.3) as pieces of TestPrograms/nano.c, with what they
// published: cycles on a Pentium 4 672, to compare with and for nothing else. And larger ones: pieces of the pocket
// kernel's bench, where a turn is a system call or a process.

/// One operation in a loop.
struct NanoBenchmark: Sendable {
  var name: String
  /// The loop without it; nil when the loop is too little to matter.
  var baseline: String?
  /// Published cycles; the techniques that aren't there weren't published.
  var published: [Technique: UInt64]
  /// From least to most, by what was published.
  var order: [Technique]
  /// Turns of the shorter of two counted runs. (Both have as many digits, and the guest prepares the same for both.)
  var counted: UInt64 = 128
  /// Turns of the two measured runs. (Above 1,024 turns nano.elf prepares the same for all.)
  var measured: (short: UInt64, long: UInt64) = (10_000, 200_000)
  /// It is a piece of the pocket kernel's bench.
  var isPocket = false

  private init(
    _ name: String, _ native: UInt64, _ translation: UInt64, _ hardware: UInt64, tables: Bool = false,
    order: [Technique]
  ) {
    self.name = name
    baseline = tables ? "ptemod-none" : "empty"
    published = [.bare: native, .translation: translation, .hardwareShadow: hardware]
    self.order = order
    if tables { measured.long = 60_000 }
  }

  /// A piece of the pocket kernel's bench.
  private init(
    pocket name: String, _ counted: UInt64, _ measured: (short: UInt64, long: UInt64),
    published: [Technique: UInt64] = [:], order: [Technique] = []
  ) {
    self.name = name
    self.counted = counted
    self.measured = measured
    self.published = published
    self.order = order
    isPocket = true
  }

  /// Where native and hardware differ by less than a fifth, the guest runs as it is under both, and one is in the order.
  static let nano: [NanoBenchmark] = [
    .init("syscall", 242, 2308, 246, order: [.hardwareShadow, .translation]),
    .init("in", 3209, 216, 15826, order: [.translation, .bare, .hardwareShadow]),
    .init("crwr", 150, 35, 177, order: [.translation, .bare]),
    .init("callret", 11, 51, 11, order: [.hardwareShadow, .translation]),
    .init("pgfault", 1093, 3927, 11242, order: [.bare, .translation, .hardwareShadow]),
    .init("divzero", 889, 3223, 1014, order: [.hardwareShadow, .translation]),
    .init("ptemod-same", 1, 391, 12733, tables: true, order: [.bare, .translation, .hardwareShadow]),
    .init("ptemod-off", 4, 17, 9154, tables: true, order: [.bare, .translation, .hardwareShadow]),
    .init("ptemod-on", 5, 2121, 17020, tables: true, order: [.bare, .translation, .hardwareShadow]),
  ]

  /// What was published of forkwait: 6.02, 36.95 and 106.4 s for 40,000 forks of Linux, at 3.8 GHz.
  static let macro: [NanoBenchmark] = [
    .init(pocket: "getppid-int80", 32, (10_000, 100_000)),
    .init(
      pocket: "forkwait", 16, (50, 500),
      published: [.bare: 571_900, .translation: 3_510_250, .hardwareShadow: 10_108_000],
      order: [.bare, .translation, .hardwareShadow]),
    .init(pocket: "read", 16, (100, 1000)),
    .init(pocket: "console", 16, (100, 900)),
    .init(pocket: "pagefault", 128, (1000, 9000)),
  ]

  static let all = nano + macro
}
