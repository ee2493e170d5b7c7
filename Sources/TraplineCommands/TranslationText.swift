// The report of `trapline translate` for a terminal: guest code at the left, host code at the right.

import Processor

struct TranslationText {
  private let report: TranslationReport
  private let paint: Paint

  init(_ report: TranslationReport, _ paint: Paint) {
    self.report = report
    self.paint = paint
  }

  /// Ends with a newline.
  var text: String { head + report.shown.map(fragment).joined() }

  private func paint(_ kind: TranslationKind, _ text: String) -> String {
    switch kind {
    case .identical: paint.good(text)
    case .inline: paint.noted(text)
    case .callout: paint.sensitive(text)
    case .branch: paint.privileged(text)
    }
  }

  // MARK: Totals and the legend

  private static let barWidth = 20

  private var head: String {
    let totals = TranslationTotals(report.fragments)
    var text =
      "\(shown(report.file)): \(grouped(report.instructions)) instructions (\(report.outcome.name)); "
      + "\(grouped(totals.fragments)) translations, entered \(grouped(totals.entries)) times; shown: \(report.shown.count)\n"
      + "\(grouped(totals.instructions)) guest instructions in \(grouped(totals.guestBytes)) bytes became "
      + "\(grouped(totals.hostBytes)) host bytes: expansion \(totals.expansion)\n\n"
    text += "         of the code  \("".padded(to: Self.barWidth))  as it ran\n"
    for kind in TranslationKind.allCases {
      let filled = Int((totals.share(kind) * Double(Self.barWidth)).rounded())
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.barWidth - filled)
      text +=
        paint(kind, kind.title.padded(to: 7)) + "  " + right(TranslationTotals.percent(totals.share(kind)), 11) + "  "
        + paint(kind, bar) + "  " + right(TranslationTotals.percent(totals.shareOfRun(kind)), 9) + "  " + kind.meaning
        + "\n"
    }
    return text + "\n" + paint.dim(Self.legend)
  }

  static let legend = """
    on the host: EAX ECX EDX EBX EBP ESI EDI and the flags are the guest's; r12d is ESP, r15 the state block, r8 the budget
    of instructions, gs the linear window, r14d an address or the next EIP; r9 r11 r13 are free

    """

  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  // MARK: A fragment

  private func fragment(_ fragment: FragmentView) -> String {
    let blocks = report.blocks(of: fragment)
    let guestBytes = UInt64(fragment.instructions.reduce(0) { $0 + $1.bytes.count })
    var text =
      "\n" + paint.strong("F\(fragment.number)  0x\(hex(fragment.eip, 8))\(report.label(fragment.eip))")
      + "  \(grouped(fragment.hits ?? 0)) entries\n"
    text +=
      "physical 0x\(hex(fragment.physical, 8)), \(report.mode(fragment)); \(report.length(fragment)), "
      + "\(guestBytes) -> \(fragment.hostByteCount) bytes, "
      + "\(TranslationTotals.ratio(UInt64(fragment.hostByteCount), guestBytes))\n"
    let width = blocks.map { Self.left($0).count }.max() ?? 0
    let code = blocks.flatMap(\.host).filter { !$0.note.isEmpty }.map(\.text.count).max() ?? 0
    for block in blocks { text += rows(block, width, code) }
    return text + chains(fragment)
  }

  private static let bytesWidth = 20

  /// The left column without its mark.
  private static func left(_ block: TranslationReport.Block) -> String {
    switch block.source {
    case .guest(let address, let bytes, let text, _): "\(hex(address, 8))  \(bytes.padded(to: bytesWidth))  \(text)"
    case .purpose(let text): "\("".padded(to: 10))\(text)"
    }
  }

  private func rows(_ block: TranslationReport.Block, _ width: Int, _ code: Int) -> String {
    var text = ""
    for row in 0..<max(block.host.count, 1) {
      var left = "".padded(to: width + 9)
      if row == 0 {
        left = Self.left(block).padded(to: width) + "  "
        switch block.source {
        case .guest(_, _, _, let kind): left += paint(kind, kind.title.padded(to: 7))
        case .purpose: left = paint.dim(left + "".padded(to: 7))
        }
      }
      text += left + " │"
      if row < block.host.count {
        let line = block.host[row]
        text += " \(paint.dim(hex(UInt(line.offset), 6)))  "
        text += line.note.isEmpty ? line.text : "\(line.text.padded(to: code))  \(paint.dim("; \(line.note)"))"
      }
      text += "\n"
    }
    return text
  }

  /// Where it leads, and from where.
  private func chains(_ fragment: FragmentView) -> String {
    var text = ""
    for exit in fragment.exits {
      text += "  " + paint.strong(report.exit(exit)) + "\(report.label(exit.target))\n"
    }
    if fragment.exits.isEmpty { text += "  -> \(report.computedExit(of: fragment))\n" }
    let origins = report.origins(of: fragment)
    if !origins.isEmpty {
      let most = 12
      let names = origins.prefix(most).map { "F\($0)" }.joined(separator: " ")
      text += "  <- \(names)\(origins.count > most ? " and \(origins.count - most) more" : "")\n"
    }
    return text
  }
}
