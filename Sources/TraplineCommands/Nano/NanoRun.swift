// What a stretch of a guest does, counted step by step. Two runs that differ in nothing but their turns give what one turn
// does, exactly. The pager is real: its faults and traces happen; what instructions come to is the technique's to say.

import ISA
import Loading
import Processor
import Tracing
import Trapline

/// Counts of what a guest did.
struct NanoRun: Equatable {
  var executed: [ExecutedInstruction: Double] = [:]
  var happenings: [Happening: Double] = [:]
  /// Page walks, and their references to memory.
  var walks = 0.0
  var references = 0.0

  init() {}

  /// Steps a machine to its end.
  /// - Parameter most: steps after which it is given up.
  init(stepping machine: VirtualMachine, most: Int = 20_000_000) throws(Refusal) {
    let events = NanoEvents()
    machine.record(with: Recorder(sink: events, filter: EventFilter(kinds: NanoEvents.kinds), capacity: 1))
    defer { machine.record(with: nil) }
    let decoder = Decoder()
    let processor = machine.processor
    let view = GuestView(processor, symbols: machine.image?.symbols ?? SymbolTable([]))
    for _ in 0..<most {
      let bytes = view.bytes(at: processor[.cs].base &+ processor.instructionPointer, count: Decoder.maximumLength)
      let instruction = bytes.withUnsafeBytes { buffer -> Instruction? in
        guard let base = buffer.baseAddress else { return nil }
        return decoder.decode(base, count: buffer.count, size: view.codeSize)
      }
      let (retired, isUser) = (processor.retired, processor.privilegeLevel == 3)
      let control = (processor.state.cr0, processor.state.cr3, processor.state.cr4)
      let outcome = machine.step()
      if processor.retired != retired, let instruction {
        let isWrite = instruction.operation == .movToControl
        let isSame = control == (processor.state.cr0, processor.state.cr3, processor.state.cr4)
        let executed = ExecutedInstruction(
          operation: instruction.operation, isUser: isUser, endsInUser: processor.privilegeLevel == 3,
          control: isWrite ? instruction.reg : nil, isUnchanged: isWrite && isSame)
        self.executed[executed, default: 0] += 1
      }
      guard let outcome else { continue }
      (happenings, walks, references) = (events.happenings, events.walks, events.references)
      if Self.isGood(outcome) { return }
      throw Refusal("the guest ended otherwise than it should: \(outcome)", status: ExitStatus.bug)
    }
    throw Refusal("the guest didn't end within \(most) steps", status: ExitStatus.bug)
  }

  /// Whether a guest ended as these do when all is well.
  static func isGood(_ outcome: RunOutcome) -> Bool { outcome == .guestExit(status: 1) }

  /// Each count less another's, over a number of turns.
  func less(_ other: NanoRun, turns: Double = 1) -> NanoRun {
    func difference<Key>(_ a: [Key: Double], _ b: [Key: Double]) -> [Key: Double] {
      a.merging(b.mapValues { -$0 }, uniquingKeysWith: +).filter { $0.value != 0 }.mapValues { $0 / turns }
    }
    var result = NanoRun()
    result.executed = difference(executed, other.executed)
    result.happenings = difference(happenings, other.happenings)
    result.walks = (walks - other.walks) / turns
    result.references = (references - other.references) / turns
    return result
  }
}

/// Counts the events that nobody sees from outside.
private final class NanoEvents: EventSink {
  var happenings: [Happening: Double] = [:]
  var walks = 0.0
  var references = 0.0

  static let kinds: Set<EventKind> = [
    .exception, .interruptInjected, .hiddenPageFault, .traceHit, .eptViolation, .tlbMiss,
  ]

  func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events {
      if event.kind == .tlbMiss {
        walks += 1
        references += Double(event.code)
      } else if let happening = Happening(event) {
        happenings[happening, default: 0] += 1
      }
    }
  }

  func flush() {}
}

extension Happening {
  fileprivate init?(_ event: Event) {
    switch event.kind {
    case .exception: self = event.code == 14 ? .pageFault : event.code == 0 ? .divideError : .otherException
    case .interruptInjected: self = .interrupt
    case .hiddenPageFault: self = .hiddenFault
    case .traceHit: self = .traceHit
    case .eptViolation: self = .violation
    default: return nil
    }
  }
}
