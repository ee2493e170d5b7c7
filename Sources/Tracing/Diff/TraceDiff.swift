// Two traces side by side, in one pass over both. Spans are matched within their address space, and events within the
// matched spans; what has found its partner is handed on and forgotten, so that traces may be longer than memory.

/// Which trace.
public enum TraceSide: Sendable { case left, right }

/// Why one of the traces could not be read.
public struct TraceDiffError: Error, Sendable {
  public let side: TraceSide
  public let problem: EventTraceError
}

/// What both traces came to.
public struct TraceDiffSummary: Sendable {
  /// Of the spans that were chosen.
  public var left = SpanSpending()
  public var right = SpanSpending()
  /// Calls and page faults that are the same, that differ, that only one trace has; pieces between calls don't count.
  public var same = 0
  public var different = 0
  public var onlyLeft = 0
  public var onlyRight = 0
  /// Pieces between calls that differ.
  public var differentPieces = 0

  public init() {}

  public var isSame: Bool { different == 0 && onlyLeft == 0 && onlyRight == 0 && differentPieces == 0 }

  /// All contexts, in the order of `EventContext`.
  public var totals: [ContextTotal] {
    EventContext.allCases.map { context in
      var total = ContextTotal(context: context)
      total.leftEvents = Int(clamping: left[context].events)
      total.rightEvents = Int(clamping: right[context].events)
      total.leftCycles = left[context].cycles
      total.rightCycles = right[context].cycles
      total.leftInstructions = left[context].instructions
      total.rightInstructions = right[context].instructions
      return total
    }
  }
}

/// Compares event traces.
public struct TraceDiff {
  /// What is compared.
  public enum Selection: Sendable, Equatable {
    case everything
    /// Calls with this number.
    case call(UInt32)
    case pageFaults
  }

  public var selection = Selection.everything
  /// Most events of each trace that wait for partners; a span beyond counts as one that only its trace has.
  public var mostWaiting = 1 << 20
  /// Most events held of one span: see `SpanReader`.
  public var spanCapacity = 1 << 17

  public init() {}

  /// Reads both traces to their ends.
  /// - Parameter body: gets each pair of spans that was chosen, the same ones too, as soon as it is known.
  public func compare(
    _ left: any EventSource, _ right: any EventSource, _ body: (SpanComparison) -> Void
  ) throws(TraceDiffError) -> TraceDiffSummary {
    var run = TraceDiffRun(self)
    var (leftEnded, rightEnded) = (false, false)
    while !leftEnded || !rightEnded {
      switch run.nextSide(leftEnded: leftEnded, rightEnded: rightEnded) {
      case .left:
        do throws(EventTraceError) {
          let event = try left.next()
          leftEnded = event == nil
          run.take(event, from: .left, body)
        } catch { throw TraceDiffError(side: .left, problem: error) }
      case .right:
        do throws(EventTraceError) {
          let event = try right.next()
          rightEnded = event == nil
          run.take(event, from: .right, body)
        } catch { throw TraceDiffError(side: .right, problem: error) }
      }
      if run.isFull(leftEnded: leftEnded, rightEnded: rightEnded) { run.settle(body) }
    }
    run.settle(body)
    return run.summary
  }
}

/// The state of one comparison.
private struct TraceDiffRun {
  private let options: TraceDiff
  private(set) var summary = TraceDiffSummary()

  private var leftReader: SpanReader
  private var rightReader: SpanReader
  /// Retired instructions at the last event.
  private var leftTime: UInt64 = 0
  private var rightTime: UInt64 = 0
  private var leftHeld = 0
  private var rightHeld = 0
  private var spaces: [SpaceLanes] = []
  private var leftSpaces: [UInt32: Int] = [:]
  private var rightSpaces: [UInt32: Int] = [:]

  /// Page faults are matched with page faults: there may be more or fewer of them between two calls.
  private struct SpaceLanes {
    let cr3: UInt32
    var calls = SpanLane()
    var faults = SpanLane()
    var isInLeft = false
    var isInRight = false
  }

  init(_ options: TraceDiff) {
    self.options = options
    leftReader = SpanReader(capacity: options.spanCapacity)
    rightReader = SpanReader(capacity: options.spanCapacity)
  }

