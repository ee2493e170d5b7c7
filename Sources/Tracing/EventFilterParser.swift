// A filter as the command line has it:
//
//   kind=exception,portRead;context=guestUser;eip=0x1000-0x2000;syscall=4,write

/// What is wrong with a filter, in one sentence.
public struct EventFilterError: Error, CustomStringConvertible, Equatable, Sendable {
  public let description: String
  init(_ description: String) { self.description = description }
}

extension EventFilter {
  /// Parses conditions separated by `;`, each a name, `=`, and values separated by `,`. Nothing at all admits
  /// everything.
  ///
  /// - `kind`: names of `EventKind`
  /// - `context`: names of `EventContext`, or `user` and `kernel`
  /// - `eip`: an address, or two with `-` between them, both included; decimal, or hexadecimal with `0x`
  /// - `syscall`: numbers or names of Linux system calls
  public init(parsing text: String) throws(EventFilterError) {
    self.init()
    var seen: Set<String> = []
    for part in text.split(separator: ";", omittingEmptySubsequences: true) {
      let part = Self.trimmed(part)
      if part.isEmpty { continue }
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2 else {
        throw EventFilterError(
          "filter '\(Self.shown(part))': a condition is kind=, context=, eip= or syscall= and values")
      }
      let key = Self.trimmed(sides[0]).lowercased()
      guard ["kind", "context", "eip", "syscall"].contains(key) else {
        throw EventFilterError("filter: there is no '\(Self.shown(key))'; use kind, context, eip or syscall")
      }
      guard seen.insert(key).inserted else {
        throw EventFilterError("filter: '\(key)' appears twice; list its values with commas")
      }
      let values = sides[1].split(separator: ",", omittingEmptySubsequences: false).map(Self.trimmed)
      if let empty = values.firstIndex(of: "") {
        throw EventFilterError("filter: value \(empty + 1) of '\(key)' is empty")
      }
      try add(key, values)
    }
  }

  private mutating func add(_ key: String, _ values: [String]) throws(EventFilterError) {
    switch key {
    case "kind":
      var kinds: Set<EventKind> = []
      for value in values {
        guard let kind = EventKind(name: value) else {
          throw EventFilterError(
            "filter: there is no event kind '\(Self.shown(value))'; kinds are "
              + EventKind.allCases.map(\.name).joined(separator: ", "))
        }
        kinds.insert(kind)
      }
      self.kinds = kinds
    case "context":
      var contexts: Set<EventContext> = []
      for value in values {
        guard let context = EventContext(name: value) else {
          throw EventFilterError(
            "filter: there is no context '\(Self.shown(value))'; contexts are "
              + EventContext.allCases.map(\.name).joined(separator: ", "))
        }
        contexts.insert(context)
      }
      self.contexts = contexts
    case "eip":
      guard values.count == 1 else { throw EventFilterError("filter: 'eip' takes one address or one range") }
      let ends = values[0].split(separator: "-", omittingEmptySubsequences: false).map(Self.trimmed)
      guard ends.count <= 2, let low = Self.number(ends[0]), let high = Self.number(ends[ends.count - 1]) else {
        throw EventFilterError(
          "filter: '\(Self.shown(values[0]))' is no 32-bit address or range; write eip=0x1000-0x2000")
      }
      guard low <= high else {
        throw EventFilterError("filter: the range '\(Self.shown(values[0]))' ends before it starts")
      }
      addresses = low...high
    default:
      var numbers: Set<UInt32> = []
      for value in values {
        guard let number = Self.number(value) ?? LinuxSystemCalls.number(of: value) else {
          throw EventFilterError("filter: there is no Linux system call '\(Self.shown(value))'; use its name or number")
        }
        numbers.insert(number)
      }
      systemCalls = numbers
    }
  }

  private static func number(_ text: String) -> UInt32? {
    let digits: Substring
    let radix: Int
    if text.hasPrefix("0x") || text.hasPrefix("0X") {
      (digits, radix) = (text.dropFirst(2), 16)
    } else {
      (digits, radix) = (text[...], 10)
    }
    // UInt32 itself would take a sign.
    guard let first = digits.first, first != "+" else { return nil }
    return UInt32(digits, radix: radix)
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }

  /// Somebody's text in a message: short, and without control characters.
  private static func shown(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(60) {
      result.append(scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : scalar)
    }
    return String(result)
  }
}
