// Where everything of one panel goes, in pixels from the upper left corner of its plot (the area between the axes), and
// how much room it needs around the plot.
//
//             panel title
//            | marker       | marker       flags: one row, or several where labels would touch
//     y  60 +|--------------|----------+
//        40 +|   plot       |          |-- reference
//     t  20 +|              |          |
//            +-----+------+------+-----+
//                  16     64     256
//                      x title

/// A panel measured, before it is known where on the chart it stands.
struct PanelLayout {
  struct Size { var width, height: Double }

  /// Room around the plot.
  struct Margins { var left, top, right, bottom: Double }

  /// The label of a vertical marker, and the upper end of its line.
  struct Flag {
    var label: String
    /// Of the line.
    var x: Double
    /// Where the label begins and ends.
    var extent: ClosedRange<Double>
    /// 0 is the one next to the plot.
    var row: Int

    /// Whether the label stands to the right of its line.
    var isRight: Bool { extent.lowerBound > x }

    /// Whether the line ends under the label.
    var isUnder: Bool { extent.contains(x) }

    /// The upper end of the line.
    var top: Double { -Double(isUnder ? row : row + 1) * PanelLayout.flagRowHeight }

    /// The middle of the label.
    var labelY: Double { -(Double(row) + 0.5) * PanelLayout.flagRowHeight }

    func touches(_ other: Flag) -> Bool {
      extent.lowerBound < other.extent.upperBound + 10 && other.extent.lowerBound < extent.upperBound + 10
    }
  }

  /// A horizontal line, and its label where it doesn't touch the others.
  struct Reference {
    var y: Double
    var lines: [String]
    /// The middle of the first line.
    var labelY: Double
  }

  let panel: Panel
  let plot: Size
  /// Both nil when the panel has no point to draw.
  let x: PlacedAxis?
  let y: PlacedAxis?
  let titleLines: [String]
  let xTitleLines: [String]
  let yTitleLines: [String]
  private(set) var flags: [Flag] = []
  private(set) var references: [Reference] = []
  private(set) var margins: Margins

  static let tickLength = 5.0
  /// Between things that belong together.
  static let gap = 6.0
  static let flagRowHeight = TextStyle.annotation.lineHeight + 1
  private static let longestReference = 92.0

  init(_ panel: Panel, plot: Size) {
    self.panel = panel
    self.plot = plot
    let points = panel.series.flatMap(\.points).filter { panel.isDrawable($0) }
    if points.isEmpty {
      (x, y) = (nil, nil)
    } else {
      x = PlacedAxis(panel.x, values: points.map(\.x) + panel.markers.map(\.x), .horizontal, length: plot.width)
      y = PlacedAxis(panel.y, values: points.map(\.y) + panel.references.map(\.y), .vertical, length: plot.height)
    }
    titleLines = TextStyle.panelTitle.lines(panel.title, within: plot.width)
    xTitleLines = TextStyle.axisTitle.lines(panel.x.caption, within: plot.width)
    yTitleLines = TextStyle.axisTitle.lines(panel.y.caption, within: plot.height)
    margins = Margins(left: 0, top: 0, right: 0, bottom: 0)
    placeFlags()
    placeReferences()
    measure()
  }

  /// A point's place in the plot.
  func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double)? {
    guard let x = x?.fraction(of: point.x), let y = y?.fraction(of: point.y) else { return nil }
    return (x * plot.width, (1 - y) * plot.height)
  }

  // MARK: Annotations

  private mutating func placeFlags() {
    let style = TextStyle.annotation
    let placed = panel.markers.compactMap { marker in
      x?.fraction(of: marker.x).map { (x: $0 * plot.width, label: marker.label) }
    }
    let candidates = placed.map { x, text in
      let label = style.line(text, within: plot.width)
      let width = style.width(of: label)
      // Beside its line, on the right if there is room, else on the left, else on top of it.
      var start = x + 4
      if start + width > plot.width { start = x - 4 - width }
      if start < 0 { start = max(0, min(x - width / 2, plot.width - width)) }
      return Flag(label: label, x: x, extent: start...start + width, row: 0)
    }
    // In this order a line to a higher row passes beside the labels of the rows below, not through them.
    let (right, left) = (candidates.filter(\.isRight), candidates.filter { !$0.isRight })
    for var flag in right.sorted(by: { $0.x > $1.x }) + left.sorted(by: { $0.x < $1.x }) {
      let taken = flags.filter { $0.touches(flag) }.map(\.row)
      while taken.contains(flag.row) { flag.row += 1 }
      flags.append(flag)
    }
  }

  private mutating func placeReferences() {
    let style = TextStyle.annotation
    for reference in panel.references {
      guard let fraction = y?.fraction(of: reference.y) else { continue }
      let lines = style.lines(reference.label, within: Self.longestReference)
      let y = (1 - fraction) * plot.height
      let labelY = y - Double(max(0, lines.count - 1)) * style.lineHeight / 2
      references.append(Reference(y: y, lines: lines, labelY: labelY))
    }
    references.sort { $0.y < $1.y }
    // Push labels down past those above them, then all that went too far up again.
    for index in references.indices.dropFirst() {
      references[index].labelY = max(references[index].labelY, labelEnd(index - 1))
    }
    var limit = plot.height + style.lineHeight / 2
    for index in references.indices.reversed() {
      let height = Double(references[index].lines.count) * style.lineHeight
      references[index].labelY = min(references[index].labelY, limit - height + style.lineHeight / 2)
      limit = references[index].labelY - style.lineHeight / 2
    }
  }

  /// Where the first line after a reference's label may have its middle.
  private func labelEnd(_ index: Int) -> Double {
    references[index].labelY + Double(references[index].lines.count) * TextStyle.annotation.lineHeight
  }

  // MARK: Margins

  /// Pixels from the plot to the middle of the nearest line of the y axis's title.
  private(set) var yTitleDistance = 0.0

  private mutating func measure() {
    let labels = y?.ticks.map { TextStyle.tick.width(of: $0.label) } ?? []
    yTitleDistance = Self.tickLength + 4 + (labels.max() ?? 0) + Self.gap + TextStyle.axisTitle.lineHeight / 2
    margins.left = yTitleDistance + (Double(yTitleLines.count) - 0.5) * TextStyle.axisTitle.lineHeight
    let rows = flags.map { $0.row + 1 }.max() ?? 0
    margins.top = Double(titleLines.count) * TextStyle.panelTitle.lineHeight + 4 + Double(rows) * Self.flagRowHeight
    margins.bottom =
      Self.tickLength + TextStyle.tick.lineHeight + Self.gap / 2
      + Double(xTitleLines.count) * TextStyle.axisTitle.lineHeight
    let lines = references.flatMap(\.lines).map { TextStyle.annotation.width(of: $0) + Self.gap }
    // The last label of the x axis stands half out.
    let lastLabel = (x?.ticks.last?.label).map { TextStyle.tick.width(of: $0) / 2 } ?? 0
    margins.right = max(lines.max() ?? 0, lastLabel)
  }
}

extension Panel {
  /// Whether both axes have a place for the point.
  func isDrawable(_ point: (x: Double, y: Double)) -> Bool {
    x.scale.coordinate(of: point.x) != nil && y.scale.coordinate(of: point.y) != nil
  }
}
