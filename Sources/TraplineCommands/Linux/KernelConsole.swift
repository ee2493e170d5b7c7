// The first serial port: the kernel's console, and from the program's start on the program's standard error.

import Devices
import Tracing

/// Keeps what the kernel says, and hands on what the program says.
final class KernelConsole: SerialBackend {
  /// What the guest's init sends when the program begins.
  static let mark: [UInt8] = [0x1e, 0x1e, 0x0a]

  private let errors: Tracing.ByteSink
  private let showsKernel: Bool
  private var log: [UInt8] = []
  /// The program has begun.
  private(set) var isProgram = false
  private static let most = 16_384
  private static let mostLines = 12

  /// - Parameter errors: where the program's standard error leads; the kernel's messages, too, if they are to be shown.
  init(_ errors: Tracing.ByteSink, showsKernel: Bool) {
    self.errors = errors
    self.showsKernel = showsKernel
  }

  func write(_ byte: UInt8) {
    if isProgram { return handOn(byte) }
    if byte == 0x0d { return }
    if log.count >= 2 * Self.most { log.removeFirst(Self.most) }
    log.append(byte)
    if log.suffix(Self.mark.count).elementsEqual(Self.mark) {
      isProgram = true
      log.removeLast(Self.mark.count)
    } else if showsKernel, byte != Self.mark[0] {
      handOn(byte)
    }
  }

  private func handOn(_ byte: UInt8) {
    withUnsafeBytes(of: byte) { errors.append($0) }
    if byte == 0x0a { errors.flush() }
  }

  func flush() { errors.flush() }

  /// The kernel's last lines, or those from its panic on, indented.
  var lastLines: String {
    let all = String(decoding: log, as: UTF8.self).split(separator: "\n")
    let panic = all.lastIndex { $0.contains("Kernel panic") }
    let lines = panic.map { all[$0...].prefix(Self.mostLines) } ?? all.suffix(Self.mostLines)
    return lines.map { "  " + shown(String($0), limit: 200) + "\n" }.joined()
  }
}
