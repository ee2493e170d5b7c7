// Where two instruction traces part: the first line that isn't the same, with what led to it. Engines, pagers and versions
// must not differ in any line.

import Tracing

/// Compares two instruction traces line by line.
struct InstructionDiff {
  static let linesBefore = 5
  static let linesAfter = 3

  /// Where they part.
  struct Divergence: Equatable {
    /// From 1, of both files.
    var line: Int
    /// nil where the trace has ended.
    var left: String?
    var right: String?
    /// Instructions retired before it, where a line says so.
    var retired: UInt64?
    var before: [String] = []
    var leftAfter: [String] = []
    var rightAfter: [String] = []
  }

  struct Result {
    /// Lines that are the same, the heading among them.
    var lines: Int
    var divergence: Divergence?
  }

  static func compare(_ left: DiffInput, _ right: DiffInput) throws(Refusal) -> Result {
    var first = LineReader(descriptor: left.descriptor, beginning: left.beginning)
    var second = LineReader(descriptor: right.descriptor, beginning: right.beginning)
    var before = [[UInt8]](repeating: [], count: linesBefore)
    var lines = 0
    while true {
      let (x, y) = (try next(&first, left), try next(&second, right))
      if x == nil, y == nil { return Result(lines: lines, divergence: nil) }
      if let x, let y, x == y {
        before[lines % linesBefore].removeAll(keepingCapacity: true)
        before[lines % linesBefore] += x
        lines += 1
        continue
      }
      var divergence = Divergence(
        line: lines + 1, left: x.map(text), right: y.map(text), retired: (x ?? y).flatMap(retired))
      for index in max(0, lines - linesBefore)..<lines {
        divergence.before.append(text(before[index % linesBefore][...]))
      }
      for _ in 0..<linesAfter {
        if x != nil, let line = try next(&first, left) { divergence.leftAfter.append(text(line)) }
        if y != nil, let line = try next(&second, right) { divergence.rightAfter.append(text(line)) }
      }
      return Result(lines: lines, divergence: divergence)
    }
  }

  private static func next(_ reader: inout LineReader, _ input: DiffInput) throws(Refusal) -> ArraySlice<UInt8>? {
    do throws(LineReader.Failure) {
      return try reader.next()
    } catch {
      throw Refusal("\(shown(input.path)): \(error.sentence)")
    }
  }

  private static func text(_ line: ArraySlice<UInt8>) -> String { shown(String(decoding: line, as: UTF8.self), limit: 500) }

  /// The number that an instruction's line begins with.
  private static func retired(_ line: ArraySlice<UInt8>) -> UInt64? {
    let digits = line.drop { $0 == 0x20 }.prefix { (0x30...0x39).contains($0) }
    return UInt64(String(decoding: digits, as: UTF8.self))
  }
}

extension InstructionDiff.Result {
  func text(_ names: (String, String), _ paint: Paint) -> String {
    guard let divergence else { return "the same: \(grouped(UInt64(lines))) lines\n" }
    let place = divergence.retired.map { ", after \(grouped($0)) instructions" } ?? ""
    var text = paint.strong("they part at line \(divergence.line)\(place)") + "\n"
    for line in divergence.before { text += "  \(line)\n" }
    func side(_ sign: String, _ name: String, _ first: String?, _ rest: [String], _ colour: (String) -> String) {
      text += colour("\(sign) \(first ?? "(\(shown(name)) ends here)")") + "\n"
      for line in rest { text += colour("\(sign) ") + paint.dim(line) + "\n" }
    }
    side("<", names.0, divergence.left, divergence.leftAfter, paint.sensitive)
    side(">", names.1, divergence.right, divergence.rightAfter, paint.good)
    return text
  }

  func json(_ names: (String, String)) -> String {
    func list(_ lines: [String]) -> JSONText { .array(lines.map { .string($0) }) }
    func line(_ line: String?) -> JSONText { line.map { .string($0) } ?? .null }
    let place: JSONText =
      divergence.map { divergence in
        .object([
          ("line", .number(UInt64(divergence.line))), ("retired", divergence.retired.map { .number($0) } ?? .null),
          ("left", line(divergence.left)), ("right", line(divergence.right)), ("before", list(divergence.before)),
          ("leftAfter", list(divergence.leftAfter)), ("rightAfter", list(divergence.rightAfter)),
        ])
      } ?? .null
    let members = JSONText.object([
      ("same", .bool(divergence == nil)), ("sameLines", .number(UInt64(lines))), ("divergence", place),
    ])
    return DiffJSON.beginning("instructions", names) + members.text.dropFirst() + "\n"
  }
}
