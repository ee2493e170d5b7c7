import Testing

@testable import Charts

@Suite("Places on an axis")
struct ScaleTests {
  private func axis(_ scale: Scale, _ values: [Double], includesZero: Bool = true) throws -> PlacedAxis {
    let axis = Axis(title: "axis", scale: scale, includesZero: includesZero)
    return try #require(PlacedAxis(axis, values: values, .horizontal, length: 250))
  }

  @Test("equal differences are equally long on a linear axis")
  func linear() throws {
    let axis = try axis(.linear, [0, 90])
    #expect(axis.fraction(of: 0) == 0)
    #expect(axis.fraction(of: 100) == 1)
    #expect(axis.fraction(of: 25) == 0.25)
  }

  @Test("equal ratios are equally long on a logarithmic axis", arguments: [LogarithmBase.two, .ten])
  func logarithmic(base: LogarithmBase) throws {
    let axis = try axis(.logarithmic(base: base), [1, 65536])
    let places = try [1.0, 16, 256, 4096, 65536].map { try #require(axis.fraction(of: $0)) }
    for (place, next) in zip(places, places.dropFirst()) {
      #expect(abs(next - place - (places[4] - places[0]) / 4) < 1e-12)
    }
  }

  @Test(
    "data lie within the ends of an axis",
    arguments: [[0.1, 0.3], [-5, -2], [1e-9, 2], [7], [1e15, 1e15 + 1], [0]] as [[Double]])
  func within(values: [Double]) throws {
    for scale in [Scale.linear, .logarithmic(base: .two), .logarithmic(base: .ten)] {
      for includesZero in [true, false] where scale == .linear || values.allSatisfy({ $0 > 0 }) {
        let axis = try axis(scale, values, includesZero: includesZero)
        for value in values {
          let fraction = try #require(axis.fraction(of: value))
          #expect((-1e-9...1 + 1e-9).contains(fraction))
        }
        for tick in axis.ticks { #expect((-1e-9...1 + 1e-9).contains(axis.fraction(ofCoordinate: tick.coordinate))) }
      }
    }
  }

  @Test("what isn't a number of this scale has no place")
  func nowhere() {
    for scale in [Scale.linear, .logarithmic(base: .two), .logarithmic(base: .ten)] {
      for value in [Double.nan, .infinity, -.infinity, 1e101] { #expect(scale.coordinate(of: value) == nil) }
    }
    for value in [0, -1, 1e-101] { #expect(Scale.logarithmic(base: .ten).coordinate(of: value) == nil) }
    #expect(Scale.linear.coordinate(of: -1) == -1)
  }

  @Test("an axis without data isn't placed")
  func empty() {
    #expect(PlacedAxis(Axis(title: "axis"), values: [.nan], .vertical, length: 100) == nil)
    let logarithmic = Axis(title: "axis", scale: .logarithmic(base: .two))
    #expect(PlacedAxis(logarithmic, values: [0, -4], .vertical, length: 100) == nil)
  }
}
