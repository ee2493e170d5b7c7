// The path of a system call for people: what it went through, in order, without the numbers that differ from call to call,
// and with what repeats said once. TLB misses, which are the silicon's, are only counted.
//
//   write(4) = 14: 45 events, 305 instructions
//     user    system call by int 0x80
//     14 times
//       monitor callout port
//       kernel  write of port 0x3f8
//       ...

/// Writes each batch of events that it is given, one span at a time, as a path.
public final class PathSink: EventSink {
  private let output: ByteSink

  public init(_ output: ByteSink) { self.output = output }

  public func receive(_ events: UnsafeBufferPointer<Event>) {
    guard let first = events.first, let last = events.last else { return }
    output.append(Self.heading(events, first, last) + "\n")
    let lines = events.filter { $0.kind != .tlbMiss }.map(PathText.line)
    for line in PathFolding.fold(lines) { output.append("  " + line + "\n") }
  }

  public func flush() { output.flush() }

  private static func heading(_ events: UnsafeBufferPointer<Event>, _ first: Event, _ last: Event) -> String {
    var text: String
    switch first.kind {
    case .systemCallEntry: text = "\(LinuxSystemCalls.name(of: first.a) ?? "unknown")(\(first.a))"
    case .exception where first.code == 14: text = "page fault at 0x\(String(first.b, radix: 16))"
    default: text = "events"
    }
    if last.kind == .systemCallReturn {
      let result = UInt32(truncatingIfNeeded: last.a)
      text += " = " + (LinuxErrors.name(ofResult: result).map { "-\($0)" } ?? String(result))
    }
    let misses = events.count { $0.kind == .tlbMiss }
    text += ": \(events.count - misses) events, \(last.retired &- first.retired) instructions"
    if misses > 0 { text += ", \(misses) TLB misses" }
    let cost = events.reduce(UInt64(0)) { $0 &+ UInt64($1.cost) }
    return cost == 0 ? text : text + ", \(cost) modelled cycles in events"
  }
}

/// An event in a few words.
enum PathText {
  static func line(_ event: Event) -> String {
    let context = event.context.shortName.description
    return context + String(repeating: " ", count: max(8 - context.utf8.count, 1)) + words(event)
  }

  private static func words(_ event: Event) -> String {
    func hex(_ value: some FixedWidthInteger & UnsignedInteger) -> String { "0x" + String(value, radix: 16) }
    func name(_ names: EventValueNames, _ value: UInt64) -> String { names.name(of: value)?.description ?? String(value) }
    let code = UInt64(event.code)
    switch event.kind {
    case .systemCallEntry:
      return "system call by \(event.code == 0xffff ? "sysenter" : "int \(hex(event.code))")"
    case .systemCallReturn: return "return to the caller"
    case .exception: return "exception \(ExceptionNames.name(of: event.code))"
    case .interruptRaised: return "interrupt line \(event.code) rises"
    case .interruptInjected: return "interrupt \(hex(event.code)) is delivered"
    case .interruptAcknowledged: return "interrupt line \(event.code) is acknowledged"
    case .softwareInterrupt: return "software interrupt \(hex(event.code))"
    case .portRead: return "read of port \(hex(event.code))"
    case .portWrite: return "write of port \(hex(event.code))"
    case .mmioRead: return "read of device memory \(hex(event.a))"
    case .mmioWrite: return "write of device memory \(hex(event.a))"
    case .addressSpaceSwitch: return "another address space"
    case .halt: return "halt"
    case .shutdown: return "shutdown"
    case .reset: return "reset"
    case .tlbMiss: return "TLB miss, \(event.code) references"
    case .tlbFlush: return "TLB flush"
    case .pageInvalidation: return "INVLPG"
    case .hiddenPageFault: return "hidden page fault"
    case .traceHit: return "trace hit"
    case .eptViolation: return "EPT violation"
    case .callout: return "callout \(name(.calloutReason, code))"
    case .monitorService: return "the monitor serves " + (event.code == 0 ? hex(event.a) : "port \(hex(event.code))")
    case .worldSwitch: return "world switch to the \(name(.side, code)), because of \(name(.worldSwitchReason, event.a))"
    case .doorbell: return "doorbell of the \(name(.doorbell, code))"
    case .vmxRequest: return "request \(name(.vmxRequest, code)) \(hex(event.a))"
    case .hostSystemCall: return "system call of the host \(name(.hostSystemCall, code)), \(Int64(bitPattern: event.a))"
    case .hostInterrupt: return "interrupt of the machine: \(name(.hostInterrupt, code))"
    case .vmkernelCall: return "vmkernel: \(name(.vmkernelService, code))"
    case .controllerCommand: return "doorbell of the \(name(.controller, code)) controller, \(event.b) descriptors"
    case .dmaTransfer: return "DMA \(event.code == 0 ? "into" : "out of") memory, \(event.b) bytes"
    case .backdoorCall: return "backdoor command \(event.code)"
    case .packet: return "packet \(name(.packetStage, code)), \(event.a) bytes"
    }
  }
}

/// Finds what repeats in a list of lines.
enum PathFolding {
  /// Longest sequence that is looked for.
  private static let longest = 32

  static func fold(_ lines: [String]) -> [String] {
    var result: [String] = []
    var position = 0
    while position < lines.count {
      let (period, times) = best(lines, position)
      if times < 2 {
        result.append(lines[position])
        position += 1
        continue
      }
      let body = Array(lines[position..<position + period])
      if period == 1 {
        result.append("\(body[0])  (\(times) times)")
      } else {
        result.append("\(times) times")
        result += fold(body).map { "  " + $0 }
      }
      position += period * times
    }
    return result
  }

  /// The sequence at a position that says most in the fewest lines.
  private static func best(_ lines: [String], _ start: Int) -> (period: Int, times: Int) {
    var best = (period: 1, times: 1)
    for period in 1...longest where start + 2 * period <= lines.count {
      var times = 1
      while start + (times + 1) * period <= lines.count,
        lines[start..<start + period] == lines[start + times * period..<start + (times + 1) * period]
      {
        times += 1
      }
      if times > 1, period * (times - 1) > best.period * (best.times - 1) { best = (period, times) }
    }
    return best
  }
}
