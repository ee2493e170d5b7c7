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
}
