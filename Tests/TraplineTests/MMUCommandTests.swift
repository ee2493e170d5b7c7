// `trapline mmu`: the table, the numbers in it, JSON, the cost table, the sweep and its picture, and what is refused.

import Foundation
import Loading
import Processor
import Testing
import TraplineCommands

@testable import Trapline

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// One run in the JSON of a comparison.
private struct ComparedRun: Decodable {
  struct Charge: Decodable {
    var cause: String
    var count: UInt64
    var cycles: UInt64
  }
  var name: String
  var pager: String
  var outcome: String
  var instructions: UInt64
  var counters: [String: UInt64]
  var charges: [Charge]
  var cycles: UInt64

  func count(_ name: String) -> UInt64 { counters[name] ?? .max }
  func charge(_ cause: String) -> Charge? { charges.first { $0.cause == cause } }
}

private struct Comparison: Decodable {
  struct Cost: Decodable {
    var name: String
    var cycles: UInt64
    var source: String
  }
  struct Verdict: Decodable {
    var winner: String
    var loser: String
    var winnerCycles: UInt64
    var loserCycles: UInt64
    var reasons: [ComparedRun.Charge]
  }
  var schema: String
  var version: Int
  var kind: String
  var guest: String
  var memory: UInt64
  var tlb: String
  var costs: [Cost]
  var runs: [ComparedRun]
  var verdict: Verdict?

  func run(_ name: String) throws -> ComparedRun { try #require(runs.first { $0.name == name }) }
}

private struct Sweep: Decodable {
  struct Curve: Decodable {
    struct Point: Decodable {
      var value: UInt64
      var millicycles: UInt64
    }
    var name: String
    var points: [Point]
  }
  struct BreakEven: Decodable {
    var between: [String]
    var values: [UInt64]
  }
  struct Axis: Decodable {
    var name: String
    var unit: String
    var parameter: String
    var fixed: [String: UInt64]
    var curves: [Curve]
    var breakEven: [BreakEven]
  }
  var schema: String
  var version: Int
  var kind: String
  var guest: String
  var steps: UInt64
  var axes: [Axis]
}

private let pagers = ["none", "shadow", "shadow, lazy", "nested"]

/// A folder for a guest, and command lines over it.
private final class Bench {
  let scratch = Scratch()

  func mmu(_ code: [UInt8], _ options: [String] = [], mode: String = "protected") -> CommandResult {
    command([scratch.file("guest", code), "--mode", mode] + options)
  }

  func command(_ arguments: [String]) -> CommandResult {
    let console = Console(input: [])
    let status = TraplineCommand.run(["mmu"] + arguments, on: console)
    return CommandResult(status: status, output: console.outputText, errors: console.errorText)
  }

  func comparison(_ code: [UInt8], _ options: [String] = [], mode: String = "protected") throws -> Comparison {
    let result = mmu(code, ["--json"] + options, mode: mode)
    #expect(result.errors.isEmpty, "\(result.errors)")
    return try JSONDecoder().decode(Comparison.self, from: Data(result.output.utf8))
  }

  /// One sentence on standard error, nothing else; with the advice to look at the help or without.
  func expectRefusal(_ result: CommandResult, _ sentence: String, status: Int32 = 2) {
    #expect(result.status == status && result.output.isEmpty)
    let lines = result.errors.split(separator: "\n")
    #expect(lines.first?.hasPrefix("trapline: ") == true && lines.first?.contains(sentence) == true, "\(result.errors)")
    #expect(lines.count == 1 || lines.count == 2 && lines.last == "see 'trapline mmu --help'")
  }
}

@Suite struct MMUCommandTests {
  private let bench = Bench()

  // MARK: The comparison

