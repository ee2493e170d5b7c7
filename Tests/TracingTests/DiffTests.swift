import Testing

@testable import Tracing

@Suite("Comparing traces")
struct DiffTests {
  private struct Outcome {
    var all: [SpanComparison] = []
    var summary = TraceDiffSummary()
    var calls: [SpanComparison] { all.filter { ($0.left ?? $0.right)?.kind == .call } }
  }

  private func diff(
    _ left: [Event], _ right: [Event], _ change: (inout TraceDiff) -> Void = { _ in }
  ) throws -> Outcome {
    var outcome = Outcome()
    var diff = TraceDiff()
    change(&diff)
    outcome.summary = try diff.compare(EventArraySource(left), EventArraySource(right)) { outcome.all.append($0) }
    return outcome
  }

  @Test("a trace is the same as itself, and no row says otherwise")
  func same() throws {
    let events = trace {
      $0.add(.halt)
      for number: UInt64 in 0..<50 { $0.call(number, ports: [1, 2, 3]) }
      $0.pageFault(1)
    }
    let outcome = try diff(events, events)
    #expect(outcome.summary.isSame && outcome.summary.same == 51)
    #expect(outcome.all.allSatisfy { $0.isSame && $0.rows.isEmpty })
    #expect(outcome.summary.left.events == UInt64(events.count))
  }

  @Test("time, addresses of instructions, address spaces and what was measured make no difference")
  func unimportant() throws {
    let left = trace { $0.call(3, ports: [1]) }
    var right = left
    for index in right.indices {
      right[index].retired += 1000
      right[index].cycles += 99
      right[index].instructionPointer = 1
      right[index].measured = 7
    }
    #expect(try diff(left, right).summary.isSame)
  }

  @Test("what only one side did stands in its place among what both did")
  func onlyIn() throws {
    let outcome = try diff(trace { $0.call(3, ports: [1, 2, 3]) }, trace { $0.call(3, ports: [1, 9, 3, 4]) })
    #expect(outcome.summary.different == 1)
    let rows = outcome.calls[0].rows.map {
      switch $0 {
      case .both(let event, _): "=\(event.code)"
      case .onlyLeft(let event): "<\(event.code)"
      case .onlyRight(let event): ">\(event.code)"
      }
    }
    #expect(rows == ["=128", "=1", "<2", ">9", "=3", ">4", "=128"])
    let counts = outcome.calls[0].counts
    #expect(counts.onlyLeft == 1 && counts.onlyRight == 2 && counts.otherCost == 0)
  }

  @Test("the same events at another cost differ")
  func cost() throws {
    let outcome = try diff(trace { $0.call(3, ports: [1], cost: 5) }, trace { $0.call(3, ports: [1], cost: 9) })
    #expect(outcome.calls[0].counts.otherCost == 1)
    #expect(!outcome.summary.isSame)
    let total = outcome.summary.totals.first { $0.context == .guestKernel }
    #expect(total?.leftCycles == 25 && total?.rightCycles == 29)
  }

  @Test("a call with other arguments is still the n-th of its number")
  func arguments() throws {
    let left = trace { for first: UInt32 in 0..<10 { $0.call(3, first) } }
    let right = trace { for first: UInt32 in 0..<10 { $0.call(3, first == 4 ? 99 : first) } }
    let outcome = try diff(left, right)
    #expect(outcome.summary.same == 9 && outcome.summary.different == 1)
    #expect(outcome.summary.onlyLeft == 0 && outcome.summary.onlyRight == 0)
  }

  @Test("a call that one trace lacks doesn't shift the others", arguments: [0, 5, 9])
  func missing(place: UInt32) throws {
    let left = trace { for first: UInt32 in 0..<10 { $0.call(3, first, ports: [first]) } }
    let right = trace { for first: UInt32 in 0..<10 where first != place { $0.call(3, first, ports: [first]) } }
    let outcome = try diff(left, right)
    #expect(outcome.summary.same == 9 && outcome.summary.different == 0 && outcome.summary.onlyLeft == 1)
    #expect(outcome.calls.first { !$0.isSame }?.left?.arguments.0 == place)
    #expect(try diff(right, left).summary.onlyRight == 1)
  }

