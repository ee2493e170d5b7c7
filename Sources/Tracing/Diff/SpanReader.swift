// Cuts a trace into spans: each system call from its entry to its return, each page fault of user mode, and the pieces that
// lie between the calls of an address space.
//
// An event belongs to the address space it happened in, and there to the call that runs: so what another process does while a
// call sleeps is that process's. Where user mode shows itself while a call is open, the call sleeps and another thread of the
// same address space runs, or a signal's handler: what follows is outside, until the next entry. A CR3 switch belongs to the
// address space that is left. An execve's events after it has changed to its new address space count as outside there: a trace
// doesn't tell them from another process's.

/// A span and the piece of its address space's events since the call before.
struct SpanItem {
  var before: Span?
  /// nil for a piece that was cut because it was long, or because the trace ended.
  var span: Span?

  var heldEvents: Int { (before?.events.count ?? 0) + (span?.events.count ?? 0) }
}

/// Reads spans out of a stream of events. Tables and buffers grow with what is open at one time.
public struct SpanReader {
  /// Most events that one span or piece holds. Calls that have more are counted on; pieces are cut.
  public let capacity: Int
  /// Finished, in the order of their ends.
  private(set) var finished: [SpanItem] = []

  private var spaces: [Space] = []
  private var indexes: [UInt32: Int] = [:]
  /// The last address space looked up.
  private var last: (cr3: UInt32, index: Int) = (0, -1)

  /// Where the time goes until the next event: the space, and its open span.
  private var runningSpace = -1
  private var mode = EventContext.guestKernel
  private var clock: (cycles: UInt64, retired: UInt64) = (0, 0)

  private struct OpenSpan {
    var span: Span
    var before: Span?
    var code: UInt32
    var returnAddress: UInt32
  }

  private struct Space {
    let cr3: UInt32
    var open: [OpenSpan] = []
    /// The open span that events go to; nil for outside.
    var active: Int?
    var outside: Span
    var ordinals: [UInt32: Int] = [:]
    var faults = 0

    init(_ cr3: UInt32) {
      self.cr3 = cr3
      outside = Span(kind: .outside, addressSpace: cr3, ordinal: 0, number: nil)
    }
  }

  public init(capacity: Int = 1 << 18) { self.capacity = max(capacity, 1) }

  /// All spans of a trace, calls and page faults and pieces, in the order of their ends.
  public static func spans(of events: some Sequence<Event>) -> [Span] {
    var reader = SpanReader()
    for event in events { reader.take(event) }
    reader.finish()
    return reader.finished.flatMap { [$0.before, $0.span].compactMap { $0 } }
  }

  /// Hands over what is finished so far.
  mutating func takeFinished() -> [SpanItem] {
    defer { finished.removeAll(keepingCapacity: true) }
    return finished
  }

  // MARK: Reading

  mutating func take(_ event: Event) {
    pass(to: event)
    switch event.kind {
    case .systemCallEntry: enter(event)
    case .systemCallReturn: leave(event)
    case .addressSpaceSwitch:
      let old = space(UInt32(truncatingIfNeeded: event.b))
      append(event, in: old)
      runningSpace = space(UInt32(truncatingIfNeeded: event.a))
    case .exception where event.code == 14 && event.context == .guestUser: fault(event)
    default:
      let index = space(event.addressSpace)
      if event.context == .guestUser { userMode(index) }
      append(event, in: index)
      runningSpace = index
    }
  }

  /// The trace is over: what is open stays without a result.
  mutating func finish() {
    for index in spaces.indices {
      while !spaces[index].open.isEmpty { close(spaces[index].open.count - 1, in: index, result: nil) }
      if let rest = takeOutside(index) { finished.append(SpanItem(before: rest, span: nil)) }
    }
  }

  private mutating func space(_ cr3: UInt32) -> Int {
    if last.cr3 == cr3, last.index >= 0 { return last.index }
    let index: Int
    if let known = indexes[cr3] {
      index = known
    } else {
      index = spaces.count
      indexes[cr3] = index
      spaces.append(Space(cr3))
    }
    last = (cr3, index)
    return index
  }

  /// Charges the time since the event before to whoever had it.
  private mutating func pass(to event: Event) {
    let cycles = event.cycles > clock.cycles ? event.cycles &- clock.cycles : 0
    let instructions = event.retired > clock.retired ? event.retired &- clock.retired : 0
    clock = (event.cycles &+ UInt64(event.cost), event.retired)
    if event.context == .guestUser, event.kind != .systemCallReturn {
      mode = .guestUser
    } else if event.context == .guestKernel {
      mode = .guestKernel
    }
    if runningSpace < 0 { runningSpace = space(event.addressSpace) }
    if let active = spaces[runningSpace].active, !hasLeftUnseen(spaces[runningSpace].open[active].span, event) {
      // Until it ends it is the kernel's, whoever has the event that ends it.
      spaces[runningSpace].open[active].span.spending.pass(cycles, instructions, in: .guestKernel)
    } else {
      spaces[runningSpace].outside.spending.pass(cycles, instructions, in: mode)
    }
    switch event.kind {
    case .systemCallReturn: mode = .guestUser
    case .systemCallEntry, .exception, .interruptInjected: mode = .guestKernel
    default: break
    }
  }

