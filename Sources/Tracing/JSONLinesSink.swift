// An event trace for programs: JSON Lines (jsonlines.org). `EventTraceReader` reads it back without loss.

/// Writes events as JSON, an object a line.
///
/// The first line is the header: `{"schema":"trapline.events","version":3,"guest":"..."}`. Every other line is an event,
/// with its fields in this order: `sequence`, `retired`, `cycles`, `vcpu`, `context`, `kind`, `eip`, `cr3`, then the
/// kind's details, which `Documentation/EventTrace.md` lists, then `cost` and `measured` where they aren't 0.
///
/// Numbers are non-negative decimal integers below 2^64. `name` is left out for a system call that Linux doesn't have.
/// Where an event carries a detail that its kind doesn't name, it appears as `code`, `a`, `b` or `arguments`.
public final class JSONLinesSink: EventSink {
  public static let schema = "trapline.events"
  public static let version = 3

  private let output: ByteSink
  private static let longestLine = 1024

  /// - Parameter guest: what ran, for the header; any text.
  public init(_ output: ByteSink, guest: String = "") {
    self.output = output
    output.append(
      "{\"schema\":\"\(Self.schema)\",\"version\":\(Self.version),\"guest\":\(Self.quoted(guest))}\n")
  }

  public func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events { Self.write(event, to: output) }
  }

  public func flush() { output.flush() }

  /// A JSON string: ASCII control characters, quotes and backslashes are escaped, and so is what terminals and
  /// JavaScript take for more than text.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: result += "\\\""
      case 0x5c: result += "\\\\"
      case 0x0a: result += "\\n"
      case 0x09: result += "\\t"
      case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// One line.
  static func write(_ event: Event, to output: ByteSink) {
    output.withCursor(longestLine) { line in
      line.put("{\"sequence\":")
      line.decimal(event.sequence)
      line.put(",\"retired\":")
      line.decimal(event.retired)
      line.put(",\"cycles\":")
      line.decimal(event.cycles)
      line.put(",\"vcpu\":")
      line.decimal(UInt64(event.vcpu))
      line.put(",\"context\":\"")
      line.put(event.context.staticName)
      line.put("\",\"kind\":\"")
      let row = event.kind.row
      line.put(row.name)
      line.put("\",\"eip\":")
      line.decimal(UInt64(event.instructionPointer))
      line.put(",\"cr3\":")
      line.decimal(UInt64(event.addressSpace))
      var unnamed = (code: event.code != 0, a: event.a != 0, b: event.b != 0)
      func field(_ field: EventField?) {
        guard let field else { return }
        member(field.name, event.value(of: field.slot), &line)
        switch field.slot {
        case .code: unnamed.code = false
        case .a: unnamed.a = false
        case .b: unnamed.b = false
        }
      }
      field(row.first)
      field(row.second)
      field(row.third)
      if unnamed.code { member("code", UInt64(event.code), &line) }
      if unnamed.a { member("a", event.a, &line) }
      if unnamed.b { member("b", event.b, &line) }
      let number: UInt64? =
        switch event.kind {
        case .systemCallEntry: event.a
        case .systemCallReturn: event.b
        default: nil
        }
      if let number, let name = LinuxSystemCalls.name(of: number) {
        line.put(",\"name\":\"")
        line.put(name)
        line.put(0x22)
      }
      if event.cost != 0 { member("cost", UInt64(event.cost), &line) }
      if event.measured != 0 { member("measured", UInt64(event.measured), &line) }
      if row.hasArguments || event.arguments != (0, 0, 0, 0, 0, 0) {
        arguments(event.arguments, &line)
      }
      line.put("}\n")
    }
  }

  @inline(__always)
  private static func member(_ name: StaticString, _ value: UInt64, _ line: inout ByteCursor) {
    line.put(",\"")
    line.put(name)
    line.put("\":")
    line.decimal(value)
  }

  private static func arguments(
    _ values: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), _ line: inout ByteCursor
  ) {
    line.put(",\"arguments\":[")
    line.decimal(UInt64(values.0))
    line.put(0x2c)
    line.decimal(UInt64(values.1))
    line.put(0x2c)
    line.decimal(UInt64(values.2))
    line.put(0x2c)
    line.decimal(UInt64(values.3))
    line.put(0x2c)
    line.decimal(UInt64(values.4))
    line.put(0x2c)
    line.decimal(UInt64(values.5))
    line.put(0x5d)
  }
}