  /// The trace that is behind in the guest's time, so that partners meet early.
  @inline(__always)
  func nextSide(leftEnded: Bool, rightEnded: Bool) -> TraceSide {
    if leftEnded { return .right }
    if rightEnded { return .left }
    if leftHeld > options.mostWaiting { return .right }
    if rightHeld > options.mostWaiting { return .left }
    return leftTime <= rightTime ? .left : .right
  }

  @inline(__always)
  func isFull(leftEnded: Bool, rightEnded: Bool) -> Bool {
    (leftHeld > options.mostWaiting || leftEnded) && (rightHeld > options.mostWaiting || rightEnded)
      && leftHeld + rightHeld > options.mostWaiting
  }

  /// - Parameter event: nil at the trace's end.
  mutating func take(_ event: Event?, from side: TraceSide, _ body: (SpanComparison) -> Void) {
    switch side {
    case .left:
      if let event {
        leftTime = event.retired
        leftReader.take(event)
      } else {
        leftReader.finish()
      }
      if !leftReader.finished.isEmpty { queue(leftReader.takeFinished(), from: side, body) }
    case .right:
      if let event {
        rightTime = event.retired
        rightReader.take(event)
      } else {
        rightReader.finish()
      }
      if !rightReader.finished.isEmpty { queue(rightReader.takeFinished(), from: side, body) }
    }
  }

  private mutating func queue(_ items: [SpanItem], from side: TraceSide, _ body: (SpanComparison) -> Void) {
    for item in items {
      guard let span = item.span ?? item.before else { continue }
      let index = space(span.addressSpace, side)
      let lane = span.kind == .pageFault ? \SpaceLanes.faults : \SpaceLanes.calls
      switch side {
      case .left:
        leftHeld += item.heldEvents
        spaces[index][keyPath: lane].left.append(item)
      case .right:
        rightHeld += item.heldEvents
        spaces[index][keyPath: lane].right.append(item)
      }
      drain(index, lane, isFinal: false, body)
    }
  }

  private mutating func space(_ cr3: UInt32, _ side: TraceSide) -> Int {
    if let known = side == .left ? leftSpaces[cr3] : rightSpaces[cr3] { return known }
    // The same CR3 in the other trace is taken for the same process.
    let twin = side == .left ? rightSpaces[cr3] : leftSpaces[cr3]
    let index: Int
    if let twin, side == .left ? !spaces[twin].isInLeft : !spaces[twin].isInRight {
      index = twin
    } else {
      index = spaces.count
      spaces.append(SpaceLanes(cr3: cr3))
    }
    switch side {
    case .left:
      leftSpaces[cr3] = index
      spaces[index].isInLeft = true
    case .right:
      rightSpaces[cr3] = index
      spaces[index].isInRight = true
    }
    return index
  }

  /// Nothing more will come, or nothing more can be held: what waits is told as it is.
  mutating func settle(_ body: (SpanComparison) -> Void) {
    joinSpaces()
    for index in spaces.indices {
      drain(index, \.calls, isFinal: true, body)
      drain(index, \.faults, isFinal: true, body)
    }
  }

  /// Processes whose CR3 only one trace has are taken for each other in the order of their appearance.
  private mutating func joinSpaces() {
    let onlyLeft = spaces.indices.filter { spaces[$0].isInLeft && !spaces[$0].isInRight }
    let onlyRight = spaces.indices.filter { spaces[$0].isInRight && !spaces[$0].isInLeft }
    for (index, other) in zip(onlyLeft, onlyRight) {
      spaces[index].calls.right = spaces[other].calls.right
      spaces[index].faults.right = spaces[other].faults.right
      spaces[index].isInRight = true
      rightSpaces[spaces[other].cr3] = index
      // What is left is an empty place that neither trace leads to.
      spaces[other] = SpaceLanes(cr3: spaces[other].cr3)
    }
  }

