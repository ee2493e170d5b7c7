import Memory
import Testing

@testable import Loading

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

@Suite("What a file is taken for")
struct DetectionTests {
  private static let zeros510 = [UInt8](repeating: 0, count: 510)
  private static let zeros514 = [UInt8](repeating: 0, count: 0x202)
  static let unknown: [(image: [UInt8], sentence: String)] = [
    ([], "the image file is empty"),
    ([UInt8]("#!/bin/sh\necho hello\n".utf8), "looks like a text file"),
    ([0x1f, 0x8b, 8, 0], "unpack it first"),
    ([0x4d, 0x5a, 0x90, 0], "DOS or Windows"),
    ([0xcf, 0xfa, 0xed, 0xfe, 0], "Mach-O"),
    ([0, 1, 2, 3], "a flat binary needs --mode"),
    (zeros510 + [0x55, 0xaa] as [UInt8], "--mode real --load-address 0x7c00"),
    (zeros514 + [UInt8]("HdrS".utf8), "bzImage"),
    ([0xd6, 0x50, 0x52, 0xe8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "multiboot 2"),
  ]

  @Test("each unknown file gets advice that fits it", arguments: unknown.indices)
  func advice(index: Int) throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal(Self.unknown[index].image).contains(Self.unknown[index].sentence))
  }

  @Test("modules are refused where nothing would take them")
  func modules() throws {
    let guest = try GuardedMemory()
    let request = LoadRequest(modules: [GuestModule(commandLine: "", bytes: [])])
    #expect(guest.refusal(ELFBuilder().build(), request).contains("only multiboot kernels take modules"))
  }

  private func temporary(_ name: String) -> String { "/tmp/trapline-loading-\(getpid())-\(name)" }

  private func sentence(_ path: String) -> String {
    do throws(LoadingError) {
      _ = try ImageFile(path: path)
      return "read"
    } catch {
      return error.description
    }
  }

  @Test("a regular file is read whole")
  func regular() throws {
    let path = temporary("file")
    let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    #expect(bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count)
    close(file)
    defer { unlink(path) }
    #expect(try ImageFile(path: path).bytes == bytes)
    #expect(throws: LoadingError("\(path) is too large: 98 KiB, and images may have 1000 bytes")) {
      try ImageFile(path: path, largest: 1000)
    }
    if getuid() != 0 {
      chmod(path, 0)
      #expect(sentence(path) == "can't open \(path): permission denied")
    }
  }

  @Test("what isn't a regular file is refused without waiting")
  func special() throws {
    #expect(sentence("/dev/null") == "/dev/null is a device, not a file that can be loaded")
    #expect(sentence("/dev/zero") == "/dev/zero is a device, not a file that can be loaded")
    #expect(sentence("/tmp") == "/tmp is a directory, not a file that can be loaded")
    #expect(sentence("/tmp/no/such") == "can't open /tmp/no/such: no such file or directory")
    #expect(sentence("") == "the name of the image file is empty")
    #expect(sentence("a\0b").contains("can't hold a NUL"))
    #expect(sentence("/tmp/\u{1b}[31m") == "can't open /tmp/?[31m: no such file or directory")
    let pipe = temporary("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    defer { unlink(pipe) }
    #expect(sentence(pipe) == "\(pipe) is a pipe: store what comes out of it in a file first")
  }
}
