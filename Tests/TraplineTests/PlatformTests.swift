import Foundation
import Testing

/// The guests of these tests: pocket, with its programs, and a disk whose sectors have their numbers in them.
private struct Machine {
  static let platforms = ["bare", "workstation", "esx"]
  let scratch = Scratch()
  let disk: String

  init() {
    disk = scratch.file("disk.img", (0..<2048).flatMap { Array(String(repeating: "\($0 % 10)", count: 511).utf8) + [10] })
  }

  func pocket(_ program: String, _ arguments: String = "") throws -> [String] {
    [
      try BuiltGuest.path("pocket.elf"), "--module", try BuiltGuest.path("pocket-\(program).elf"), "--append",
      "init=pocket-\(program).elf \(arguments)", "--drive", disk,
    ]
  }
}

@Suite struct PlatformTests {
  private let machine = Machine()

  /// Output, and the hash of the machine's state.
  private func end(_ guest: [String], _ options: [String]) throws -> (output: String, hash: String, instructions: String) {
    let summary = machine.scratch.path + "/summary.json"
    let result = try TraplineProcess.run(["run"] + guest + options + ["--json", "--state-hash", "--output", summary])
    #expect(result.status == 1, "\(options): \(result.errors)")
    let text = machine.scratch.text("summary.json")
    func field(_ name: String) -> String {
      guard let start = text.range(of: "\"\(name)\":") else { return "" }
      return String(text[start.upperBound...].prefix { $0 != "," })
    }
    return (result.output, field("stateHash"), field("instructions"))
  }

  @Test("the guest can't tell the platform: what it prints, and the machine's whole state, are the same")
  func sameGuest() throws {
    let guest = try machine.pocket("tests")
    let bare = try end(guest, [])
    #expect(bare.output.contains("0 failed"))
    for options in [
      ["--platform", "workstation"], ["--platform", "esx"], ["--platform", "workstation", "--engine", "interpreter"],
      ["--platform", "esx", "--pager", "nested"],
      ["--platform", "workstation", "--serve", "rtc=monitor", "--serve", "port 80=vmx", "--host-interrupts", "0"],
    ] {
      let other = try end(guest, options)
      #expect(other.output == bare.output, "\(options)")
      #expect(other.hash == bare.hash, "\(options)")
      #expect(other.instructions == bare.instructions, "\(options)")
    }
  }

