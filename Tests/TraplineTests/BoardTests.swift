import Devices
import Foundation
import Testing
import Trapline

@testable import TraplineCommands

/// Guests of a few bytes that ask the board for something (32 bits).
private enum BoardCode {
  private static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  /// mov dx, port; mov ax, value; out dx, ax
  static func out(_ port: UInt16, _ value: UInt16) -> [UInt8] {
    [0x66, 0xba] + word(UInt32(port)).prefix(2) + [0x66, 0xb8] + word(UInt32(value)).prefix(2) + [0x66, 0xef]
  }
  /// mov eax, [address]; out 0xf4, al
  static func exit(with address: UInt32) -> [UInt8] { [0xa1] + word(address) + [0xe6, 0xf4] }
  /// mov byte [address], value
  static func store(_ value: UInt8, _ address: UInt32) -> [UInt8] { [0xc6, 0x05] + word(address) + [value] }
  /// mov eax, 1; cpuid; shr edx, 9; and edx, 1; mov eax, edx; out 0xf4, al: is there an APIC?
  static let apicFlag: [UInt8] = [
    0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xc1, 0xea, 9, 0x83, 0xe2, 1, 0x89, 0xd0, 0xe6, 0xf4,
  ]
}

@Suite struct BoardTests {
  private let scratch = Scratch()

  private func run(_ code: [UInt8], _ options: String...) -> CommandResult {
    let console = Console(input: [])
    let arguments = ["run", scratch.file("guest", code), "--mode", "protected"] + options
    let status = TraplineCommand.run(arguments, on: console)
    return CommandResult(status: status, output: console.outputText, errors: console.errorText)
  }

  @Test("a guest that switches the machine off ends the run with 0") func powerOff() {
    let result = run(BoardCode.out(0x604, 0x2000) + TinyGuest.endless, "--json", "--timeout", "20s")
    #expect(result.status == 0)
    #expect(result.errors.contains("\"outcome\":\"powered-off\""), "\(result.errors)")
  }