  private mutating func drain(
    _ index: Int, _ lane: WritableKeyPath<SpaceLanes, SpanLane>, isFinal: Bool, _ body: (SpanComparison) -> Void
  ) {
    while true {
      let before = (spaces[index][keyPath: lane].left.heldEvents, spaces[index][keyPath: lane].right.heldEvents)
      let pairs = spaces[index][keyPath: lane].next(isFinal: isFinal)
      leftHeld += spaces[index][keyPath: lane].left.heldEvents - before.0
      rightHeld += spaces[index][keyPath: lane].right.heldEvents - before.1
      if pairs.isEmpty { return }
      for pair in pairs {
        switch pair {
        case .both(let left, let right): compare(left, right, body)
        case .left(let left): compare(left, nil, body)
        case .right(let right): compare(nil, right, body)
        case .pieces(var left, var right, let isOpen):
          let rests = comparePieces(&left, &right, isOpen: isOpen, body)
          spaces[index][keyPath: lane].carry(left: rests.left, right: rests.right)
        }
      }
    }
  }

  private func isChosen(_ span: Span?) -> Bool {
    guard let span else { return false }
    return switch options.selection {
    case .everything: true
    case .call(let number): span.kind == .call && span.number == number
    case .pageFaults: span.kind == .pageFault
    }
  }

  private mutating func compare(_ left: Span?, _ right: Span?, _ body: (SpanComparison) -> Void) {
    guard isChosen(left ?? right) else { return }
    var comparison = SpanComparison(left: left, right: right, rows: [])
    if let left, let right, EventAlignment.isSame(left.events, right.events), !comparison.omittedDiffer {
      // Nothing to show.
    } else {
      let alignment = EventAlignment(left?.events ?? [], right?.events ?? [])
      comparison.rows = alignment.rows
      comparison.isApproximate = alignment.isApproximate
    }
    tell(comparison, body)
  }

  /// Compares pieces between calls.
  /// - Parameter isOpen: more pieces follow.
  /// - Returns: what may have its partner in them, taken out of these.
  private mutating func comparePieces(
    _ left: inout Span?, _ right: inout Span?, isOpen: Bool, _ body: (SpanComparison) -> Void
  ) -> (left: Span?, right: Span?) {
    guard options.selection == .everything else { return (nil, nil) }
    var rows: [ComparisonRow] = []
    var isApproximate = false
    if !EventAlignment.isSame(left?.events ?? [], right?.events ?? []) {
      let alignment = EventAlignment(left?.events ?? [], right?.events ?? [])
      rows = alignment.rows
      isApproximate = alignment.isApproximate
    }
    var rests: (left: Span?, right: Span?) = (nil, nil)
    if isOpen, let last = rows.lastIndex(where: { if case .both = $0 { true } else { false } }) {
      let tail = rows[(last + 1)...]
      if tail.count <= options.spanCapacity / 2 {
        rows.removeSubrange((last + 1)...)
        rests.left = Self.cut(&left, tail.count { if case .onlyLeft = $0 { true } else { false } })
        rests.right = Self.cut(&right, tail.count { if case .onlyRight = $0 { true } else { false } })
      }
    }
    // Without events there is only time to count.
    if left?.events.isEmpty != false, right?.events.isEmpty != false {
      summary.left.add(left?.spending ?? SpanSpending())
      summary.right.add(right?.spending ?? SpanSpending())
    } else {
      tell(SpanComparison(left: left, right: right, rows: rows, isApproximate: isApproximate), body)
    }
    return rests
  }

  /// Takes the last events out of a piece. What they cost is counted there all the same.
  private static func cut(_ piece: inout Span?, _ count: Int) -> Span? {
    guard count > 0, let whole = piece else { return nil }
    var rest = whole
    rest.events = Array(whole.events.suffix(count))
    rest.spending = SpanSpending()
    piece?.events.removeLast(count)
    return rest
  }

  private mutating func tell(_ comparison: SpanComparison, _ body: (SpanComparison) -> Void) {
    if let left = comparison.left { summary.left.add(left.spending) }
    if let right = comparison.right { summary.right.add(right.spending) }
    let isSame = comparison.isSame
    if (comparison.left ?? comparison.right)?.kind == .outside {
      if !isSame { summary.differentPieces += 1 }
    } else if isSame {
      summary.same += 1
    } else if comparison.left == nil {
      summary.onlyRight += 1
    } else if comparison.right == nil {
      summary.onlyLeft += 1
    } else {
      summary.different += 1
    }
    body(comparison)
  }
}
