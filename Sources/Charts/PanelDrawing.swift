// Draws a panel that has been laid out: grid, axes, annotations, then the data on top of them all.

extension SVGWriter {
  /// Around the plot's upper left corner.
  ///
  /// - Parameter headroom: from the plot up to the title, which stands level with those of the panels beside it.
  mutating func draw(_ layout: PanelLayout, headroom: Double, styles: [String: SeriesStyle]) {
    drawGrid(layout)
    drawAnnotations(layout)
    drawAxes(layout)
    drawTitles(layout, headroom)
    if layout.x == nil {
      label("no data", .axisTitle, x: layout.plot.width / 2, y: layout.plot.height / 2, .middle)
    }
    for series in layout.panel.series {
      if let style = styles[series.name] { draw(series, style, layout) }
    }
  }

  // MARK: Axes

  private mutating func drawGrid(_ layout: PanelLayout) {
    let (width, height) = (layout.plot.width, layout.plot.height)
    element("g", ["stroke": "#e4e4e4", "stroke-width": 1.0]) { svg in
      for place in layout.xTicks { svg.rule(place.position, 0, place.position, height) }
      for place in layout.yTicks { svg.rule(0, place.position, width, place.position) }
    }
  }

  private mutating func drawAxes(_ layout: PanelLayout) {
    let (width, height, tick) = (layout.plot.width, layout.plot.height, PanelLayout.tickLength)
    element("g", ["stroke": "#4d4d4d", "stroke-width": 1.0, "stroke-linecap": "square"]) { svg in
      svg.rule(0, height, width, height)
      svg.rule(0, 0, 0, height)
      for place in layout.xTicks { svg.rule(place.position, height, place.position, height + tick) }
      for place in layout.yTicks { svg.rule(-tick, place.position, 0, place.position) }
      for position in layout.xMinorTicks { svg.rule(position, height, position, height + tick / 2) }
      for position in layout.yMinorTicks { svg.rule(-tick / 2, position, 0, position) }
    }
    for place in layout.xTicks {
      label(place.label, .tick, x: place.position, y: height + tick + TextStyle.tick.lineHeight / 2, .middle)
    }
    for place in layout.yTicks { label(place.label, .tick, x: -tick - 4, y: place.position, .end) }
  }

  private mutating func drawTitles(_ layout: PanelLayout, _ headroom: Double) {
    let (width, height) = (layout.plot.width, layout.plot.height)
    var y = TextStyle.panelTitle.lineHeight / 2 - headroom
    for line in layout.titleLines {
      label(line, .panelTitle, x: 0, y: y)
      y += TextStyle.panelTitle.lineHeight
    }
    let lineHeight = TextStyle.axisTitle.lineHeight
    y = height + PanelLayout.tickLength + TextStyle.tick.lineHeight + PanelLayout.gap / 2 + lineHeight / 2
    for line in layout.xTitleLines {
      label(line, .axisTitle, x: width / 2, y: y, .middle)
      y += lineHeight
    }
    var x = -layout.yTitleDistance
    for line in layout.yTitleLines.reversed() {
      uprightLabel(line, .axisTitle, x: x, y: height / 2)
      x -= lineHeight
    }
  }

