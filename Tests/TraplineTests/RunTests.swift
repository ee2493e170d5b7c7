import Foundation
import Testing
import TraplineCommands

@Suite struct RunTests {
  private let scratch = Scratch()

  @Test("a guest that halts for good is quiet success", arguments: ["real", "protected"])
  func halting(mode: String) {
    let result = trapline("run", scratch.file("g", TinyGuest.halting), "--mode", mode)
    #expect(result.status == 0)
    #expect(result.output.isEmpty && result.errors.isEmpty)
  }

  @Test("a guest's own status is odd") func exiting() {
    let result = trapline("run", scratch.file("g", TinyGuest.exiting), "--mode", "protected")
    #expect(result.status == 11)
    #expect(result.errors.isEmpty)
  }

  @Test("the serial line is standard output") func serial() {
    let path = scratch.file("g", TinyGuest.printing)
    let result = trapline("run", path, "--mode", "real")
    #expect(result.output == "A")
    #expect(trapline("run", path, "--mode", "real", "--serial", "none").output.isEmpty)
    #expect(trapline("run", path, "--mode", "real", "--serial", scratch.path + "/line").output.isEmpty)
    #expect(scratch.text("line") == "A")
  }

  @Test("an endless guest ends by its budget, exactly") func budget() {
    let path = scratch.file("g", TinyGuest.endless)
    let result = trapline("run", path, "--mode", "real", "--max-instructions", "123457")
    #expect(result.status == 6)
    #expect(result.errors == "trapline: the instruction limit was reached after 123,457 instructions\n")
  }

  @Test("an endless guest ends by the clock, busy or idle", arguments: [TinyGuest.endless, TinyGuest.idle])
  func timeout(code: [UInt8]) {
    let path = scratch.file("g", code)
    let clock = ContinuousClock()
    for trace in [[], ["--trace-instructions-to", "/dev/null"]] {
      let start = clock.now
      let console = Console(input: [])
      let status = TraplineCommand.run(["run", path, "--mode", "protected", "--timeout", "100ms"] + trace, on: console)
      #expect(status == 124)
      #expect(clock.now - start < .seconds(5))
    }
  }

  @Test("a triple fault is told fault by fault, with symbols and state") func tripleFault() {
    let result = trapline("run", scratch.file("g", TinyGuest.elf(TinyGuest.tripleFault)))
    #expect(result.status == 4)
    for part in [
      "trapline: triple fault after 0 instructions, at 0008:00100000 <main>",
      "1. #GP (general protection), error code 1a at 0008:00100000 <main>: int3",
      "2. #GP (general protection), error code 6b while #GP was being delivered",
      "3. #DF (double fault) takes the place of the two", "4. #GP (general protection), error code 43 while #DF",
      "=> 0008:00100000  cc", "eflags=00000002", "cr0=", "gdtr base=", "stack at 0010:00000000",
    ] { #expect(result.errors.contains(part), "\(part) in \(result.errors)") }
    // Once is enough.
    #expect(result.errors.components(separatedBy: "gdtr base=").count == 2)
  }

  @Test("the state is shown when asked for") func dumpState() {
    let result = trapline("run", scratch.file("g", TinyGuest.exiting), "--mode", "protected", "--dump-state")
    #expect(result.status == 11)
    #expect(result.errors.contains("ring 0, protected mode, 32-bit code, paging off"))
    #expect(result.errors.contains("cs=0008 base=00000000 limit=ffffffff  code, readable, ring 0, 32-bit"))
  }

  @Test("the summary is JSON with a schema") func summary() throws {
    let path = scratch.file("g", TinyGuest.exiting)
    let result = trapline("run", path, "--mode", "protected", "--serial", "none", "--json")
    #expect(result.status == 11)
    #expect(result.errors.isEmpty)
    let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    #expect(json["schema"] as? String == "trapline.run")
    #expect(json["version"] as? Int == 4)
    #expect(json["outcome"] as? String == "guest-exit")
    #expect(json["exitStatus"] as? Int == 11)
    #expect((json["exits"] as? [String: Any])?["port-write"] as? Int == 1)
    #expect((json["guest"] as? [String: Any])?["format"] as? String == "flat")
    #expect(json["wallTime"] is Int)
    // Where standard output is the guest's, the summary is the last line of the rest; or in a file.
    let shared = trapline("run", path, "--mode", "protected", "--json")
    #expect(shared.output.isEmpty)
    #expect(shared.errors.hasPrefix("{\"schema\":\"trapline.run\""))
    _ = trapline("run", path, "--mode", "protected", "--json", "--output", scratch.path + "/summary")
    #expect(scratch.text("summary").hasPrefix("{\"schema\":\"trapline.run\""))
  }

  @Test("a triple fault's chain is in the summary") func faults() throws {
    let result = trapline(
      "run", scratch.file("g", TinyGuest.tripleFault), "--mode", "protected", "--serial", "none", "--json")
    let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    let faults = try #require(json["faults"] as? [[String: Any]])
    #expect(faults.map { $0["vector"] as? Int } == [13, 13, 8, 13])
    #expect(faults.map { $0["cause"] as? String } == ["instruction", "delivery", "escalation", "delivery"])
    #expect(faults.map { $0["during"] as? Int } == [nil, 13, nil, 8])
  }

  @Test("an instruction trace has a line for each instruction, with what it changed") func instructions() {
    let result = trapline(
      "run", scratch.file("g", TinyGuest.elf(TinyGuest.exiting)), "--trace-instructions-to", scratch.path + "/trace")
    #expect(result.status == 11)
    let lines = scratch.text("trace").split(separator: "\n")
    #expect(lines.count == 3)
    #expect(
      lines[1].contains("0  0008:00100000  b0 05") && lines[1].contains("main ") && lines[1].hasSuffix("eax=00000005"))
    #expect(
      lines[2].contains("1  0008:00100002  e6 f4") && lines[2].contains("main+0x2") && lines[2].contains("out 0xf4, al")
    )
  }

  @Test("tracing instructions changes nothing for the guest") func sameRun() throws {
    let path = scratch.file("g", TinyGuest.printing)
    let plain = trapline("run", path, "--mode", "real")
    let traced = trapline("run", path, "--mode", "real", "--trace-instructions-to", "/dev/null")
    #expect(plain.status == traced.status && plain.output == traced.output)
  }

  @Test("the event trace's form goes by the file's name, and by the option") func events() {
    let path = scratch.file("g", TinyGuest.exiting)
    let base = ["run", path, "--mode", "protected", "--filter", "kind=portWrite", "--trace"]
    for (name, options, isJSON) in [
      ("a.jsonl", [], true), ("a.txt", [], false), ("b.txt", ["--trace-format", "jsonl"], true),
      ("b.jsonl", ["--trace-format", "text"], false),
    ] {
      let console = Console(input: [])
      #expect(TraplineCommand.run(base + [scratch.path + "/" + name] + options, on: console) == 11)
      let lines = scratch.text(name).split(separator: "\n")
      #expect(lines.count == 2)
      #expect(lines.first?.hasPrefix("{\"schema\":\"trapline.events\"") == isJSON)
    }
    #expect(trapline("run", path, "--mode", "protected", "--trace", "-").errors.contains("portWrite"))
  }
}
