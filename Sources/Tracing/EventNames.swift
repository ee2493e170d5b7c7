// The one table of what events are called and what their details mean. Text, JSON Lines, its reader and the filter's
// parser all read it. `Documentation/EventTrace.md` is this table for people.

/// A place in `Event` that holds a detail.
enum EventSlot { case code, a, b }

/// What a detail is called, and how people want to see it.
struct EventField {
  var slot: EventSlot
  var name: StaticString
  /// What values are called in the text, where they have names.
  var values: EventValueNames?
}

/// A kind's name and its details, in the order in which they are shown.
struct EventKindRow {
  var name: StaticString
  var first: EventField? = nil
  var second: EventField? = nil
  var third: EventField? = nil
  /// Whether `arguments` means something.
  var hasArguments = false

  init(
    _ name: StaticString, _ first: EventField? = nil, _ second: EventField? = nil, _ third: EventField? = nil,
    hasArguments: Bool = false
  ) {
    self.name = name
    self.first = first
    self.second = second
    self.third = third
    self.hasArguments = hasArguments
  }
}

extension EventField {
  static func code(_ name: StaticString, _ values: EventValueNames? = nil) -> EventField {
    EventField(slot: .code, name: name, values: values)
  }
  static func a(_ name: StaticString, _ values: EventValueNames? = nil) -> EventField {
    EventField(slot: .a, name: name, values: values)
  }
  static func b(_ name: StaticString) -> EventField { EventField(slot: .b, name: name) }
}

extension EventKind {
  var row: EventKindRow {
    switch self {
    case .systemCallEntry:
      EventKindRow(
        "systemCallEntry", .code("vector"), .a("number"), .b("returnAddress"), hasArguments: true)
    case .systemCallReturn: EventKindRow("systemCallReturn", .code("vector"), .b("number"), .a("result"))
    case .exception: EventKindRow("exception", .code("vector"), .a("errorCode"), .b("cr2"))
    case .interruptRaised: EventKindRow("interruptRaised", .code("irq"))
    case .interruptInjected: EventKindRow("interruptInjected", .code("vector"))
    case .interruptAcknowledged: EventKindRow("interruptAcknowledged", .code("irq"))
    case .softwareInterrupt: EventKindRow("softwareInterrupt", .code("vector"))
    case .portRead: EventKindRow("portRead", .code("port"), .a("value"), .b("size"))
    case .portWrite: EventKindRow("portWrite", .code("port"), .a("value"), .b("size"))
    case .mmioRead: EventKindRow("mmioRead", .a("address"), .b("value"), .code("size"))
    case .mmioWrite: EventKindRow("mmioWrite", .a("address"), .b("value"), .code("size"))
    case .addressSpaceSwitch: EventKindRow("addressSpaceSwitch", .a("new"), .b("old"))
    case .halt: EventKindRow("halt")
    case .shutdown: EventKindRow("shutdown")
    case .reset: EventKindRow("reset", .code("port"))
    case .tlbMiss: EventKindRow("tlbMiss", .a("linear"), .b("page"), .code("references"))
    case .tlbFlush: EventKindRow("tlbFlush", .code("keptGlobal"))
    case .pageInvalidation: EventKindRow("pageInvalidation", .a("linear"))
    case .hiddenPageFault: EventKindRow("hiddenPageFault", .code("reason"), .a("linear"), .b("page"))
    case .traceHit: EventKindRow("traceHit", .a("address"), .b("value"), .code("size"))
    case .eptViolation: EventKindRow("eptViolation", .code("access"), .a("address"), .b("mapped"))
    case .callout: EventKindRow("callout", .code("reason", .calloutReason))
    case .monitorService: EventKindRow("monitorService", .code("port"), .a("address"), .b("isWrite"))
    case .worldSwitch: EventKindRow("worldSwitch", .code("to", .side), .a("reason", .worldSwitchReason))
    case .doorbell: EventKindRow("doorbell", .code("towards", .doorbell), .a("request"))
    case .vmxRequest: EventKindRow("vmxRequest", .code("request", .vmxRequest), .a("address"), .b("value"))
    case .hostSystemCall:
      EventKindRow("hostSystemCall", .code("number", .hostSystemCall), .a("result"), hasArguments: true)
    case .hostInterrupt: EventKindRow("hostInterrupt", .code("source", .hostInterrupt))
    case .vmkernelCall: EventKindRow("vmkernelCall", .code("service", .vmkernelService), .a("a"), .b("b"))
    case .controllerCommand:
      EventKindRow("controllerCommand", .code("controller", .controller), .a("index"), .b("descriptors"))
    case .dmaTransfer: EventKindRow("dmaTransfer", .code("direction", .dmaDirection), .a("address"), .b("bytes"))
    case .backdoorCall: EventKindRow("backdoorCall", .code("command"), .a("eax"), .b("ebx"))
    case .packet: EventKindRow("packet", .code("stage", .packetStage), .a("bytes"), .b("packets"))
    }
  }

  /// The `code` that is called so in the text; nil when the kind has none of that name.
  public func code(named name: String) -> UInt32? {
    guard let field = [row.first, row.second, row.third].compactMap({ $0 }).first(where: { $0.slot == .code }),
      let values = field.values
    else { return nil }
    return (0..<UInt32(512)).first { values.name(of: UInt64($0))?.description == name }
  }

  /// As in traces and filters.
  public var name: String { row.name.description }
  /// The kind with a name, in any case of letters.
  public init?(name: String) {
    guard let kind = Self.allCases.first(where: { $0.name.lowercased() == name.lowercased() }) else { return nil }
    self = kind
  }
}

extension EventContext {
  var staticName: StaticString {
    switch self {
    case .guestUser: "guestUser"
    case .guestKernel: "guestKernel"
    case .monitor: "monitor"
    case .device: "device"
    case .vmx: "vmx"
    case .hostKernel: "hostKernel"
    case .vmkernel: "vmkernel"
    }
  }

  /// In the text's column.
  var shortName: StaticString {
    switch self {
    case .guestUser: "user"
    case .guestKernel: "kernel"
    case .monitor: "monitor"
    case .device: "device"
    case .vmx: "vmx"
    case .hostKernel: "host"
    case .vmkernel: "vmk"
    }
  }

  /// As in traces and filters.
  public var name: String { staticName.description }
  /// The context with a name, short or long, in any case of letters.
  public init?(name: String) {
    let wanted = name.lowercased()
    let match = Self.allCases.first {
      $0.name.lowercased() == wanted || $0.shortName.description.lowercased() == wanted
    }
    guard let match else { return nil }
    self = match
  }
}

extension Event {
  func value(of slot: EventSlot) -> UInt64 {
    switch slot {
    case .code: UInt64(code)
    case .a: a
    case .b: b
    }
  }
}

/// Names of the processor's exceptions (Intel SDM volume 3, table 7-1).
enum ExceptionNames {
  static func name(of vector: UInt32) -> StaticString {
    switch vector {
    case 0: "#DE"
    case 1: "#DB"
    case 2: "NMI"
    case 3: "#BP"
    case 4: "#OF"
    case 5: "#BR"
    case 6: "#UD"
    case 7: "#NM"
    case 8: "#DF"
    case 10: "#TS"
    case 11: "#NP"
    case 12: "#SS"
    case 13: "#GP"
    case 14: "#PF"
    case 16: "#MF"
    case 17: "#AC"
    case 18: "#MC"
    case 19: "#XM"
    default: "vector"
    }
  }

  static func hasErrorCode(_ vector: UInt32) -> Bool {
    vector == 8 || (10...14).contains(vector) || vector == 17
  }
}
