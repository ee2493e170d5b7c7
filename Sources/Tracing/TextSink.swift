// An event trace for people: one line an event, in columns.
//
//   #  event       retired      delta  context eip       kind                   details
//       1234       5678901        +17  user    08048012  systemCallEntry        int 0x80 write(4) ebx=1 ecx=0x8049000

/// Writes events as aligned text.
public final class TextSink: EventSink {
  private let output: ByteSink
  private var previous: UInt64 = 0

  /// No line is longer; `ByteCursor` relies on it.
  static let longestLine = 1024

  /// - Parameter hasHeading: whether the first line names the columns.
  public init(_ output: ByteSink, hasHeading: Bool = true) {
    self.output = output
    if hasHeading {
      output.append("#    event       retired       delta  context eip       kind                   details\n")
    }
  }

  public func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events { write(event) }
  }

  public func flush() { output.flush() }

  private func write(_ event: Event) {
    output.withCursor(Self.longestLine) { line in
      line.decimal(event.sequence, width: 10)
      line.decimal(event.retired, width: 14)
      line.put("  ")
      // Retired instructions since the line before; less than none where several processors are in one trace.
      let isForward = event.retired >= previous
      let delta = isForward ? event.retired - previous : previous - event.retired
      let start = line.position
      line.put(isForward ? 0x2b : 0x2d)
      line.decimal(delta)
      Self.alignRight(&line, from: start, width: 10)
      previous = event.retired
      line.put("  ")
      let context = line.position
      line.put(event.context.shortName)
      line.pad(from: context, to: 8)
      line.hex(UInt64(event.instructionPointer), digits: 8)
      line.put("  ")
      let row = event.kind.row
      let kind = line.position
      line.put(row.name)
      line.pad(from: kind, to: 23)
      Self.details(of: event, row, &line)
      if event.vcpu != 0 {
        line.put("vcpu=")
        line.decimal(UInt64(event.vcpu))
        line.put(0x20)
      }
      if event.cycles != 0 {
        line.put("cycles=")
        line.decimal(event.cycles)
        line.put(0x20)
      }
      if event.cost != 0 {
        line.put("cost=")
        line.decimal(UInt64(event.cost))
        line.put(0x20)
      }
      if event.measured != 0 {
        line.put("measured=")
        line.decimal(UInt64(event.measured))
        line.put("ns ")
      }
      while line.position[-1] == 0x20 { line.position -= 1 }
      line.put(0x0a)
    }
  }

  private static func alignRight(
    _ line: inout ByteCursor, from start: UnsafeMutablePointer<UInt8>, width: Int
  ) {
    let count = line.position - start
    guard count < width else { return }
    let shift = width - count
    var index = count
    while index > 0 {
      index -= 1
      start[index + shift] = start[index]
    }
    for index in 0..<shift { start[index] = 0x20 }
    line.position = start + width
  }

  /// Each detail ends in a space.
  static func details(of event: Event, _ row: EventKindRow, _ line: inout ByteCursor) {
    switch event.kind {
    case .systemCallEntry:
      gate(event.code, &line)
      systemCall(event.a, &line)
      let count = LinuxSystemCalls.argumentCount(of: event.a)
      let arguments = event.arguments
      if count > 0 { argument("ebx=", arguments.0, &line) }
      if count > 1 { argument("ecx=", arguments.1, &line) }
      if count > 2 { argument("edx=", arguments.2, &line) }
      if count > 3 { argument("esi=", arguments.3, &line) }
      if count > 4 { argument("edi=", arguments.4, &line) }
      if count > 5 { argument("ebp=", arguments.5, &line) }
    case .systemCallReturn:
      systemCall(event.b, &line)
      line.put("= ")
      let result = UInt32(truncatingIfNeeded: event.a)
      if let error = LinuxErrors.name(ofResult: result) {
        line.put(0x2d)
        line.decimal(UInt64(0 &- result))
        line.put(0x20)
        line.put(error)
      } else if event.a < 0x1_0000 {
        line.decimal(event.a)
      } else {
        line.number(event.a)
      }
      line.put(0x20)
    case .exception:
      line.put(ExceptionNames.name(of: event.code))
      line.put(0x28)
      line.decimal(UInt64(event.code))
      line.put(") ")
      if ExceptionNames.hasErrorCode(event.code) || event.a != 0 { detail("errorCode", event.a, &line) }
      if event.code == 14 || event.b != 0 { detail("cr2", event.b, &line) }
    case .hostSystemCall: hostSystemCall(event, &line)
    default:
      if let field = row.first { detail(field, event, &line) }
      if let field = row.second { detail(field, event, &line) }
      if let field = row.third { detail(field, event, &line) }
    }
  }

  private static func gate(_ code: UInt32, _ line: inout ByteCursor) {
    if code == 0xffff { return line.put("sysenter ") }
    line.put("int 0x")
    line.hex(UInt64(code), digits: 2)
    line.put(0x20)
  }

  private static func systemCall(_ number: UInt64, _ line: inout ByteCursor) {
    line.put(LinuxSystemCalls.name(of: number) ?? "unknown")
    line.put(0x28)
    line.decimal(number)
    line.put(") ")
  }

  private static func argument(_ name: StaticString, _ value: UInt32, _ line: inout ByteCursor) {
    line.put(name)
    line.number(UInt64(value))
    line.put(0x20)
  }

  /// As a debugger's log of calls has it: `pread64(4, 512, 0x1000) = 512`.
  private static func hostSystemCall(_ event: Event, _ line: inout ByteCursor) {
    let (number, values) = (UInt64(event.code), event.arguments)
    if let name = HostSystemCalls.name(of: number) { line.put(name) } else { line.decimal(number) }
    line.put(0x28)
    line.decimal(UInt64(values.0))
    for value in [values.1, values.2, values.3, values.4].prefix(HostSystemCalls.argumentCount(of: number) - 1) {
      line.put(", ")
      line.decimal(UInt64(value))
    }
    line.put(") = ")
    let result = Int64(bitPattern: event.a)
    if result < 0 { line.put(0x2d) }
    line.decimal(result.magnitude)
    line.put(0x20)
    if result < 0, let error = LinuxErrors.name(ofResult: UInt32(truncatingIfNeeded: event.a)) {
      line.put(error)
      line.put(0x20)
    }
  }

  private static func detail(_ field: EventField, _ event: Event, _ line: inout ByteCursor) {
    let value = event.value(of: field.slot)
    guard let name = field.values?.name(of: value) else { return detail(field.name, value, &line) }
    line.put(field.name)
    line.put(0x3d)
    line.put(name)
    line.put(0x20)
  }

  private static func detail(_ name: StaticString, _ value: UInt64, _ line: inout ByteCursor) {
    line.put(name)
    line.put(0x3d)
    line.number(value)
    line.put(0x20)
  }
}
