// What each event costs in modelled cycles, compiled from a cost model: a recorder that has it dates events by modelled
// time. Modelled time is the retired instructions, each at its cost, and the costs of all events so far.

/// Modelled costs of instructions and events.
public struct EventCosts: Sendable {
  /// Cycles of an instruction that is nothing but itself.
  public var instruction: UInt64 = 1

  /// What an event of one kind costs: `cycles`, and `cyclesPerUnit` for each unit of a detail.
  public struct Rule: Sendable, Equatable {
    public var kind: EventKind
    /// Only events with this `code`; nil for all that no other rule covers.
    public var code: UInt32?
    /// Only in this context; nil for all.
    public var context: EventContext?
    public var cycles: UInt64
    /// The detail that counts units: a, b or code.
    public var unit: Unit?
    public var cyclesPerUnit: Double

    public enum Unit: String, Sendable { case code, a, b }

    public init(
      kind: EventKind, code: UInt32? = nil, context: EventContext? = nil, cycles: UInt64, unit: Unit? = nil,
      cyclesPerUnit: Double = 0
    ) {
      self.kind = kind
      self.code = code
      self.context = context
      self.cycles = cycles
      self.unit = unit
      self.cyclesPerUnit = cyclesPerUnit
    }
  }

  /// By kind; the more particular ones first.
  private var rules = [[Rule]](repeating: [], count: EventKind.allCases.count)

  public init() {}

  public mutating func add(_ rule: Rule) {
    let index = Int(rule.kind.rawValue)
    rules[index].append(rule)
    rules[index].sort { Self.particularity($0) > Self.particularity($1) }
  }

  private static func particularity(_ rule: Rule) -> Int { (rule.code == nil ? 0 : 2) + (rule.context == nil ? 0 : 1) }

  /// The rule that an event falls under.
  public func rule(for event: Event) -> Rule? {
    rules[Int(event.kind.rawValue)].first {
      ($0.code == nil || $0.code == event.code) && ($0.context == nil || $0.context == event.context)
    }
  }

  /// Modelled cycles of one event; at most what 32 bits hold.
  public func cost(of event: Event) -> UInt32 {
    guard let rule = rule(for: event) else { return 0 }
    guard let unit = rule.unit else { return UInt32(clamping: rule.cycles) }
    let detail: UInt64 =
      switch unit {
      case .code: UInt64(event.code)
      case .a: event.a
      case .b: event.b
      }
    // A negative result has moved nothing.
    let count = Int64(bitPattern: detail) < 0 ? 0 : detail
    return UInt32(clamping: Int64(clamping: rule.cycles) &+ Int64(min(rule.cyclesPerUnit * Double(count), 4e9)))
  }
}
