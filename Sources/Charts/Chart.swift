// Line charts as SVG text, for reports and papers: what `trapline mmu --sweep --plot` writes. A chart is plain data here;
// `Chart.svg` lays it out and draws it. The same data give the same bytes.

/// Panels under one title, with one legend.
package struct Chart: Sendable {
  package var title: String
  package var subtitle: String?
  package var panels: [Panel]
  /// Panels beside each other before a new row begins; 1 stacks them.
  package var columns: Int

  package init(title: String, subtitle: String? = nil, panels: [Panel], columns: Int = 3) {
    self.title = title
    self.subtitle = subtitle
    self.panels = panels
    self.columns = columns
  }

  /// The names in the legend, in the order in which they first appear. A name's place decides its style, so that it looks
  /// the same in all panels.
  var legend: [String] {
    var names: [String] = []
    for series in panels.flatMap(\.series) where !names.contains(series.name) { names.append(series.name) }
    return names
  }
}

/// One pair of axes and what is drawn between them.
package struct Panel: Sendable {
  package var title: String
  package var x: Axis
  package var y: Axis
  package var series: [Series]
  package var markers: [VerticalMarker]
  package var references: [ReferenceLine]

  package init(
    title: String, x: Axis, y: Axis, series: [Series], markers: [VerticalMarker] = [], references: [ReferenceLine] = []
  ) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
    self.markers = markers
    self.references = references
  }
}

/// Points joined by lines, in the order in which they stand.
///
/// A point that its axes have no place for (not finite, or not positive on a logarithmic axis) isn't drawn and leaves a
/// gap in the line.
package struct Series: Sendable {
  package var name: String
  package var points: [(x: Double, y: Double)]

  package init(name: String, points: [(x: Double, y: Double)]) {
    self.name = name
    self.points = points
  }
}

/// A line across the panel at one x, such as the point at which one curve overtakes another.
package struct VerticalMarker: Sendable {
  package var x: Double
  /// Stands above the panel, away from the data.
  package var label: String

  package init(x: Double, label: String) {
    self.x = x
    self.label = label
  }
}

/// A line across the panel at one y, such as a bound.
package struct ReferenceLine: Sendable {
  package var y: Double
  /// Stands to the right of the panel, away from the data.
  package var label: String

  package init(y: Double, label: String) {
    self.y = y
    self.label = label
  }
}