  @Test("processes that take turns in another order have the same calls")
  func interleaved() throws {
    let left = trace {
      for _ in 0..<5 {
        $0.call(3)
        $0.switchTo(0x2000)
        $0.call(4)
        $0.switchTo(0x1000)
      }
    }
    let right = trace {
      for _ in 0..<5 { $0.call(3) }
      $0.switchTo(0x2000)
      for _ in 0..<5 { $0.call(4) }
    }
    let outcome = try diff(left, right)
    #expect(outcome.summary.same == 10 && outcome.summary.different == 0)
    #expect(!outcome.summary.isSame)
  }

  @Test("processes whose CR3 isn't the other trace's are matched in the order of their appearance")
  func otherSpaces() throws {
    func run(_ first: UInt32, _ second: UInt32) -> [Event] {
      trace {
        $0.cr3 = first
        $0.call(3)
        $0.cr3 = second
        $0.call(4)
      }
    }
    let outcome = try diff(run(0x1000, 0x2000), run(0x7000, 0x8000))
    #expect(outcome.summary.isSame && outcome.summary.same == 2)
  }

  @Test("a process switch inside a call is the call's")
  func switchInside() throws {
    let left = trace { $0.call(3) }
    let right = trace {
      $0.enter(3)
      $0.switchTo(0x2000)
      $0.switchTo(0x1000)
      $0.leave(3)
    }
    let outcome = try diff(left, right)
    #expect(outcome.calls[0].counts.onlyRight == 1)
    #expect(outcome.summary.differentPieces == 1)
  }

  @Test("page faults are matched with page faults")
  func pageFaults() throws {
    let left = trace {
      $0.pageFault(0x5000)
      $0.call(3)
    }
    let right = trace {
      $0.call(3)
      $0.pageFault(0x5000)
      $0.add(.tlbMiss)
    }
    let outcome = try diff(left, right) { $0.selection = .pageFaults }
    #expect(outcome.all.count == 1 && outcome.all[0].counts.onlyRight == 1)
    #expect(try diff(left, right).summary.same == 1)
  }

  @Test("only the chosen calls are compared and counted")
  func selection() throws {
    let left = trace {
      $0.call(3, ports: [1])
      $0.call(4, ports: [1])
    }
    let right = trace {
      $0.call(3, ports: [1])
      $0.call(4, ports: [2])
    }
    let read = try diff(left, right) { $0.selection = .call(3) }
    #expect(read.summary.isSame && read.summary.same == 1 && read.summary.left.events == 3)
    #expect(try diff(left, right) { $0.selection = .call(4) }.summary.different == 1)
  }

  @Test("long pieces between calls are compared in parts, without a difference where they were cut")
  func parts() throws {
    func run(_ extra: Int) -> [Event] {
      trace {
        for n in 0..<1000 {
          if n < extra { $0.add(.halt) }
          $0.add(.portWrite, code: UInt32(n))
        }
        $0.call(3)
      }
    }
    for (left, right) in [(0, 7), (7, 0), (3, 3)] {
      let outcome = try diff(run(left), run(right)) { $0.spanCapacity = 64 }
      let counts = outcome.all.map(\.counts)
      #expect(counts.reduce(0) { $0 + $1.onlyLeft } == max(0, left - right))
      #expect(counts.reduce(0) { $0 + $1.onlyRight } == max(0, right - left))
      #expect(outcome.summary.same == 1)
      #expect(outcome.summary.left.events == UInt64(run(left).count))
      #expect(outcome.summary.right.events == UInt64(run(right).count))
    }
  }

  @Test("what is beyond a call's capacity is compared too, if not shown")
  func omitted() throws {
    let left = trace { $0.call(3, ports: Array(0..<100)) }
    let right = trace { $0.call(3, ports: (0..<100).map { $0 == 90 ? 7 : $0 }) }
    let outcome = try diff(left, right) { $0.spanCapacity = 50 }
    #expect(outcome.summary.different == 1 && outcome.calls[0].omittedDiffer)
    #expect(try diff(left, left) { $0.spanCapacity = 50 }.summary.isSame)
  }

