// Which paths somebody wants to see: `--syscall NAME`, `--syscall NUMBER`, `--syscall pagefault`.

import Tracing

/// A kind of span, by the name that the command line has for it.
enum SpanChoice: Equatable, Sendable {
  case call(UInt32)
  case pageFault

  init(parsing text: String) throws(QuantityError) {
    if text.lowercased() == "pagefault" {
      self = .pageFault
    } else if let number = UInt32(text) ?? LinuxSystemCalls.number(of: text) {
      self = .call(number)
    } else {
      throw QuantityError(
        description: "there is no system call '\(shown(text))': write Linux's name, a number, or pagefault")
    }
  }

  var selection: TraceDiff.Selection {
    switch self {
    case .call(let number): .call(number)
    case .pageFault: .pageFaults
    }
  }

  func matches(_ span: Span) -> Bool {
    switch self {
    case .call(let number): span.kind == .call && span.number == number
    case .pageFault: span.kind == .pageFault
    }
  }
}