  @Test("the table has a column for each pager, and a verdict below")
  func table() throws {
    let result = bench.mmu(PagingCode.remapping)
    #expect(result.status == 0 && result.errors.isEmpty)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines[0].hasSuffix("/guest, 64 MiB (guest-exit); TLB 4k=512x4,2m=32x4,4m=32x4,global=on,tags=vpid"))
    let heading = lines[2].trimmingCharacters(in: .whitespaces).components(separatedBy: "  ").filter { !$0.isEmpty }
    #expect(heading.map { $0.trimmingCharacters(in: .whitespaces) } == pagers)
    func row(_ name: String) throws -> [String] {
      let line = try #require(lines.first { $0.hasPrefix("  \(name)  ") }, "\(name)")
      return line.dropFirst(name.count + 2).split(separator: " ").map(String.init)
    }
    #expect(try row("INVLPG") == ["1", "1", "1", "1"])
    #expect(try row("CR3 loads") == ["2", "2", "2", "2"])
    #expect(try row("trace hits") == ["0", "1", "1", "0"])
    #expect(try row("references a miss").first == "2.00")
    #expect(Set(try row("instructions")).count == 1)
    // Columns are flush right.
    let values = lines.dropFirst(2).prefix { !$0.isEmpty }.filter { $0.hasPrefix("  ") }
    #expect(values.count > 20 && Set(values.map(\.count)).count == 1)
    #expect(
      lines.contains { $0.hasPrefix("verdict: ") && $0.contains(" costs least; ") && $0.contains(" times as much") })
  }

  static let guests: [(name: String, code: [UInt8])] = [
    ("remapping", PagingCode.remapping), ("PAE", PagingCode.pae + PagingCode.exit), ("no paging", PagingCode.exit),
    ("device", PagingCode.deviceStores(100)), ("thrashing", PagingCode.thrashing(100)),
    ("triple fault", TinyGuest.tripleFault),
  ]

  @Test(
    "the numbers in JSON fit each other", arguments: guests,
    [[], ["--tlb", "4k=1x1,2m=0,4m=0"], ["--tlb", "tags=none"]])
  func numbers(guest: (name: String, code: [UInt8]), options: [String]) throws {
    let comparison = try bench.comparison(guest.code, options)
    #expect(comparison.schema == "trapline.mmu" && comparison.version == 1 && comparison.kind == "comparison")
    #expect(comparison.memory == 64 << 20)
    #expect(
      comparison.runs.map(\.name) == pagers && comparison.runs.map(\.pager) == ["none", "shadow", "shadow", "nested"])
    let costs = Dictionary(uniqueKeysWithValues: comparison.costs.map { ($0.name, $0.cycles) })
    let exit = try #require(costs["exit"])
    let reference = try #require(costs["reference"])
    for run in comparison.runs {
      #expect(run.cycles == run.charges.reduce(0) { $0 + $1.cycles }, "\(run.name)")
      #expect(Set(run.counters.keys) == Set(PagingCounters.rows.map(\.name)))
      #expect(run.count("missReferences") <= run.count("walkReferences"))
      #expect(run.charge("page walks")?.count == run.count("walkReferences"))
      #expect(run.charge("page walks")?.cycles == run.count("walkReferences") * reference)
      // The guest's own doing is the same under all.
      for name in ["trueFaults", "addressSpaceSwitches", "pageInvalidations", "flushes", "modeChanges"] {
        #expect(run.count(name) == comparison.runs[0].count(name), "\(name) under \(run.name)")
      }
      #expect(run.instructions == comparison.runs[0].instructions && run.outcome == comparison.runs[0].outcome)
      let isShadow = run.pager == "shadow"
      let isNested = run.pager == "nested"
      for name in ["hiddenFaults", "traceHits", "rootsBuilt", "shadowEntriesFilled"] where !isShadow {
        #expect(run.count(name) == 0)
      }
      for name in ["eptViolations", "eptMisconfigurations"] where !isNested { #expect(run.count(name) == 0) }
      #expect((run.count("tablesBuilt") > 0) == (isShadow || isNested))
      if isShadow {
        #expect(run.charge("hidden faults")?.count == run.count("hiddenFaults"))
        #expect(run.charge("INVLPG")?.cycles == run.count("pageInvalidations") * exit)
      }
      if isNested {
        #expect(run.charge("EPT violations")?.cycles == run.count("eptViolations") * (exit + (costs["violation"] ?? 0)))
      }
    }
    let verdict = try #require(comparison.verdict)
    #expect(verdict.winnerCycles <= verdict.loserCycles)
    #expect(try comparison.run(verdict.winner).cycles == verdict.winnerCycles)
    #expect(try comparison.run(verdict.loser).cycles == verdict.loserCycles)
    #expect(Set([verdict.winner, verdict.loser].map { $0.hasPrefix("shadow") }) == [true, false])
  }

