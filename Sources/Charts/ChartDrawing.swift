// Lays the panels out in a grid under the title and the legend, and writes the document.

extension Chart {
  /// An SVG 1.1 document that needs nothing beside it: no font, script, style sheet or image.
  package var svg: String {
    let layout = ChartLayout(self)
    var svg = SVGWriter()
    svg.element(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg", "role": "img", "width": layout.width, "height": layout.height,
        "viewBox": "0 0 \(layout.width.attributeText) \(layout.height.attributeText)",
        "font-family": TextStyle.families,
      ]
    ) { svg in
      svg.element("title", content: title)
      svg.element("desc", content: summary)
      // Viewers with dark windows would put dark text on dark.
      svg.element("rect", ["width": layout.width, "height": layout.height, "fill": "#ffffff"])
      layout.draw(&svg)
    }
    return svg.text
  }

  /// The chart in words, for those who don't see it.
  private var summary: String {
    let panels = panels.map { panel in
      let names = panel.series.map(\.name).joined(separator: "; ")
      let notes = panel.markers.map(\.label) + panel.references.map(\.label)
      var text = "\(panel.title): \(panel.y.caption) against \(panel.x.caption)"
      if !names.isEmpty { text += ", for \(names)" }
      if !notes.isEmpty { text += ". Marked: \(notes.joined(separator: "; "))" }
      return text + "."
    }
    return ([subtitle ?? "Line chart."] + panels).joined(separator: " ")
  }
}

/// Where everything of a chart goes, in pixels.
struct ChartLayout {
  let chart: Chart
  let panels: [PanelLayout]
  let width: Double
  let height: Double
  private let titleLines: [String]
  private let subtitleLines: [String]
  private let legendRows: [[LegendEntry]]
  /// The upper left corner of each panel's plot, and the room above it.
  let origins: [(x: Double, y: Double, headroom: Double)]

  private struct LegendEntry {
    var name: String
    var style: SeriesStyle
    var x: Double
  }

  private static let margin = 22.0
  private static let columnGap = 22.0
  private static let rowGap = 22.0
  /// Between the titles and the legend.
  private static let headGap = 10.0
  private static let legendRowHeight = 20.0
  /// Between the legend and the panels.
  private static let gridGap = 12.0
  private static let swatchWidth = 36.0

  init(_ chart: Chart) {
    self.chart = chart
    let columns = max(1, min(chart.columns, chart.panels.count))
    let plot = Self.plotSize(columns: columns)
    let panels = chart.panels.map { PanelLayout($0, plot: plot) }
    let rows = (panels.count + columns - 1) / columns

    // A column is as wide as its widest panel, a row as high as its highest: so plots line up.
    var left = [Double](repeating: 0, count: columns)
    var right = left
    var top = [Double](repeating: 0, count: rows)
    var bottom = top
    for (index, panel) in panels.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: columns)
      left[column] = max(left[column], panel.margins.left)
      right[column] = max(right[column], panel.margins.right)
      top[row] = max(top[row], panel.margins.top)
      bottom[row] = max(bottom[row], panel.margins.bottom)
    }
    let gaps = Double(columns - 1) * Self.columnGap
    let inner = left.reduce(0, +) + right.reduce(0, +) + Double(columns) * plot.width + gaps
    titleLines = TextStyle.title.lines(chart.title, within: inner)
    subtitleLines = TextStyle.subtitle.lines(chart.subtitle ?? "", within: inner)
    legendRows = Self.legendRows(chart.legend, within: inner)

    var y = Self.margin
    y += Double(titleLines.count) * TextStyle.title.lineHeight
    y += Double(subtitleLines.count) * TextStyle.subtitle.lineHeight
    y += Self.headGap + Double(legendRows.count) * Self.legendRowHeight + Self.gridGap
    var origins: [(x: Double, y: Double, headroom: Double)] = []
    for row in 0..<rows {
      if row > 0 { y += Self.rowGap }
      var x = Self.margin
      for column in 0..<columns where row * columns + column < panels.count {
        origins.append((x + left[column], y + top[row], top[row]))
        x += left[column] + plot.width + right[column] + Self.columnGap
      }
      y += top[row] + plot.height + bottom[row]
    }
    self.panels = panels
    self.origins = origins
    width = (inner + 2 * Self.margin).rounded(.up)
    height = (y + Self.margin).rounded(.up)
  }

  private static func plotSize(columns: Int) -> PanelLayout.Size {
    switch columns {
    case 1: PanelLayout.Size(width: 560, height: 260)
    case 2: PanelLayout.Size(width: 360, height: 230)
    default: PanelLayout.Size(width: 250, height: 200)
    }
  }

  private static func legendRows(_ names: [String], within width: Double) -> [[LegendEntry]] {
    var rows: [[LegendEntry]] = []
    var x = 0.0
    for (index, name) in names.enumerated() {
      let text = TextStyle.legend.line(name, within: width - swatchWidth - PanelLayout.gap)
      let end = x + swatchWidth + PanelLayout.gap + TextStyle.legend.width(of: text)
      if rows.isEmpty || end > width {
        rows.append([])
        x = 0
      }
      rows[rows.count - 1].append(LegendEntry(name: text, style: SeriesStyle(at: index), x: x))
      x += swatchWidth + PanelLayout.gap + TextStyle.legend.width(of: text) + 22
    }
    return rows
  }

  // MARK: Drawing

  func draw(_ svg: inout SVGWriter) {
    drawHead(&svg)
    let names = chart.legend.enumerated().map { ($1, SeriesStyle(at: $0)) }
    let styles = Dictionary(uniqueKeysWithValues: names)
    for (panel, origin) in zip(panels, origins) {
      let place = "translate(\(origin.x.attributeText) \(origin.y.attributeText))"
      svg.element("g", ["transform": place]) { $0.draw(panel, headroom: origin.headroom, styles: styles) }
    }
  }

  private func drawHead(_ svg: inout SVGWriter) {
    var y = Self.margin
    for (lines, style) in [(titleLines, TextStyle.title), (subtitleLines, .subtitle)] {
      for line in lines {
        svg.label(line, style, x: Self.margin, y: y + style.lineHeight / 2)
        y += style.lineHeight
      }
    }
    y += Self.headGap
    for row in legendRows {
      y += Self.legendRowHeight
      for entry in row {
        let middle = y - Self.legendRowHeight / 2
        let x = Self.margin + entry.x
        svg.drawLine([[(x, middle), (x + Self.swatchWidth, middle)]], entry.style)
        svg.drawMarks([(x + Self.swatchWidth / 2, middle)], entry.style)
        svg.label(entry.name, .legend, x: x + Self.swatchWidth + PanelLayout.gap, y: middle)
      }
    }
  }
}
