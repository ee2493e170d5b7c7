// `run` under each pager: the options that choose and tune one, the TLB, the dump of page tables, events and summary.

import Foundation
import Processor
import Testing
import Tracing
import TraplineCommands

/// Flat protected-mode code with page tables, small enough to say what each pager must do for it.
enum PagingCode {
  private static func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
  /// mov dword [address], value
  static func store(_ value: UInt32, _ address: UInt32) -> [UInt8] { [0xc7, 0x05] + word(address) + word(value) }
  /// mov eax, [address]
  static func load(_ address: UInt32) -> [UInt8] { [0xa1] + word(address) }
  /// invlpg [address]
  static func invlpg(_ address: UInt32) -> [UInt8] { [0x0f, 0x01, 0x3d] + word(address) }
  /// mov eax, cr3; mov cr3, eax
  static let reloadCR3: [UInt8] = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8]
  /// xor eax, eax; out 0xf4, al: success.
  static let exit: [UInt8] = [0x31, 0xc0, 0xe6, 0xf4]
  /// mov ecx, count; body; loop
  static func loop(_ count: UInt32, _ body: [UInt8]) -> [UInt8] {
    [0xb9] + word(count) + body + [0xe2, UInt8(truncatingIfNeeded: -(body.count + 2))]
  }

  /// CR4 |= `cr4`, CR3 = `root`, and paging on.
  private static func startPaging(root: UInt32, cr4: UInt8) -> [UInt8] {
    [0x0f, 0x20, 0xe0, 0x83, 0xc8, cr4, 0x0f, 0x22, 0xe0, 0xb8] + word(root)
      + [0x0f, 0x22, 0xd8, 0x0f, 0x20, 0xc0, 0x0d] + word(0x8000_0000) + [0x0f, 0x22, 0xc0]
  }

  /// Two levels from 0x20_0000: code and tables to themselves, 0x30_0000 and the page behind it onto 0x38_0000.
  static let twoLevel: [UInt8] =
    store(0x20_1007, 0x20_0000) + store(0x10_0007, 0x20_1400) + store(0x20_0007, 0x20_1800)
    + store(0x20_1007, 0x20_1804)
    + store(0x38_0007, 0x20_1c00) + store(0x38_1007, 0x20_1c04) + startPaging(root: 0x20_0000, cr4: 0)

  /// The same in PAE tables, without the second page, and 2 MiB at 0x4000_0000 onto 0x40_0000, where it stores.
  static let pae: [UInt8] =
    store(0x20_1001, 0x20_0000) + store(0x20_3001, 0x20_0008) + store(0x20_2007, 0x20_1000)
    + store(0x20_4007, 0x20_1008)
    + store(0x10_0007, 0x20_2800) + store(0x20_0007, 0x20_4000) + store(0x38_0007, 0x20_4800)
    + store(0x40_0087, 0x20_3000) + startPaging(root: 0x20_0000, cr4: 0x20) + store(7, 0x4000_0000)

  /// Uses a page, gives it another frame, says so, uses it, loads CR3, and uses it again.
  static let remapping: [UInt8] =
    twoLevel + load(0x30_0000) + store(0x38_1007, 0x20_1c00) + invlpg(0x30_0000) + load(0x30_0000) + reloadCR3
    + load(0x30_0000) + exit

  /// A 4 MiB page onto everything from 0: what 3 MiB of RAM don't reach is nobody's all the same, and reads as all ones.
  static let largePageOverHole: [UInt8] =
    store(0x83, 0x20_0000) + startPaging(root: 0x20_0000, cr4: 0x10) + load(0x1000) + load(0x38_0000) + [0xe6, 0xf4]

  /// Rounds through two pages: with a TLB of one entry each access misses.
  static func thrashing(_ count: UInt32) -> [UInt8] { twoLevel + loop(count, load(0x30_0000) + load(0x30_1000)) + exit }

  /// Stores to a device's page.
  static func deviceStores(_ count: UInt32) -> [UInt8] { loop(count, store(0, 0xf000_0000)) + exit }
}

/// Guests from TestPrograms.
enum BuiltGuest {
  struct BuildError: Error, CustomStringConvertible { let description: String }

