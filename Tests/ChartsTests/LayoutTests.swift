import Testing

@testable import Charts

@Suite("Where things go")
struct LayoutTests {
  @Test("marks are within the plot", arguments: SampleCharts.odd.indices)
  func marks(index: Int) throws {
    let svg = try ParsedSVG(Chart(title: "odd", panels: [SampleCharts.odd[index]]).svg)
    for mark in svg.marks.joined() {
      #expect((0...560).contains(mark.x))
      #expect((0...260).contains(mark.y))
    }
  }

  @Test("each point has its mark")
  func everyPoint() throws {
    let svg = try ParsedSVG(SampleCharts.usual.svg)
    #expect(svg.marks.map(\.count) == [10, 10, 2, 3, 4])
  }

  @Test("greater values are further to the right and further up")
  func orientation() throws {
    let svg = try ParsedSVG(Chart(title: "", panels: [SampleCharts.panel([(1, 1), (2, 2), (3, 3)])]).svg)
    let marks = try #require(svg.marks.first)
    #expect(marks.map(\.x) == marks.map(\.x).sorted() && marks.map(\.y) == marks.map(\.y).sorted(by: >))
  }

  @Test("of very many points only some have a mark")
  func manyPoints() throws {
    let points = (0..<1000).map { (x: Double($0), y: Double($0)) }
    let svg = try ParsedSVG(Chart(title: "", panels: [SampleCharts.panel(points)]).svg)
    #expect((10...30).contains(svg.marks[0].count))
  }

  @Test("a point without a place leaves a gap")
  func gap() throws {
    let points: [(x: Double, y: Double)] = [(1, 1), (2, 2), (3, .nan), (4, 4), (5, .infinity), (6, 6), (7, 7)]
    let svg = try ParsedSVG(Chart(title: "", panels: [SampleCharts.panel(points)]).svg)
    let line = try #require(svg.named("path").first { $0.attributes["fill"] == "none" && $0.depth > 1 })
    #expect(line.attributes["d"]?.count { $0 == "M" } == 2)
    #expect(svg.marks[0].count == 5)
  }

  @Test("a panel without a point says so", arguments: [[], [(.nan, 1)], [(1, .infinity)]] as [[(Double, Double)]])
  func noData(points: [(Double, Double)]) throws {
    let panel = SampleCharts.panel(points.map { (x: $0.0, y: $0.1) })
    #expect(try ParsedSVG(Chart(title: "", panels: [panel]).svg).texts.contains("no data"))
    #expect(try !ParsedSVG(SampleCharts.usual.svg).texts.contains("no data"))
  }

  @Test("no two texts touch, and none leaves the chart", arguments: SVGTests.charts.indices)
  func texts(index: Int) throws {
    let svg = try ParsedSVG(SVGTests.charts[index].svg)
    let boxes = svg.textBoxes
    let (width, height) = (svg.elements[0].number("width"), svg.elements[0].number("height"))
    for (index, box) in boxes.enumerated() {
      #expect(box.x.lowerBound >= 0 && box.x.upperBound <= width, "\(box)")
      #expect(box.y.lowerBound >= 0 && box.y.upperBound <= height, "\(box)")
      for other in boxes[(index + 1)...] {
        #expect(!(box.x.overlaps(other.x) && box.y.overlaps(other.y)), "\(box) \(other)")
      }
    }
  }

  @Test("axis titles have their units, and notes their labels")
  func labels() throws {
    let texts = try ParsedSVG(SampleCharts.usual.svg).texts
    for text in [
      "working set (pages)", "overhead (cycles per access)", "switches", "shadow wins from 20 pages", "native",
    ] {
      #expect(texts.contains(text))
    }
  }

  @Test("a marker and a reference line stand at their values")
  func notes() throws {
    let panel = Panel(
      title: "", x: Axis(title: "x"), y: Axis(title: "y"), series: [Series(name: "s", points: [(0, 0), (96, 96)])],
      markers: [VerticalMarker(x: 25, label: "marker")], references: [ReferenceLine(y: 25, label: "reference")])
    let layout = PanelLayout(panel, plot: PanelLayout.Size(width: 400, height: 400))
    let place = try #require(layout.place((25, 25)))
    #expect(layout.flags.map(\.x) == [place.x] && layout.references.map(\.y) == [place.y])
  }

  @Test("labels of reference lines that are close stand one under another, beside the plot", arguments: [0.0, 50, 99])
  func closeReferences(y: Double) {
    var panel = SampleCharts.panel([(0, 0), (1, 100)])
    panel.references = [y + 1, y, y + 0.5].map { ReferenceLine(y: $0, label: "a bound of two lines") }
    let layout = PanelLayout(panel, plot: PanelLayout.Size(width: 400, height: 400))
    let height = TextStyle.annotation.lineHeight
    var free = 0 - height / 2
    for reference in layout.references {
      #expect(reference.lines.count == 2)
      #expect(reference.labelY >= free)
      free = reference.labelY + 2 * height
    }
    #expect(free <= 400 + height)
  }

  @Test("a note beyond the data widens the axis")
  func widened() throws {
    var panel = SampleCharts.panel([(1, 1), (2, 2)])
    panel.markers = [VerticalMarker(x: 70, label: "far")]
    panel.references = [ReferenceLine(y: 30, label: "high")]
    let layout = PanelLayout(panel, plot: PanelLayout.Size(width: 400, height: 400))
    #expect((0...400).contains(layout.flags[0].x) && (0...400).contains(layout.references[0].y))
  }

  @Test("a series looks the same in all panels, and stands in the legend once")
  func legend() throws {
    #expect(SampleCharts.usual.legend == ["shadow", "nested", "lazy"])
    let texts = try ParsedSVG(SampleCharts.usual.svg).texts
    for name in SampleCharts.usual.legend { #expect(texts.count { $0 == name } == 1) }
    let svg = try ParsedSVG(SampleCharts.usual.svg)
    let lines = svg.named("path").filter { $0.attributes["fill"] == "none" && $0.depth > 1 }
    let colours = [0, 1, 1, 0, 2].map { SeriesStyle(at: $0).colour }
    #expect(lines.map { $0.attributes["stroke"] } == colours)
  }

  @Test("series can be told apart without colour")
  func withoutColour() {
    let looks = Set((0..<35).map { "\(SeriesStyle(at: $0).dashes) \(SeriesStyle(at: $0).mark)" })
    #expect(looks.count == 35)
    #expect(SeriesStyle(at: 35) == SeriesStyle(at: 0))
  }

  @Test("text is broken between words, and within a word only where it must be")
  func lines() {
    let style = TextStyle.tick
    let width = style.width(of: "working set")
    #expect(style.lines("working set (pages)", within: width) == ["working set", "(pages)"])
    #expect(style.lines("  working \n set ", within: width) == ["working set"])
    #expect(style.lines("", within: width) == [])
    let broken = style.lines("a" + String(repeating: "b", count: 40), within: width)
    #expect(broken.joined().count == 41 && broken.allSatisfy { style.width(of: $0) <= width })
    #expect(style.lines("abc", within: 0) == ["a", "b", "c"])
    #expect(style.line("working set (pages)", within: width) == "working…")
    #expect(style.line("working set", within: width) == "working set")
  }
}
