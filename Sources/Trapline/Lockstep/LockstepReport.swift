// What there is to know about the place where two engines part, for whoever mends it: both machines are brought there once
// more, and looked at.

import ISA
import Memory
import Processor
import Tracing

/// A difference with what surrounds it.
package struct LockstepReport {
  /// Events shown.
  package var events = 20

  private let lockstep: Lockstep
  private let difference: LockstepDifference
  /// Instructions shown before the interval, and in all.
  private static let context: UInt64 = 8
  private static let mostInstructions: UInt64 = 48
  /// Recording can make the interpreter slow: it begins so many instructions before.
  private static let recorded: UInt64 = 1_000_000
  private static let mostPages = 4
  private static let mostBytes = 8

  package init(_ lockstep: Lockstep, _ difference: LockstepDifference) {
    self.lockstep = lockstep
    self.difference = difference
  }

  package func text() throws(Lockstep.Failure) -> String {
    let path = try path()
    let pair =
      difference.isRepeatable
      ? try lockstep.pair(at: difference.end, by: [difference.start]) : try lockstep.pair(at: difference.end)
    var text = "DIFFERS: equal after \(difference.start) instructions, not after \(difference.end)\n"
    if !difference.isRepeatable {
      text += "  (a stop at \(difference.start) makes it go away: the cause may lie before)\n"
    }
    text += "\ninterpreter != translator:\n"
    for part in difference.differences { text += "  \(part)\n" }
    for page in pair.differingPages.prefix(Self.mostPages) {
      for line in pair.differingBytes(of: page, most: Self.mostBytes) { text += "  memory at \(line)\n" }
    }
    text += "\nguest instructions, the count before each:\n" + path.lines.map { $0 + "\n" }.joined()
    text += "\nthe last \(path.events.count) events, the interpreter's:\n" + Self.text(of: path.events)
    return text + hostCode(path.eip, pair.translator.processor)
  }

  // MARK: The interpreter's way

  private struct Path {
    var lines: [String] = []
    /// Of the last instruction.
    var eip: UInt32 = 0
    var events: [Event] = []
  }

  private func path() throws(Lockstep.Failure) -> Path {
    let (machine, _) = try lockstep.guest.machine(.interpreter)
    var path = Path()
    let (start, end) = (difference.start, difference.end)
    _ = lockstep.advance(machine, .interpreter, end > Self.recorded ? end - Self.recorded : 0)
    let sink = LastEvents(most: events)
    let recorder = Recorder(sink: sink)
    machine.record(with: recorder)
    let first = max(
      start > Self.context ? start - Self.context : 0, end > Self.mostInstructions ? end - Self.mostInstructions : 0)
    _ = lockstep.advance(machine, .interpreter, first)
    let disassembler = Disassembler()
    while machine.processor.retired < end {
      let before = machine.processor.retired
      let eip = machine.processor.instructionPointer
      let line = Self.line(machine.processor, disassembler)
      let outcome = machine.step()
      let isOver = machine.processor.retired > before
      path.lines.append(
        "\(before >= start ? ">" : " ") \(before)  \(line)\(isOver ? "" : "  (not retired: an interrupt, a fault or a wait)")"
      )
      if isOver { path.eip = eip }
      if outcome != nil { break }
    }
    machine.record(with: nil)
    recorder.flush()
    path.events = sink.events
    return path
  }

  private static func line(_ processor: Processor, _ disassembler: Disassembler) -> String {
    let cs = processor[.cs]
    let eip = processor.instructionPointer
    var bytes: [UInt8] = []
    while bytes.count < Decoder.maximumLength {
      let linear = LinearAddress(cs.base &+ eip &+ UInt32(bytes.count))
      guard let physical = processor.inspect(linear), let byte = processor.memory.bytes(at: physical, count: 1) else {
        break
      }
      bytes += byte
    }
    if bytes.isEmpty { return "\(hexadecimal(eip, 8))  (nothing to read)" }
    return disassembler.one(bytes[...], at: eip, size: cs.isBig ? .bits32 : .bits16).line
  }

  private static func text(of events: [Event]) -> String {
    let output = ByteSink()
    let sink = TextSink(output)
    events.withUnsafeBufferPointer { sink.receive($0) }
    return String(decoding: output.contents, as: UTF8.self)
  }

  // MARK: The translator's code

  private func hostCode(_ eip: UInt32, _ processor: Processor) -> String {
    let found = processor.fragments.filter { $0.range.contains(UInt64(eip)) }
    if found.isEmpty { return "\nnothing at \(hexadecimal(eip, 8)) is translated\n" }
    let disassembler = HostDisassembler()
    var text = ""
    for fragment in found {
      text += "\nhost code of \(fragment.instructions.count) instructions at \(hexadecimal(fragment.eip, 8))"
      text += ", memory through the \(fragment.usesWindow ? "window" : "TLB"):\n"
      for part in fragment.parts {
        if case .instruction(let n) = part.role { text += "  instruction \(n + 1):\n" }
        for line in disassembler.disassemble(part.bytes, at: part.offset) {
          text += "    \(hexadecimal(UInt(line.offset), 6))  \(line.text)\n"
        }
      }
    }
    return text
  }
}

/// Keeps the last events.
private final class LastEvents: EventSink {
  private(set) var events: [Event] = []
  private let most: Int

  init(most: Int) { self.most = most }

  func receive(_ events: UnsafeBufferPointer<Event>) {
    self.events += events.suffix(most)
    self.events.removeFirst(max(0, self.events.count - most))
  }

  func flush() {}
}
