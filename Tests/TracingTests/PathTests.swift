import Testing

@testable import Tracing

@Suite struct PathFoldingTests {
  @Test("what repeats is said once, sequences too, and nothing else changes")
  func folding() {
    #expect(PathFolding.fold(["a", "b", "c"]) == ["a", "b", "c"])
    #expect(PathFolding.fold(["a", "a", "a", "b"]) == ["a  (3 times)", "b"])
    #expect(PathFolding.fold(["x", "a", "b", "a", "b", "a", "b", "y"]) == ["x", "3 times", "  a", "  b", "y"])
    #expect(
      PathFolding.fold(["a", "b", "b", "a", "b", "b"]) == ["2 times", "  a", "  b  (2 times)"])
    #expect(PathFolding.fold([]) == [])
  }

  @Test("unfolding gives back the lines", arguments: 0..<40) func unfolding(seed: Int) {
    var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
    func random(_ limit: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      return (state >> 33) % limit
    }
    let lines = (0..<random(60)).map { _ in ["a", "b", "c"][Int(random(3))] }
    #expect(unfold(PathFolding.fold(lines)[...]) == lines)
  }

  private func unfold(_ folded: ArraySlice<String>) -> [String] {
    var (result, rest) = ([String](), folded)
    while let line = rest.first {
      rest = rest.dropFirst()
      if line.hasSuffix(" times") {
        let body = rest.prefix { $0.hasPrefix("  ") }
        rest = rest.dropFirst(body.count)
        let lines = unfold(body.map { String($0.dropFirst(2)) }[...])
        for _ in 0..<(Int(line.prefix { $0 != " " }) ?? 0) { result += lines }
      } else if line.hasSuffix(" times)") {
        let count = line.split(separator: "(").last.flatMap { Int($0.prefix { $0 != " " }) } ?? 0
        result += Array(repeating: String(line.prefix(1)), count: count)
      } else {
        result.append(line)
      }
    }
    return result
  }
}

@Suite struct PathSinkTests {
  private func event(_ kind: EventKind, _ context: EventContext, _ retired: UInt64, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0)
    -> Event
  { Event(kind: kind, context: context, retired: retired, code: code, a: a, b: b, addressSpace: 0x1000, cost: 10) }

  @Test("a span's path has its call, result, cost and steps") func path() {
    let events = [
      event(.systemCallEntry, .guestUser, 100, code: 0x80, a: 20, b: 0x8000),
      event(.tlbMiss, .guestKernel, 101, code: 2), event(.callout, .monitor, 102, code: CalloutReason.halt.rawValue),
      event(.callout, .monitor, 103, code: CalloutReason.halt.rawValue),
      event(.systemCallReturn, .guestUser, 110, code: 0x80, a: 7, b: 20),
      // Outside of any call.
      event(.halt, .guestKernel, 120),
    ]
    let output = ByteSink()
    let sink = SpanSink(PathSink(output)) { $0.number == 20 }
    events.withUnsafeBufferPointer { sink.receive($0) }
    sink.flush()
    #expect(
      String(decoding: output.contents, as: UTF8.self) == """
        getpid(20) = 7: 4 events, 10 instructions, 1 TLB misses, 50 modelled cycles in events
          user    system call by int 0x80
          monitor callout halt  (2 times)
          user    return to the caller

        """)
  }
}
