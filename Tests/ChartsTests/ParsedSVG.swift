import Foundation
import Testing

@testable import Charts

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// An SVG document read back: its elements, in order, each with where it is.
final class ParsedSVG: NSObject, XMLParserDelegate {
  struct Element {
    var name: String
    var attributes: [String: String]
    /// The sum of the translations around it.
    var x: Double
    var y: Double
    var depth: Int
    var text = ""

    func number(_ name: String) -> Double { Double(attributes[name] ?? "") ?? .nan }
  }

  private(set) var elements: [Element] = []
  private var open: [Int] = []

  /// Throws when it is no well-formed XML.
  init(_ svg: String) throws {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    if !parser.parse() { throw try #require(parser.parserError) }
  }

  func named(_ name: String) -> [Element] { elements.filter { $0.name == name } }

  var texts: [String] { named("text").map(\.text) }

  func parser(
    _: XMLParser, didStartElement name: String, namespaceURI _: String?, qualifiedName _: String?,
    attributes: [String: String]
  ) {
    let parent = open.last.map { elements[$0] }
    var element = Element(
      name: name, attributes: attributes, x: parent?.x ?? 0, y: parent?.y ?? 0, depth: open.count)
    let transform = attributes["transform"] ?? ""
    if transform.hasPrefix("translate(") {
      let numbers = transform.dropFirst(10).prefix { $0 != ")" }.split(separator: " ").compactMap { Double(String($0)) }
      element.x += numbers[0]
      element.y += numbers[1]
    }
    open.append(elements.count)
    elements.append(element)
  }

  func parser(_: XMLParser, didEndElement _: String, namespaceURI _: String?, qualifiedName _: String?) {
    open.removeLast()
  }

  func parser(_: XMLParser, foundCharacters text: String) {
    if let index = open.last { elements[index].text += text }
  }

  /// A text and the rectangle that it is estimated to fill.
  struct TextBox {
    var text: String
    var x: ClosedRange<Double>
    var y: ClosedRange<Double>
  }

  var textBoxes: [TextBox] {
    named("text").map { element in
      let size = element.number("font-size")
      let bold = element.attributes["font-weight"] == nil ? 1 : 1.12
      let width = TextStyle.tick.width(of: element.text) / TextStyle.tick.size * size * bold
      let before =
        switch element.attributes["text-anchor"] {
        case "middle": width / 2
        case "end": width
        default: 0.0
        }
      // Letters reach from about 0.75 em over the baseline to 0.2 em under it.
      if element.attributes["transform"] != nil {
        return TextBox(
          text: element.text, x: element.x - size * 0.75...element.x + size * 0.2,
          y: element.y - width / 2...element.y + width / 2)
      }
      let (x, y) = (element.x + element.number("x"), element.y + element.number("y"))
      return TextBox(text: element.text, x: x - before...x - before + width, y: y - size * 0.75...y + size * 0.2)
    }
  }

  /// The places with a mark, relative to their plot, series by series.
  var marks: [[(x: Double, y: Double)]] {
    named("path").filter { $0.attributes["fill"] != "none" && $0.depth > 1 }.map { path in
      (path.attributes["d"] ?? "").split(separator: "M").map { part in
        let numbers = part.prefix { $0 != "m" }.split(separator: " ").compactMap { Double(String($0)) }
        return (numbers[0], numbers[1])
      }
    }
  }
}
