import Foundation
import Testing

@testable import Tracing

@Suite("The trace for timeline viewers")
struct ChromeSinkTests {
  typealias Entry = [String: Any]

  private func entries(_ events: [Event], guest: String = "", flushes: Int = 1) throws -> [Entry] {
    let output = ByteSink()
    let sink = ChromeSink(output, guest: guest)
    events.withUnsafeBufferPointer { sink.receive($0) }
    for _ in 0..<flushes { sink.flush() }
    let whole = try JSONSerialization.jsonObject(with: Data(output.contents)) as? [String: Any]
    return try #require(whole?["traceEvents"] as? [Entry])
  }

  private func phases(_ entries: [Entry]) -> [String] {
    entries.compactMap { $0["ph"] as? String }.filter { $0 != "M" }
  }

  @Test("every kind is valid JSON, with the largest values too", arguments: [0, 1])
  func valid(extreme: Int) throws {
    let largest = EventKind.allCases.map {
      Event(
        kind: $0, context: .vmx, retired: .max, code: .max, a: .max, b: .max,
        arguments: (.max, .max, .max, .max, .max, .max), instructionPointer: .max, addressSpace: .max, cycles: .max,
        cost: .max, measured: .max)
    }
    let found = try entries(extreme == 0 ? samples.map(\.event) : largest, guest: "a\"\\\u{1b}")
    #expect(phases(found).count >= (extreme == 0 ? samples.count : EventKind.allCases.count))
  }

  @Test("no event, and flushing twice, leave one whole object", arguments: 1...3)
  func flushes(count: Int) throws { #expect(try phases(entries([], flushes: count)).isEmpty) }

  @Test("a system call lasts from its entry to the end of its return, on the track of its address space")
  func call() throws {
    let found = try entries([
      Event(kind: .systemCallEntry, context: .guestUser, retired: 1, a: 3, addressSpace: 0x1000, cycles: 1500),
      Event(kind: .systemCallEntry, context: .guestUser, retired: 2, a: 4, addressSpace: 0x2000, cycles: 2000),
      Event(
        kind: .systemCallReturn, context: .guestKernel, retired: 3, a: 7, b: 3, arguments: (0x1000, 0, 0, 0, 0, 0),
        addressSpace: 0x9000, cycles: 3001, cost: 4),
    ])
    let calls = found.filter { $0["ph"] as? String != "M" }
    #expect(calls.map { $0["ph"] as? String } == ["B", "B", "E", "E"])
    #expect(calls[0]["name"] as? String == "read(3)")
    #expect(calls[0]["ts"] as? Double == 1.5)
    #expect(calls[2]["ts"] as? Double == 3.005)
    #expect(calls[2]["tid"] as? Int == calls[0]["tid"] as? Int)
    #expect(calls[3]["tid"] as? Int == calls[1]["tid"] as? Int)
    #expect(calls[0]["tid"] as? Int != calls[1]["tid"] as? Int)
  }

  @Test("a call that never returns ends where the next begins, and a return without its call is an instant")
  func unbalanced() throws {
    let entry = Event(kind: .systemCallEntry, context: .guestUser, retired: 1, a: 1)
    #expect(try phases(entries([entry, entry])) == ["B", "E", "B", "E"])
    #expect(try phases(entries([Event(kind: .systemCallReturn, context: .guestKernel, retired: 1)])) == ["i"])
  }

  @Test("an event is as long as its cost, or an instant; without modelled cycles it stands at its instruction")
  func durations() throws {
    let found = try entries([
      Event(kind: .callout, context: .monitor, retired: 5, cycles: 10, cost: 20),
      Event(kind: .tlbFlush, context: .guestKernel, retired: 7000),
    ]).filter { $0["ph"] as? String != "M" }
    #expect(found[0]["dur"] as? Double == 0.02)
    #expect(found[0]["ph"] as? String == "X")
    #expect(found[1]["ph"] as? String == "i")
    #expect(found[1]["ts"] as? Double == 7)
  }

  @Test("an arrow leads from a world switch to the next event of another context")
  func flow() throws {
    let found = try entries([
      Event(kind: .worldSwitch, context: .monitor, retired: 1, cycles: 10, cost: 5),
      Event(kind: .tlbFlush, context: .monitor, retired: 1, cycles: 15),
      Event(kind: .hostSystemCall, context: .vmx, retired: 1, cycles: 20),
      Event(kind: .hostSystemCall, context: .vmx, retired: 1, cycles: 21),
    ]).filter { $0["ph"] as? String != "M" }
    #expect(found.map { $0["flow_out"] as? Bool } == [true, nil, nil, nil])
    #expect(found.map { $0["flow_in"] as? Bool } == [nil, nil, true, nil])
    #expect(found[0]["bind_id"] as? String == found[2]["bind_id"] as? String)
  }

  @Test("one that takes and gives passes the same flow on")
  func chain() throws {
    let found = try entries([
      Event(kind: .worldSwitch, context: .monitor, retired: 1, cycles: 10, cost: 5),
      Event(kind: .doorbell, context: .hostKernel, retired: 1, cycles: 15, cost: 5),
      Event(kind: .vmxRequest, context: .vmx, retired: 1, cycles: 20, cost: 5),
    ]).filter { $0["ph"] as? String != "M" }
    #expect(found.map { $0["flow_out"] as? Bool } == [true, true, nil])
    #expect(found.map { $0["flow_in"] as? Bool } == [nil, true, true])
    #expect(Set(found.compactMap { $0["bind_id"] as? String }).count == 1)
  }
}
