// The user's terminal as a guest's screen and keyboard: what changed is painted some 30 times a second.

import Devices
import Trapline

/// Sits in front of the machine.
final class TerminalScreen: Attendant {
  private let terminal = TerminalBackend(input: 0, output: 1, keepsSignals: true)
  private var shown: TextScreen?
  private var isOpen = true

  func attend(to devices: PCDevices) {
    guard isOpen else { return }
    type(on: devices.typed)
    guard let screen = devices.display?.screen else { return }
    let painting = screen.painting(over: shown)
    shown = screen
    for byte in painting.utf8 { terminal.write(byte) }
    terminal.flush()
  }

  private func type(on keyboard: TypedInput) {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
      let count = terminal.poll(into: buffer)
      if count > 0 { keyboard.type(Array(buffer[..<count])) }
    }
  }

  var mayType: Bool { !terminal.inputEnded }

  /// Leaves the picture where it is and gives the terminal back.
  func restore() {
    guard isOpen else { return }
    isOpen = false
    if let shown {
      let leave = "\u{1b}[0m\u{1b}[?25h\u{1b}[\(shown.rows + 1);1H\n"
      for byte in leave.utf8 { terminal.write(byte) }
    }
    terminal.restore()
  }
}