  private mutating func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) {
    element("line", ["x1": x1, "y1": y1, "x2": x2, "y2": y2])
  }

  // MARK: Annotations

  private mutating func drawAnnotations(_ layout: PanelLayout) {
    element("g", ["stroke": "#808080", "stroke-width": 1.0]) { svg in
      for reference in layout.references { svg.rule(0, reference.y, layout.plot.width, reference.y) }
    }
    element("g", ["stroke": "#4d4d4d", "stroke-width": 1.0, "stroke-dasharray": "4 3"]) { svg in
      for flag in layout.flags { svg.rule(flag.x, flag.top, flag.x, layout.plot.height) }
    }
    for flag in layout.flags {
      // A line to a higher row passes behind the label.
      element(
        "rect",
        [
          "x": flag.extent.lowerBound - 2, "y": flag.labelY - TextStyle.annotation.lineHeight / 2,
          "width": flag.extent.upperBound - flag.extent.lowerBound + 4, "height": TextStyle.annotation.lineHeight,
          "fill": "#ffffff",
        ])
      let (start, end) = (flag.extent.lowerBound, flag.extent.upperBound)
      if flag.isUnder {
        label(flag.label, .annotation, x: (start + end) / 2, y: flag.labelY, .middle)
      } else if flag.isRight {
        label(flag.label, .annotation, x: start, y: flag.labelY)
      } else {
        label(flag.label, .annotation, x: end, y: flag.labelY, .end)
      }
    }
    for reference in layout.references {
      for (index, line) in reference.lines.enumerated() {
        let y = reference.labelY + Double(index) * TextStyle.annotation.lineHeight
        label(line, .annotation, x: layout.plot.width + PanelLayout.gap, y: y)
      }
    }
  }

  // MARK: Data

  private mutating func draw(_ series: Series, _ style: SeriesStyle, _ layout: PanelLayout) {
    let runs = layout.runs(of: series)
    guard !runs.isEmpty else { return }
    element("g") { svg in
      // What a pointing device's user is told.
      svg.element("title", content: series.name)
      svg.drawLine(runs.filter { $0.count > 1 }, style)
      svg.drawMarks(layout.marked(in: runs), style)
    }
  }

  /// - Parameter runs: points that are joined, two or more in each.
  mutating func drawLine(_ runs: [[(x: Double, y: Double)]], _ style: SeriesStyle) {
    let path = runs.map { run in
      "M" + run.map { "\($0.x.attributeText) \($0.y.attributeText)" }.joined(separator: "L")
    }
    guard !path.isEmpty else { return }
    element(
      "path",
      [
        "d": path.joined(), "fill": "none", "stroke": style.colour, "stroke-width": 2.0, "stroke-linejoin": "round",
        "stroke-dasharray": style.dashes,
      ])
  }

  mutating func drawMarks(_ points: [(x: Double, y: Double)], _ style: SeriesStyle) {
    let path = points.map { "M\($0.x.attributeText) \($0.y.attributeText)" + style.mark.outline }.joined()
    element("path", ["d": path, "fill": style.colour, "stroke": "#ffffff", "stroke-width": 1.0])
  }
}

extension PanelLayout {
  var xTicks: [(position: Double, label: String)] {
    guard let x else { return [] }
    return x.ticks.map { (x.fraction(ofCoordinate: $0.coordinate) * plot.width, $0.label) }
  }

  var yTicks: [(position: Double, label: String)] {
    guard let y else { return [] }
    return y.ticks.map { ((1 - y.fraction(ofCoordinate: $0.coordinate)) * plot.height, $0.label) }
  }

  var xMinorTicks: [Double] {
    guard let x else { return [] }
    return x.minorTicks.map { x.fraction(ofCoordinate: $0) * plot.width }
  }

  var yMinorTicks: [Double] {
    guard let y else { return [] }
    return y.minorTicks.map { (1 - y.fraction(ofCoordinate: $0)) * plot.height }
  }

  /// The places of a series's points, in a new run after each point that has none.
  func runs(of series: Series) -> [[(x: Double, y: Double)]] {
    var runs: [[(x: Double, y: Double)]] = [[]]
    for point in series.points {
      if let place = place(point) {
        runs[runs.count - 1].append(place)
      } else if runs.last?.isEmpty == false {
        runs.append([])
      }
    }
    return runs.filter { !$0.isEmpty }
  }

  /// The places that get a mark: all, unless so many that marks would hide the line or each other.
  func marked(in runs: [[(x: Double, y: Double)]]) -> [(x: Double, y: Double)] {
    let stride = max(1, runs.reduce(0) { $0 + $1.count } / 20)
    return runs.flatMap { run in
      var marked = [run[0]]
      for (index, place) in run.enumerated() where index.isMultiple(of: stride) {
        let last = marked[marked.count - 1]
        let isClear = max((place.x - last.x).magnitude, (place.y - last.y).magnitude) >= 2.4 * SeriesStyle.Mark.radius
        if isClear { marked.append(place) }
      }
      return marked
    }
  }
}
