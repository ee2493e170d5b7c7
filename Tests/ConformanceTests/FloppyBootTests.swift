// A real-mode system from a diskette (TestPrograms/real-mode-os), started by Debian's SeaBIOS: firmware, display, keyboard
// and floppy together. QEMU shows the same for `-drive file=real-mode-os.img,format=raw,if=floppy`.

import Devices
import Loading
import Testing
import Trapline

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

private let firmwarePath = "/usr/share/seabios/bios.bin"
private let videoBIOSPath = "/usr/share/seabios/vgabios-isavga.bin"

private let firmwareIsThere: Bool = {
  if access(firmwarePath, R_OK) == 0, access(videoBIOSPath, R_OK) == 0 { return true }
  print("SKIPPED: tests that boot a diskette: there is no \(firmwarePath); install Debian's seabios")
  return false
}()

/// A PC with the diskette in drive A.
private struct DisketteMachine {
  let machine: VirtualMachine
  let image: MemoryDiskImage
  let serial = MemoryBackend(input: [])

  init(_ bytes: [UInt8], isReadOnly: Bool = false) throws {
    image = try MemoryDiskImage(bytes, label: "diskette", isReadOnly: isReadOnly)
    var configuration = MachineConfiguration()
    configuration.memorySize = 16 << 20
    configuration.serial = serial
    configuration.videoBIOS = try ImageFile(path: videoBIOSPath).bytes
    configuration.bootMedium = .floppy
    try configuration.drives.add(Drive(image: image, interface: .floppy))
    machine = try VirtualMachine(configuration)
    try machine.load(try ImageFile(path: firmwarePath).bytes, LoadRequest(isROM: true))
  }

  private static let prompt = "A> "

  /// What the system has said, in lines; the last isn't ended.
  var lines: [String] {
    String(decoding: serial.output.filter { $0 != 0x0d }, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
  }

  /// Runs until the system waits for a command.
  func waitForPrompt() -> RunOutcome {
    while true {
      let outcome = machine.run(RunLimits(instructions: machine.processor.retired + 200_000, time: .seconds(60)))
      if outcome != .instructionLimit { return outcome }
      if lines.last == Self.prompt { return outcome }
      if machine.processor.retired > 2_000_000_000 { return .timeLimit }
    }
  }

  /// Types a line, and waits for what it does.
  /// - Returns: the answer.
  @discardableResult func enter(_ command: String) -> [String] {
    let before = lines.count
    machine.devices.typed.type(Array((command + "\r").utf8))
    // As far as the command's own echo, lest the old prompt be taken for the new.
    for _ in 0..<1_000 where lines.count == before {
      guard machine.run(RunLimits(instructions: machine.processor.retired + 20_000)) == .instructionLimit else { break }
    }
    _ = waitForPrompt()
    return Array(lines[before...].dropLast())
  }
}

/// The FAT12 files of a diskette, read independently of the guest.
private struct DisketteFiles {
  let bytes: [UInt8]

  private func word(_ at: Int) -> Int { Int(bytes[at]) | Int(bytes[at + 1]) << 8 }

  /// The content of a file by its directory name of eleven characters.
  subscript(_ name: String) -> [UInt8]? {
    for entry in stride(from: 19 * 512, to: 33 * 512, by: 32) {
      guard bytes[entry..<entry + 11].elementsEqual(name.utf8) else { continue }
      var content: [UInt8] = []
      var cluster = word(entry + 26)
      while (2..<0xff0).contains(cluster), content.count < bytes.count {
        content += bytes[(cluster + 31) * 512..<(cluster + 32) * 512]
        let pair = word(512 + cluster * 3 / 2)
        cluster = cluster & 1 == 0 ? pair & 0xfff : pair >> 4
      }
      return Array(content.prefix(word(entry + 28) | word(entry + 30) << 16))
    }
    return nil
  }

  var areFATsEqual: Bool { bytes[512..<10 * 512].elementsEqual(bytes[10 * 512..<19 * 512]) }
}

@Suite("a real-mode system on a diskette", .enabled(if: firmwareIsThere))
struct FloppyBootTests {
  private let bytes: [UInt8]

  init() throws { bytes = try BuiltGuests.bytes("real-mode-os.img") }

