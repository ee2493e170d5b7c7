// The nanobenchmarks of Adams and Agesen (ASPLOS 2006, section 6.3) as pieces of TestPrograms/nano.c, with what they
// published: cycles on a Pentium 4 672, to compare with and for nothing else.

/// One operation in a loop.
struct NanoBenchmark: Sendable {
  var name: String
  /// The loop without it.
  var baseline: String
  /// Published cycles; the techniques that aren't there weren't published.
  var published: [Technique: UInt64]
  /// From least to most, by what was published.
  var order: [Technique]
  /// Turns that a measured run can have.
  var most: UInt64 = 200_000

  private init(
    _ name: String, _ native: UInt64, _ translation: UInt64, _ hardware: UInt64, tables: Bool = false,
    order: [Technique]
  ) {
    self.name = name
    baseline = tables ? "ptemod-none" : "empty"
    published = [.bare: native, .translation: translation, .hardwareShadow: hardware]
    self.order = order
    if tables { most = 60_000 }
  }

  static let baselines = ["empty", "ptemod-none"]

  /// Where two figures are the same within a tenth (syscall, call/ret, native and on hardware), only one is in the order.
  static let all: [NanoBenchmark] = [
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
}