  @Test("references a miss in the table are those of the JSON")
  func referencesPerMiss() throws {
    let code = PagingCode.thrashing(1000)
    let options = ["--tlb", "4k=1x1"]
    let text = bench.mmu(code, options).output
    let line = try #require(text.split(separator: "\n").first { $0.contains("references a miss") })
    let shown = line.split(separator: " ").suffix(4).map { Double($0) ?? -1 }
    for (run, value) in zip(try bench.comparison(code, options).runs, shown) {
      let exact =
        Double(run.count("missReferences"))
        / Double(run.count("tlbMisses4K") + run.count("tlbMisses2M") + run.count("tlbMisses4M"))
      #expect(abs(exact - value) < 0.01, "\(run.name)")
      #expect(abs(exact - (run.pager == "nested" ? 14 : 2)) < 0.2, "\(run.name)")
    }
  }

  @Test("a smaller TLB misses more, and by the same number under all pagers")
  func smallTLB() throws {
    func misses(_ tlb: String) throws -> [UInt64] {
      let runs = try bench.comparison(PagingCode.thrashing(1000), ["--tlb", tlb]).runs
      return runs.map { $0.count("tlbMisses4K") }
    }
    #expect(try misses("4k=1x1").allSatisfy { $0 >= 2000 })
    #expect(try misses("default").allSatisfy { $0 < 30 })
  }

