import Testing

@testable import Charts

@Suite("Ticks")
struct TickTests {
  static let two = Scale.logarithmic(base: .two)
  static let ten = Scale.logarithmic(base: .ten)

  private func labels(
    _ scale: Scale, _ values: [Double], _ direction: PlacedAxis.Direction = .vertical, length: Double = 200,
    includesZero: Bool = true
  ) -> [String] {
    let axis = Axis(title: "axis", scale: scale, includesZero: includesZero)
    return PlacedAxis(axis, values: values, direction, length: length)?.ticks.map(\.label) ?? []
  }

  @Test(
    "a linear axis is divided by 1, 2 or 5 times a power of ten",
    arguments: [
      (size: 0.7, digit: 1, exponent: 0), (1, 1, 0), (1.01, 2, 0), (2, 2, 0), (3, 5, 0), (5, 5, 0), (5.1, 1, 1),
      (50, 5, 1),
      (0.03, 5, -2), (0.1, 1, -1), (0.3, 5, -1), (1e99, 1, 99), (1e-99, 1, -99), (999, 1, 3),
    ])
  func steps(size: Double, digit: Int, exponent: Int) {
    let step = LinearStep(atLeast: size)
    #expect(step.digit == digit && step.exponent == exponent)
  }

  @Test("a linear axis has round ticks from zero to past the data")
  func linear() {
    #expect(labels(.linear, [3, 284]) == ["0", "50", "100", "150", "200", "250", "300"])
    #expect(labels(.linear, [0.13, 0.88]) == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(labels(.linear, [-3, 6]) == ["−4", "−2", "0", "2", "4", "6"])
    #expect(labels(.linear, [101, 107], includesZero: false) == ["101", "102", "103", "104", "105", "106", "107"])
  }

  @Test("a tick is the number that people write so")
  func exact() {
    let step = LinearStep(atLeast: 0.1)
    #expect((1...9).map(step.value(at:)) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
  }

  @Test("large and small numbers are written short, and alike along an axis")
  func short() {
    #expect(labels(.linear, [1.7e6]) == ["0", "0.5M", "1.0M", "1.5M", "2.0M"])
    #expect(labels(.linear, [40_000]) == ["0", "10K", "20K", "30K", "40K"])
    #expect(labels(.linear, [4000]) == ["0", "1000", "2000", "3000", "4000"])
    #expect(labels(.linear, [4e-7]) == ["0", "1×10⁻⁷", "2×10⁻⁷", "3×10⁻⁷", "4×10⁻⁷"])
    #expect(labels(.linear, [4e20]) == ["0", "1×10²⁰", "2×10²⁰", "3×10²⁰", "4×10²⁰"])
    #expect(TickLabels.linear([-25, 0, 125], exponent: -2) == ["−0.25", "0", "1.25"])
  }

  @Test("an axis of powers of two has K for 1024")
  func powersOfTwo() {
    #expect(labels(Self.two, [16, 256]) == ["16", "32", "64", "128", "256"])
    #expect(
      TickLabels.powers(of: .two, [-4, -1, 0, 9, 10, 16, 20, 30, 69]) == [
        "0.0625", "0.5", "1", "512", "1K", "64K", "1M", "1G", "512E",
      ])
    #expect(TickLabels.powers(of: .two, [-5, 0, 12]) == ["2⁻⁵", "2⁰", "2¹²"])
  }

  @Test("an axis of powers of ten has K for 1000")
  func powersOfTen() {
    #expect(labels(Self.ten, [1, 1000]) == ["1", "10", "100", "1K"])
    #expect(
      TickLabels.powers(of: .ten, [-4, -1, 0, 3, 5, 6, 17]) == ["0.0001", "0.1", "1", "1K", "100K", "1M", "100P"])
    #expect(TickLabels.powers(of: .ten, [-5, 0, 18]) == ["10⁻⁵", "10⁰", "10¹⁸"])
  }

  @Test("an axis with few powers of ten has 2 and 5 times each too")
  func fewPowers() {
    #expect(labels(Self.ten, [20, 300]) == ["20", "50", "100", "200"])
    #expect(labels(Self.ten, [0.02, 0.09]) == ["0.02", "0.05", "0.1"])
    #expect(TickLabels.multiples([(2, -6), (1, 2)]) == ["2×10⁻⁶", "10²"])
  }

  @Test(
    "powers are thinned to every second or third when they are crowded, and the others stay as ticks without labels")
  func thinned() throws {
    #expect(labels(Self.two, [16, 8192], .horizontal, length: 250) == ["16", "64", "256", "1K", "4K"])
    let axis = Axis(title: "axis", scale: Self.two)
    let placed = try #require(PlacedAxis(axis, values: [16, 8192], .horizontal, length: 250))
    #expect(placed.minorTicks == [5, 7, 9, 11, 13])
  }

  @Test(
    "labels never touch",
    arguments: [Scale.linear, two, ten], [(1.0, 2.0), (0.001, 1e6), (1e-100, 1e100), (123_456, 123_457), (7, 7)])
  func apart(scale: Scale, ends: (Double, Double)) throws {
    for length in [10.0, 40, 250, 2000] {
      for direction in [PlacedAxis.Direction.horizontal, .vertical] {
        let axis = Axis(title: "axis", scale: scale, includesZero: false)
        let placed = try #require(PlacedAxis(axis, values: [ends.0, ends.1], direction, length: length))
        guard length >= 200 else { continue }
        #expect(placed.ticks.count >= 2)
        for (tick, next) in zip(placed.ticks, placed.ticks.dropFirst()) {
          let distance =
            (placed.fraction(ofCoordinate: next.coordinate) - placed.fraction(ofCoordinate: tick.coordinate)) * length
          #expect(distance >= (direction.extent(of: tick.label) + direction.extent(of: next.label)) / 2)
          #expect(tick.label != next.label)
        }
      }
    }
  }
}
