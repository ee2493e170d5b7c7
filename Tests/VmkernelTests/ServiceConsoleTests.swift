import Devices
import Memory
import Testing
import Tracing

@testable import Vmkernel

@Suite struct ServiceConsoleTests {
  @Test func `a line of output is one call and one transfer`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let wire = MemoryBackend()
    let console = kernel.console(wire, world: kernel.world(named: "guest"))
    for byte in "hello\nwor".utf8 { console.write(byte) }
    #expect(wire.text == "hello\n")
    #expect(listener.names == ["console", "controllerCommand", "dma out 6"])
    console.flush()
    #expect(wire.text == "hello\nwor")
    console.flush()
    #expect(listener.names.filter { $0 == "console" }.count == 2)
  }

  @Test func `output without newlines leaves by the bufferful, and the rest at the end`() throws {
    let kernel = try makeVmkernel()
    let wire = MemoryBackend()
    do {
      let console = kernel.console(wire, world: kernel.world(named: "guest"))
      for _ in 0..<5000 { console.write(UInt8(ascii: "x")) }
      #expect(wire.output.count == 4096)
    }
    #expect(wire.output.count == 5000)
  }

  @Test func `input comes with an interrupt of the terminal`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let console = kernel.console(MemoryBackend(input: Array("abc".utf8)), world: kernel.world(named: "guest"))
    var bytes = [UInt8](repeating: 0, count: 8)
    #expect(bytes.withUnsafeMutableBytes { console.poll(into: $0) } == 3)
    #expect(Array(bytes[..<3]) == Array("abc".utf8) && console.inputEnded)
    #expect(listener.names == ["hostInterrupt", "console"])
    #expect(bytes.withUnsafeMutableBytes { console.poll(into: $0) } == 0)
    #expect(listener.lines.count == 2)
  }
}
