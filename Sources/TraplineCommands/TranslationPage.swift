// The report of `trapline translate` as one page for a browser: no script, no network, light and dark as the reader has it.

import Charts
import Processor

struct TranslationPage {
  private let report: TranslationReport

  init(_ report: TranslationReport) { self.report = report }

  var text: String {
    let title = "\(escaped(report.file)): guest code and its translation"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>\(title)</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <h1>\(title)</h1>
      \(summary)
      \(report.shown.map(fragment).joined(separator: "\n"))
      <footer>Made by trapline translate. Host addresses count from the start of the translation cache.</footer>
      </body>
      </html>

      """
  }

  private func escaped(_ text: String) -> String { SVGWriter.escaped(text) }

  // MARK: Totals and the legend

  private var summary: String {
    let totals = TranslationTotals(report.fragments)
    func figure(_ value: String, _ name: String) -> String { "<div><b>\(value)</b><span>\(name)</span></div>" }
    func bar(_ name: String, _ share: (TranslationKind) -> Double) -> String {
      let pieces = TranslationKind.allCases.map {
        "<i class=\"\($0.title)\" style=\"width:\(TranslationTotals.tenths(share($0) * 100))%\"></i>"
      }
      return "<p class=\"bar\"><span>\(name)</span><span class=\"pieces\">\(pieces.joined())</span></p>"
    }
    let rows = TranslationKind.allCases.map {
      "<tr><td><mark class=\"\($0.title)\">\($0.title)</mark></td><td>\(TranslationTotals.percent(totals.share($0)))</td>"
        + "<td>\(TranslationTotals.percent(totals.shareOfRun($0)))</td><td>\($0.meaning)</td></tr>"
    }
    return """
      <section class="figures">
      \(figure(grouped(report.instructions), "instructions run (\(report.outcome.name))"))
      \(figure(grouped(totals.fragments), "translations, \(report.shown.count) shown"))
      \(figure(totals.expansion, "host bytes a guest byte"))
      \(figure(TranslationTotals.percent(totals.share(.identical)), "IDENT"))
      </section>
      <section>
      \(bar("of the code", totals.share))
      \(bar("as it ran", totals.shareOfRun))
      <table class="legend"><tr><th></th><th>of the code</th><th>as it ran</th><th></th></tr>
      \(rows.joined(separator: "\n"))
      </table>
      <p class="note">\(escaped(TranslationText.legend))</p>
      </section>
      """
  }

  // MARK: A fragment

  private func fragment(_ fragment: FragmentView) -> String {
    let guestBytes = UInt64(fragment.instructions.reduce(0) { $0 + $1.bytes.count })
    let hottest = report.shown.compactMap(\.hits).max() ?? 0
    let heat = hottest == 0 ? 0 : Double(fragment.hits ?? 0) / Double(hottest) * 100
    return """
      <article id="F\(fragment.number)">
      <header><h2>F\(fragment.number) <code>0x\(hex(fragment.eip, 8))</code> \(escaped(report.label(fragment.eip)))</h2>
      <p>\(grouped(fragment.hits ?? 0)) entries<span class="heat"><i style="width:\(TranslationTotals.tenths(heat))%"></i></span></p></header>
      <p class="note">physical 0x\(hex(fragment.physical, 8)), \(report.mode(fragment)); \(report.length(fragment)), \
      \(guestBytes) → \(fragment.hostByteCount) bytes, \(TranslationTotals.ratio(UInt64(fragment.hostByteCount), guestBytes))</p>
      <div class="scroll"><table class="code"><tr><th colspan="4">guest</th><th colspan="3">host</th></tr>
      \(report.blocks(of: fragment).map(rows).joined(separator: "\n"))
      </table></div>
      \(chains(fragment))
      </article>
      """
  }

  private func rows(_ block: TranslationReport.Block) -> String {
    let height = max(block.host.count, 1)
    let left: String
    let style: String
    switch block.source {
    case .guest(let address, let bytes, let text, let kind):
      style = kind.title
      left =
        "<td rowspan=\"\(height)\" class=\"dim\">\(hex(address, 8))</td><td rowspan=\"\(height)\" class=\"dim\">\(bytes)</td>"
        + "<td rowspan=\"\(height)\">\(escaped(text))</td>"
        + "<td rowspan=\"\(height)\"><mark class=\"\(kind.title)\">\(kind.title)</mark></td>"
    case .purpose(let text):
      style = "purpose"
      left =
        "<td rowspan=\"\(height)\"></td><td rowspan=\"\(height)\" colspan=\"3\" class=\"dim\">\(escaped(text))</td>"
    }
    return (0..<height).map { row in
      let right = row < block.host.count ? cells(block.host[row]) : "<td colspan=\"3\" class=\"host\"></td>"
      return "<tr class=\"\(style)\(row == 0 ? " first" : "")\">\(row == 0 ? left : "")\(right)</tr>"
    }.joined(separator: "\n")
  }

  private func cells(_ line: TranslationReport.Line) -> String {
    var note = escaped(line.note)
    if let number = line.fragment { note = link(number, note) }
    return
      "<td class=\"host dim\">\(hex(UInt(line.offset), 6))</td><td>\(escaped(line.text))</td><td class=\"dim\">\(note)</td>"
  }

  /// A link, if what it leads to is on the page.
  private func link(_ number: Int, _ text: String) -> String {
    report.shown.contains { $0.number == number } ? "<a href=\"#F\(number)\">\(text)</a>" : text
  }

  private func chains(_ fragment: FragmentView) -> String {
    var lines = fragment.exits.map { exit in
      let text = escaped(report.exit(exit)) + escaped(report.label(exit.target))
      return exit.fragment.map { link($0, text) } ?? text
    }
    if lines.isEmpty { lines = ["-&gt; \(report.computedExit(of: fragment))"] }
    let origins = report.origins(of: fragment)
    if !origins.isEmpty { lines.append("&lt;- " + origins.map { link($0, "F\($0)") }.joined(separator: " ")) }
    return "<ul class=\"chains\">" + lines.map { "<li>\($0)</li>" }.joined() + "</ul>"
  }

  // MARK: Looks

  private static let style = """
    :root { color-scheme: light dark; --text: #1c2127; --dim: #6b7480; --page: #f6f7f9; --card: #fff; --line: #dfe3e8;
      --ident: #2a7d4f; --inline: #1f6fa8; --callout: #b3392f; --branch: #96690a; }
    @media (prefers-color-scheme: dark) {
      :root { --text: #e3e7ec; --dim: #8d97a4; --page: #14171b; --card: #1c2127; --line: #323a44;
        --ident: #5fc28d; --inline: #67b4e8; --callout: #f08279; --branch: #e0b04f; } }
    body { margin: 2rem auto; max-width: 84rem; padding: 0 1rem; background: var(--page); color: var(--text);
      font: 15px/1.45 system-ui, sans-serif; }
    h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0; }
    section, article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.2rem;
      margin: 0 0 1.2rem; }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; }
    .figures b { display: block; font-size: 1.7rem; font-weight: 600; font-variant-numeric: tabular-nums; }
    .figures span, .note, .dim, footer { color: var(--dim); }
    .note { font-size: .85rem; margin: .4rem 0 .8rem; }
    header { display: flex; justify-content: space-between; align-items: baseline; flex-wrap: wrap; gap: .3rem 1rem; }
    header p { margin: 0; font-variant-numeric: tabular-nums; }
    .bar { display: flex; align-items: center; gap: .8rem; margin: .3rem 0; } .bar > span:first-child { width: 6rem; }
    .pieces { flex: 1; display: flex; gap: 2px; height: 1.1rem; } .pieces i { border-radius: 2px; }
    i.IDENT { background: var(--ident); } i.inline { background: var(--inline); }
    i.callout { background: var(--callout); } i.branch { background: var(--branch); }
    .heat { display: inline-block; width: 7rem; height: .55rem; margin-left: .7rem; background: var(--line); border-radius: 3px; }
    .heat i { display: block; height: 100%; background: var(--callout); border-radius: 3px; }
    table { border-collapse: collapse; } th { text-align: left; font-weight: 500; color: var(--dim); }
    .legend td, .legend th { padding: .15rem 1rem .15rem 0; font-variant-numeric: tabular-nums; }
    .scroll { overflow-x: auto; }
    .code { width: 100%; font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre; }
    .code td { padding: 0 .8rem 0 0; vertical-align: top; } .code .host { padding-left: .8rem; border-left: 3px solid var(--line); }
    .code .first td { border-top: 1px solid var(--line); }
    .IDENT .host { border-left-color: var(--ident); } .inline .host { border-left-color: var(--inline); }
    .callout .host { border-left-color: var(--callout); } .branch .host { border-left-color: var(--branch); }
    mark { background: none; color: var(--text); font-weight: 600; }
    mark.IDENT { color: var(--ident); } mark.inline { color: var(--inline); }
    mark.callout { color: var(--callout); } mark.branch { color: var(--branch); }
    .chains { list-style: none; padding: 0; margin: .7rem 0 0; font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
    a { color: var(--inline); } footer { font-size: .85rem; }
    """
}