  @Test("firmware boots it, and it answers on the screen what it answers on COM1")
  func boots() throws {
    let pc = try DisketteMachine(bytes)
    #expect(pc.waitForPrompt() == .instructionLimit)
    #expect(
      pc.lines == [
        "Trapline's real-mode system 1.0: a prompt, a diskette and nothing else.", "HELP lists the commands.", "A> ",
      ])
    #expect(pc.machine.devices.display?.screen?.text == pc.lines.dropLast().map { $0 + "\n" }.joined() + "A>\n")
    let files = DisketteFiles(bytes: bytes)
    let readme = try #require(files["README  TXT"])
    let size = try #require(files["KERNEL  SYS"]).count
    let listing = pc.enter("dir")
    #expect(listing.count == 4 && listing[0] == "KERNEL   SYS      \(size)" && listing[3].hasPrefix("3 files, 14"))
    let text = String(decoding: readme, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(pc.enter("Type ReadMe.txt") == text.dropLast().map(String.init))
    let memory = pc.enter("mem")
    #expect(memory.first == "639 KiB conventional memory" && memory.contains("00000000+0009fc00 1"))
    let time = pc.enter("time")
    #expect(time.count == 1 && time[0].hasPrefix("2026-01-01 00:0"), "\(time)")
    #expect(pc.enter("type nothing.txt") == ["There is no such file."])
    #expect(pc.enter("frobnicate") == ["There is no such command; HELP lists them."])
    let shown = try #require(pc.machine.devices.display?.screen).lines
    #expect(shown.contains("A> frobnicate") && shown.contains("There is no such command; HELP lists them."))
    #expect(pc.image.bytes == bytes, "nothing was written")
  }

  @Test("what it writes is on the image, and there after the next start")
  func writes() throws {
    let pc = try DisketteMachine(bytes)
    _ = pc.waitForPrompt()
    #expect(pc.enter("write hello.txt Hello, diskette") == ["Written."])
    #expect(pc.enter("copy poem.txt poem2.txt") == ["Written."])
    #expect(pc.enter("copy kernel.sys k2.sys") == ["Written."])
    #expect(pc.enter("del readme.txt") == ["Deleted."])
    #expect(pc.enter("del kernel.sys") == ["The file is protected."])
    #expect(pc.enter("write hello.txt Another line") == ["Written."])
    let (old, new) = (DisketteFiles(bytes: bytes), DisketteFiles(bytes: pc.image.bytes))
    #expect(new["HELLO   TXT"] == Array("Another line\n".utf8))
    #expect(new["POEM2   TXT"] == old["POEM    TXT"] && new["K2      SYS"] == old["KERNEL  SYS"])
    #expect(new["README  TXT"] == nil && new["POEM    TXT"] == old["POEM    TXT"])
    #expect(new.areFATsEqual)
    let again = try DisketteMachine(pc.image.bytes)
    _ = again.waitForPrompt()
    #expect(again.enter("type hello.txt") == ["Another line"])
    #expect(again.enter("dir").count == 6)
  }

  @Test("a protected diskette is read, and it says that it can't be written")
  func isProtected() throws {
    let pc = try DisketteMachine(bytes, isReadOnly: true)
    _ = pc.waitForPrompt()
    #expect(pc.enter("write hello.txt Hello") == ["The diskette can't be written."])
    #expect(pc.enter("type poem.txt").first == "The Tyger")
    #expect(pc.image.bytes == bytes)
  }

  @Test("it starts again when told to, and switches the machine off")
  func restarts() throws {
    let pc = try DisketteMachine(bytes)
    _ = pc.waitForPrompt()
    let answer = pc.enter("reboot")
    #expect(answer.first == "Starting again." && answer.last == "HELP lists the commands.")
    pc.machine.devices.typed.type(Array("off\r".utf8))
    #expect(pc.machine.run(RunLimits(time: .seconds(60))) == .poweredOff)
  }

  @Test("two runs with the same keys are the same run")
  func repeats() throws {
    func run() throws -> (UInt64, [UInt8], [UInt8]) {
      let pc = try DisketteMachine(bytes)
      _ = pc.waitForPrompt()
      for command in ["dir", "write a.b c", "time"] { pc.enter(command) }
      return (pc.machine.processor.retired, pc.serial.output, pc.image.bytes)
    }
    let (first, second) = (try run(), try run())
    #expect(first.0 == second.0 && first.1 == second.1 && first.2 == second.2)
  }
}
