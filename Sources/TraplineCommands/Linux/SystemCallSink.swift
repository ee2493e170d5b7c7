// System calls as strace shows them, one line each, once they have returned: process by its address space, name, number,
// arguments, result. The guest's kernel has no part in it.
//
//   cr3=01a3b000 write[4](0x1, 0x81f3f5e, 0x6) = 6

import Tracing

final class SystemCallSink: EventSink {
  private let output: Tracing.ByteSink
  /// Calls that haven't returned: by address space, with the gate and the number.
  private var open: [(space: UInt32, number: UInt64, text: String)] = []
  private static let mostOpen = 4096

  init(_ output: Tracing.ByteSink) { self.output = output }

  static let filter = EventFilter(kinds: [.systemCallEntry, .systemCallReturn])

  func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events {
      if event.kind == .systemCallEntry { enter(event) } else { leave(event) }
    }
  }

  func flush() {
    // What never came back: exit, and whoever waited when the machine stopped.
    for call in open { output.append("\(call.text) = ?\n") }
    open = []
    output.flush()
  }

  private func enter(_ event: Event) {
    let number = event.a
    let name = LinuxSystemCalls.name(of: number)?.description ?? "syscall"
    let all = event.arguments
    let words = [all.0, all.1, all.2, all.3, all.4, all.5].prefix(LinuxSystemCalls.argumentCount(of: number))
    let text =
      "cr3=\(hex(event.addressSpace, 8)) \(name)[\(number)](\(words.map { "0x" + hex($0) }.joined(separator: ", ")))"
    // A call that doesn't return is told at once.
    if name == "exit" || name == "exit_group" {
      output.append("\(text) = ?\n")
      return
    }
    if open.count == Self.mostOpen { output.append("\(open.removeFirst().text) = ?\n") }
    open.append((event.addressSpace, number, text))
  }

  private func leave(_ event: Event) {
    guard let index = open.lastIndex(where: { $0.space == event.addressSpace && $0.number == event.b }) else { return }
    output.append("\(open.remove(at: index).text) = \(Self.result(UInt32(truncatingIfNeeded: event.a)))\n")
  }

  private static func result(_ value: UInt32) -> String {
    if let error = LinuxErrors.name(ofResult: value) { return "-\(0 &- value) \(error)" }
    return value < 0x1_0000 ? String(value) : "0x" + hex(value)
  }
}
