// A comparison as one page for a browser: no network, light and dark as the reader has it. The spans' events stand in the
// page as data; a span's swimlanes are drawn when it is opened. (DiffPageStyle.swift, DiffPageScript.swift: the other parts.)
//
//   A                                   |  B
//   user  kernel monitor host  vmx      |  user  kernel monitor vmk device
//   [systemCallEntry]                   |  [systemCallEntry]
//                [callout]              |               [callout]
//                [worldSwitch]--->      |  .
//                        [doorbell]     |  .

import Charts
import Tracing

/// Paths side by side, for a browser.
struct DiffPage {
  private let title: String
  private let names: (String, String)
  private let spans: [SpanComparison]
  private let totals: [ContextTotal]

  init(title: String, names: (String, String), spans: [SpanComparison], totals: [ContextTotal]) {
    self.title = title
    self.names = names
    self.spans = spans
    self.totals = totals.filter { $0.leftEvents + $0.rightEvents > 0 || $0.leftInstructions + $0.rightInstructions > 0 }
  }

  var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <title>\(escaped(title))</title>
    <style>
    \(Self.style)
    </style>
    </head>
    <body>
    <h1>\(escaped(title))</h1>
    \(legend)
    \(totalsTable)
    <p class="tools"><label>calls <input id="filter" type="search" placeholder="read, page fault, ..."/></label>
    <button id="open" type="button">expand all</button> <button id="close" type="button">collapse all</button></p>
    <noscript><p>The paths are drawn by a script of this page, which your browser doesn't run.</p></noscript>
    <main>
    \(spans.enumerated().map(section).joined(separator: "\n"))
    </main>
    <aside id="details" hidden="hidden" aria-live="polite"></aside>
    <footer>Made by trapline diff. Cycles are modelled: 'trapline costs' has the figures and their sources.</footer>
    <script id="data" type="application/json">\(data)</script>
    <script>
    \(Self.script)
    </script>
    </body>
    </html>

    """
  }

  private func escaped(_ text: String) -> String { SVGWriter.escaped(text) }

  // MARK: Above the paths

  /// What a context is, for somebody who meets it here.
  private static func meaning(_ context: EventContext) -> String {
    switch context {
    case .guestUser: "the guest's programs"
    case .guestKernel: "the guest's kernel"
    case .monitor: "the virtual machine monitor, which does for the kernel what it may not do itself"
    case .device: "devices of the machine"
    case .vmx: "the process of the host that holds the devices' back ends"
    case .hostKernel: "the host's operating system, with the monitor's driver in it"
    case .vmkernel: "the kernel below a bare-metal monitor"
    }
  }

  private var legend: String {
    let rows = totals.map {
      "<li><mark class=\"c-\($0.context.name)\">\($0.context.name)</mark> \(Self.meaning($0.context))</li>"
    }
    return "<ul class=\"legend\">\(rows.joined())<li><b class=\"sign\">+</b> only on this side</li></ul>"
  }

  private var totalsTable: String {
    let largest = max(totals.map { max($0.leftCycles, $0.rightCycles) }.max() ?? 0, 1)
    func bar(_ cycles: UInt64, _ context: EventContext) -> String {
      "<td class=\"bar\"><i class=\"c-\(context.name)\" style=\"width:\(cycles * 100 / largest)%\"></i></td>"
        + "<td>\(grouped(cycles))</td>"
    }
    let rows = totals.map { total in
      "<tr><th><mark class=\"c-\(total.context.name)\">\(total.context.name)</mark></th>"
        + "<td>\(grouped(UInt64(total.leftEvents)))</td>\(bar(total.leftCycles, total.context))"
        + "<td>\(grouped(UInt64(total.rightEvents)))</td>\(bar(total.rightCycles, total.context))</tr>"
    }
    return """
      <table class="totals"><thead><tr><th></th><th colspan="3">\(escaped(names.0))</th><th colspan="3">\(escaped(names.1))</th></tr>
      <tr><th>context</th><th>events</th><th colspan="2">modelled cycles</th><th>events</th><th colspan="2">modelled cycles</th></tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody></table>
      """
  }

  // MARK: Spans

  private func section(_ index: Int, _ comparison: SpanComparison) -> String {
    guard let span = comparison.left ?? comparison.right else { return "" }
    let counts = comparison.counts
    let (left, right) = (comparison.left?.spending.cycles ?? 0, comparison.right?.spending.cycles ?? 0)
    let difference = right >= left ? "+\(grouped(right - left))" : "-\(grouped(left - right))"
    return """
      <details data-index="\(index)" data-title="\(escaped(span.title))"><summary><b>\(escaped(span.title))</b>
      <span>\(counts.onlyLeft) only in \(escaped(names.0)), \(counts.onlyRight) only in \(escaped(names.1))</span>
      <span>\(grouped(left)) and \(grouped(right)) modelled cycles (\(difference))</span></summary><div class="paths"></div></details>
      """
  }

  // MARK: Data

  /// Strings once, events as numbers: `[context, kind, details, cost, retired, eip]`, rows as `[left, right]` with null for
  /// none.
  private var data: String {
    var strings = StringTable()
    let paths = spans.map { comparison in
      "["
        + comparison.allRows.map { row in
          switch row {
          case .both(let left, let right): "[\(event(left, &strings)),\(event(right, &strings))]"
          case .onlyLeft(let left): "[\(event(left, &strings)),null]"
          case .onlyRight(let right): "[null,\(event(right, &strings))]"
          }
        }.joined(separator: ",") + "]"
    }
    return "{\"names\":[\(Self.quoted(names.0)),\(Self.quoted(names.1))],"
      + "\"contexts\":[\(EventContext.downwards.map { Self.quoted($0.name) }.joined(separator: ","))],"
      + "\"strings\":[\(strings.all.map(Self.quoted).joined(separator: ","))],\"paths\":[\(paths.joined(separator: ",\n"))]}"
  }

  private func event(_ event: Event, _ strings: inout StringTable) -> String {
    let context = EventContext.downwards.firstIndex(of: event.context) ?? 0
    return
      "[\(context),\(strings.index(of: event.kind.name)),\(strings.index(of: event.detailText)),\(event.cost),\(event.retired),\(event.instructionPointer)]"
  }

  /// In a script element `</script>` would end it, wherever it stands.
  private static func quoted(_ text: String) -> String {
    JSONLinesSink.quoted(text).split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
  }
}

extension EventContext {
  /// As a call goes down.
  static let downwards: [EventContext] = [.guestUser, .guestKernel, .monitor, .hostKernel, .vmx, .vmkernel, .device]
}

/// Texts by number.
private struct StringTable {
  private(set) var all: [String] = []
  private var places: [String: Int] = [:]

  mutating func index(of text: String) -> Int {
    if let place = places[text] { return place }
    places[text] = all.count
    all.append(text)
    return all.count - 1
  }
}