  private static let folder: Result<URL, BuildError> = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let output = root.appendingPathComponent(".build/guests")
    let process = Process()
    process.executableURL = root.appendingPathComponent("Tools/build-guests")
    process.arguments =
      ["--output", output.path] + ["mmu-mix", "arithmetic", "rom-reset", "hello-real", "paging-2level", "paging-pae", "pocket", "pcnet-send"]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch { return .failure(BuildError(description: "Tools/build-guests: \(error)")) }
    let said = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      return .failure(BuildError(description: String(decoding: said, as: UTF8.self)))
    }
    return .success(output)
  }()

  static func path(_ name: String) throws -> String { try folder.get().appendingPathComponent(name).path }
}

@Suite struct PagingOptionTests {
  private let scratch = Scratch()

  private func run(_ code: [UInt8], _ options: [String]) -> CommandResult {
    let console = Console(input: [])
    let path = scratch.file("guest", code)
    let status = TraplineCommand.run(["run", path, "--mode", "protected"] + options, on: console)
    return CommandResult(status: status, output: console.outputText, errors: console.errorText)
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  // MARK: The pager

  static let choices: [[String]] = [
    ["--pager", "none"], ["--pager", "shadow"], ["--pager", "nested"], ["--pager", "none", "--tlb", "default"],
    ["--pager", "shadow", "--shadow-mode", "lazy"], ["--pager", "shadow", "--shadow-large-pages", "split"],
    ["--pager", "shadow", "--shadow-memory", "64K"], ["--pager", "shadow", "--shadow-memory", "1G"],
    [
      "--pager", "shadow", "--shadow-mode", "lazy", "--shadow-large-pages", "split", "--shadow-memory", "64k", "--tlb",
      "4k=1x1",
    ],
    ["--pager", "shadow", "--tlb", "tags=pcid"], ["--pager", "nested", "--ept-pages", "2m"],
    ["--pager", "nested", "--ept-accessed-dirty", "off"],
    [
      "--pager", "nested", "--ept-pages", "2m", "--ept-accessed-dirty", "off", "--tlb",
      "4k=1x1,2m=0,4m=0,global=off,tags=none",
    ],
  ]

  @Test("a guest does the same under every pager with every option", arguments: choices)
  func same(options: [String]) throws {
    for code in [
      PagingCode.remapping, PagingCode.pae + PagingCode.exit, PagingCode.deviceStores(3), PagingCode.thrashing(50),
    ] {
      let result = run(code, options)
      #expect(result.status == 1 && result.errors.isEmpty, "\(result.errors)")
    }
    for (guest, kind) in [
      ("hello-real.bin", ["--mode", "real"]), ("rom-reset.rom", ["--rom"]), ("paging-2level.elf", []),
      ("paging-pae.elf", []),
    ] {
      let console = Console(input: [])
      #expect(TraplineCommand.run(["run", try BuiltGuest.path(guest)] + kind + options, on: console) == 1)
      #expect(console.outputText.contains(guest == "hello-real.bin" ? "hello" : "ok"))
    }
  }

  @Test("what lies in the hole of a large page is the same under every pager", arguments: choices)
  func hole(options: [String]) {
    #expect(run(PagingCode.largePageOverHole, options + ["--memory", "3M"]).status == 0xff)
  }

  @Test("the least and the most memory do under every pager", arguments: PagerKind.allCases, ["4K", "3584M"])
  func memory(pager: PagerKind, size: String) {
    let halt = scratch.file("halt", TinyGuest.halting)
    for options in [[], ["--tlb", "default"], ["--dump-page-tables"]] {
      let console = Console(input: [])
      let arguments = [
        "run", halt, "--mode", "real", "--load-address", "0x100", "--memory", size, "--pager", pager.rawValue,
      ]
      #expect(TraplineCommand.run(arguments + options, on: console) == 0)
    }
  }

  @Test("a triple fault and an endless guest end as they do without a pager", arguments: PagerKind.allCases)
  func ends(pager: PagerKind) {
    #expect(run(TinyGuest.tripleFault, ["--pager", pager.rawValue]).status == 4)
    #expect(run(TinyGuest.endless, ["--pager", pager.rawValue, "--max-instructions", "1000"]).status == 6)
    #expect(run(TinyGuest.endless, ["--pager", pager.rawValue, "--tlb", "4k=1x1", "--timeout", "50ms"]).status == 124)
  }

  // MARK: Bad values

  @Test(
    "a value that makes no sense is refused with one sentence",
    arguments: [
      (["--pager", "ept"], "the value 'ept' is invalid for '--pager <pager>'"),
      (["--pager"], "missing value for '--pager <pager>'"),
      (["--shadow-mode", "busy"], "the value 'busy' is invalid for '--shadow-mode <mode>'"),
      (["--shadow-large-pages", "2m"], "the value '2m' is invalid for '--shadow-large-pages <way>'"),
      (["--ept-pages", "1g"], "the value '1g' is invalid for '--ept-pages <size>'"),
      (["--ept-accessed-dirty", "yes"], "the value 'yes' is invalid for '--ept-accessed-dirty <switch>'"),
      (["--shadow-memory", "60K"], "--shadow-memory must be a multiple of 4K, at least 64K and at most 1G"),
      (["--shadow-memory", "65K"], "--shadow-memory must be a multiple of 4K, at least 64K and at most 1G"),
      (["--shadow-memory", "0M"], "--shadow-memory must be a multiple of 4K, at least 64K and at most 1G"),
      (["--shadow-memory", "4G"], "--shadow-memory must be a multiple of 4K, at least 64K and at most 1G"),
      (["--shadow-memory", "64"], "it has no unit"), (["--shadow-memory", "lots"], "it is no size"),
      (["--shadow-memory", "99999999999G"], "it is more than any machine has"),
    ])
  func badValues(options: [String], sentence: String) { expectRefusal(options, sentence) }

  private func expectRefusal(_ options: [String], _ sentence: String) {
    for command in ["run", "mmu"] where command == "run" || options.first != "--pager" {
      let console = Console(input: [])
      #expect(TraplineCommand.run([command, "x"] + options, on: console) == 2)
      #expect(console.outputText.isEmpty)
      let lines = console.errorText.split(separator: "\n")
      #expect(
        lines.first?.hasPrefix("trapline: ") == true && lines.first?.contains(sentence) == true, "\(console.errorText)")
      #expect(lines.count == 2 && lines.last == "see 'trapline \(command) --help'")
    }
  }

