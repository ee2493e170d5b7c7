// Adds to what parts below the machine report: when, at which guest instruction, in which address space.

import Processor
import Tracing

/// The machine's recorder, for those below it.
final class MachineReporter: EventReporter {
  private unowned let processor: Processor
  var recorder: Recorder?

  init(_ processor: Processor) { self.processor = processor }

  func wants(_ kind: EventKind) -> Bool { recorder?.wants(kind) ?? false }

  func report(
    _ kind: EventKind, in context: EventContext, code: UInt32, a: UInt64, b: UInt64,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), measured: UInt32
  ) {
    guard let recorder, recorder.wants(kind) else { return }
    var event = processor.event(kind, code: code, a: a, b: b)
    event.context = context
    event.arguments = arguments
    event.measured = measured
    recorder.record(event)
  }
}
