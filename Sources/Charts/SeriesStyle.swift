// How one series is told from another: by colour, by dashes and by the shape of its marks. Colours are those of Okabe and
// Ito (Color Universal Design, 2008), which people with any kind of colour vision can tell apart, less the yellow, which
// is faint on white. Dashes and shapes differ too, for print without colour.

struct SeriesStyle: Equatable {
  let colour: String
  /// An SVG dash array.
  let dashes: String
  let mark: Mark

  /// Styles repeat after 35: the numbers of dashes and shapes have no common divisor.
  init(at index: Int) {
    colour = Self.colours[index % Self.colours.count]
    dashes = Self.dashes[index % Self.dashes.count]
    mark = Mark.allCases[index % Mark.allCases.count]
  }

  private static let colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
  private static let dashes = ["none", "7 3", "2 2.5", "9 3 2 3", "14 4"]

  /// The shape at each point.
  enum Mark: CaseIterable {
    case circle, square, triangle, diamond, pointingDown, plus, cross

    /// No part is further to any side of the point, in pixels.
    static let radius = 5.0

    /// An SVG path around the current point, in relative steps.
    var outline: String {
      switch self {
      case .circle: "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"
      case .square: "m-3.9-3.9h7.8v7.8h-7.8z"
      case .triangle: "m0-4.8l4.5 7.8h-9z"
      case .diamond: "m0-5l4.5 5-4.5 5-4.5-5z"
      case .pointingDown: "m0 4.8l4.5-7.8h-9z"
      case .plus: "m-1.5-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z"
      case .cross:
        "m0-2.1l2.1-2.1 2.1 2.1-2.1 2.1 2.1 2.1-2.1 2.1-2.1-2.1-2.1 2.1-2.1-2.1 2.1-2.1-2.1-2.1 2.1-2.1z"
      }
    }
  }
}
