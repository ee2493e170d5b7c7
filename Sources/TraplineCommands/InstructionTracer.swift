// A line for each instruction that the guest executes: what it was and what it changed. Slow, and meant for the last
// thousand instructions before something goes wrong.
//
//   #      retired  address        bytes                    instruction                        changes
//                0  0008:00100000  b8 01 00 00 00           mov eax, 1                         eax=00000001

import ISA
import Processor
import Tracing
import Trapline

/// Runs a machine step by step and writes down what it sees.
final class InstructionTracer {
  private let machine: VirtualMachine
  private let view: GuestView
  private let output: Tracing.ByteSink
  private let hasSymbols: Bool

  init(_ machine: VirtualMachine, _ view: GuestView, to output: Tracing.ByteSink) {
    self.machine = machine
    self.view = view
    self.output = output
    hasSymbols = !view.symbols.isEmpty
    let symbol = hasSymbols ? "symbol".padded(to: Self.symbolWidth) + "  " : ""
    output.append("\(Self.heading)\("bytes".padded(to: 23))  \(symbol)\("instruction".padded(to: 34))  changes\n")
  }

  /// How each such trace begins.
  static let heading = "#      retired  address        "
  private static let symbolWidth = 20

  /// Like `VirtualMachine.run`, with a line for each instruction.
  func run(_ limits: RunLimits) -> RunOutcome {
    let clock = ContinuousClock()
    let deadline = limits.time.map { clock.now + $0 }
    let processor = machine.processor
    var quiet: UInt64 = 0
    while true {
      if let limit = limits.instructions, processor.retired &+ quiet >= limit { return end(.instructionLimit) }
      if let stop = limits.stop, stop.isRaised { return end(.stopped) }
      if let deadline, clock.now >= deadline { return end(.timeLimit) }
      let before = Snapshot(processor)
      let line = view.instruction(at: before.eip)
      let place = view.place(before.eip)
      let symbol = hasSymbols ? (view.symbol(at: before.eip) ?? "").padded(to: Self.symbolWidth) + "  " : ""
      let outcome = machine.step(limits, until: deadline)
      let after = Snapshot(processor)
      if after.retired != before.retired {
        quiet = 0
        let bytes = (line?.bytes ?? []).map { hex($0, 2) }.joined(separator: " ").padded(to: 23)
        let text = (line?.text ?? "(nothing to read)").padded(to: 34)
        let changes = after.changes(since: before)
        write("\(padded(before.retired))  \(place)  \(bytes)  \(symbol)\(text)", changes)
      } else {
        // Exceptions without end retire nothing; they count against the limit all the same.
        quiet &+= 1
      }
      for record in processor.faultHistory.recent.suffix(min(after.deliveries - before.deliveries, FaultHistory.capacity)) {
        write(delivery(record), after.eip == before.eip ? "" : "to \(view.place(after.eip))\(view.label(after.eip))")
      }
      if let outcome { return outcome }
    }
  }

  private func end(_ outcome: RunOutcome) -> RunOutcome {
    machine.devices.flushOutput()
    return outcome
  }

  private func write(_ line: String, _ rest: String) {
    var line = rest.isEmpty ? line : "\(line)  \(rest)"
    while line.last == " " { line.removeLast() }
    output.append(line + "\n")
  }

  private func padded(_ retired: UInt64) -> String {
    let text = String(retired)
    return String(repeating: " ", count: max(0, 14 - text.count)) + text
  }

  private func delivery(_ record: FaultRecord) -> String {
    let name = record.cause == .external ? "interrupt \(record.vector)" : FaultReport.name(record.vector)
    let code = record.hasErrorCode ? ", error code \(hex(record.errorCode))" : ""
    let address = record.vector == ExceptionVector.pageFault.rawValue ? ", CR2 \(hex(record.cr2, 8))" : ""
    return "\(padded(record.retired))  -- \(name)\(code)\(address) at \(hex(record.codeSelector, 4)):\(hex(record.eip, 8))"
  }

  /// What a line's changes are found by.
  private struct Snapshot {
    var retired: UInt64
    var eip: UInt32
    var registers: InlineArray<8, UInt32>
    var flags: UInt32
    var selectors: InlineArray<6, UInt16>
    var control: (cr0: UInt32, cr3: UInt32, cr4: UInt32)
    var deliveries: Int

    init(_ processor: Processor) {
      retired = processor.retired
      eip = processor.instructionPointer
      registers = InlineArray { processor[register: $0] }
      flags = processor.eflags
      selectors = InlineArray { processor[SegmentRegister(rawValue: UInt8($0)) ?? .es].selector }
      let state = processor.state
      control = (state.cr0, state.cr3, state.cr4)
      deliveries = processor.faultHistory.total
    }

    func changes(since old: Snapshot) -> String {
      var words: [String] = []
      for index in 0..<8 where registers[index] != old.registers[index] {
        words.append("\(StateDump.registerNames[index])=\(hex(registers[index], 8))")
      }
      if flags != old.flags { words.append("eflags=\(StateDump.flags(flags))") }
      for index in 0..<6 where selectors[index] != old.selectors[index] {
        words.append("\(["es", "cs", "ss", "ds", "fs", "gs"][index])=\(hex(selectors[index], 4))")
      }
      if control.cr0 != old.control.cr0 { words.append("cr0=\(hex(control.cr0, 8))") }
      if control.cr3 != old.control.cr3 { words.append("cr3=\(hex(control.cr3, 8))") }
      if control.cr4 != old.control.cr4 { words.append("cr4=\(hex(control.cr4, 8))") }
      return words.joined(separator: " ")
    }
  }
}
