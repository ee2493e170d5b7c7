import Testing

@testable import Charts

@Suite("The document")
struct SVGTests {
  static let charts = [
    SampleCharts.usual, SampleCharts.crowded, Chart(title: "odd", panels: SampleCharts.odd, columns: 4),
    Chart(title: "stacked", panels: SampleCharts.usual.panels, columns: 1), Chart(title: "", panels: []),
    Chart(title: "no columns", panels: SampleCharts.usual.panels, columns: .min),
  ]

  @Test("it is well-formed XML with an image's role, a title and a description", arguments: charts.indices)
  func wellFormed(index: Int) throws {
    let svg = try ParsedSVG(Self.charts[index].svg)
    let root = try #require(svg.elements.first)
    #expect(root.name == "svg" && root.attributes["role"] == "img")
    #expect(root.attributes["xmlns"] == "http://www.w3.org/2000/svg")
    #expect(root.attributes["viewBox"] == "0 0 \(root.attributes["width"] ?? "") \(root.attributes["height"] ?? "")")
    #expect(svg.elements[1].name == "title" && svg.elements[1].text == Self.charts[index].title)
    #expect(svg.elements[2].name == "desc" && !svg.elements[2].text.isEmpty)
  }

  @Test("the whole of it has a white ground", arguments: charts.indices)
  func ground(index: Int) throws {
    let svg = try ParsedSVG(Self.charts[index].svg)
    let ground = try #require(svg.named("rect").first)
    #expect(ground.attributes["fill"] == "#ffffff")
    #expect(ground.number("width") == svg.elements[0].number("width"))
    #expect(ground.number("height") == svg.elements[0].number("height"))
  }

  @Test("no number in it is other than finite", arguments: charts.indices)
  func finite(index: Int) {
    let svg = Self.charts[index].svg.lowercased()
    #expect(!svg.contains("nan ") && !svg.contains("\"nan") && !svg.contains("inf\""))
  }

  @Test("the same data give the same bytes", arguments: charts.indices)
  func deterministic(index: Int) {
    let chart = Self.charts[index]
    let copy = Chart(title: chart.title, subtitle: chart.subtitle, panels: chart.panels, columns: chart.columns)
    #expect(Array(chart.svg.utf8) == Array(copy.svg.utf8))
  }

  @Test("it draws on nothing outside of it")
  func selfContained() {
    for reference in ["href", "url(", "<style", "<script", "<image", " id="] {
      #expect(!SampleCharts.usual.svg.contains(reference))
    }
  }

  @Test("no text can break out of its element")
  func escaped() throws {
    let text = #"a<b> & "c" 'd' ]]> <!-- é 漢 𝕏"#
    let axis = Axis(title: text, unit: text)
    let panel = Panel(
      title: text, x: axis, y: axis, series: [Series(name: text, points: [(1, 1), (2, 2)])],
      markers: [VerticalMarker(x: 1.2, label: text)], references: [ReferenceLine(y: 1, label: text)])
    let svg = try ParsedSVG(Chart(title: text, subtitle: text, panels: [panel], columns: 1).svg)
    #expect(svg.elements[1].text == text)
    #expect(svg.texts.count { $0 == text } == 5)
    #expect(svg.named("title").count == 2)
  }

  @Test("no text can break out of its attribute")
  func escapedAttribute() throws {
    var writer = SVGWriter()
    writer.element("g", ["a": #"" b="<&>'"#])
    #expect(try ParsedSVG(writer.text).elements[0].attributes == ["a": #"" b="<&>'"#])
  }

  @Test("characters that XML forbids are replaced")
  func forbidden() throws {
    #expect(SVGWriter.escaped("a\u{0}b\u{1b}c\u{fffe}d\ne\tf") == "a\u{fffd}b\u{fffd}c\u{fffd}d e f")
    let all = String(String.UnicodeScalarView((0...0xffff).compactMap(Unicode.Scalar.init)))
    #expect(throws: Never.self) { try ParsedSVG(Chart(title: all, panels: [SampleCharts.updates]).svg) }
  }

  @Test(
    "coordinates are written in hundredths, without needless digits",
    arguments: [
      (0, "0"), (1, "1"), (-1, "-1"), (1.5, "1.5"), (1.05, "1.05"), (1.234, "1.23"), (-0.25, "-0.25"), (0.999, "1"),
      (-0.001, "0"), (1234.5678, "1234.57"),
    ] as [(Double, String)])
  func coordinates(value: Double, text: String) { #expect(value.attributeText == text) }
}
