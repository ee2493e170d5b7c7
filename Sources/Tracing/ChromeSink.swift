// An event trace for timeline viewers: Perfetto (ui.perfetto.dev) and chrome://tracing. The format is the JSON object form
// of "Trace Event Format" (Google, 2016): complete slices (X), begin and end (B, E), instants (i), metadata (M), and flows
// by `bind_id`.

/// Writes a trace as one JSON object.
///
/// Each context is a track, and the guest's user mode is one for each address space, where system calls are slices that
/// last until they return. Every other event is a slice as long as its cost. An arrow leads from an event that hands over
/// to another context to the next event of another context.
///
/// A modelled cycle is shown as a nanosecond, and so is a retired instruction where there are no modelled cycles.
///
/// The object is closed by the first `flush()`: what comes later is dropped. An interrupted recording is flushed too.
public final class ChromeSink: EventSink {
  private let output: ByteSink
  /// Tracks of address spaces, in the order in which they were seen.
  private var userTracks: [UInt32: UInt64] = [:]
  /// The tracks that are within a system call.
  private var openCalls: Set<UInt64> = []
  /// When the last event ended.
  private var end: UInt64 = 0
  /// The flow that waits for an event of a context other than the giver's.
  private var giver: EventContext?
  private var flow: UInt64 = 0
  private var isFinished = false

  private static let longestLine = 2048
  private static let firstUserTrack: UInt64 = 100