  @Test("real mode, ROMs and guests without paging can be compared too")
  func otherGuests() throws {
    #expect(bench.mmu(TinyGuest.printing, mode: "real").status == 0)
    #expect(bench.command([try BuiltGuest.path("hello-real.bin"), "--mode", "real"]).output.contains("(guest-exit)"))
    #expect(bench.command([try BuiltGuest.path("rom-reset.rom"), "--rom"]).output.contains("(guest-exit)"))
    #expect(bench.mmu(TinyGuest.tripleFault).output.contains("(triple-fault)"))
    for memory in ["4K", "3584M"] {
      let options = ["--load-address", "0x100", "--memory", memory]
      let result = bench.mmu(TinyGuest.halting, options, mode: "real")
      #expect(result.status == 0 && result.output.contains("(halted)"))
      #expect(
        try bench.comparison(TinyGuest.halting, options, mode: "real").memory == (memory == "4K" ? 4096 : 3584 << 20))
    }
    // Less than a MiB is no MiB.
    #expect(
      !bench.mmu(TinyGuest.halting, ["--load-address", "0x100", "--memory", "4K"], mode: "real").output.contains(
        " 0 MiB"))
  }

  @Test("a large page over the hole below 1 MiB isn't where pagers part")
  func hole() {
    let result = bench.mmu(PagingCode.largePageOverHole, ["--memory", "3M"])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
  }

  @Test("accesses to devices tip no balance: they exit under either pager", arguments: ["vpid", "none"])
  func devices(tags: String) throws {
    func cycles(_ count: UInt32) throws -> [UInt64] {
      try bench.comparison(PagingCode.deviceStores(count), ["--tlb", "tags=\(tags)", "--cost", "reference=0"]).runs.map(
        \.cycles)
    }
    let few = try cycles(10)
    let many = try cycles(1000)
    #expect(few == many, "none, shadow, shadow lazy, nested")
  }

  // MARK: Limits

  @Test("an instruction limit ends all runs at the same place, with success")
  func instructionLimit() throws {
    let comparison = try bench.comparison(TinyGuest.endless, ["--max-instructions", "12345"])
    #expect(comparison.runs.allSatisfy { $0.instructions == 12_345 && $0.outcome == "instruction-limit" })
    #expect(bench.mmu(TinyGuest.endless, ["--max-instructions", "12345"]).status == 0)
    #expect(try bench.comparison(TinyGuest.endless, ["--max-instructions", "0"]).runs.allSatisfy { $0.cycles == 0 })
  }

  @Test("a time limit ends each run, and is told")
  func timeLimit() {
    let result = bench.mmu(TinyGuest.endless, ["--timeout", "50ms"])
    #expect(result.status == 124)
    #expect(
      result.errors
        == "trapline: under none the time limit ended the guest: the runs aren't of the same length; use --max-instructions\n"
    )
    #expect(result.output.contains("(time-limit)"))
  }

  // MARK: Costs

  @Test("a figure of the cost table changes the cycles that it stands for and no count")
  func costs() throws {
    let code = PagingCode.remapping
    let plain = try bench.comparison(code)
    let free = try bench.comparison(code, ["--cost", "reference=0"])
    let dear = try bench.comparison(code, ["--cost", "exit=2009", "--cost", "reference=16"])
    #expect(dear.costs.first { $0.name == "exit" }?.cycles == 2009)
    for ((before, without), after) in zip(zip(plain.runs, free.runs), dear.runs) {
      #expect(before.counters == without.counters && before.counters == after.counters)
      #expect(without.charge("page walks")?.cycles == 0)
      #expect(before.cycles - without.cycles == before.charge("page walks")?.cycles)
      let exits: UInt64 =
        switch before.pager {
        case "shadow":
          ["hiddenFaults", "trueFaults", "traceHits", "addressSpaceSwitches", "pageInvalidations"].reduce(0) {
            $0 + before.count($1)
          }
        case "nested": before.count("eptViolations")
        default: 0
        }
      #expect(after.cycles == before.cycles + 1000 * exits + before.count("walkReferences"))
    }
    // The last word counts.
    #expect(
      try bench.comparison(code, ["--cost", "exit=1", "--cost", "exit=1009"]).runs.map(\.cycles)
        == plain.runs.map(\.cycles))
  }

  @Test("with every figure at nothing there is no winner, and with one there is")
  func zeroCosts() throws {
    let names = ["reference", "exit", "hidden-fault", "true-fault", "trace", "resync", "root", "violation"]
    let free = names.flatMap { ["--cost", "\($0)=0"] }
    let nothing = bench.mmu(PagingCode.remapping, free)
    #expect(nothing.status == 0 && nothing.output.contains("cost the same"), "\(nothing.output)")
    let verdict = try #require(try bench.comparison(PagingCode.remapping, free).verdict)
    #expect(verdict.winnerCycles == 0 && verdict.loserCycles == 0 && verdict.reasons.isEmpty)
    let one = bench.mmu(PagingCode.remapping, free + ["--cost", "violation=7"]).output
    #expect(one.contains("costs least") && !one.contains("cost the same"), "\(one)")
  }

  @Test("the largest figures overflow nothing")
  func hugeCosts() async {
    await #expect(processExitsWith: .success) {
      let scratch = Scratch()
      let guest = scratch.file("guest", PagingCode.thrashing(300_000))
      let console = Console(input: [])
      let arguments = [
        "mmu", guest, "--mode", "protected", "--tlb", "4k=1x1", "--cost", "reference=4294967295", "--cost",
        "exit=4294967295",
      ]
      exit(TraplineCommand.run(arguments, on: console))
    }
  }

  @Test(
    "a cost that makes no sense is refused",
    arguments: [
      ("latency=5", "the cost table has no 'latency': it has reference, exit, hidden-fault"),
      ("=5", "the cost table has no ''"),
      ("exit", "it is no cost: write NAME=CYCLES"), ("exit=", "it is no cost"), ("exit=-1", "it is no cost"),
      ("exit=+5", "it is no cost"),
      ("exit=1=2", "it is no cost"), ("exit=1.5", "it is no cost"), ("exit=4294967296", "it is no cost"),
      ("", "it is no cost"),
    ])
  func badCosts(text: String, sentence: String) {
    bench.expectRefusal(bench.mmu(PagingCode.exit, ["--cost", text]), sentence)
  }

  // MARK: What is refused

  @Test(
    "bad usage is one sentence, and status 2",
    arguments: [
      ([], "missing expected argument '<guest>'"), (["x", "y"], "unexpected argument 'y'"),
      (["x", "--pager", "shadow"], "unknown option '--pager'"),
      (["x", "--sweep", "--steps", "0"], "--steps must be from 1 to 1G"),
      (["x", "--sweep", "--steps", "1000000001"], "--steps must be from 1 to 1G"),
      (["x", "--steps", "5"], "add --sweep"),
      (["x", "--shadow-mode", "lazy"], "mmu runs both modes"),
      (["x", "--steps", "many"], "the value 'many' is invalid for '--steps <count>'"),
      (["x", "--steps", "99999999999999999999"], "is invalid for '--steps <count>'"),
      (["x", "--plot", "p.svg"], "--plot draws a sweep: add --sweep"),
      (["x", "--axis", "updates"], "--axis chooses what a sweep varies: add --sweep"),
      (["x", "--sweep", "--axis", "time"], "there is no axis 'time': there are working-set, updates, switches"),
      (["x", "--sweep", "--axis", ""], "there is no axis ''"),
      (["x", "--timeout", "0"], "it must be longer than nothing"),
      (["x", "--memory", "4G"], "--memory must be a multiple of 4K"),
      (["/nonexistent"], "can't open /nonexistent: no such file or directory"),
      (["/dev/null"], "is a device"),
    ])
  func badUsage(arguments: [String], sentence: String) { bench.expectRefusal(bench.command(arguments), sentence) }

  @Test("a guest that can't be loaded is refused", arguments: [5, 51, 60])
  func truncated(length: Int) {
    let path = bench.scratch.file("cut", Array(TinyGuest.elf(TinyGuest.halting).prefix(length)))
    for options in [[], ["--sweep"]] { bench.expectRefusal(bench.command([path] + options), "cut short") }
  }

  @Test("the result goes into a file, and a file that can't be written is a sentence")
  func output() throws {
    let path = bench.scratch.path + "/result"
    let result = bench.mmu(PagingCode.remapping, ["--output", path])
    #expect(result.status == 0 && result.output.isEmpty && result.errors.isEmpty)
    #expect(bench.scratch.text("result") == bench.mmu(PagingCode.remapping).output)
    bench.expectRefusal(
      bench.mmu(PagingCode.remapping, ["--output", "/nonexistent/file"]),
      "can't write /nonexistent/file: no such file or directory")
    bench.expectRefusal(
      bench.mmu(PagingCode.remapping, ["--json", "--output", "/dev/full"]),
      "can't write /dev/full: no space left on device", status: 8)
  }

  @Test("help ends with examples")
  func help() {
    let result = bench.command(["--help"])
    #expect(result.status == 0 && result.errors.isEmpty)
    let lines = result.output.split(separator: "\n")
    #expect(
      lines.suffix(3).first?.hasPrefix("EXAMPLES") == true
        && lines.suffix(2).allSatisfy { $0.hasPrefix("  trapline mmu ") })
  }
}

