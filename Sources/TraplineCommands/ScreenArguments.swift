// The guest's screen and keyboard, as far as a terminal can be them.

import ArgumentParser
import Devices

struct ScreenArguments: ParsableArguments {
  @Option(
    help: """
      Where the guest's text screen is shown: text (the terminal, which is then its keyboard, too) or none (default: \
      text on a terminal when firmware starts the guest and --serial says nothing else).
      """)
  var display: Display?

  @Flag(help: "Show the text screen at the end.")
  var dumpScreen = false

  @Option(
    help: ArgumentHelp(
      "Type this on the guest's keyboard once the guest listens; \\n is Enter, \\t Tab, \\e Escape.", valueName: "text"),
    transform: { try TypedText(parsing: $0) })
  var type: TypedText?

  enum Display: String, ExpressibleByArgument, CaseIterable { case text, none }

  /// Makes the terminal the guest's screen and keyboard, if that is wanted.
  func open(isFirmware: Bool, serial: SerialLine?, on console: Console) throws(Refusal) -> TerminalScreen? {
    switch display {
    case .some(.none): return nil
    case .text:
      guard console.ownsProcess, console.outputIsTerminal else {
        throw Refusal("--display text needs a terminal to draw on: use --dump-screen, or --serial for a console")
      }
      return TerminalScreen()
    case nil:
      return isFirmware && serial == nil && console.ownsProcess && console.outputIsTerminal ? TerminalScreen() : nil
    }
  }

  /// The screen as text between two rules.
  static func dump(_ display: VGA?) -> String {
    guard let screen = display?.screen else { return "the display shows graphics, not text\n" }
    let rule = String(repeating: "-", count: screen.columns) + "\n"
    return rule + screen.text + rule
  }
}

/// Keys as text with escapes.
struct TypedText: Equatable, Sendable {
  var bytes: [UInt8] = []

  init(parsing text: String) throws(QuantityError) {
    var rest = text[...]
    while let character = rest.popFirst() {
      guard character == "\\" else {
        bytes += Array(String(character).utf8)
        continue
      }
      switch rest.popFirst() {
      case "n": bytes.append(0x0d)
      case "t": bytes.append(0x09)
      case "e": bytes.append(0x1b)
      case "\\": bytes.append(0x5c)
      default: throw QuantityError(description: "behind a backslash there must be n, t, e or another one")
      }
    }
  }
}
