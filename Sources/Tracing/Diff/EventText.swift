// Single events and spans as text, for those who lay them out themselves.

extension Event {
  /// The details as the text trace has them: `port=0x1f0 value=1 size=2`.
  public var detailText: String {
    let output = ByteSink()
    output.withCursor(TextSink.longestLine) { TextSink.details(of: self, kind.row, &$0) }
    var text = String(decoding: output.contents, as: UTF8.self)
    while text.last == " " { text.removeLast() }
    return text
  }

  /// The event as the JSON Lines trace has it, without the newline.
  public var jsonText: String {
    let output = ByteSink()
    JSONLinesSink.write(self, to: output)
    return String(decoding: output.contents.dropLast(), as: UTF8.self)
  }
}

extension EventContext {
  /// In a narrow column.
  public var shortText: String { shortName.description }
}

extension Span {
  /// `read(3) #12`, `page fault #3 at 0x8049000`, `outside #4`.
  public var title: String {
    switch kind {
    case .call:
      let number = number ?? 0
      return "\(LinuxSystemCalls.name(of: UInt64(number))?.description ?? "unknown")(\(number)) #\(ordinal)"
    case .pageFault: return "page fault #\(ordinal) at 0x\(String(arguments.0, radix: 16))"
    case .outside: return "outside #\(ordinal)"
    }
  }
}