  @Test("with little to hold, every event is still counted once")
  func littleRoom() throws {
    let left = trace { for n: UInt32 in 0..<300 { $0.call(UInt64(n % 7), n, ports: [n]) } }
    let right = trace { for n: UInt32 in 0..<300 { $0.call(UInt64(n % 5), n, ports: [n]) } }
    let outcome = try diff(left, right) { $0.mostWaiting = 20 }
    #expect(outcome.summary.left.events == UInt64(left.count))
    #expect(outcome.summary.right.events == UInt64(right.count))
    #expect(!outcome.summary.isSame)
  }

  @Test("an empty trace lacks everything")
  func empty() throws {
    let outcome = try diff([], trace { $0.call(3) })
    #expect(outcome.summary.onlyRight == 1 && outcome.calls[0].rows.count == 2)
    #expect(try diff([], []).summary.isSame)
  }

  @Test("a source that fails tells which it was")
  func failure() {
    final class Broken: EventSource {
      func next() throws(EventTraceError) -> Event? { throw EventTraceError(line: 7, "it is broken") }
    }
    #expect {
      try TraceDiff().compare(EventArraySource([]), Broken()) { _ in }
    } throws: { ($0 as? TraceDiffError)?.side == .right && ($0 as? TraceDiffError)?.problem.line == 7 }
  }

  // MARK: Events

  private func events(_ codes: [Int]) -> [Event] {
    codes.map { Event(kind: .portWrite, context: .guestKernel, retired: 0, code: UInt32($0)) }
  }

  @Test("rows are a longest common subsequence and keep both orders")
  func longest() {
    var state: UInt64 = 7
    func random(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    for _ in 0..<400 {
      let kinds = 1 + random(5)
      let left = (0..<random(30)).map { _ in random(kinds) }
      let right = (0..<random(30)).map { _ in random(kinds) }
      var lengths = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
      for (i, x) in left.enumerated() {
        for (j, y) in right.enumerated() {
          lengths[i + 1][j + 1] = x == y ? lengths[i][j] + 1 : max(lengths[i][j + 1], lengths[i + 1][j])
        }
      }
      let alignment = EventAlignment(events(left), events(right))
      var (seenLeft, seenRight, both) = ([Int](), [Int](), 0)
      for row in alignment.rows {
        switch row {
        case .both(let x, let y):
          seenLeft.append(Int(x.code))
          seenRight.append(Int(y.code))
          both += 1
          #expect(x.code == y.code)
        case .onlyLeft(let x): seenLeft.append(Int(x.code))
        case .onlyRight(let y): seenRight.append(Int(y.code))
        }
      }
      #expect(seenLeft == left && seenRight == right && both == lengths[left.count][right.count])
      #expect(!alignment.isApproximate)
    }
  }

  @Test("spans with very many differences are matched as well as may be, and say so")
  func approximate() {
    let left = (0..<20_000).map { $0 % 3 == 0 ? $0 : 100_000 + $0 }
    let right = (0..<20_000).map { $0 % 3 == 0 ? $0 : 200_000 + $0 }
    let alignment = EventAlignment(events(left), events(right))
    #expect(alignment.isApproximate)
    let both = alignment.rows.count { if case .both = $0 { true } else { false } }
    #expect(both == 6667)
    #expect(alignment.rows.count == 6667 + 2 * 13_333)
  }

  @Test("after a long stretch of differences, spans are in step again")
  func backInStep() {
    var (left, right): ([Int], [Int]) = ([], [])
    for part in 0..<4 {
      left += (0..<700).map { (part + 1) * 10_000 + $0 % 90 }
      right.append(90_000 + part)
      left += part * 1000..<part * 1000 + 500
      right += part * 1000..<part * 1000 + 500
    }
    let alignment = EventAlignment(events(left), events(right))
    #expect(alignment.isApproximate)
    #expect(alignment.rows.count { if case .both = $0 { true } else { false } } == 2000)
    #expect(alignment.rows.count == 2000 + 2800 + 4)
  }
}
