// The spans of one address space in both traces, waiting for their partners. Calls come in the same order in both, so the
// n-th one is the n-th one, unless those behind show that one trace has a call that the other lacks.

/// A queue of items.
struct SpanQueue {
  private var items: [SpanItem] = []
  private var head = 0
  private(set) var heldEvents = 0

  var count: Int { items.count - head }
  var isEmpty: Bool { count == 0 }

  /// - Parameter index: below `count`, 0 for the oldest.
  subscript(index: Int) -> SpanItem { items[head + index] }

  mutating func append(_ item: SpanItem) {
    heldEvents += item.heldEvents
    items.append(item)
  }

  /// Takes the piece before the oldest span.
  mutating func takeFirstPiece() -> Span? {
    guard head < items.count, let piece = items[head].before else { return nil }
    items[head].before = nil
    heldEvents -= piece.events.count
    return piece
  }

  /// nil when there is none.
  mutating func popFirst() -> SpanItem? {
    guard head < items.count else { return nil }
    let item = items[head]
    items[head] = SpanItem(before: nil, span: nil)
    head += 1
    if head == items.count || head >= 1024 {
      items.removeFirst(head)
      head = 0
    }
    heldEvents -= item.heldEvents
    return item
  }
}

/// Two queues, and what goes from them in pairs.
struct SpanLane {
  /// How many spans ahead a call that fits is looked for.
  static let lookahead = 16
  /// Events of pieces that are gathered before they are told.
  static let longestCarry = 1 << 16

  var left = SpanQueue()
  var right = SpanQueue()
  /// Pieces whose call had no partner, or ends of pieces that may have one in the next: they belong to the next piece.
  private var leftCarry: Span?
  private var rightCarry: Span?

  enum Pair {
    case both(Span, Span)
    case left(Span)
    case right(Span)
    /// Pieces between calls. The trailing events without partner may find it in the next pieces.
    case pieces(Span?, Span?, isOpen: Bool)
  }

  /// Takes out what can be told.
  /// - Parameter isFinal: nothing more will come.
  /// - Returns: empty when it has to wait.
  mutating func next(isFinal: Bool) -> [Pair] {
    if left.isEmpty || right.isEmpty {
      guard isFinal else { return [] }
      if !left.isEmpty { return popLeft() }
      if !right.isEmpty { return popRight() }
      let (left, right) = (leftCarry, rightCarry)
      (leftCarry, rightCarry) = (nil, nil)
      return left == nil && right == nil ? [] : [.pieces(left, right, isOpen: false)]
    }
    guard let first = left[0].span, let second = right[0].span else {
      // A piece that was cut, on one side or both: it goes with the piece that is beside it.
      let piece = Self.joined(leftCarry, left[0].span == nil ? left.popFirst()?.before : left.takeFirstPiece())
      let other = Self.joined(rightCarry, right[0].span == nil ? right.popFirst()?.before : right.takeFirstPiece())
      (leftCarry, rightCarry) = (nil, nil)
      return [.pieces(piece, other, isOpen: !isFinal || !left.isEmpty || !right.isEmpty)]
    }
    if Self.isSameCall(first, second) { return pair() }
    if !isFinal, left.count < Self.lookahead || right.count < Self.lookahead { return [] }
    let isSameNumber = Self.hasSameNumber(first, second)
    guard let (skipLeft, skipRight) = fit(Self.isSameCall) ?? (isSameNumber ? nil : fit(Self.hasSameNumber)) else {
      return isSameNumber ? pair() : popLeft() + popRight()
    }
    // In step behind it: it is the same call with other arguments.
    if isSameNumber, skipLeft == skipRight { return pair() }
    return (0..<skipLeft).flatMap { _ in popLeft() } + (0..<skipRight).flatMap { _ in popRight() }
  }

  /// Events that a comparison of pieces left over.
  mutating func carry(left: Span?, right: Span?) {
    leftCarry = left
    rightCarry = right
  }

  private mutating func pair() -> [Pair] {
    guard let leftItem = left.popFirst(), let rightItem = right.popFirst(), let first = leftItem.span,
      let second = rightItem.span
    else { return [] }
    let piece = Self.joined(leftCarry, leftItem.before)
    let other = Self.joined(rightCarry, rightItem.before)
    (leftCarry, rightCarry) = (nil, nil)
    return (piece == nil && other == nil ? [] : [.pieces(piece, other, isOpen: false)]) + [.both(first, second)]
  }

  private mutating func popLeft() -> [Pair] {
    guard let item = left.popFirst() else { return [] }
    leftCarry = Self.joined(leftCarry, item.before)
    return (item.span == nil ? flush() : flushLong()) + (item.span.map { [.left($0)] } ?? [])
  }

  private mutating func popRight() -> [Pair] {
    guard let item = right.popFirst() else { return [] }
    rightCarry = Self.joined(rightCarry, item.before)
    return (item.span == nil ? flush() : flushLong()) + (item.span.map { [.right($0)] } ?? [])
  }

  private mutating func flush() -> [Pair] {
    let (left, right) = (leftCarry, rightCarry)
    (leftCarry, rightCarry) = (nil, nil)
    return [.pieces(left, right, isOpen: false)]
  }

  private mutating func flushLong() -> [Pair] {
    max(leftCarry?.events.count ?? 0, rightCarry?.events.count ?? 0) > Self.longestCarry ? flush() : []
  }

  /// The fewest spans to leave out on each side, in sum, so that the next ones fit.
  private func fit(_ fits: (Span, Span) -> Bool) -> (Int, Int)? {
    for distance in 1..<Self.lookahead {
      for skipped in 0...distance where skipped < left.count && distance - skipped < right.count {
        if let first = left[skipped].span, let second = right[distance - skipped].span, fits(first, second) {
          return (skipped, distance - skipped)
        }
      }
    }
    return nil
  }

  private static func hasSameNumber(_ left: Span, _ right: Span) -> Bool {
    left.kind == right.kind && left.number == right.number
  }

  private static func isSameCall(_ left: Span, _ right: Span) -> Bool {
    hasSameNumber(left, right) && left.arguments == right.arguments
  }

  /// One piece after the other.
  private static func joined(_ first: Span?, _ second: Span?) -> Span? {
    guard var first else { return second }
    guard let second else { return first }
    first.events += second.events
    first.spending.add(second.spending)
    return first
  }
}
