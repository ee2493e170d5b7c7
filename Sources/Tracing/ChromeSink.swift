// An event trace for trace viewers: Google's Trace Event Format, as JSON, which Perfetto (ui.perfetto.dev) and
// chrome://tracing open. Contexts are tracks; guest user mode has one for each address space, with system calls as slices.
// What gives the processor away and what takes it are joined by arrows.
//
// Viewers count in microseconds: a modelled cycle is shown as a nanosecond. Without a cost model the retired instructions
// stand for time.

/// Writes events as a JSON object of trace events. It must be flushed once, when the recording is over: that closes the
/// object, and events that come later are dropped.
public final class ChromeSink: EventSink {
  private let output: ByteSink
  private var isFirst = true
  private var isClosed = false
  private var arrow: UInt64 = 0
  /// Arrows that have left and not arrived, by who waits for them.
  private var leaving: [EventContext: UInt64] = [:]
  /// User tracks that have a name, by address space; and what is open on them.
  private var open: [UInt32: [(number: UInt64, code: UInt32)]] = [:]
  private var lastTime: UInt64 = 0

  private static let process = 1

  /// - Parameter guest: what ran.
  public init(_ output: ByteSink, guest: String = "") {
    self.output = output
    output.append("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n")
    metadata("process_name", thread: 0, "\"name\":\(JSONLinesSink.quoted(guest.isEmpty ? "guest" : guest))")
    for context in EventContext.allCases where context != .guestUser {
      name(thread: Self.thread(context), context.name, order: Self.order(context))
    }
  }

  public func receive(_ events: UnsafeBufferPointer<Event>) { if !isClosed { for event in events { write(event) } } }

  public func flush() {
    if !isClosed {
      // Calls that never came back end with the trace.
      for space in open.keys.sorted() {
        for _ in open[space] ?? [] { line("E", at: lastTime, thread: Self.userThread(space)) }
      }
      output.append("\n]}\n")
      isClosed = true
    }
    output.flush()
  }

  // MARK: Tracks

  /// As a system call goes down and comes back.
  private static func order(_ context: EventContext) -> Int {
    switch context {
    case .guestUser: 0
    case .guestKernel: 1
    case .monitor: 2
    case .hostKernel: 3
    case .vmx: 4
    case .vmkernel: 5
    case .device: 6
    }
  }

  private static func thread(_ context: EventContext) -> UInt64 { UInt64(order(context)) }
  private static let firstUserThread: UInt64 = 16
  private static func userThread(_ space: UInt32) -> UInt64 { firstUserThread + UInt64(space >> 5) }

  private func thread(of event: Event) -> UInt64 {
    guard event.context == .guestUser else { return Self.thread(event.context) }
    let space = Self.space(of: event)
    if open[space] == nil {
      open[space] = []
      name(thread: Self.userThread(space), "guestUser, CR3 \(Self.hex(space))", order: 0)
    }
    return Self.userThread(space)
  }

  /// A call's return belongs to its caller, whoever runs by then.
  private static func space(of event: Event) -> UInt32 {
    event.kind == .systemCallReturn && event.arguments.0 != 0 ? event.arguments.0 : event.addressSpace
  }