  /// A page fault whose instruction isn't the next that user mode shows: user mode has run since.
  private func hasLeftUnseen(_ span: Span, _ event: Event) -> Bool {
    span.kind == .pageFault && event.context == .guestUser && event.instructionPointer != span.arguments.2
  }

  private mutating func append(_ event: Event, in index: Int) {
    guard let active = spaces[index].active else {
      Self.append(event, to: &spaces[index].outside, capacity)
      if spaces[index].outside.events.count >= capacity, let piece = takeOutside(index) {
        finished.append(SpanItem(before: piece, span: nil))
      }
      return
    }
    Self.append(event, to: &spaces[index].open[active].span, capacity)
  }

  @inline(__always)
  private static func append(_ event: Event, to span: inout Span, _ capacity: Int) {
    span.spending.count(event)
    if span.events.count < capacity {
      span.events.append(event)
    } else {
      span.omitted &+= 1
      span.omittedDigest = Event.mix(Event.mix(span.omittedDigest, event.matchHash), UInt64(event.cost))
    }
  }

  private mutating func takeOutside(_ index: Int) -> Span? {
    let piece = spaces[index].outside
    var next = Span(kind: .outside, addressSpace: piece.addressSpace, ordinal: piece.ordinal, number: nil)
    if piece.events.isEmpty {
      // Time without events waits for a piece that has some.
      next.spending = piece.spending
      spaces[index].outside = next
      return nil
    }
    next.ordinal += 1
    spaces[index].outside = next
    return piece
  }

  // MARK: Calls and faults

  private mutating func enter(_ event: Event) {
    let index = space(event.addressSpace)
    userMode(index)
    let number = UInt32(truncatingIfNeeded: event.a)
    let ordinal = spaces[index].ordinals[number, default: 0]
    spaces[index].ordinals[number] = ordinal + 1
    let span = Span(
      addressSpace: event.addressSpace, ordinal: ordinal, number: number, arguments: event.arguments)
    open(span, of: event, in: index)
  }

  private mutating func fault(_ event: Event) {
    let index = space(event.addressSpace)
    userMode(index)
    let span = Span(
      kind: .pageFault, addressSpace: event.addressSpace, ordinal: spaces[index].faults, number: nil,
      arguments: (
        UInt32(truncatingIfNeeded: event.b), UInt32(truncatingIfNeeded: event.a), event.instructionPointer, 0, 0, 0
      ))
    spaces[index].faults += 1
    open(span, of: event, in: index)
  }

  private mutating func open(_ span: Span, of event: Event, in index: Int) {
    // Calls that never return, as a guest may have without end, give way.
    if spaces[index].open.count >= Self.mostOpen { close(0, in: index, result: nil) }
    let before = span.kind == .call ? takeOutside(index) : nil
    spaces[index].open.append(
      OpenSpan(
        span: span, before: before, code: event.code, returnAddress: UInt32(truncatingIfNeeded: event.b)))
    spaces[index].active = spaces[index].open.count - 1
    append(event, in: index)
    runningSpace = index
  }

  private static let mostOpen = 64

  /// User mode runs in the space: a page fault is over, and calls sleep.
  private mutating func userMode(_ index: Int) {
    guard let active = spaces[index].active else { return }
    if spaces[index].open[active].span.kind == .pageFault {
      close(active, in: index, result: nil)
    }
    spaces[index].active = nil
  }

  private mutating func leave(_ event: Event) {
    let caller = event.arguments.0 == 0 ? event.addressSpace : event.arguments.0
    let index = space(caller)
    let number = UInt32(truncatingIfNeeded: event.b)
    func isMeant(_ open: OpenSpan) -> Bool {
      open.span.kind == .call && open.code == event.code && open.span.number == number
    }
    let found =
      spaces[index].open.lastIndex { isMeant($0) && $0.returnAddress == event.instructionPointer }
      ?? spaces[index].open.lastIndex { isMeant($0) }
    if let active = spaces[index].active, spaces[index].open[active].span.kind == .pageFault {
      // The fault's handler ended in user mode as well: it is the younger one.
      close(active, in: index, result: nil)
    }
    spaces[index].active = found
    append(event, in: index)
    spaces[index].active = nil
    if let found { close(found, in: index, result: UInt32(truncatingIfNeeded: event.a)) }
    runningSpace = space(event.addressSpace)
  }

  private mutating func close(_ place: Int, in index: Int, result: UInt32?) {
    var open = spaces[index].open.remove(at: place)
    open.span.result = result
    if let active = spaces[index].active {
      spaces[index].active = active == place ? nil : active > place ? active - 1 : active
    }
    finished.append(SpanItem(before: open.before, span: open.span))
  }
}
