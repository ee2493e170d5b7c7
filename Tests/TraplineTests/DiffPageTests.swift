import Foundation
import Testing
import Tracing

@testable import TraplineCommands

@Suite("The page of a diff")
struct DiffPageTests {
  private static func event(
    _ kind: EventKind, _ context: EventContext, _ time: UInt64, code: UInt32 = 0, a: UInt64 = 0, cost: UInt32 = 10
  ) -> Event {
    Event(
      kind: kind, context: context, retired: time, code: code, a: a, instructionPointer: 0x8002, addressSpace: 0x1000,
      cycles: time * 10, cost: cost)
  }

  /// A read that goes through a hosted monitor on one side and a vmkernel on the other.
  private static func read(_ ordinal: Int) -> SpanComparison {
    let entry = event(.systemCallEntry, .guestUser, 1, code: 0x80, a: 3)
    let leaving = event(.callout, .monitor, 2, code: CalloutReason.port.rawValue, cost: 100)
    var cheaper = leaving
    cheaper.cost = 80
    let left = [
      event(.worldSwitch, .monitor, 3), event(.doorbell, .hostKernel, 4), event(.vmxRequest, .vmx, 5, code: 1, a: 0x1f0),
      event(.hostSystemCall, .vmx, 6, code: 17), event(.worldSwitch, .hostKernel, 7, code: 1),
    ]
    let right = [
      event(.vmkernelCall, .vmkernel, 3, code: 3), event(.controllerCommand, .vmkernel, 4),
      event(.dmaTransfer, .device, 5),
    ]
    let back = event(.systemCallReturn, .guestUser, 9, code: 0x80, a: 512)
    var first = Span(ordinal: ordinal, number: 3, events: [entry, leaving] + left + [back])
    first.addressSpace = 0x1000
    let second = Span(addressSpace: 0x1000, ordinal: ordinal, number: 3, events: [entry, cheaper] + right + [back])
    return SpanComparison(
      left: first, right: second,
      rows: [.both(entry, entry), .both(leaving, cheaper)] + left.map { .onlyLeft($0) } + right.map { .onlyRight($0) }
        + [.both(back, back)])
  }

  private static func page(_ spans: [SpanComparison], names: (String, String) = ("workstation", "esx")) -> String {
    let totals = EventContext.allCases.map { context in
      var total = ContextTotal(context: context)
      total.leftEvents = 3
      total.leftCycles = 1_234_567
      total.rightCycles = 1_000
      return total
    }
    return DiffPage(title: "\(names.0) and \(names.1)", names: names, spans: spans, totals: totals).text
  }

  /// What the page's script reads.
  private static func data(_ page: String) throws -> [String: Any] {
    let start = try #require(page.firstRange(of: "id=\"data\">")).upperBound
    let end = try #require(page[start...].firstRange(of: "</script>")).lowerBound
    let object = try JSONSerialization.jsonObject(with: Data(page[start..<end].utf8))
    return try #require(object as? [String: Any])
  }

  @Test("it has a section for each call, with what differs by sign, and every event for its script")
  func sections() throws {
    let page = Self.page([Self.read(0), Self.read(1)])
    #expect(page.contains("<b>read(3) #1</b>"))
    #expect(page.contains("&lt; 5, &gt; 3, ≠ 1"))
    #expect(page.contains("1,234,567"))
    let spans = try #require(try Self.data(page)["spans"] as? [[Any]])
    #expect(spans.map(\.count) == [11, 11])
  }

  @Test("names can't become markup or end the script")
  func hostile() throws {
    let name = "</script><img src=x onerror=alert(1)>\"'&\u{2028}"
    let page = Self.page([Self.read(0)], names: (name, "b"))
    #expect(!page.contains("<img"))
    #expect(try Self.data(page)["names"] as? [String] == [name, "b"])
  }

  @Test("it loads nothing from elsewhere")
  func alone() {
    let page = Self.page([Self.read(0)])
    #expect(!page.contains("src="))
    #expect(!page.contains("href=\"http"))
  }

  @Test("it stays small: rows for which there is no room are said to be missing")
  func bounded() {
    let event = Self.event(.callout, .monitor, .max >> 8, code: 3)
    let rows = [ComparisonRow](repeating: .both(event, event), count: 1000)
    let span = Span(ordinal: 0, number: 3, events: [event])
    let page = Self.page([SpanComparison](repeating: SpanComparison(left: span, right: span, rows: rows), count: 50))
    #expect(page.utf8.count < 6_000_000)
    #expect(page.contains("1,000 more rows have no room"))
  }

  @Test("an empty comparison is a page too")
  func empty() throws { #expect(try Self.data(Self.page([]))["spans"] as? [[Int]] == []) }

  /// For `Tools/check-pages`: TRAPLINE_PAGES names the folder.
  @Test(
    "samples are written where they are wanted",
    .enabled(if: ProcessInfo.processInfo.environment["TRAPLINE_PAGES"] != nil))
  func samples() throws {
    let folder = try #require(ProcessInfo.processInfo.environment["TRAPLINE_PAGES"])
    let pages = [
      "sample": Self.page((0..<5).map(Self.read)), "hostile": Self.page([Self.read(0)], names: ("</script><b>", "'\"&")),
    ]
    for (name, page) in pages { try page.write(toFile: "\(folder)/\(name).html", atomically: true, encoding: .utf8) }
  }
}
