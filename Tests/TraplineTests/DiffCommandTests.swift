import Foundation
import Testing
import Tracing
import TraplineCommands

@Suite struct DiffCommandTests {
  private let scratch = Scratch()

  /// A trace of reads, each with port writes inside.
  private func trace(
    _ name: String, calls: Int = 3, ports: [UInt32], cost: UInt32 = 0, number: UInt64 = 3, swapped: Bool = false
  ) -> String {
    let output = ByteSink()
    var costs = EventCosts()
    costs.add(.init(kind: .portWrite, cycles: UInt64(cost)))
    let recorder = Recorder(sink: JSONLinesSink(output, guest: "g"), costs: cost == 0 ? nil : costs)
    var time: UInt64 = 0
    func record(_ kind: EventKind, _ context: EventContext, code: UInt32, a: UInt64 = 0, b: UInt64 = 0) {
      time += 1
      recorder.record(
        Event(
          kind: kind, context: context, retired: time, code: code, a: a, b: b, instructionPointer: 0x8002,
          addressSpace: 0x1000))
    }
    for _ in 0..<calls {
      record(.systemCallEntry, .guestUser, code: 0x80, a: number, b: 0x8002)
      for port in ports { record(.portWrite, .guestKernel, code: port, a: 1, b: 1) }
      record(.systemCallReturn, .guestUser, code: 0x80, a: 9, b: number)
    }
    recorder.flush()
    var lines = String(decoding: output.contents, as: UTF8.self).split(separator: "\n").map(String.init)
    if swapped { lines.swapAt(1, 2) }
    return scratch.file(name, Array((lines.joined(separator: "\n") + "\n").utf8))
  }

  private let heading = "#      retired  address        bytes                    instruction                         changes\n"

  private func instructions(_ name: String, _ lines: [String]) -> String {
    scratch.file(name, Array((heading + lines.joined(separator: "\n") + "\n").utf8))
  }

  private func numbered(_ count: Int, change: Int? = nil) -> [String] {
    (0..<count).map { "             \($0)  0008:00100000  90     \($0 == change ? "hlt" : "nop")" }
  }