  @Test("what is written to a disk is the same on each platform")
  func sameDisk() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: machine.disk))
    var disks: [Data] = []
    for platform in Machine.platforms {
      try before.write(to: URL(fileURLWithPath: machine.disk))
      let result = try TraplineProcess.run(
        ["run"] + machine.pocket("bench", "read 50 writedisk 20") + ["--platform", platform])
      #expect(result.status == 1, "\(platform): \(result.errors)")
      disks.append(try Data(contentsOf: URL(fileURLWithPath: machine.disk)))
    }
    #expect(disks[0] != before)
    #expect(disks[1] == disks[0])
    #expect(disks[2] == disks[0])
  }

  @Test("frames come back through the network adapter, the same on each platform and on QEMU", arguments: Machine.platforms)
  func network(platform: String) throws {
    let guest = [try BuiltGuest.path("pcnet-send.elf"), "--append", "echo=40 size=100", "--platform", platform]
    let looped = try TraplineProcess.run(["run"] + guest + ["--nic", "pcnet,net=loop", "--timeout", "30"])
    #expect(looped.output.contains("echo=40 size=100 sum=e725b880"), "\(platform): \(looped.output) \(looped.errors)")
    let file = machine.scratch.path + "/frames.pcap"
    let captured = try TraplineProcess.run(["run"] + guest + ["--nic", "pcnet,net=\(file)", "--timeout", "30"])
    #expect(captured.status == 1)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    // A header, and each frame there and back.
    #expect(bytes.count == 24 + 80 * (16 + 100))
  }

  @Test("an adapter that isn't there is refused in a sentence",
    arguments: [("ne2000", "there is no adapter 'ne2000'"), ("pcnet,net=moon", "there is no network 'moon'"),
      ("pcnet,mac=1", "is no station's address"), ("pcnet,peer=x", "peer= goes with net=unix:PATH"),
      ("pcnet,speed=9", "an adapter has no 'speed=9'")])
  func wrongAdapters(text: String, sentence: String) throws {
    let result = trapline("run", "x", "--nic", text)
    #expect(result.status == 2 && result.errors.contains(sentence), "\(result.errors)")
  }

  @Test("the guest's input arrives on each platform", arguments: Machine.platforms)
  func input(platform: String) throws {
    // What comes before the guest has looked after its UART is lost, as on a PC.
    let result = try TraplineProcess.run(
      ["run"] + machine.pocket("sh") + ["--platform", platform, "--timeout", "30"], input: "\n\ncat nothing\nexit 0\n")
    #expect(result.output.contains("there is no file nothing"), "\(platform): \(result.errors)")
    #expect(result.status == 1)
  }

  @Test("the death of the VMX process ends the guest with a sentence, and its disk has old or new blocks, whole")
  func death() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: machine.disk))
    let result = try TraplineProcess.run(
      ["run"] + machine.pocket("bench", "writedisk 10000000") + ["--platform", "workstation", "--timeout", "60"]
    ) { process in
      Thread.sleep(forTimeInterval: 0.7)
      let kill = Process()
      kill.executableURL = URL(fileURLWithPath: "/usr/bin/pkill")
      kill.arguments = ["-KILL", "-P", "\(process.processIdentifier)"]
      try? kill.run()
      kill.waitUntilExit()
    }
    #expect(result.status == 8)
    #expect(result.errors.contains("the VMX process ended (signal 9)"))
    #expect(result.errors.split(separator: "\n").count == 1)
    let after = try Data(contentsOf: URL(fileURLWithPath: machine.disk))
    #expect(after.count == before.count)
    #expect(after != before)
    // Each page is the old one, or has one number all over.
    for page in stride(from: 0, to: after.count, by: 4096) {
      let bytes = after[page..<page + 4096]
      let first = bytes.prefix(4)
      let isNew = stride(from: page, to: page + 4096, by: 4).allSatisfy { after[$0..<$0 + 4].elementsEqual(first) }
      #expect(isNew || bytes.elementsEqual(before[page..<page + 4096]), "page \(page / 4096)")
    }
  }

  @Test("a device that has to do with the host can't be moved to the monitor, and the sentence says why")
  func fixedDevices() throws {
    let guest = ["run", try BuiltGuest.path("pocket.elf"), "--platform", "workstation"]
    let refused = try TraplineProcess.run(guest + ["--serve", "com1=monitor"])
    #expect(refused.status == 2)
    #expect(refused.errors == "trapline: --serve: the device 'com1' can't be served by the monitor: its back end is the host's\n")
    #expect(try TraplineProcess.run(guest + ["--serve", "toaster=vmx"]).errors.contains("there is no device 'toaster'"))
    let table = try TraplineProcess.run(guest + ["--list-ports", "--serve", "rtc=monitor"]).output
    #expect(table.contains("70-71      rtc            monitor"))
    #expect(table.contains("3f8-3ff    com1           vmx        fixed: its back end is the host's"))
  }

  @Test("nobody starts the VMX process by hand") func byHand() throws {
    let result = try TraplineProcess.run(["vmx"])
    #expect(result.status == 2)
    #expect(result.errors.contains("run a guest with --platform workstation"))
  }
}

@Suite struct PathTests {
  private let machine = Machine()
  private static let calls = ["getppid", "read", "write", "fork", "pagefault"]

  private func trace(_ platform: String, _ options: [String], wrapper: [String] = []) throws -> String {
    let file = machine.scratch.path + "/trace"
    let result = try TraplineProcess.run(
      ["trace"] + machine.pocket("calls") + ["--platform", platform, "--serial", "none", "--output", file] + options,
      wrapper: wrapper)
    #expect(result.status == 1, "\(result.errors)")
    return machine.scratch.text("trace")
  }

