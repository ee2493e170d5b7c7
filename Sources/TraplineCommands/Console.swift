// Where a command's words go: results to one stream, everything else to another. Commands know nothing of the process,
// so that tests run them on two buffers.

import Devices
import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// The two streams of a command, and what it needs to know of their surroundings.
public final class Console {
  /// Standard output: the result.
  let output: Tracing.ByteSink
  /// Standard error: everything else.
  let errors: Tracing.ByteSink
  let outputIsTerminal: Bool
  let errorsAreTerminal: Bool
  /// All three standard streams are a terminal.
  let isInteractive: Bool
  /// Makes the far end of a serial line on standard input and output.
  let makeSerial: (TerminalUse) -> any SerialBackend
  /// There is a process around us: signals may be handled, and the terminal's mode changed.
  let ownsProcess: Bool

  /// The process's own standard streams. A closed pipe is an error from here on, and not a signal.
  public init() {
    _ = signal(SIGPIPE, SIG_IGN)
    Interruption.catchCrashes()
    // A standard stream that is closed must not become the number of the next file that is opened.
    for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 { _ = open("/dev/null", O_RDWR) }
    output = Tracing.ByteSink(fileDescriptor: 1)
    errors = Tracing.ByteSink(fileDescriptor: 2, capacity: 4096)
    let allowsColour = Self.allowsColour()
    outputIsTerminal = allowsColour && isatty(1) != 0
    errorsAreTerminal = allowsColour && isatty(2) != 0
    isInteractive = (Int32(0)...2).allSatisfy { isatty($0) != 0 }
    makeSerial = { use in
      switch use {
      case .keys: TerminalBackend(input: 0, output: 1, keepsSignals: true)
      case .keysAndSignals: TerminalBackend(input: 0, output: 1, keepsSignals: false)
      case .lines: DescriptorBackend(input: 0, output: 1)
      }
    }
    ownsProcess = true
  }

  /// Two buffers, for tests; a guest's serial line has `input` to read and writes to the output.
  public init(input: [UInt8]) {
    let output = Tracing.ByteSink()
    self.output = output
    errors = Tracing.ByteSink()
    outputIsTerminal = false
    errorsAreTerminal = false
    isInteractive = false
    makeSerial = { _ in SinkBackend(output, input: input) }
    ownsProcess = false
  }

  /// no-color.org: any value that isn't empty turns colour off.
  private static func allowsColour() -> Bool {
    func value(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    return value("NO_COLOR").isEmpty && value("TERM") != "dumb"
  }

  /// A sentence for people, on standard error.
  func say(_ sentence: String) {
    errors.append("trapline: \(sentence)\n")
    errors.flush()
  }

  /// Lines for people, on standard error.
  func explain(_ text: String) {
    errors.append(text)
    errors.flush()
  }

  public var outputText: String { String(decoding: output.contents, as: UTF8.self) }
  public var errorText: String { String(decoding: errors.contents, as: UTF8.self) }
}

/// What a guest gets of the user's terminal, if there is one.
enum TerminalUse {
  /// Each key at once; Ctrl-C and friends signal us.
  case keys
  /// Each key at once, Ctrl-C too; Ctrl-A x asks for the end.
  case keysAndSignals
  /// Whole lines, as the terminal's own editing makes them.
  case lines
}

/// A serial line into a buffer.
private final class SinkBackend: SerialBackend {
  private let sink: Tracing.ByteSink
  private var input: ArraySlice<UInt8>

  init(_ sink: Tracing.ByteSink, input: [UInt8]) {
    self.sink = sink
    self.input = input[...]
  }

  func write(_ byte: UInt8) { withUnsafeBytes(of: byte) { sink.append($0) } }

  func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, input.count)
    for (index, byte) in input.prefix(count).enumerated() { buffer[index] = byte }
    input = input.dropFirst(count)
    return count
  }

  var inputEnded: Bool { input.isEmpty }
}
