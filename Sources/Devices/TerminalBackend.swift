// A serial line on the user's terminal. While the guest runs the terminal is raw: each key goes to the guest at once
// and the guest does the echo. The old mode comes back by restore(), deinit, or the process's exit handlers, whichever
// is first.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The terminal's mode, switched and put back.
///
/// The saved mode lies in memory of its own, so that `restore` touches no Swift object but plain words: it may be
/// called from a signal handler (tcsetattr is async-signal-safe).
public struct TerminalMode {
  private struct Saved {
    var descriptor: Int32
    var isRaw: Bool
    var mode: termios
  }
  // Never freed: a handler may look at it until the process ends. One terminal a process is a few dozen bytes.
  private let saved: UnsafeMutablePointer<Saved>
  nonisolated(unsafe) private static var atExit: UnsafeMutablePointer<Saved>?

  /// Makes a terminal raw. Output processing stays on, so that a bare newline still returns the carriage.
  /// - Parameters:
  ///   - keepsSignals: Ctrl-C and friends still signal the process; false hands them to the guest.
  /// - Returns: nil when `descriptor` is no terminal, or the process is in its background.
  public static func raw(_ descriptor: Int32, keepsSignals: Bool) -> TerminalMode? {
    var mode = termios()
    guard isatty(descriptor) != 0, tcgetattr(descriptor, &mode) == 0 else { return nil }
    // Setting the mode from the background would stop the process. (-1: it isn't our controlling terminal.)
    let foreground = tcgetpgrp(descriptor)
    guard foreground == -1 || foreground == getpgrp() else { return nil }
    let saved = UnsafeMutablePointer<Saved>.allocate(capacity: 1)
    saved.initialize(to: Saved(descriptor: descriptor, isRaw: true, mode: mode))
    mode.c_iflag &= ~tcflag_t(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    mode.c_oflag |= tcflag_t(OPOST)
    mode.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | IEXTEN)
    if !keepsSignals { mode.c_lflag &= ~tcflag_t(ISIG) }
    mode.c_cflag = mode.c_cflag & ~tcflag_t(CSIZE | PARENB) | tcflag_t(CS8)
    guard tcsetattr(descriptor, TCSANOW, &mode) == 0 else {
      saved.deallocate()
      return nil
    }
    if atExit == nil { _ = atexit { TerminalMode.atExit.map { TerminalMode(saved: $0).restore() } } }
    atExit = saved
    return TerminalMode(saved: saved)
  }

  /// Puts the old mode back; again and again is harmless. Safe in a signal handler.
  public func restore() {
    guard saved.pointee.isRaw else { return }
    saved.pointee.isRaw = false
    _ = tcsetattr(saved.pointee.descriptor, TCSANOW, &saved.pointee.mode)
  }
}

/// The user's terminal as a serial line.
///
/// When signals go to the guest, Ctrl-A x asks to end the run (`quitRequested`) and Ctrl-A Ctrl-A sends a Ctrl-A.
public final class TerminalBackend: DescriptorLine {
  private let lower: DescriptorBackend
  /// Nil when input is no terminal; then this is a plain pipe.
  public let mode: TerminalMode?
  private let hasEscape: Bool
  private var isEscaped = false
  /// The user typed Ctrl-A x.
  public private(set) var quitRequested = false

  private static let escape: UInt8 = 0x01

  public init(input: Int32 = 0, output: Int32 = 1, keepsSignals: Bool = true) {
    lower = DescriptorBackend(input: input, output: output)
    mode = TerminalMode.raw(input, keepsSignals: keepsSignals)
    hasEscape = mode != nil && !keepsSignals
  }

  deinit { restore() }

  /// Puts out what is buffered and gives the terminal its old mode back.
  public func restore() {
    lower.flush()
    mode?.restore()
  }

  public var descriptors: (input: Int32?, output: Int32?) { lower.descriptors }

  public func write(_ byte: UInt8) { lower.write(byte) }
  public func flush() { lower.flush() }
  public var sinkState: SinkState { lower.sinkState }
  public var inputEnded: Bool { lower.inputEnded }

  public func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = lower.poll(into: buffer)
    return hasEscape ? takeEscapes(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])) : count
  }

  /// Takes escape sequences out of the input, in place; returns how many bytes are left.
  private func takeEscapes(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
    var kept = 0
    for byte in bytes {
      if isEscaped {
        isEscaped = false
        if byte == UInt8(ascii: "x") { quitRequested = true }
        if byte != Self.escape { continue }
      } else if byte == Self.escape {
        isEscaped = true
        continue
      }
      bytes[kept] = byte
      kept += 1
    }
    return kept
  }
}