  @Test("ACPI's root pointer is where systems look for it, and can't be written") func rootPointer() {
    #expect(run(BoardCode.exit(with: 0xe_0000)).status == Int32(UInt8(ascii: "R") << 1 | 1))
    #expect(
      run(BoardCode.store(0, 0xe_0000) + BoardCode.exit(with: 0xe_0000)).status == Int32(UInt8(ascii: "R") << 1 | 1))
  }

  @Test("a board without APICs says so in CPUID and leaves their memory alone") func noAPIC() {
    #expect(run(BoardCode.apicFlag).status == 3)
    #expect(run(BoardCode.apicFlag, "--no-apic").status == 1)
    #expect(run(BoardCode.exit(with: 0xfee0_0030)).status == 0x29, "its version: 0x14")
    #expect(run(BoardCode.exit(with: 0xfee0_0030), "--no-apic").status == 0xff)
  }

  @Test("a write to port 0x80 takes the microsecond that systems write there for") func ioDelay() throws {
    // mov ecx, 10; out 0x80, al; loop
    let result = run([0xb9, 10, 0, 0, 0, 0xe6, 0x80, 0xe2, 0xfc] + TinyGuest.halting, "--json")
    let line = try #require(result.errors.split(separator: "\n").last)
    let json = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(json["virtualTime"] as? Int == 10_000 + (json["instructions"] as? Int ?? 0))
  }

  @Test("the screen is shown at the end") func screen() {
    let text = Array("Hi").enumerated().flatMap { BoardCode.store($1.asciiValue!, 0xb_8000 + 2 * UInt32($0)) }
    let result = run(text + TinyGuest.halting, "--dump-screen")
    #expect(result.status == 0 && result.errors.contains("---\nHi\n---"), "\(result.errors)")
  }

  @Test("a summary has the state's hash when it is asked for, the same for the same run") func stateHash() {
    let results = (0..<2).map { _ in
      run(BoardCode.store(7, 0x20_0000) + TinyGuest.halting, "--json", "--state-hash").errors
    }
    func hash(_ text: String) -> Substring? {
      text.range(of: "\"stateHash\":\"").map { text[$0.upperBound...].prefix(16) }
    }
    #expect(hash(results[0]) != nil && hash(results[0]) == hash(results[1]))
    #expect(
      hash(run(BoardCode.store(8, 0x20_0000) + TinyGuest.halting, "--json", "--state-hash").errors) != hash(results[0]))
    #expect(run(TinyGuest.halting, "--json").errors.contains("\"stateHash\":null"))
  }

  // MARK: Drives

  private static let badDrives: [(argument: String, sentence: String)] = [
    ("/nonexistent/disk.img", "can't open the disk image"), ("EMPTY", "is empty"), ("ODD", "not a multiple of 512"),
    ("DISK,if=scsi", "a drive has no 'if=scsi'"), (",if=virtio", "the name of the image is missing"),
    ("DISK,chs=99999/99/99", "cylinders are 1 to 16383"), ("DISK,chs=2/16/63", "has only 64 sectors"),
    ("DISK,chs=one", "as in chs=1024/16/63"), ("DISK,if=virtio,media=cdrom", "can't be attached to virtio"),
    ("ODDCD,media=cdrom", "not a multiple of 2048"), ("DISK,if=floppy", "floppy"), ("/dev/null", "disk image"),
  ]

  @Test("a drive that can't be is a sentence", arguments: badDrives.indices) func badDrive(index: Int) {
    let disk = scratch.file("disk", [UInt8](repeating: 0, count: 64 << 9))
    let files = [
      "DISK": disk, "EMPTY": scratch.file("empty", []), "ODD": scratch.file("odd", [1, 2, 3]),
      "ODDCD": scratch.file("cd", [UInt8](repeating: 0, count: 512)),
    ]
    let (argument, sentence) = Self.badDrives[index]
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let name = ([files[parts[0]] ?? parts[0]] + parts.dropFirst()).joined(separator: ",")
    let result = run(TinyGuest.halting, "--drive", name)
    #expect(result.status == 2)
    #expect(result.errors.contains(sentence), "\(result.errors)")
  }

  @Test("five IDE drives are one too many") func tooMany() {
    let drives = (0..<5).flatMap { ["--drive", scratch.file("disk\($0)", [UInt8](repeating: 0, count: 512))] }
    let console = Console(input: [])
    let path = scratch.file("guest", TinyGuest.halting)
    #expect(TraplineCommand.run(["run", path, "--mode", "protected"] + drives, on: console) == 2)
    #expect(console.errorText.contains("ide takes 4 drives at most"))
  }

  @Test("an image that can't be written is refused, and taken when it is to be read only") func readOnly() throws {
    let path = scratch.file("disk", [UInt8](repeating: 0, count: 512))
    try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
    if getuid() != 0 { #expect(run(TinyGuest.halting, "--drive", path).status == 2) }
    #expect(run(TinyGuest.halting, "--drive", path + ",readonly").status == 0)
  }

  // MARK: Firmware

  @Test("firmware and what goes with it is checked before anything runs") func firmware() {
    let guest = scratch.file("guest", TinyGuest.halting)
    let cases: [([String], String)] = [
      (["--bios", "/nonexistent/bios"], "can't open /nonexistent/bios"),
      (["--bios", guest, guest, "--mode", "real"], "--bios starts the guest from its disk"),
      (["--bios", guest, "--linux", guest], "--bios starts the guest from its disk"),
      ([guest, "--mode", "real", "--display", "text"], "--display text needs a terminal"),
      ([guest, "--mode", "real", "--display", "text", "--serial", "stdio"], "both want the terminal"),
      ([guest, "--mode", "real", "--type", "\\x"], "behind a backslash"),
      ([guest, "--mode", "real", "--state-hash"], "--state-hash is part of the summary"),
      ([guest, "--mode", "real", "--trace", "-", "--trace-syscalls", "-"], "choose one"),
    ]
    for (arguments, sentence) in cases {
      let console = Console(input: [])
      #expect(TraplineCommand.run(["run"] + arguments, on: console) == 2)
      #expect(console.errorText.contains(sentence), "\(console.errorText)")
    }
  }

  @Test("a boot sector starts from the reset vector of any firmware") func bootSector() {
    // The firmware of 16 bytes halts at its reset vector.
    var rom = [UInt8](repeating: 0xf4, count: 4096)
    rom.replaceSubrange(0xff0..<0xff2, with: [0xfa, 0xf4])
    var disk = [UInt8](repeating: 0, count: 512)
    disk[510] = 0x55
    disk[511] = 0xaa
    let result = trapline("run", scratch.file("disk", disk), "--bios", scratch.file("bios", rom), "--json")
    #expect(result.status == 0 && result.errors.contains("started from the reset vector"), "\(result.errors)")
  }
}
