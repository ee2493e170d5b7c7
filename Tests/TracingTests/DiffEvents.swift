// Made-up events for the tests of spans and comparisons.

@testable import Tracing

/// Writes a trace by hand: time goes on by 10 instructions an event.
struct TraceScript {
  private(set) var events: [Event] = []
  var cr3: UInt32 = 0x1000
  private var retired: UInt64 = 0

  mutating func add(
    _ kind: EventKind, _ context: EventContext = .guestKernel, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0), eip: UInt32 = 0xc000_0000,
    cost: UInt32 = 0
  ) {
    retired += 10
    let cycles = (events.last.map { $0.cycles + UInt64($0.cost) } ?? 0) + 10
    events.append(
      Event(
        kind: kind, context: context, retired: retired, code: code, a: a, b: b, arguments: arguments,
        instructionPointer: eip, addressSpace: cr3, cycles: cycles, sequence: UInt64(events.count), cost: cost))
  }

  mutating func enter(_ number: UInt64, _ first: UInt32 = 0, from eip: UInt32 = 0x8000) {
    add(.systemCallEntry, .guestUser, code: 0x80, a: number, b: UInt64(eip) + 2, arguments: (first, 0, 0, 0, 0, 0), eip: eip)
  }

  mutating func leave(_ number: UInt64, _ result: UInt64 = 0, to eip: UInt32 = 0x8002, caller: UInt32? = nil) {
    add(
      .systemCallReturn, .guestUser, code: 0x80, a: result, b: number, arguments: (caller ?? cr3, 0, 0, 0, 0, 0), eip: eip)
  }

  /// A call with these port writes inside.
  mutating func call(_ number: UInt64, _ first: UInt32 = 0, ports: [UInt32] = [], cost: UInt32 = 0) {
    enter(number, first)
    for port in ports { add(.portWrite, code: port, cost: cost) }
    leave(number)
  }

  mutating func switchTo(_ new: UInt32) {
    let old = cr3
    cr3 = new
    add(.addressSpaceSwitch, a: UInt64(new), b: UInt64(old))
  }

  mutating func pageFault(_ address: UInt64) {
    add(.exception, .guestUser, code: 14, a: 6, b: address, eip: 0x8100)
  }
}

func trace(_ write: (inout TraceScript) -> Void) -> [Event] {
  var script = TraceScript()
  write(&script)
  return script.events
}
