import Foundation
import Testing

@Suite struct BadInputTests {
  private let scratch = Scratch()

  private func expectRefusal(_ arguments: [String], _ sentence: String) {
    for command in ["run", "disasm"] {
      let result = trapline(command, arguments[0])
      #expect(result.status == 2)
      #expect(result.output.isEmpty)
      #expect(result.errors.hasPrefix("trapline: "))
      #expect(result.errors.contains(sentence), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1)
    }
  }

  @Test("a device is no guest") func device() { expectRefusal(["/dev/null"], "is a device") }
  @Test("a directory is no guest") func directory() { expectRefusal([scratch.path], "is a directory") }
  @Test("a missing file is no guest") func missing() {
    expectRefusal([scratch.path + "/nothing"], "no such file or directory")
  }
  @Test("an empty file is no guest") func empty() { expectRefusal([scratch.file("empty", [])], "is empty") }
  @Test("a text file is no guest") func text() {
    expectRefusal([scratch.file("text", Array("hello\n".utf8))], "looks like a text file")
  }
  @Test("a truncated ELF file is no guest", arguments: [5, 20, 51, 60])
  func truncated(length: Int) {
    expectRefusal([scratch.file("cut", Array(TinyGuest.elf(TinyGuest.halting).prefix(length)))], "cut short")
  }
  @Test("a 64-bit ELF file is no guest") func wide() {
    expectRefusal([scratch.file("wide", TinyGuest.elf(TinyGuest.halting, elfClass: 2))], "64-bit")
  }

  @Test("an ELF file that asks for 3 GiB is told how much memory it needs") func large() {
    let path = scratch.file("large", TinyGuest.elf(TinyGuest.halting, memorySize: 0xc000_0000))
    let result = trapline("run", path)
    #expect(result.status == 2)
    #expect(result.errors.contains("give it --memory 3073M or more"))
    #expect(result.errors.split(separator: "\n").count == 1)
  }

  @Test("an output file that can't be made is a sentence") func output() {
    let path = scratch.file("halt", TinyGuest.halting)
    for option in ["--trace", "--trace-instructions-to", "--serial"] {
      let result = trapline("run", path, "--mode", "real", option, "/nonexistent/file")
      #expect(result.status == 2)
      #expect(result.errors.contains("can't write /nonexistent/file: no such file or directory"), "\(result.errors)")
    }
  }

  @Test("a module that is missing is a sentence") func module() {
    let result = trapline("run", scratch.file("halt", TinyGuest.halting), "--module", "/nonexistent/module root=1")
    #expect(result.status == 2)
    #expect(result.errors == "trapline: can't open /nonexistent/module: no such file or directory\n")
  }
}
