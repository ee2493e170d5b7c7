// A comparison of two traces as one page for a browser: no network, light and dark as the reader has it. Each call is a
// sequence diagram of both sides, time downwards and a lane for each context, drawn by the page's script when it is opened.

import Charts
import Tracing

struct DiffPage {
  /// Rows on a page, whatever is compared: so that it stays a few megabytes.
  static let mostRows = 30_000

  var title: String
  var names: (String, String)
  var spans: [SpanComparison]
  var totals: [ContextTotal]

  var text: String {
    let (rows, omitted) = rowsShown
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>\(escaped(title))</title>
      <link rel="icon" href="data:,"/>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <h1>\(escaped(title))</h1>
      <p class="note">The same guest, twice: what its system calls went through <b>&lt; on the left in \(escaped(names.0))</b>, \
      and <b>&gt; on the right in \(escaped(names.1))</b>. Cycles are modelled ones, as trapline costs says.</p>
      \(totalsTable)
      \(signs)
      <h2>Calls that differ</h2>
      <div class="tools"><label>Filter <input id="filter" type="search" placeholder="read, page fault, #3"/></label>
      <button id="open" type="button">Expand all</button><button id="close" type="button">Collapse all</button>
      <span id="count" role="status">\(spans.count) shown</span></div>
      <noscript><p>The diagrams are drawn by a script: this browser has none.</p></noscript>
      <main>
      \(spans.enumerated().map { section($1, $0, rows: rows[$0].count, omitted: omitted[$0]) }.joined(separator: "\n"))
      </main>
      <aside id="details" aria-live="polite" aria-label="The event chosen" hidden></aside>
      <svg width="0" height="0" aria-hidden="true"><defs>
      <marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto" \
      markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8z"/></marker></defs></svg>
      <footer>Made by trapline diff.</footer>
      <script type="application/json" id="data">\(DiffPageData(names: names, spans: rows).text)</script>
      <script>
      \(Self.script)
      </script>
      </body>
      </html>

      """
  }

  /// Rows of each span, and how many of its rows have no room.
  private var rowsShown: (rows: [[ComparisonRow]], omitted: [Int]) {
    var room = Self.mostRows
    var result: (rows: [[ComparisonRow]], omitted: [Int]) = ([], [])
    for span in spans {
      let all = span.allRows
      let rows = Array(all.prefix(room))
      room -= rows.count
      result.rows.append(rows)
      result.omitted.append(all.count - rows.count)
    }
    return result
  }

  private func escaped(_ text: String) -> String { SVGWriter.escaped(text) }

  // MARK: Totals and the legend

  private var totalsTable: String {
    let totals = EventContext.lanes.compactMap { lane in self.totals.first { $0.context == lane } }
      .filter { $0.leftEvents + $0.rightEvents > 0 || $0.leftCycles | $0.rightCycles != 0 }
    let most = totals.map { max($0.leftCycles, $0.rightCycles) }.max() ?? 0
    func bar(_ cycles: UInt64, _ sign: String) -> String {
      let tenths = most == 0 ? 0 : Int(Double(cycles) / Double(most) * 1000)
      return "<p><span>\(sign)</span><i style=\"width:\(tenths / 10).\(tenths % 10)%\"></i></p>"
    }
    let rows = totals.map { total in
      "<tr class=\"\(total.context.name)\"><th scope=\"row\"><mark>\(total.context.name)</mark></th>"
        + "<td class=\"bars\">\(bar(total.leftCycles, "&lt;"))\(bar(total.rightCycles, "&gt;"))</td>"
        + [
          grouped(total.leftCycles), grouped(total.rightCycles), Self.difference(total.leftCycles, total.rightCycles),
          grouped(UInt64(total.leftEvents)), grouped(UInt64(total.rightEvents)),
        ].map { "<td>\($0)</td>" }.joined() + "<td class=\"meaning\">\(total.context.meaning)</td></tr>"
    }
    let (left, right) = (escaped(names.0), escaped(names.1))
    return """
      <section class="scroll"><h2>Where the time went</h2>
      <table class="totals"><tr><th rowspan="2">context</th><th rowspan="2" class="bars"></th><th colspan="3">cycles</th>\
      <th colspan="2">events</th><th rowspan="2">what it is</th></tr>
      <tr><th>&lt; \(left)</th><th>&gt; \(right)</th><th>difference</th><th>&lt; \(left)</th><th>&gt; \(right)</th></tr>
      \(rows.joined(separator: "\n"))
      </table></section>
      """
  }

  private var signs: String {
    """
    <section><h2>How to read a diagram</h2>
    <p>Time runs downwards, and each context has a lane. A box is an event, in the lane of the context in whose time it \
    happened; the same events of both sides stand in one row. A line shows where control goes next, a heavy one where the \
    processor or a request is handed over. Choose a box to see all that was recorded of it.</p>
    <ul class="signs"><li><b>=</b> both did it</li><li class="cost"><b>≠</b> both did it, at different cost</li>\
    <li class="left"><b>&lt;</b> only \(escaped(names.0))</li><li class="right"><b>&gt;</b> only \(escaped(names.1))</li></ul>
    </section>
    """
  }

  // MARK: A call

  private func section(_ comparison: SpanComparison, _ number: Int, rows: Int, omitted: Int) -> String {
    guard let span = comparison.left ?? comparison.right else { return "" }
    let counts = comparison.counts
    var parts: [String] = []
    if comparison.left == nil { parts.append("&gt; only in \(escaped(names.1))") }
    if comparison.right == nil { parts.append("&lt; only in \(escaped(names.0))") }
    if comparison.left != nil, comparison.right != nil {
      if counts.onlyLeft > 0 { parts.append("&lt; \(counts.onlyLeft)") }
      if counts.onlyRight > 0 { parts.append("&gt; \(counts.onlyRight)") }
      if counts.otherCost > 0 { parts.append("≠ \(counts.otherCost)") }
    }
    let (left, right) = (comparison.left?.spending.cycles ?? 0, comparison.right?.spending.cycles ?? 0)
    var notes: [String] = []
    if omitted > 0 { notes.append("\(grouped(UInt64(omitted))) more rows have no room on this page.") }
    let beyond = max(comparison.left?.omitted ?? 0, comparison.right?.omitted ?? 0)
    if beyond > 0 {
      notes.append(
        "\(grouped(beyond)) more events, which are \(comparison.omittedDiffer ? "not " : "")the same, were only counted.")
    }
    if comparison.isApproximate {
      notes.append("There are too many differences to find the fewest: neighbours were matched.")
    }
    return """
      <details data-span="\(number)"><summary><b>\(escaped(span.title))</b> <span class="dim">of \(hex(span.addressSpace, 8))\
      </span> <span class="counts">\(parts.joined(separator: ", "))</span> <span class="cycles">\(grouped(left)) → \
      \(grouped(right)) cycles (\(Self.difference(left, right)))</span></summary>
      <div class="diagram"></div>\(notes.map { "<p class=\"note\">\($0)</p>" }.joined())
      </details>
      """
  }

  private static func difference(_ left: UInt64, _ right: UInt64) -> String {
    right >= left ? "+" + grouped(right - left) : "-" + grouped(left - right)
  }
}

extension EventContext {
  /// As a system call goes down.
  static let lanes: [EventContext] = [.guestUser, .guestKernel, .monitor, .hostKernel, .vmx, .vmkernel, .device]

  fileprivate var meaning: String {
    switch self {
    case .guestUser: "The guest's programs, in ring 3."
    case .guestKernel: "The guest's operating system, which believes that it has the machine to itself."
    case .monitor: "The virtual machine monitor, which executes for the guest what it may not do itself."
    case .hostKernel: "The host's operating system below a hosted monitor, and the monitor's driver in it."
    case .vmx: "The host's process beside a hosted monitor, which has the devices' back ends."
    case .vmkernel: "The small kernel below a bare-metal monitor, with schedulers and drivers of its own."
    case .device: "The devices: interrupts, DMA, time."
    }
  }
}