  private static func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }

  private func name(thread: UInt64, _ name: String, order: Int) {
    metadata("thread_name", thread: thread, "\"name\":\"\(name)\"")
    metadata("thread_sort_index", thread: thread, "\"sort_index\":\(order)")
  }

  private func metadata(_ kind: String, thread: UInt64, _ value: String) {
    separate()
    output.append("{\"ph\":\"M\",\"pid\":\(Self.process),\"tid\":\(thread),\"name\":\"\(kind)\",\"args\":{\(value)}}")
  }

  // MARK: Events

  private func write(_ event: Event) {
    let time = event.cycles > 0 ? event.cycles : event.retired
    lastTime = max(lastTime, time &+ UInt64(event.cost))
    let thread = thread(of: event)
    switch event.kind {
    case .systemCallEntry: begin(event, time, thread)
    case .systemCallReturn: end(event, time, thread)
    default: slice(event, time, thread)
    }
    arrive(at: event.context, time, thread)
    if let target = Self.target(of: event) { leave(for: target, time &+ UInt64(event.cost), thread) }
  }

  private func begin(_ event: Event, _ time: UInt64, _ thread: UInt64) {
    open[event.addressSpace, default: []].append((event.a, event.code))
    let name = "\(LinuxSystemCalls.name(of: event.a) ?? "unknown")(\(event.a))"
    line("B", at: time, thread: thread, ",\"name\":\"\(name)\",\"cat\":\"call\",\"args\":{\(Self.arguments(event))}")
  }

  private func end(_ event: Event, _ time: UInt64, _ thread: UInt64) {
    let space = Self.space(of: event)
    guard let depth = open[space]?.lastIndex(where: { $0.number == event.b && $0.code == event.code }) else { return }
    // Calls inside it that never came back end with it.
    while let count = open[space]?.count, count > depth {
      open[space]?.removeLast()
      let isMeant = count == depth + 1
      line("E", at: time, thread: thread, isMeant ? ",\"args\":{\"result\":\(event.a)}" : "")
    }
  }

  private func slice(_ event: Event, _ time: UInt64, _ thread: UInt64) {
    let phase = event.cost > 0 ? "X" : "i"
    let length = event.cost > 0 ? ",\"dur\":\(Self.microseconds(UInt64(event.cost)))" : ",\"s\":\"t\""
    line(
      phase, at: time, thread: thread,
      length + ",\"name\":\"\(event.kind.name)\",\"cat\":\"\(event.context.name)\",\"args\":{\(Self.arguments(event))}")
  }

  private static func arguments(_ event: Event) -> String {
    let row = event.kind.row
    var members = ["\"eip\":\"\(hex(event.instructionPointer))\"", "\"retired\":\(event.retired)"]
    for field in [row.first, row.second, row.third] {
      guard let field else { continue }
      let value = event.value(of: field.slot)
      members.append("\"\(field.name)\":" + (field.values?.name(of: value).map { "\"\($0)\"" } ?? String(value)))
    }
    if row.hasArguments {
      let a = event.arguments
      members.append("\"arguments\":[\(a.0),\(a.1),\(a.2),\(a.3),\(a.4),\(a.5)]")
    }
    if event.measured > 0 { members.append("\"measuredNanoseconds\":\(event.measured)") }
    return members.joined(separator: ",")
  }

  // MARK: Arrows

  /// To whom an event gives the processor, or a request.
  private static func target(of event: Event) -> EventContext? {
    switch event.kind {
    case .worldSwitch: event.code == 0 ? .hostKernel : .monitor
    case .doorbell: event.code == 0 ? .vmx : .hostKernel
    case .controllerCommand: .device
    default: nil
    }
  }

  private func leave(for context: EventContext, _ time: UInt64, _ thread: UInt64) {
    arrow += 1
    leaving[context] = arrow
    line("s", at: time, thread: thread, ",\"id\":\(arrow),\"name\":\"switch\",\"cat\":\"switch\"")
  }

  private func arrive(at context: EventContext, _ time: UInt64, _ thread: UInt64) {
    guard let arrow = leaving.removeValue(forKey: context) else { return }
    line("f", at: time, thread: thread, ",\"bp\":\"e\",\"id\":\(arrow),\"name\":\"switch\",\"cat\":\"switch\"")
  }

  // MARK: JSON

  private static func microseconds(_ cycles: UInt64) -> String {
    let rest = String(cycles % 1000)
    return "\(cycles / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }

  private func line(_ phase: String, at time: UInt64, thread: UInt64, _ rest: String = "") {
    separate()
    output.append(
      "{\"ph\":\"\(phase)\",\"pid\":\(Self.process),\"tid\":\(thread),\"ts\":\(Self.microseconds(time))\(rest)}")
  }

  private func separate() {
    if !isFirst { output.append(",\n") }
    isFirst = false
  }
}