  @Test("what pocket's calls go through is as reviewed", arguments: Machine.platforms)
  func reviewed(platform: String) throws {
    let path = try trace(platform, ["--format", "path"] + Self.calls.flatMap { ["--syscall", $0] })
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Paths/pocket/\(platform).txt")
    if ProcessInfo.processInfo.environment["TRAPLINE_ACCEPT"] == "1" {
      try Data(path.utf8).write(to: file)
    }
    let expected = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    let lines = zip(path.split(separator: "\n"), expected.split(separator: "\n"))
    let difference = lines.enumerated().first { $1.0 != $1.1 }
    #expect(path == expected, "first at line \((difference?.offset ?? -1) + 1): \(difference?.element.0 ?? "")")
  }

  @Test("two runs give the same trace, byte for byte", arguments: Machine.platforms, ["text", "jsonl", "chrome"])
  func repeats(platform: String, format: String) throws {
    let first = try trace(platform, ["--format", format])
    #expect(!first.isEmpty)
    #expect(try trace(platform, ["--format", format]) == first)
  }

  @Test("getppid switches no world; a read from disk does when hosted, and runs the vmkernel's driver when not")
  func worlds() throws {
    func count(_ word: String, _ platform: String, _ call: String) throws -> Int {
      try trace(platform, ["--format", "text", "--syscall", call]).split(separator: "\n").count { $0.contains(word) }
    }
    for platform in Machine.platforms { #expect(try count("worldSwitch", platform, "getppid") == 0, "\(platform)") }
    #expect(try count("worldSwitch", "workstation", "read") > 0)
    #expect(try count("host    hostSystemCall    pread64", "workstation", "read") == 0)
    #expect(try count("pread64(16, 512, 512) = 512", "workstation", "read") == 1)
    #expect(try count("worldSwitch", "esx", "read") == 0)
    for service in ["storageRequest", "storageDispatch", "storageIssue", "storageComplete"] {
      #expect(try count("service=\(service)", "esx", "read") == 1, "\(service)")
    }
    #expect(try count("worldSwitch", "bare", "read") + count("callout", "bare", "read") == 0)
  }

  @Test("each system call of the VMX process is an event, one by one, as strace has them",
    .enabled(if: TraplineProcess.canTrace, "strace isn't installed, or may not trace"))
  func strace() throws {
    let log = machine.scratch.path + "/strace"
    let text = try trace(
      "workstation", ["--format", "text"],
      wrapper: ["/usr/bin/strace", "-ff", "-o", log, "-e", "trace=read,write,pread64,pwrite64,poll,fdatasync"])
    // What the events say: a doorbell towards the VMX is its read, one back its write.
    var told: [String] = []
    for line in text.split(separator: "\n") {
      if line.contains("doorbell") {
        told.append(line.contains("towards=vmx") ? "read(3) = 1" : "write(3) = 1")
      } else if line.contains("hostSystemCall"), let call = line.split(separator: " ", omittingEmptySubsequences: true).firstIndex(of: "hostSystemCall") {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)[(call + 1)...]
        told.append(Self.short(words.joined(separator: " ")))
      }
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: machine.scratch.path).filter { $0.hasPrefix("strace.") }
    // The VMX process's is the log that begins, after the loader's reads, with the ready ring.
    let logs = files.map { machine.scratch.text($0).split(separator: "\n").map(String.init) }
    let vmx = try #require(logs.compactMap { lines in lines.firstIndex { $0.hasPrefix("write(3, \"\\1\"") }.map { lines[($0 + 1)...] } }.first)
    var made = vmx.filter { !$0.hasPrefix("+++") && !$0.hasPrefix("---") }.map(Self.short)
    // Before the first instruction nobody records: the parts are settled as firmware does it, with one request. And the
    // machine is ended when nobody records any more.
    made.removeFirst(2)
    #expect(made.count <= told.count + 8)
    made = Array(made.prefix(told.count))
    #expect(told.count > 100)
    #expect(told == made)
  }

  /// `name(descriptor) = result` of either form.
  private static func short(_ line: String) -> String {
    let name = line.prefix { $0 != "(" }
    let first = line.dropFirst(name.count + 1).prefix { $0 != "," && $0 != ")" }
    let result = line.range(of: " = ", options: .backwards).map { line[$0.upperBound...].prefix { $0 != " " } } ?? ""
    // poll's descriptor stands in a structure.
    return name == "poll" ? "poll = \(result)" : "\(name)(\(first)) = \(result)"
  }
}
