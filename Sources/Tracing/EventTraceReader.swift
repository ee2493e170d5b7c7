// Reads what `JSONLinesSink` writes. Strict: a trace that was cut, edited or written by another version is refused with
// the number of its line, so that a comparison never rests on half a trace.

/// Why a trace could not be read.
public struct EventTraceError: Error, CustomStringConvertible, Equatable, Sendable {
  /// From 1.
  public let line: Int
  /// One sentence, with the line.
  public let description: String

  init(line: Int, _ problem: String) {
    self.line = line
    description = "line \(line) of the event trace: \(problem)"
  }
}

/// A trace as it was written.
public struct EventTrace: Sendable, Equatable {
  /// What ran.
  public var guest: String
  public var events: [Event]
}

/// Reads event traces.
public enum EventTraceReader {
  public static func read(_ bytes: [UInt8]) throws(EventTraceError) -> EventTrace {
    let result: Result<EventTrace, EventTraceError> = bytes.withUnsafeBytes { buffer in
      do throws(EventTraceError) {
        return .success(try read(buffer))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Fields may stand in any order; each must be there once, and none that its kind doesn't have. Sequence numbers
  /// must rise, but may leave holes: lines may have been picked out of a longer trace.
  public static func read(_ bytes: UnsafeRawBufferPointer) throws(EventTraceError) -> EventTrace {
    var scanner = JSONScanner(bytes: bytes)
    guard !scanner.isAtEnd else { throw EventTraceError(line: 1, "the trace is empty: its header is missing") }
    let guest = try header(&scanner)
    var trace = EventTrace(guest: guest, events: [])
    trace.events.reserveCapacity(bytes.count / 160)
    var members: [JSONScanner.Member] = []
    while !scanner.isAtEnd {
      try scanner.object(&members)
      let event = try event(members, scanner)
      if let last = trace.events.last, event.sequence <= last.sequence {
        throw scanner.error("sequence \(event.sequence) follows \(last.sequence), but must be greater")
      }
      trace.events.append(event)
      try scanner.endLine()
    }
    return trace
  }

  /// The first line.
  /// - Returns: what ran.
  static func header(_ scanner: inout JSONScanner) throws(EventTraceError) -> String {
    var members: [JSONScanner.Member] = []
    guard scanner.peek == 0x7b else {
      throw scanner.error(
        "this isn't an event trace: its first line must be {\"schema\":\"\(JSONLinesSink.schema)\",...")
    }
    try scanner.object(&members)
    var fields = MemberReader(members: members, scanner: scanner)
    guard let schema = fields.take("schema"), schema.kind == .string,
      scanner.text(schema.value) == JSONLinesSink.schema
    else {
      throw scanner.error("this isn't an event trace: its schema must be \"\(JSONLinesSink.schema)\"")
    }
    let version = try fields.number("version", .max)
    guard version == UInt64(JSONLinesSink.version) else {
      throw scanner.error("the trace has version \(version), and only version \(JSONLinesSink.version) is known")
    }
    guard let guest = fields.take("guest"), guest.kind == .string, let text = scanner.unescaped(guest.value) else {
      throw scanner.error("'guest' must be a text")
    }
    try fields.refuseRest("the header")
    try scanner.endLine()
    return text
  }

  private static let kinds = EventKind.allCases
  private static let contexts = EventContext.allCases

  /// The event of a line whose members are these.
  static func event(
    _ members: [JSONScanner.Member], _ scanner: JSONScanner
  ) throws(EventTraceError) -> Event {
    var fields = MemberReader(members: members, scanner: scanner)
    // In the order in which the writer puts them, which is the fastest.
    let sequence = try fields.number("sequence", .max)
    let retired = try fields.number("retired", .max)
    let cycles = try fields.number("cycles", .max)
    let vcpu = UInt16(try fields.number("vcpu", UInt64(UInt16.max)))
    guard let contextText = fields.take("context"), contextText.kind == .string,
      let context = contexts.first(where: { scanner.isText(contextText.value, $0.staticName) })
    else { throw scanner.error("'context' must name a context") }
    guard let kindText = fields.take("kind"), kindText.kind == .string,
      let kind = kinds.first(where: { scanner.isText(kindText.value, $0.row.name) })
    else { throw scanner.error("'kind' must name an event kind") }
    var event = Event(
      kind: kind, context: context, retired: retired, vcpu: vcpu, cycles: cycles, sequence: sequence)
    event.instructionPointer = UInt32(try fields.number("eip", UInt64(UInt32.max)))
    event.addressSpace = UInt32(try fields.number("cr3", UInt64(UInt32.max)))
    let row = kind.row
    var named: (code: Bool, a: Bool, b: Bool) = (false, false, false)
    for field in [row.first, row.second, row.third] {
      guard let field else { continue }
      switch field.slot {
      case .code:
        event.code = UInt32(try fields.number(field.name, UInt64(UInt32.max)))
        named.code = true
      case .a:
        event.a = try fields.number(field.name, .max)
        named.a = true
      case .b:
        event.b = try fields.number(field.name, .max)
        named.b = true
      }
    }
    if !named.code, fields.has("code") { event.code = UInt32(try fields.number("code", UInt64(UInt32.max))) }
    if !named.a, fields.has("a") { event.a = try fields.number("a", .max) }
    if !named.b, fields.has("b") { event.b = try fields.number("b", .max) }
    if kind == .systemCallEntry || kind == .systemCallReturn, let name = fields.take("name"), name.kind != .string {
      throw scanner.error("'name' must be a text")
    }
    if fields.has("cost") { event.cost = UInt32(try fields.number("cost", UInt64(UInt32.max))) }
    if fields.has("measured") { event.measured = UInt32(try fields.number("measured", UInt64(UInt32.max))) }
    if row.hasArguments || fields.has("arguments") {
      guard let list = fields.take("arguments"), list.kind == .array, let values = scanner.sixNumbers(list.value) else {
        throw scanner.error("'arguments' must be six numbers of 32 bits")
      }
      event.arguments = values
    }
    try fields.refuseRest("a \(kind.name)")
    return event
  }
}

/// Takes an object's members by name and notices those that nobody took.
private struct MemberReader {
  var members: [JSONScanner.Member]
  let scanner: JSONScanner
  var taken: UInt64 = 0
  /// Where the next member is if they stand in the writer's order.
  private var guess = 0

  init(members: [JSONScanner.Member], scanner: JSONScanner) {
    self.members = members
    self.scanner = scanner
  }

  private func index(_ name: StaticString) -> Int? {
    if guess < members.count, scanner.isText(members[guess].key, name) { return guess }
    return members.firstIndex { scanner.isText($0.key, name) }
  }

  func has(_ name: StaticString) -> Bool { index(name) != nil }

  mutating func take(_ name: StaticString) -> JSONScanner.Member? {
    guard let index = index(name) else { return nil }
    taken |= 1 << UInt64(index)
    guess = index + 1
    return members[index]
  }

  mutating func number(_ name: StaticString, _ largest: UInt64) throws(EventTraceError) -> UInt64 {
    guard let member = take(name) else { throw scanner.error("'\(name)' is missing") }
    guard member.kind == .number, member.number <= largest else {
      throw scanner.error("'\(name)' must be a number from 0 to \(largest)")
    }
    return member.number
  }

  /// A member that is left is unknown, or there twice.
  func refuseRest(_ what: String) throws(EventTraceError) {
    for index in members.indices where taken >> UInt64(index) & 1 == 0 {
      let name = scanner.shown(members[index].key)
      let isSecond = members[..<index].contains { scanner.shown($0.key) == name }
      throw scanner.error(isSecond ? "'\(name)' is there twice" : "\(what) has no '\(name)'")
    }
  }
}