// MARK: - The sweep

@Suite struct MMUSweepTests {
  private let bench = Bench()

  private static func sweep(_ path: String, _ options: [String]) -> CommandResult {
    Bench().command([path, "--sweep", "--axis", "switches", "--steps", "200"] + options)
  }

  static let values: [UInt64] = (1...12).map { 1 << $0 }

  @Test(
    "a sweep of an axis has a row for each value, and says where the pagers break even, though its picture can't be written"
  )
  func text() throws {
    let result = Self.sweep(try BuiltGuest.path("mmu-mix.elf"), ["--plot", "/dev/full"])
    #expect(result.status == 8 && result.errors == "trapline: can't write /dev/full: no space left on device\n")
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines[0].hasSuffix("mmu-mix.elf: modelled cycles of translation an access, over 200 accesses"))
    #expect(lines[1] == "address-space switches (pages=256)")
    let rows = lines.filter { $0.hasPrefix("  ") && $0.contains(".") }.map { $0.split(separator: " ") }
    #expect(rows.map { String($0[0]).replacing(",", with: "") } == Self.values.map(String.init))
    #expect(rows.allSatisfy { $0.count == 5 })
    for shadow in ["shadow", "shadow, lazy"] {
      let sentences = [
        "  \(shadow) and nested break even at ", "  \(shadow) is cheaper than nested everywhere",
        "  nested is cheaper than \(shadow) everywhere",
      ]
      #expect(lines.filter { line in sentences.contains { line.hasPrefix($0) } }.count == 1)
    }
  }

  @Test("a sweep in JSON has all curves and break-even points, its picture is SVG, and a guest's name breaks neither")
  func picture() throws {
    let image = try Data(contentsOf: URL(fileURLWithPath: BuiltGuest.path("mmu-mix.elf")))
    let path = bench.scratch.file("<a & \"b\">\u{1b}.elf", Array(image))
    let plot = bench.scratch.path + "/plot.svg"
    let result = Self.sweep(path, ["--axis", "switches", "--json", "--plot", plot])
    #expect(result.status == 0 && result.errors.isEmpty)

    let sweep = try JSONDecoder().decode(Sweep.self, from: Data(result.output.utf8))
    #expect(sweep.schema == "trapline.mmu" && sweep.version == 1 && sweep.kind == "sweep" && sweep.steps == 200)
    #expect(sweep.guest == path)
    #expect(sweep.axes.map(\.name) == ["switches"], "named twice, swept once")
    let axis = try #require(sweep.axes.first)
    #expect(
      axis.parameter == "switch" && axis.unit == "accesses per CR3 load" && axis.fixed == ["pages": 256, "update": 0])
    #expect(axis.curves.map(\.name) == pagers)
    #expect(axis.curves.allSatisfy { $0.points.map(\.value) == Self.values })
    #expect(axis.breakEven.map(\.between) == [["shadow", "nested"], ["shadow, lazy", "nested"]])
    #expect(axis.breakEven.flatMap(\.values).allSatisfy { (2...4096).contains($0) })
    // Bare silicon walks the fewest tables; each CR3 load is an exit under shadow and nobody's business under nested.
    let none = axis.curves[0].points.map(\.millicycles)
    let first = axis.curves.map { $0.points[0].millicycles }
    #expect(axis.curves.dropFirst().allSatisfy { zip($0.points, none).allSatisfy { $0.millicycles >= $1 } })
    #expect(first[1] > first[3] && first[2] > first[3])
    try expectPicture()
  }

  @Test("where every access costs nothing there is a picture too")
  func nothing() throws {
    let path = try BuiltGuest.path("mmu-mix.elf")
    let free = ["reference", "exit", "hidden-fault", "root", "violation"].flatMap { ["--cost", "\($0)=0"] }
    let result = Self.sweep(path, free + ["--plot", bench.scratch.path + "/plot.svg"])
    #expect(result.status == 0 && result.errors.isEmpty)
    #expect(!result.output.contains("is cheaper than"), "they cost the same")
    try expectPicture()
  }

  private func expectPicture() throws {
    let svg = bench.scratch.text("plot.svg")
    let parser = XMLParser(data: Data(svg.utf8))
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(svg.hasPrefix("<svg ") && !svg.contains("nan") && !svg.contains("inf"))
    for text in pagers + ["accesses per CR3 load", "cycles an access"] { #expect(svg.contains(text), "\(text)") }
  }

  @Test("a picture or a result that can't be made is refused before the work", arguments: ["--plot", "--output"])
  func unwritable(option: String) {
    // The work would be refused too, with another sentence.
    func refusal(_ path: String) -> CommandResult { bench.mmu(TinyGuest.tripleFault, ["--sweep", option, path]) }
    bench.expectRefusal(refusal("/nonexistent/file"), "can't write /nonexistent/file: no such file or directory")
    bench.expectRefusal(refusal(""), "the name of the output file is empty")
  }

  @Test("a guest that fails, or that knows nothing of the parameters, is refused with one sentence")
  func unsuitable() throws {
    for code in [TinyGuest.halting, TinyGuest.exiting, TinyGuest.tripleFault] {
      bench.expectRefusal(bench.mmu(code, ["--sweep"]), "instead of success")
    }
    // They end well whatever they are asked for.
    bench.expectRefusal(bench.mmu(PagingCode.exit, ["--sweep"]), "steps=")
    bench.expectRefusal(
      bench.command([try BuiltGuest.path("arithmetic.elf"), "--sweep", "--axis", "switches"]), "steps=")
    bench.expectRefusal(
      bench.command([try BuiltGuest.path("mmu-mix.elf"), "--sweep", "--max-instructions", "1000"]), "instruction-limit")
    bench.expectRefusal(bench.mmu(TinyGuest.endless, ["--sweep", "--timeout", "50ms"]), "time-limit")
  }

  @Test("a sweep that is stopped in the middle of a run is given up, and no fault of the guest's")
  func stopped() throws {
    let stop = StopSignal()
    let comparison = PagingComparison(
      image: TinyGuest.endless, request: LoadRequest(mode: .protected), memorySize: 4 << 20,
      limits: RunLimits(time: .seconds(20), stop: stop))
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.05)
      stop.raise()
    }
    var configuration = PagingConfiguration(pager: .nested)
    configuration.tlb = TLBOptions()
    let contender = PagingContender(name: "nested", configuration: configuration)
    let axis = try #require(SweepAxis.all.first)
    #expect(try comparison.sweep(axis, [contender], steps: 10, shouldStop: { stop.isRaised }) == nil)
  }

  @Test("break-even points are where curves cross, between their values")
  func crossovers() throws {
    func result(_ a: [Double], _ b: [Double]) throws -> [Double] {
      let axis = try #require(SweepAxis.all.first)
      func curve(_ name: String, _ cycles: [Double]) -> SweepCurve {
        SweepCurve(
          contender: name,
          points: cycles.enumerated().map { SweepPoint(value: 16 << UInt64($0.offset), cycles: $0.element) })
      }
      return SweepResult(axis: axis, curves: [curve("a", a), curve("b", b)]).crossovers("a", "b")
    }
    #expect(try result([1, 2, 3], [2, 3, 4]).isEmpty)
    #expect(try result([1, 3], [3, 1]).map { ($0 * 1000).rounded() } == [22_627], "half way, on a logarithmic scale")
    #expect(try result([1, 3, 1], [2, 2, 2]).count == 2)
    #expect(try result([1, 2, 3], [2, 2, 2]) == [32])
    #expect(try result([0, 0], [0, 0]).isEmpty)
    #expect(try result([], []).isEmpty)
    let axis = try #require(SweepAxis.all.first)
    #expect(SweepResult(axis: axis, curves: []).crossovers("a", "b").isEmpty)
  }
}