  @Test("two traces that are the same end in status 0, with the totals")
  func same() {
    let result = trapline("diff", trace("a", ports: [1]), trace("b", ports: [1]))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.hasSuffix("calls and page faults: 3 the same, 0 differ\n"))
    #expect(!result.output.contains("#0"))
  }

  @Test("what differs stands side by side, and the status is 1")
  func differ() {
    let result = trapline("diff", trace("a", calls: 1, ports: [1, 2]), trace("b", calls: 1, ports: [1, 3, 4]), "--width", "120")
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines[0] == "read(3) #0 of 00001000: 1 event only in a, 2 only in b")
    #expect(lines[1].hasPrefix("  a  ") && lines[1].hasSuffix(" b"))
    #expect(lines[4].hasPrefix("  kernel  portWrite         port=2 value=1 size=1") && lines[4].hasSuffix(" <"))
    #expect(lines[5].hasPrefix("      ") && lines[5].hasSuffix(" > kernel  portWrite         port=3 value=1 size=1"))
    #expect(lines.allSatisfy { $0.count <= 120 })
    #expect(!result.output.contains("\u{1b}"))
  }

  @Test("events at another cost are marked, and cycles are compared")
  func cost() {
    let result = trapline("diff", trace("a", calls: 1, ports: [1], cost: 10), trace("b", calls: 1, ports: [1], cost: 30))
    #expect(result.status == 1)
    #expect(result.output.contains("1 event at another cost"))
    #expect(result.output.contains("cost=10") && result.output.contains(" | kernel  portWrite"))
    #expect(result.output.contains("(+20)"))
  }

  @Test("the calls shown are bounded; --all shows every call, the same ones in a line")
  func bounds() {
    let (a, b) = (trace("a", calls: 30, ports: [1]), trace("b", calls: 30, ports: [2]))
    func calls(_ words: String...) -> Int {
      trapline(["diff", a, b] + words).output.split(separator: "\n").count { $0.hasPrefix("read(3) #") }
    }
    #expect(calls() == 20)
    #expect(calls("--limit", "4") == 4)
    #expect(calls("--all") == 30)
    #expect(trapline("diff", a, b).output.contains("10 more that differ aren't shown"))
    #expect(trapline("diff", a, a, "--all").output.contains("read(3) #29 of 00001000: the same\n"))
  }

  @Test("--syscall chooses calls by name or number", arguments: ["read", "3"])
  func chosen(call: String) {
    let (a, b) = (trace("a", ports: [1]), trace("b", ports: [2]))
    #expect(trapline("diff", a, b, "--syscall", call).status == 1)
    #expect(trapline("diff", a, b, "--syscall", "write").status == 0)
    #expect(trapline("diff", a, b, "--syscall", "pagefault").status == 0)
  }

  @Test("JSON has each span that differs with its rows, the totals and the outcome")
  func json() throws {
    let result = trapline("diff", trace("a", ports: [1]), trace("b", ports: [1, 2]), "--json")
    #expect(result.status == 1)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    #expect(object["schema"] as? String == "trapline.diff" && object["version"] as? Int == 1)
    #expect(object["kind"] as? String == "events" && (object["left"] as? String)?.hasSuffix("/a") == true)
    let spans = try #require(object["spans"] as? [[String: Any]])
    #expect(spans.count == 3 && spans[0]["name"] as? String == "read" && spans[0]["onlyRight"] as? Int == 1)
    let rows = try #require(spans[0]["rows"] as? [[String: Any]])
    #expect(rows.map { $0["in"] as? String } == ["both", "both", "right", "both"])
    #expect((rows[2]["right"] as? [String: Any])?["port"] as? Int == 2)
    #expect((object["totals"] as? [[String: Any]])?.count == EventContext.allCases.count)
    #expect((object["counters"] as? [[String: Any]])?.count == EventCounter.allCases.count)
    #expect((object["summary"] as? [String: Any])?["different"] as? Int == 3)
    let empty = trapline("diff", trace("a", ports: [1]), trace("b", ports: [1]), "--json")
    #expect(try JSONSerialization.jsonObject(with: Data(empty.output.utf8)) is [String: Any])
  }

  @Test("--output takes the result, and nothing else is printed")
  func output() {
    let path = scratch.path + "/out"
    let result = trapline("diff", trace("a", ports: [1]), trace("b", ports: [2]), "--output", path)
    #expect(result.status == 1 && result.output.isEmpty && result.errors.isEmpty)
    #expect(scratch.text("out").contains("read(3) #0"))
    #expect(trapline("diff", scratch.path + "/a", scratch.path + "/b", "--output", "/nowhere/x").status == 2)
  }

  // MARK: Trouble

  @Test("a file that isn't there, is empty or is no trace is trouble, and one sentence names it")
  func noTrace() {
    let good = trace("a", ports: [1])
    let files = [
      (scratch.path + "/none", "can't read"), (scratch.path, "is a directory"), (scratch.file("empty", []), "is empty"),
      (scratch.file("other", Array("hello\n".utf8)), "neither an event trace"),
      (scratch.file("text", Array("#    event       retired\n".utf8)), "--trace-format jsonl"),
      (scratch.file("brace", Array("{\n".utf8)), "line 1 of the event trace"),
      (
        scratch.file("version", Array(#"{"schema":"trapline.events","version":2,"guest":""}"#.utf8)),
        "the trace has version 2, and only version \(JSONLinesSink.version) is known"
      ),
    ]
    for (file, sentence) in files {
      for words in [[good, file], [file, good]] {
        let result = trapline(["diff"] + words)
        #expect(result.status == 2, "\(file)")
        #expect(result.errors.contains(sentence) && result.errors.contains(file), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1 && result.output.isEmpty)
      }
    }
  }

  @Test("a trace that was cut, or whose lines were exchanged, is trouble with its line")
  func damaged() {
    let good = trace("a", calls: 100, ports: [1])
    let whole = Array(scratch.text("a").utf8)
    let cut = trapline("diff", good, scratch.file("cut", Array(whole.dropLast(20))))
    #expect(cut.status == 2)
    #expect(cut.errors.contains("cut: line 301 of the event trace: "), "\(cut.errors)")
    let swapped = trapline("diff", trace("s", ports: [1], swapped: true), good)
    #expect(swapped.status == 2 && swapped.errors.contains("s: line 3 of the event trace: sequence 0 follows 1"))
  }

  // MARK: Instruction traces

  @Test("instruction traces that are the same end in status 0")
  func sameInstructions() {
    let result = trapline("diff", instructions("a", numbered(50)), instructions("b", numbered(50)))
    #expect(result.status == 0 && result.output == "the same: 51 lines\n")
  }

  @Test("the first line that differs is shown with five lines before it and three after")
  func divergence() {
    let (a, b) = (instructions("a", numbered(50)), instructions("b", numbered(50, change: 20)))
    let result = trapline("diff", a, b)
    #expect(result.status == 1)
    let lines = result.output.split(separator: "\n").map(String.init)
    #expect(lines.count == 1 + 5 + 4 + 4)
    #expect(lines[0] == "they part at line 22, after 20 instructions")
    #expect(lines[1].hasSuffix("15  0008:00100000  90     nop") && lines[5].contains(" 19  "))
    #expect(lines[6].hasPrefix("< ") && lines[6].hasSuffix("20  0008:00100000  90     nop"))
    #expect(lines[10].hasPrefix("> ") && lines[10].hasSuffix("20  0008:00100000  90     hlt"))
    #expect(lines[13].contains(" 23  "))
  }

  @Test("a trace that ends early differs where it ends")
  func early() throws {
    let (a, b) = (instructions("a", numbered(50)), instructions("b", numbered(10)))
    let result = trapline("diff", a, b)
    #expect(result.status == 1)
    #expect(result.output.contains("they part at line 12, after 10 instructions"))
    #expect(result.output.contains("> (b ends here)\n"))
    let json = trapline("diff", b, a, "--json")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let place = try #require(object["divergence"] as? [String: Any])
    #expect(place["line"] as? Int == 12 && place["left"] is NSNull && place["retired"] as? Int == 10)
    #expect((place["before"] as? [String])?.count == 5 && (place["rightAfter"] as? [String])?.count == 3)
    #expect(object["kind"] as? String == "instructions" && object["same"] as? Bool == false)
  }

  @Test("a difference that is far into long traces is found")
  func far() {
    let (a, b) = (instructions("a", numbered(30_000)), instructions("b", numbered(30_000, change: 29_998)))
    #expect(trapline("diff", a, b).output.hasPrefix("they part at line 30000, after 29,998 instructions\n"))
  }

  @Test("a line without end is trouble, not memory")
  func longLine() {
    let long = instructions("a", [String(repeating: "x", count: 1 << 20)])
    let result = trapline("diff", long, instructions("b", numbered(3)))
    #expect(result.status == 2 && result.errors.contains("a: line 2 is too long for a trace"))
  }

  @Test("instructions can't be compared with events")
  func mixed() {
    let result = trapline("diff", instructions("i", numbered(3)), trace("e", ports: [1]))
    #expect(result.status == 2 && result.errors.contains("/e is a trace of events and "))
    #expect(trapline("diff", scratch.path + "/i", scratch.path + "/i", "--syscall", "read").status == 2)
  }

  @Test("what run records is the same as itself, in both forms")
  func recorded() {
    let guest = scratch.file("guest", TinyGuest.elf(TinyGuest.exiting))
    for (option, name) in [("--trace", ".jsonl"), ("--trace-instructions-to", ".txt")] {
      let files = ["1", "2"].map { scratch.path + "/" + $0 + name }
      for file in files { _ = trapline("run", guest, option, file) }
      let result = trapline(["diff"] + files)
      #expect(result.status == 0, "\(result.errors)")
    }
  }
}