  static let badTLBs: [(text: String, sentence: String)] = [
    ("", "'' is no setting"), ("4k", "'4k' is no setting"), ("default,4k=4x4", "'default' is no setting"),
    ("4k=4x4,", "'' is no setting"), (",", "'' is no setting"), ("4k=0", "there must be entries for 4 KiB pages"),
    ("4k=3x2", "'3x2' is no shape"), ("4k=6x2", "'6x2' is no shape"), ("4k=4x8", "'4x8' is no shape"),
    ("4k=64", "'64' is no shape"), ("4k=64x", "'64x' is no shape"), ("4k=x4", "'x4' is no shape"),
    ("4k=", "'' is no shape"),
    ("4k=64x0", "'64x0' is no shape"), ("4k=0x4", "'0x4' is no shape"), ("4k=4x4x4", "'4x4x4' is no shape"),
    ("4k=-4x4", "'-4x4' is no shape"), ("4k=+4x4", "'+4x4' is no shape"), ("4k=4x+4", "'4x+4' is no shape"),
    ("4k= 4x4", "' 4x4' is no shape"),
    ("4k=131072x4", "'131072x4' is no shape"), ("4k=99999999999999999999x4", "is no shape"),
    ("1g=4x4", "a TLB has no '1g'"),
    ("=", "a TLB has no ''"), ("global=yes", "global is on or off, not 'yes'"),
    ("global=", "global is on or off, not ''"),
    ("tags=asid", "tags are none, vpid or pcid, not 'asid'"), ("2m=4x3", "'4x3' is no shape"),
  ]

  @Test("a TLB that can't be is refused with one sentence", arguments: badTLBs)
  func badTLB(text: String, sentence: String) {
    expectRefusal(["--tlb", text], "is invalid for '--tlb <tlb>': ")
    expectRefusal(["--tlb", text], sentence)
  }

