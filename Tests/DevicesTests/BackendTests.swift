import Testing

@testable import Devices

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite struct BackendTests {
  /// The two ends of a pipe, closed when the test is over.
  final class Pipe {
    private(set) var reader: Int32
    private(set) var writer: Int32
    init() {
      var ends: [Int32] = [0, 0]
      precondition(pipe(&ends) == 0)
      (reader, writer) = (ends[0], ends[1])
    }
    deinit {
      closeReader()
      closeWriter()
    }
    func closeReader() {
      if reader >= 0 { close(reader) }
      reader = -1
    }
    func closeWriter() {
      if writer >= 0 { close(writer) }
      writer = -1
    }
    func readAll() -> String {
      closeWriter()
      var result: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while true {
        let count = read(reader, &buffer, buffer.count)
        if count <= 0 { return String(decoding: result, as: UTF8.self) }
        result += buffer[..<count]
      }
    }
    var hasBytes: Bool {
      var request = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
      return poll(&request, 1, 0) > 0
    }
  }

  @Test func `a pipe gets whole lines at once and the rest when asked`() {
    let pipe = Pipe()
    let backend = DescriptorBackend(input: nil, output: pipe.writer)
    for byte in "prompt> ".utf8 { backend.write(byte) }
    #expect(!pipe.hasBytes)
    backend.flush()
    #expect(pipe.hasBytes)
    for byte in "line\n".utf8 { backend.write(byte) }
    #expect(pipe.readAll() == "prompt> line\n")
    #expect(backend.sinkState == .open)
  }

  @Test func `the last bytes leave when the back end goes`() {
    let pipe = Pipe()
    do {
      let backend = DescriptorBackend(input: nil, output: pipe.writer)
      backend.write(0x21)
    }
    #expect(pipe.readAll() == "!")
  }

  @Test func `a closed pipe is a state and not a signal`() {
    let pipe = Pipe()
    let backend = DescriptorBackend(input: nil, output: pipe.writer)
    pipe.closeReader()
    backend.write(0x0a)
    #expect(backend.sinkState == .closedByReader)
    for _ in 0..<20_000 { backend.write(0x41) }
    backend.flush()
  }

  @Test func `a write that the host refuses is told with its errno`() {
    let backend = DescriptorBackend(input: nil, output: 987)
    backend.write(0x41)
    backend.flush()
    #expect(backend.sinkState == .failed(errno: EBADF))
  }

  @Test func `a file that can't be made is refused with a reason`() {
    #expect(throws: BackendError.self) { try DescriptorBackend(file: "/no/such/folder/file") }
  }

  @Test func `input is taken without waiting, until it ends`() {
    let pipe = Pipe()
    let backend = DescriptorBackend(input: pipe.reader, output: nil)
    withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { buffer in
      #expect(backend.poll(into: buffer) == 0)
      #expect(!backend.inputEnded)
      _ = write(pipe.writer, "ab", 2)
      #expect(backend.poll(into: buffer) == 2)
      #expect(buffer[0] == 0x61)
      pipe.closeWriter()
      #expect(backend.poll(into: buffer) == 0)
      #expect(backend.inputEnded)
    }
  }

  @Test func `a terminal back end without a terminal is a pipe`() {
    let pipe = Pipe()
    let backend = TerminalBackend(input: pipe.reader, output: pipe.writer, keepsSignals: false)
    #expect(backend.mode == nil)
    _ = write(pipe.writer, "\u{1}x", 2)
    withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) { #expect(backend.poll(into: $0) == 2) }
    #expect(!backend.quitRequested)
    backend.restore()
  }

  /// A pseudo-terminal: what is written to `user` is typed, what is read from it is shown.
  final class Terminal {
    let user: Int32
    let program: Int32
    init?() {
      #if os(Linux)
        // posix_openpt hides behind a feature macro that Swift doesn't set.
        let (unlock, number) = (UInt(0x4004_5431), UInt(0x8004_5430))
        var zero: Int32 = 0
        var index: UInt32 = 0
        user = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        guard user >= 0, ioctl(user, unlock, &zero) == 0, ioctl(user, number, &index) == 0 else { return nil }
        program = open("/dev/pts/\(index)", O_RDWR | O_NOCTTY)
      #else
        user = posix_openpt(O_RDWR | O_NOCTTY)
        guard user >= 0, grantpt(user) == 0, unlockpt(user) == 0, let name = ptsname(user) else { return nil }
        program = open(name, O_RDWR | O_NOCTTY)
      #endif
      guard program >= 0 else { return nil }
    }
    deinit {
      close(program)
      close(user)
    }
    var flags: tcflag_t {
      var mode = termios()
      tcgetattr(program, &mode)
      return mode.c_lflag
    }
  }

  @Test func `a terminal is raw while the back end lives, and as before afterwards`() throws {
    let terminal = try #require(Terminal())
    let before = terminal.flags
    #expect(before & tcflag_t(ICANON) != 0)
    var backend: TerminalBackend? = TerminalBackend(input: terminal.program, output: terminal.program)
    #expect(terminal.flags & tcflag_t(ICANON | ECHO) == 0)
    #expect(terminal.flags & tcflag_t(ISIG) != 0)
    backend?.mode?.restore()
    #expect(terminal.flags == before)
    backend?.restore()
    backend = nil
    backend = TerminalBackend(input: terminal.program, output: terminal.program, keepsSignals: false)
    #expect(terminal.flags & tcflag_t(ICANON | ECHO | ISIG) == 0)
    backend = nil
    #expect(terminal.flags == before)
  }

  @Test func `keys reach the guest one by one, and Ctrl-A x asks to quit`() throws {
    let terminal = try #require(Terminal())
    let backend = TerminalBackend(input: terminal.program, output: terminal.program, keepsSignals: false)
    let keys: [UInt8] = [0x61, 0x0d, 0x03, 0x01, 0x01, 0x01, 0x78, 0x62]
    #expect(write(terminal.user, keys, keys.count) == keys.count)
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      let count = backend.poll(into: buffer)
      #expect(Array(buffer[..<count]) == [0x61, 0x0d, 0x03, 0x01, 0x62])
    }
    #expect(backend.quitRequested)
  }
}