  /// - Parameter guest: what ran, for people; any text.
  public init(_ output: ByteSink, guest: String = "") {
    self.output = output
    output.append("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n")
    output.append(
      "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":\(JSONLinesSink.quoted("trapline \(guest)"))}}")
    for context in EventContext.allCases where context != .guestUser {
      name(Self.track(of: context), context.name, order: Self.track(of: context))
    }
  }

  public func receive(_ events: UnsafeBufferPointer<Event>) {
    guard !isFinished else { return }
    for event in events { write(event) }
  }

  /// Ends the trace.
  public func flush() {
    finish()
    output.flush()
  }

  private func finish() {
    guard !isFinished else { return }
    isFinished = true
    for track in openCalls.sorted() { closeCall(on: track, at: end) }
    output.append("\n]}\n")
  }

  // MARK: Tracks

  /// From top to bottom as a system call goes down; the guest's user mode is above them.
  private static func track(of context: EventContext) -> UInt64 {
    switch context {
    case .guestUser: 1
    case .guestKernel: 2
    case .monitor: 3
    case .hostKernel: 4
    case .vmx: 5
    case .vmkernel: 6
    case .device: 7
    }
  }

  private func userTrack(_ addressSpace: UInt32) -> UInt64 {
    if let track = userTracks[addressSpace] { return track }
    let track = Self.firstUserTrack + UInt64(userTracks.count)
    userTracks[addressSpace] = track
    name(track, "guestUser, cr3 0x" + String(addressSpace, radix: 16), order: Self.track(of: .guestUser))
    return track
  }

  private func name(_ track: UInt64, _ name: String, order: UInt64) {
    output.append(
      ",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":1,\"tid\":\(track),\"args\":{\"name\":\"\(name)\"}}"
        + ",\n{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":1,\"tid\":\(track),\"args\":{\"sort_index\":\(order)}}")
  }

  // MARK: Events

  private func write(_ event: Event) {
    let start = event.cycles != 0 ? event.cycles : event.retired
    end = max(end, start &+ UInt64(event.cost))
    switch event.kind {
    case .systemCallEntry:
      let track = userTrack(event.addressSpace)
      // The call before never came back, as exit and execve don't.
      if openCalls.contains(track) { closeCall(on: track, at: start) }
      openCalls.insert(track)
      record("B", event, on: track, at: start)
    case .systemCallReturn:
      let caller = event.arguments.0 != 0 ? event.arguments.0 : event.addressSpace
      let track = userTrack(caller)
      let isKnown = openCalls.remove(track) != nil
      record(isKnown ? "E" : "i", event, on: track, at: isKnown ? start &+ UInt64(event.cost) : start)
    default:
      let track = event.context == .guestUser ? userTrack(event.addressSpace) : Self.track(of: event.context)
      let takes = giver != nil && giver != event.context
      let gives = event.handsOver
      record(event.cost == 0 && !takes && !gives ? "i" : "X", event, on: track, at: start, takes: takes, gives: gives)
      return
    }
    giver = nil
  }

  private func closeCall(on track: UInt64, at time: UInt64) {
    output.withCursor(Self.longestLine) { line in
      Self.begin("E", on: track, at: time, &line)
      line.put(0x7d)
    }
  }

  private static func begin(_ phase: StaticString, on track: UInt64, at time: UInt64, _ line: inout ByteCursor) {
    line.put(",\n{\"ph\":\"")
    line.put(phase)
    line.put("\",\"pid\":1,\"tid\":")
    line.decimal(track)
    line.put(",\"ts\":")
    line.microseconds(time)
  }

  private func record(
    _ phase: StaticString, _ event: Event, on track: UInt64, at time: UInt64, takes: Bool = false, gives: Bool = false
  ) {
    // One that takes and gives passes the same flow on.
    if gives, !takes { flow &+= 1 }
    if gives { giver = event.context } else if takes { giver = nil }
    output.withCursor(Self.longestLine) { line in
      Self.begin(phase, on: track, at: time, &line)
      line.put(",\"cat\":\"")
      line.put(event.context.staticName)
      line.put("\",\"name\":\"")
      Self.name(event, &line)
      line.put(0x22)
      if phase.utf8Start.pointee == 0x58 {
        line.put(",\"dur\":")
        line.microseconds(UInt64(event.cost))
      } else if phase.utf8Start.pointee == 0x69 {
        line.put(",\"s\":\"t\"")
      }
      if gives || takes {
        line.put(",\"bind_id\":\"0x")
        line.hex(flow)
        line.put(0x22)
        if takes { line.put(",\"flow_in\":true") }
        if gives { line.put(",\"flow_out\":true") }
      }
      Self.arguments(event, &line)
      line.put(0x7d)
    }
  }

  private static func name(_ event: Event, _ line: inout ByteCursor) {
    switch event.kind {
    case .systemCallEntry, .systemCallReturn:
      let number = event.kind == .systemCallEntry ? event.a : event.b
      line.put(LinuxSystemCalls.name(of: number) ?? "unknown")
      line.put(0x28)
      line.decimal(number)
      line.put(0x29)
    case .exception:
      line.put("exception ")
      line.put(ExceptionNames.name(of: event.code))
    default:
      let row = event.kind.row
      line.put(row.name)
      for field in [row.first, row.second] {
        guard let field, let name = field.values?.name(of: event.value(of: field.slot)) else { continue }
        line.put(0x20)
        line.put(name)
      }
    }
  }

  // MARK: Arguments

  private static func arguments(_ event: Event, _ line: inout ByteCursor) {
    line.put(",\"args\":{\"sequence\":")
    line.decimal(event.sequence)
    line.put(",\"retired\":")
    line.decimal(event.retired)
    text("eip", UInt64(event.instructionPointer), &line)
    text("cr3", UInt64(event.addressSpace), &line)
    let row = event.kind.row
    for field in [row.first, row.second, row.third] {
      guard let field else { continue }
      let value = event.value(of: field.slot)
      guard let name = field.values?.name(of: value) else {
        text(field.name, value, &line)
        continue
      }
      line.put(",\"")
      line.put(field.name)
      line.put("\":\"")
      line.put(name)
      line.put(0x22)
    }
    if row.hasArguments {
      let values = event.arguments
      text("argument1", UInt64(values.0), &line)
      text("argument2", UInt64(values.1), &line)
      text("argument3", UInt64(values.2), &line)
      text("argument4", UInt64(values.3), &line)
      text("argument5", UInt64(values.4), &line)
      text("argument6", UInt64(values.5), &line)
    }
    if event.cost != 0 { text("cost", UInt64(event.cost), &line) }
    if event.measured != 0 { text("measured", UInt64(event.measured), &line) }
    line.put(0x7d)
  }

  /// As text: viewers keep numbers as doubles, and addresses are read in hexadecimal.
  private static func text(_ name: StaticString, _ value: UInt64, _ line: inout ByteCursor) {
    line.put(",\"")
    line.put(name)
    line.put("\":\"")
    line.number(value)
    line.put(0x22)
  }
}

extension Event {
  /// What happens next happens elsewhere because of it.
  package var handsOver: Bool {
    switch kind {
    case .worldSwitch, .doorbell, .controllerCommand: true
    case .callout: code == CalloutReason.port.rawValue
    default: false
    }
  }
}

extension ByteCursor {
  /// Nanoseconds, in microseconds with three decimals.
  fileprivate mutating func microseconds(_ nanoseconds: UInt64) {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1000)
    decimal(whole)
    guard rest != 0 else { return }
    put(0x2e)
    if rest < 100 { put(0x30) }
    if rest < 10 { put(0x30) }
    decimal(rest)
  }
}