  @Test("a TLB is what was said, and the default for the rest")
  func goodTLB() throws {
    var options = TLBOptions()
    #expect(try TLBArgument(parsing: "default").options == options)
    options.small = TLBGeometry(entries: 64, ways: 4)
    #expect(try TLBArgument(parsing: "4k=64x4").options == options)
    #expect(try TLBArgument(parsing: "4K=64x4").options == options)
    options.large2M = TLBGeometry(entries: 0, ways: 1)
    options.large4M = TLBGeometry(entries: 3, ways: 3)
    options.keepsGlobal = false
    options.tags = .pcid
    #expect(try TLBArgument(parsing: "tags=pcid,4m=3x3,global=off,2m=0,4k=64x4").options == options)
    #expect(try TLBArgument(parsing: "4k=65535x65535").options.small.ways == 65_535)
  }

  @Test("what the user wrote is shown without its control characters")
  func controlCharacters() {
    for options in [["--tlb", "\u{1b}[31mx=1"], ["--tlb", "4k=\u{1b}[2J"], ["--tlb", "tags=\u{7}"]] {
      let console = Console(input: [])
      #expect(TraplineCommand.run(["run", "x"] + options, on: console) == 2)
      #expect(!console.errorText.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }
  }

  // MARK: Page tables

  /// The lines of a dump, each as its cells.
  private func dump(_ code: [UInt8], _ options: [String]) -> [[String]] {
    let result = run(code, ["--dump-page-tables"] + options)
    #expect(result.status == 1)
    return result.errors.split(separator: "\n").map { line in
      String(line).components(separatedBy: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }
  }

  @Test("with paging off the dump says so, and shows what the pager has")
  func dumpOff() {
    let off = [["paging is off: linear addresses are guest-physical"]]
    #expect(dump(PagingCode.exit, []) == off)
    let shadow = dump(PagingCode.exit, ["--pager", "shadow"])
    #expect(
      shadow.first == off.first
        && shadow[1] == ["linear", "size", "guest-physical", "rights", "machine", "supervisor shadow", "user shadow"])
    #expect(shadow.dropFirst(3) == [["00100000-00100fff", "4 KiB", "00100000", "rwx user", "00100000", "rwx", "-"]])
    let nested = dump(PagingCode.exit, ["--pager", "nested"])
    #expect(nested.first == off.first && nested[1] == ["linear", "size", "guest-physical", "rights", "machine", "EPT"])
    #expect(nested.dropFirst(3) == [["00100000-00100fff", "4 KiB", "00100000", "rwx user", "00100000", "rwx"]])
  }

  @Test("the dump of a two-level guest has its map, and each pager's beside it")
  func dumpTwoLevel() {
    let code = PagingCode.twoLevel + PagingCode.load(0x30_0000) + PagingCode.exit
    let none = dump(code, [])
    #expect(none.first == ["linear", "size", "guest-physical", "rights"])
    #expect(
      none.dropFirst(2) == [
        ["00100000-00100fff", "4 KiB", "00100000", "rwx user A"],
        ["00200000-00201fff", "8 KiB", "00200000", "rwx user"],
        ["00300000-00300fff", "4 KiB", "00380000", "rwx user A"],
        ["00301000-00301fff", "4 KiB", "00381000", "rwx user"],
      ])
    // Not dirty yet: a write is still the monitor's business.
    #expect(
      dump(code, ["--pager", "shadow"]).dropFirst(2) == [
        ["00100000-00100fff", "4 KiB", "00100000", "rwx user A", "00100000", "r-x", "-"],
        ["00200000-00201fff", "8 KiB", "00200000", "rwx user", "-", "-"],
        ["00300000-00300fff", "4 KiB", "00380000", "rwx user A", "00380000", "r-x", "-"],
        ["00301000-00301fff", "4 KiB", "00381000", "rwx user", "-", "-"],
      ])
    #expect(
      dump(code, ["--pager", "nested"]).dropFirst(2) == [
        ["00100000-00100fff", "4 KiB", "00100000", "rwx user A", "00100000", "rwx"],
        ["00200000-00201fff", "8 KiB", "00200000", "rwx user", "00200000", "rwx"],
        ["00300000-00300fff", "4 KiB", "00380000", "rwx user A", "00380000", "rwx"],
        ["00301000-00301fff", "4 KiB", "00381000", "rwx user", "-"],
      ])
  }

  @Test("the dump of a PAE guest has its large page in one line, and the pager's large entry beside it")
  func dumpPAE() {
    let code = PagingCode.pae + PagingCode.exit
    #expect(dump(code, []).last == ["40000000-401fffff", "2 MiB", "00400000", "rwx user large A D"])
    #expect(
      dump(code, ["--pager", "shadow"]).last == [
        "40000000-401fffff", "2 MiB", "00400000", "rwx user large A D", "00400000", "rwx 2M", "-",
      ])
    #expect(
      dump(code, ["--pager", "nested", "--ept-pages", "2m"]).last == [
        "40000000-401fffff", "2 MiB", "00400000", "rwx user large A D", "00400000", "rwx 2M",
      ])
    // In pieces: only the one that was used is there.
    let first = ["40000000-40000fff", "4 KiB", "00400000", "rwx user large A D", "00400000", "rwx"]
    #expect(dump(code, ["--pager", "shadow", "--shadow-large-pages", "split"]).contains(first + ["-"]))
    #expect(dump(code, ["--pager", "nested"]).contains(first))
  }

  // MARK: Events

  static let pagingKinds: [EventKind] = [
    .tlbMiss, .tlbFlush, .pageInvalidation, .hiddenPageFault, .traceHit, .eptViolation,
  ]

  private func events(_ options: [String], _ kinds: [EventKind]) throws -> [Event] {
    let path = scratch.path + "/events.jsonl"
    let filter = "kind=" + kinds.map(\.name).joined(separator: ",")
    #expect(run(PagingCode.remapping, ["--trace", path, "--filter", filter] + options).status == 1)
    return try EventTraceReader.read(Array(scratch.text("events.jsonl").utf8)).events
  }

  @Test("the events of translation are in the trace, and read back")
  func events() throws {
    let none = try events(["--pager", "none"], Self.pagingKinds)
    #expect(Set(none.map(\.kind)) == [.tlbMiss, .tlbFlush, .pageInvalidation])
    #expect(none.filter { $0.kind == .pageInvalidation }.map(\.a) == [0x30_0000])
    // Paging on, and the load of CR3 later on.
    #expect(none.filter { $0.kind == .tlbFlush }.map(\.code).suffix(2) == [0, 1])
    let misses = none.filter { $0.kind == .tlbMiss && $0.a == 0x30_0000 }
    #expect(misses.map(\.b) == [0x38_0000, 0x38_1000, 0x38_1000] && misses.allSatisfy { $0.code == 2 })

    let shadow = try events(["--pager", "shadow"], Self.pagingKinds)
    #expect(Set(shadow.map(\.kind)) == [.tlbMiss, .tlbFlush, .pageInvalidation, .hiddenPageFault, .traceHit])
    let hit = shadow.filter { $0.kind == .traceHit }
    #expect(hit.map(\.a) == [0x20_1c00] && hit.first?.b == 0x38_1007 && hit.first?.code == 4)
    // The new entry has no A yet, so that it comes by a hidden fault too.
    #expect(shadow.filter { $0.kind == .hiddenPageFault && $0.a == 0x30_0000 }.map(\.b) == [0x38_0000, 0x38_1000])

    let nested = try events(["--pager", "nested"], Self.pagingKinds)
    #expect(Set(nested.map(\.kind)) == [.tlbMiss, .tlbFlush, .pageInvalidation, .eptViolation])
    let violations = nested.filter { $0.kind == .eptViolation }.map(\.a)
    #expect(
      violations.filter { $0 & ~0xfff == 0x38_0000 }.count == 1
        && violations.filter { $0 & ~0xfff == 0x38_1000 }.count == 1)
  }

  @Test("each kind can be kept alone", arguments: pagingKinds)
  func filtered(kind: EventKind) throws {
    let pager = kind == .eptViolation ? "nested" : "shadow"
    let found = try events(["--pager", pager], [kind])
    #expect(!found.isEmpty && found.allSatisfy { $0.kind == kind })
    #expect(
      found
        == (try events(["--pager", pager], Self.pagingKinds).filter { $0.kind == kind }).enumerated().map {
          index, event in
          var event = event
          event.sequence = UInt64(index)
          return event
        })
    let text = run(PagingCode.remapping, ["--pager", pager, "--trace", "-", "--filter", "kind=\(kind.name)"]).errors
    #expect(text.split(separator: "\n").dropFirst().allSatisfy { $0.contains("  \(kind.name) ") }, "\(text)")
    #expect(text.split(separator: "\n").count == found.count + 1)
  }

  @Test("their details have names, in text and in JSON")
  func details() {
    func text(_ pager: String, _ format: String) -> String {
      run(PagingCode.remapping, ["--pager", pager, "--trace", "-", "--trace-format", format]).errors
    }
    for part in [
      "tlbMiss                linear=0x300000 page=0x380000 references=3", "tlbFlush               keptGlobal=1",
      "pageInvalidation       linear=0x300000", "hiddenPageFault        reason=0 linear=0x300000 page=0x380000",
      "traceHit               address=0x201c00 value=0x381007 size=4",
    ] { #expect(text("shadow", "text").contains(part), "\(part)") }
    #expect(text("nested", "text").contains("eptViolation           access=1 address=0x380000 mapped=0"))
    for part in [
      #""cr3":2097152,"keptGlobal":1}"#, #""cr3":2097152,"linear":3145728,"page":3670016,"references":3}"#,
      #""address":2104320,"value":3674119,"size":4}"#, #""reason":0,"linear":3145728,"page":3670016}"#,
    ] { #expect(text("shadow", "jsonl").contains(part), "\(part)") }
  }

  @Test("tracing changes nothing that is counted", arguments: PagerKind.allCases)
  func sameCounts(pager: PagerKind) throws {
    func counts(_ options: [String]) throws -> [String: Int] {
      let result = run(PagingCode.remapping, ["--serial", "none", "--json", "--pager", pager.rawValue] + options)
      return try #require(try json(result.output)["paging"] as? [String: Int])
    }
    #expect(try counts([]) == counts(["--trace", "/dev/null"]))
  }

  // MARK: The summary

  @Test("the summary in JSON has the pager and every counter", arguments: PagerKind.allCases)
  func summary(pager: PagerKind) throws {
    let summary = try json(run(PagingCode.remapping, ["--serial", "none", "--json", "--pager", pager.rawValue]).output)
    #expect(summary["pager"] as? String == pager.rawValue)
    let paging = try #require(summary["paging"] as? [String: Int])
    #expect(Set(paging.keys) == Set(PagingCounters.rows.map(\.name)))
    #expect(paging["pageInvalidations"] == 1 && paging["addressSpaceSwitches"] == 2 && paging["trueFaults"] == 0)
    #expect((paging["hiddenFaults"] ?? 0 > 0) == (pager == .shadow) && (paging["traceHits"] == 1) == (pager == .shadow))
    #expect((paging["eptViolations"] ?? 0 > 0) == (pager == .nested))
    #expect(paging["tlbMisses4K"] ?? 0 > 0 && paging["walkReferences"] ?? 0 >= paging["missReferences"] ?? .max)
  }

  @Test("in the summary for people each name stands apart from its value", arguments: PagerKind.allCases)
  func summaryText(pager: PagerKind) {
    let text = run(PagingCode.deviceStores(10), ["--summary", "--pager", pager.rawValue]).errors
    #expect(text.split(separator: "\n").contains { $0.hasPrefix("pager ") && $0.hasSuffix(" " + pager.rawValue) })
    for row in PagingCounters.rows {
      let name = "paging: \(row.name)"
      for line in text.split(separator: "\n")
      where line.hasPrefix(name) && line.dropFirst(name.count).first?.isLetter != true {
        #expect(line.dropFirst(name.count).first == " ", "\(line)")
      }
    }
  }

  @Test(
    "each access to a device is one exit of the pager's",
    arguments: [[], ["--tlb", "default"], ["--tlb", "tags=none"]])
  func deviceExits(options: [String]) throws {
    let nested = try json(
      run(PagingCode.deviceStores(100), ["--serial", "none", "--json", "--pager", "nested"] + options).output)
    #expect((nested["exits"] as? [String: Int])?["mmio-write"] == 100)
    // The first one is the violation that marks the page.
    let misconfigurations = (nested["paging"] as? [String: Int])?["eptMisconfigurations"] ?? 0
    #expect((99...100).contains(misconfigurations), "\(misconfigurations)")
  }
}
