// The promise that a guest can't tell one pager from another, held to the bit: the same guest under several, compared in
// everything that it could see, the sequence of its faults included.

import Devices
import Loading
import Memory
import Processor
import Tracing

/// All that a guest left behind.
package struct GuestEnd {
  package var outcome: RunOutcome
  package var retired: UInt64
  package var state: ArchitecturalState
  /// A hash of each page of RAM: accessed and dirty bits are in it.
  package var pages: [UInt64]
  package var output: [UInt8]
  /// Exceptions delivered, and a hash over them in order: vector, error code, CR2, EIP and the retired count of each.
  package var exceptions: UInt64
  package var exceptionHash: UInt64

  /// How another end differs, in words; empty when the guest saw no difference.
  package func differences(from other: GuestEnd) -> [String] {
    var found: [String] = []
    if outcome != other.outcome { found.append("it ended with \(outcome.name), not \(other.outcome.name)") }
    if retired != other.retired { found.append("\(retired) instructions retired, not \(other.retired)") }
    found += state.differences(from: other.state)
    if exceptions != other.exceptions || exceptionHash != other.exceptionHash {
      found.append("other exceptions: \(exceptions) and \(other.exceptions)")
    }
    let changed = pages.indices.filter { pages[$0] != other.pages[$0] }
    if let first = changed.first {
      found.append("\(changed.count) pages of memory differ, the first at 0x\(String(first << 12, radix: 16))")
    }
    if output != other.output { found.append("it printed something else") }
    return found
  }
}

/// Counts exceptions into a hash.
private final class ExceptionHash: EventSink {
  var count: UInt64 = 0
  var hash = StateHash()

  func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events {
      count += 1
      for word in [UInt64(event.code), event.a, event.b, UInt64(event.instructionPointer), event.retired] {
        hash.add(word)
      }
    }
  }

  func flush() {}
}

extension PagingComparison {
  /// Ways of translating that must show a guest the same, each group with one TLB, the bare silicon's first. A guest can
  /// tell one TLB from another: by an accessed bit that isn't set again as long as the page is known, for example.
  package static let groups: [[PagingContender]] = [
    [
      contender("none", .none), contender("shadow eager", .shadow),
      contender("shadow lazy", .shadow) { $0.shadow.mode = .lazy }, contender("nested", .nested),
    ],
    [
      contender("none, small TLB", .none, smallTLB(.vpid)),
      contender("shadow eager, split, 64K, small TLB", .shadow, smallTLB(.vpid)) {
        $0.shadow.largePages = .split
        $0.shadow.memory = ShadowOptions.leastMemory
      },
      contender("shadow lazy, 64K, small TLB", .shadow, smallTLB(.vpid)) {
        $0.shadow.mode = .lazy
        $0.shadow.memory = ShadowOptions.leastMemory
      },
      contender("nested without flags, small TLB", .nested, smallTLB(.vpid)) { $0.nested.accessedDirty = false },
    ],
  ]

  /// More ways, with TLBs that are flushed when others aren't or hold other pages: only a guest that flushes whatever it
  /// must can't tell them from those above.
  package static let strictContenders: [PagingContender] = [
    contender("shadow eager, tagged TLB", .shadow, smallTLB(.pcid)),
    contender("shadow lazy, tagged TLB", .shadow, smallTLB(.pcid)) { $0.shadow.mode = .lazy },
    contender("shadow lazy, 64K, untagged TLB", .shadow, smallTLB(.none)) {
      $0.shadow.mode = .lazy
      $0.shadow.memory = ShadowOptions.leastMemory
    },
    contender("nested, 2m, untagged TLB", .nested, smallTLB(.none)) { $0.nested.largePages = .used },
  ]

  private static func contender(
    _ name: String, _ pager: PagerKind, _ tlb: TLBOptions? = nil,
    _ change: (inout PagingConfiguration) -> Void = { _ in }
  ) -> PagingContender {
    var configuration = PagingConfiguration(pager: pager)
    configuration.tlb = tlb
    change(&configuration)
    return PagingContender(name: name, configuration: configuration)
  }

  private static func smallTLB(_ tags: TLBTags) -> TLBOptions {
    var tlb = TLBOptions()
    tlb.small = TLBGeometry(entries: 32, ways: 2)
    tlb.large2M = TLBGeometry(entries: 4, ways: 2)
    tlb.large4M = TLBGeometry(entries: 4, ways: 4)
    tlb.tags = tags
    return tlb
  }

  /// Runs the guest under all of them and reports each to `report`: its name, its end, and how that differs.
  /// - Parameter strictly: the guest flushes whatever it must, so that all groups must be alike.
  package func compareAll(
    strictly: Bool, _ report: (_ name: String, _ end: GuestEnd, _ differences: [String]) -> Void
  ) throws(Failure) {
    var reference: GuestEnd?
    for group in Self.groups + (strictly ? [Self.strictContenders] : []) {
      if !strictly { reference = nil }
      for contender in group {
        let end = try end(under: contender)
        report(contender.name, end, reference.map { end.differences(from: $0) } ?? [])
        if reference == nil { reference = end }
      }
    }
  }

  /// Runs the guest once and takes down all that it leaves.
  package func end(under contender: PagingContender) throws(Failure) -> GuestEnd {
    let (machine, serial) = try machine(for: contender)
    let exceptions = ExceptionHash()
    var filter = EventFilter()
    filter.kinds = [.exception]
    let recorder = Recorder(sink: exceptions, filter: filter)
    machine.record(with: recorder)
    let outcome = machine.run(limits)
    recorder.flush()
    return GuestEnd(
      outcome: outcome, retired: machine.processor.retired, state: machine.processor.architecturalState,
      pages: machine.memory.pageHashes, output: serial.output, exceptions: exceptions.count,
      exceptionHash: exceptions.hash.value)
  }
}
