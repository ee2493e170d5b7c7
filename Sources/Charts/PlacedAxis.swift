// An axis whose ends and ticks have been chosen for the data: as many ticks as have room, at 1, 2 or 5 times a power of
// ten on a linear scale, at powers of the base on a logarithmic one.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// A labelled place on an axis.
struct Tick: Equatable {
  /// In the scale's coordinate.
  var coordinate: Double
  var label: String
}

/// An axis with ends, all of whose data lie between them.
struct PlacedAxis {
  enum Direction {
    case horizontal, vertical

    /// Pixels between ticks below which an axis looks crowded.
    var leastSpacing: Double {
      switch self {
      case .horizontal: 44
      case .vertical: 30
      }
    }

    /// Pixels that a label takes along the axis, with the space that keeps it from the next.
    func extent(of label: String) -> Double {
      switch self {
      case .horizontal: TextStyle.tick.width(of: label) + 8
      case .vertical: TextStyle.tick.lineHeight
      }
    }
  }

  let scale: Scale
  /// The ends, in the scale's coordinate.
  private(set) var lower: Double
  private(set) var upper: Double
  private(set) var ticks: [Tick] = []
  /// Coordinates of the ticks between them that have no label.
  private(set) var minorTicks: [Double] = []
  private let direction: Direction
  private let length: Double

  /// - Parameters:
  ///   - values: what must have a place; those that the scale has none for are passed over.
  ///   - length: in pixels.
  /// - Returns: nil when there is nothing to place.
  init?(_ axis: Axis, values: [Double], _ direction: Direction, length: Double) {
    let coordinates = values.compactMap(axis.scale.coordinate)
    guard let lowest = coordinates.min(), let highest = coordinates.max() else { return nil }
    scale = axis.scale
    (lower, upper) = (lowest, highest)
    self.direction = direction
    self.length = length
    switch axis.scale {
    case .linear: placeLinear(includesZero: axis.includesZero)
    case .logarithmic(let base): placeLogarithmic(base)
    }
  }

  /// From 0 at the lower end to 1 at the upper.
  func fraction(of value: Double) -> Double? { scale.coordinate(of: value).map(fraction(ofCoordinate:)) }

  func fraction(ofCoordinate coordinate: Double) -> Double { (coordinate - lower) / (upper - lower) }

  /// Whether no two labels touch.
  private var fits: Bool {
    zip(ticks, ticks.dropFirst()).allSatisfy { tick, next in
      let distance = (fraction(ofCoordinate: next.coordinate) - fraction(ofCoordinate: tick.coordinate)) * length
      return distance >= (direction.extent(of: tick.label) + direction.extent(of: next.label)) / 2
    }
  }

  // MARK: Linear

  private mutating func placeLinear(includesZero: Bool) {
    if includesZero { (lower, upper) = (min(lower, 0), max(upper, 0)) }
    let magnitude = max(lower.magnitude, upper.magnitude)
    // Less than a millionth of the value is no variation to zoom in on: its ticks would need ten digits.
    if upper - lower < max(magnitude * 1e-6, 1e-100) {
      if magnitude < 1e-90 {
        (lower, upper) = (includesZero ? 0 : -1, 1)
      } else {
        (lower, upper) = (lower - magnitude / 2, upper + magnitude / 2)
      }
    }
    let (lowest, highest) = (lower, upper)
    for intervals in (1...max(1, Int(length / direction.leastSpacing))).reversed() {
      let step = LinearStep(atLeast: (highest - lowest) / Double(intervals))
      // The rounding error of a quotient must not cost a tick.
      let first = Int((lowest / step.value + 1e-9).rounded(.down))
      let last = Int((highest / step.value - 1e-9).rounded(.up))
      ticks = step.ticks(first...max(first, last))
      (lower, upper) = (step.value(at: first), step.value(at: last))
      // Room for the mark of a point that lies on an end, unless that end is zero.
      let margin = (upper - lower) * 0.04
      if highest > upper - margin, last != 0 { upper += margin }
      if lowest < lower + margin, first != 0 { lower -= margin }
      if fits { return }
    }
  }

  // MARK: Logarithmic

  private mutating func placeLogarithmic(_ base: LogarithmBase) {
    let missing = max(0, base.leastSpan - (upper - lower))
    let margin = missing / 2 + (upper - lower + missing) * 0.04
    lower -= margin
    upper += margin
    let (first, last) = (Int(lower.rounded(.up)), Int(upper.rounded(.down)))
    if base == .ten, last - first < 2 {
      placeDecades(first - 1...last + 1, multiples: [1, 2, 5])
      if fits { return }
    }
    for stride in 1... {
      let labelled = (first...max(first, last)).filter { $0.isMultiple(of: stride) }
      let labels = TickLabels.powers(of: base, labelled)
      ticks = zip(labelled, labels).map { Tick(coordinate: Double($0), label: $1) }
      if stride > 1 {
        minorTicks = (first...max(first, last)).map(Double.init).filter(isUnlabelled)
      } else if base == .ten, length / (upper - lower) > 24 {
        minorTicks = multiples(first - 1...last)
      }
      if fits { return }
    }
  }

  private mutating func placeDecades(_ exponents: ClosedRange<Int>, multiples digits: [Int]) {
    let numbers = exponents.flatMap { exponent in digits.map { (digit: $0, exponent: exponent) } }
    let labels = TickLabels.multiples(numbers)
    ticks = zip(numbers, labels)
      .map { Tick(coordinate: Double($0.exponent) + log10(Double($0.digit)), label: $1) }
      .filter { lower <= $0.coordinate && $0.coordinate <= upper }
    minorTicks = multiples(exponents)
  }

  /// 2, 3, ... 9 times each power of ten, where there is no tick yet.
  private func multiples(_ exponents: ClosedRange<Int>) -> [Double] {
    exponents.flatMap { exponent in (2...9).map { Double(exponent) + log10(Double($0)) } }.filter(isUnlabelled)
  }

  private func isUnlabelled(_ coordinate: Double) -> Bool {
    lower <= coordinate && coordinate <= upper && !ticks.contains { $0.coordinate == coordinate }
  }
}

/// The distance between the ticks of a linear axis: 1, 2 or 5 times a power of ten.
struct LinearStep: Equatable {
  let digit: Int
  let exponent: Int

  init(atLeast size: Double) {
    let floor = Int(log10(size).rounded(.down))
    let digits = size / pow(10, Double(floor)) - 1e-9
    (digit, exponent) = digits <= 1 ? (1, floor) : digits <= 2 ? (2, floor) : digits <= 5 ? (5, floor) : (1, floor + 1)
  }

  var value: Double { value(at: 1) }

  /// By division where the step is less than 1, so that 0.3 is the number that people write so.
  func value(at index: Int) -> Double {
    let multiple = Double(index * digit)
    return exponent < 0 ? multiple / pow(10, Double(-exponent)) : multiple * pow(10, Double(exponent))
  }

  func ticks(_ indices: ClosedRange<Int>) -> [Tick] {
    let labels = TickLabels.linear(indices.map { $0 * digit }, exponent: exponent)
    return zip(indices, labels).map { Tick(coordinate: value(at: $0), label: $1) }
  }
}
