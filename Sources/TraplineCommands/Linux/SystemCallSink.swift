// System calls as strace shows them, one line each, once they have returned: process by its address space, name, number,
// arguments, result. The guest's kernel has no part in it.
//
//   cr3=01a3b000 write[4](0x1, "hello\\n", 0x6) = 6

import Tracing
import Trapline

final class SystemCallSink: EventSink {
  private let output: Tracing.ByteSink
  /// Reads the process's memory.
  private let view: GuestView?
  /// Calls that haven't returned.
  private var open: [(space: UInt32, number: UInt64, text: String)] = []
  private static let mostOpen = 4096
  /// The gate's number of a call by SYSENTER.
  private static let sysenter: UInt32 = 0xffff
  /// Bytes of a text that are shown, as strace does.
  private static let mostText = 32

  private init(_ output: Tracing.ByteSink, _ view: GuestView?) {
    self.output = output
    self.view = view
  }

  /// Writes a machine's system calls from now on.
  /// - Returns: what is to be flushed at the end.
  static func record(_ machine: VirtualMachine, to output: Tracing.ByteSink) -> Recorder {
    let sink = SystemCallSink(output, GuestView(machine.processor, symbols: .empty))
    // One event at a time: arguments are looked at while they are there.
    let recorder = Recorder(
      sink: sink, filter: EventFilter(kinds: [.systemCallEntry, .systemCallReturn]), capacity: 1)
    machine.record(with: recorder)
    return recorder
  }

  func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events {
      if event.kind == .systemCallEntry { enter(event) } else { leave(event) }
    }
  }

  func flush() {
    // What never came back: whoever waited when the machine stopped.
    for call in open { output.append("\(call.text) = ?\n") }
    open = []
    output.flush()
  }

  private func enter(_ event: Event) {
    let number = event.a
    let name = LinuxSystemCalls.name(of: number)?.description ?? "syscall"
    let all = event.arguments
    var values = [all.0, all.1, all.2, all.3, all.4, all.5]
    // SYSENTER needs EBP for the way back: Linux's vDSO leaves the sixth argument where it points to.
    if event.code == Self.sysenter, let sixth = view?.word(at: all.5) { values[5] = sixth }
    let words = values.indices.prefix(LinuxSystemCalls.argumentCount(of: number)).map { index -> String in
      switch LinuxSystemCalls.text(inArgument: index, of: number) {
      case .path: path(at: values[index])
      case .counted where index + 1 < values.count: counted(at: values[index], count: values[index + 1])
      default: "0x\(hex(values[index]))"
      }
    }
    let line = "cr3=\(hex(event.addressSpace, 8)) \(name)[\(number)](\(words.joined(separator: ", ")))"
    // A call that doesn't return is told at once.
    if name == "exit" || name == "exit_group" {
      output.append("\(line) = ?\n")
      return
    }
    if open.count == Self.mostOpen { output.append("\(open.removeFirst().text) = ?\n") }
    open.append((event.addressSpace, number, line))
  }

  private func leave(_ event: Event) {
    // (A program that execve began has another address space than its caller.)
    let caller = event.arguments.0
    guard let index = open.lastIndex(where: { $0.space == caller && $0.number == event.b }) else { return }
    output.append("\(open.remove(at: index).text) = \(Self.result(UInt32(truncatingIfNeeded: event.a)))\n")
  }

  private static func result(_ value: UInt32) -> String {
    if let error = LinuxErrors.name(ofResult: value) { return "-\(0 &- value) \(error)" }
    return value < 0x1_0000 ? String(value) : "0x" + hex(value)
  }

  // MARK: Texts

  /// A text that ends with a NUL; its address when it can't be read.
  private func path(at address: UInt32) -> String {
    guard address != 0, let bytes = view?.bytes(at: address, count: Self.mostPath), !bytes.isEmpty else {
      return "0x\(hex(address))"
    }
    return Self.quoted(bytes.prefix { $0 != 0 }, isWhole: bytes.contains(0))
  }

  private static let mostPath = 256

  private func counted(at address: UInt32, count: UInt32) -> String {
    let length = min(Int(count), Self.mostText)
    guard let bytes = view?.bytes(at: address, count: length), bytes.count == length else { return "0x\(hex(address))" }
    return Self.quoted(bytes[...], isWhole: length == Int(count))
  }

  private static func quoted(_ bytes: ArraySlice<UInt8>, isWhole: Bool) -> String {
    var text = "\""
    for byte in bytes {
      switch byte {
      case 0x0a: text += "\\n"
      case 0x0d: text += "\\r"
      case 0x09: text += "\\t"
      case 0x22, 0x5c: text += "\\" + String(UnicodeScalar(byte))
      case 0x20..<0x7f: text += String(UnicodeScalar(byte))
      default: text += "\\x" + hex(byte, 2)
      }
    }
    return text + (isWhole ? "\"" : "\"...")
  }
}
