// What an axis measures, and how a value becomes a place on it.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// One axis of a panel. Its ends and ticks follow from what is drawn.
package struct Axis: Equatable, Sendable {
  package var title: String
  package var unit: String?
  package var scale: Scale
  /// Whether a linear axis has 0 on it even where the data stay away from it.
  package var includesZero: Bool

  package init(title: String, unit: String? = nil, scale: Scale = .linear, includesZero: Bool = true) {
    self.title = title
    self.unit = unit
    self.scale = scale
    self.includesZero = includesZero
  }

  /// As it stands along the axis: `working set (pages)`.
  var caption: String { unit.map { "\(title) (\($0))" } ?? title }
}

package enum Scale: Equatable, Sendable {
  case linear
  /// Has no place for values that aren't positive.
  case logarithmic(base: LogarithmBase)

  /// What an axis is evenly divided in: the value itself, or the exponent of the base. nil for a value without a place.
  func coordinate(of value: Double) -> Double? {
    // Nothing that anybody measures is beyond these, and within them no sum or quotient of ours overflows.
    guard value.magnitude <= 1e100 else { return nil }
    switch self {
    case .linear: return value
    case .logarithmic(let base): return value >= 1e-100 ? base.exponent(of: value) : nil
    }
  }
}

package enum LogarithmBase: Equatable, Sendable {
  /// Ticks at powers of two; K, M, ... are powers of 1024.
  case two
  /// Ticks at powers of ten; K, M, ... are powers of 1000.
  case ten

  func exponent(of value: Double) -> Double {
    switch self {
    case .two: log2(value)
    case .ten: log10(value)
    }
  }

  /// The fewest exponents that an axis spans: enough for two labelled ticks.
  var leastSpan: Double {
    switch self {
    case .two: 2
    case .ten: 1
    }
  }
}
