import Devices
import Foundation
import Testing
import Tracing

@testable import TraplineCommands

@Suite struct LinuxCommandTests {
  private let scratch = Scratch()

  @Test(
    "bad usage is a sentence, without fetching anything",
    arguments: [
      (["--fetch", "--", "ls"], "leave the program out"), (["--memory", "12"], "it has no unit"),
      (["--file", ""], "write FILE, or FILE:NAME"), (["--file", "a:b/c"], "write FILE, or FILE:NAME"),
      (["--drive", "x,if=usb"], "a drive has no 'if=usb'"), (["--nonsense"], "unknown option '--nonsense'"),
    ])
  func usage(arguments: [String], sentence: String) {
    let console = Console(input: [])
    #expect(TraplineCommand.run(["linux"] + arguments, on: console) == 2)
    #expect(console.errorText.contains(sentence), "\(console.errorText)")
  }

  @Test("a file may have another name in the guest") func files() throws {
    let plain = try GuestFile(parsing: "a/b.txt")
    #expect(plain.path == "a/b.txt" && plain.name == "b.txt")
    let named = try GuestFile(parsing: "a/b.txt:c")
    #expect(named.path == "a/b.txt" && named.name == "c")
  }

  @Test("an archive has its files in the kernel's form") func archive() {
    var archive = Initramfs()
    archive.add("bin", mode: Initramfs.directory)
    archive.add("bin/x", mode: Initramfs.program, [1, 2, 3])
    archive.finish()
    let text = String(decoding: archive.bytes, as: UTF8.self)
    #expect(text.hasPrefix("070701000000010000" + "41ed"))
    #expect(text.contains("TRAILER!!!"))
    #expect(archive.bytes.count % 4 == 0)
  }

  @Test("a module says what it needs") func modules() {
    #expect(DebianGuest.dependencies(Array("x=1\0depends=jbd2,crc-16\0y".utf8)) == ["jbd2", "crc_16"])
    #expect(DebianGuest.dependencies(Array("x\0depends=\0".utf8)) == [])
    #expect(DebianGuest.dependencies([]) == [])
  }

  // MARK: The lines

  /// The kernel's console when the program has begun, or not yet.
  private func console(isReady: Bool) -> KernelConsole {
    let console = KernelConsole(Tracing.ByteSink(), showsKernel: false)
    if isReady { for byte in KernelConsole.mark { console.write(byte) } }
    return console
  }

  private func all(_ line: ProgramLine) -> [UInt8] {
    var bytes: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      while case let count = line.poll(into: buffer), count > 0 { bytes += buffer[..<count] }
    }
    return bytes
  }

  @Test(
    "what means something to a terminal is quoted, and the end is said once in an empty line and twice in a full one")
  func quoting() {
    func sent(_ bytes: [UInt8]) -> [UInt8] {
      all(ProgramLine(MemoryBackend(input: bytes), console(isReady: true), isTerminal: false))
    }
    #expect(sent([]) == [4])
    #expect(sent([0x61, 0x0a]) == [0x61, 0x0a, 4])
    #expect(sent([0x61]) == [0x61, 4, 4])
    #expect(sent([4, 0x16, 0, 0xff]) == [0x16, 4, 0x16, 0x16, 0, 0xff, 4, 4])
    let long = sent([UInt8](repeating: 0x62, count: 2500))
    #expect(long.indices.filter { long[$0] == 4 } == [1000, 2001, 2502, 2503])
  }

  @Test("nothing is sent before the guest is ready, and a terminal's keys are kept as they are") func keys() {
    let kernel = console(isReady: false)
    let line = ProgramLine(MemoryBackend(input: [3, 4, 0x16]), kernel, isTerminal: true)
    #expect(all(line) == [])
    for byte in KernelConsole.mark { kernel.write(byte) }
    #expect(all(line).starts(with: [3, 4, 0x16]))
  }

  @Test("the kernel's messages are kept for a panic, the program's errors handed on") func kernelConsole() {
    let errors = Tracing.ByteSink()
    let console = KernelConsole(errors, showsKernel: false)
    for byte in "[ 0.1] hello\r\n".utf8 { console.write(byte) }
    #expect(console.lastLines == "  [ 0.1] hello\n" && !console.isProgram)
    for byte in KernelConsole.mark + Array("oops\n".utf8) { console.write(byte) }
    #expect(console.isProgram && String(decoding: errors.contents, as: UTF8.self) == "oops\n")
  }

  @Test("a kernel that says too much doesn't fill the host's memory") func chatter() {
    let console = KernelConsole(Tracing.ByteSink(), showsKernel: false)
    for _ in 0..<100_000 { console.write(0x61) }
    #expect(console.lastLines.utf8.count < 1000)
  }
}
