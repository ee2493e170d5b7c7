import Testing

@testable import Tracing

@Suite("Reading event traces")
struct EventTraceReaderTests {
  private let header = #"{"schema":"trapline.events","version":3,"guest":"g"}"# + "\n"
  private let halt =
    #"{"sequence":7,"retired":1,"cycles":2,"vcpu":3,"context":"monitor","kind":"halt","eip":4,"cr3":5}"#

  private func problem(_ text: String) -> EventTraceError? {
    do throws(EventTraceError) {
      _ = try EventTraceReader.read(Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test("every kind comes back as it was written")
  func roundTrip() throws {
    var events = samples.map(\.event)
    for index in events.indices { events[index].sequence = UInt64(index) }
    #expect(try EventTraceReader.read(json(events, guest: "x")) == EventTrace(guest: "x", events: events))
  }

  @Test("details that a kind doesn't name, and the largest values, come back too")
  func anything() throws {
    var random = SystemRandomNumberGenerator()
    for kind in EventKind.allCases {
      for round in 0..<20 {
        func some<T: FixedWidthInteger & UnsignedInteger>(_: T.Type) -> T {
          round == 0 ? .max : round == 1 ? 0 : T.random(in: 0...T.max, using: &random) >> T(random.next() % 40)
        }
        let event = Event(
          kind: kind, context: .device, retired: some(UInt64.self), code: some(UInt32.self), a: some(UInt64.self),
          b: some(UInt64.self),
          arguments: (
            some(UInt32.self), some(UInt32.self), some(UInt32.self), some(UInt32.self), some(UInt32.self),
            some(UInt32.self)
          ), instructionPointer: some(UInt32.self), addressSpace: some(UInt32.self), vcpu: some(UInt16.self),
          cycles: some(UInt64.self), sequence: 0)
        #expect(try EventTraceReader.read(json([event])).events == [event])
      }
    }
  }

  @Test("fields may come in any order, with spaces, CRLF and no newline at the end")
  func loose() throws {
    let line =
      #" { "kind" : "halt" ,"cr3":5,"eip":4,"context":"monitor","vcpu":3,"cycles":2,"retired":1,"sequence":7 } "#
    let trace = try EventTraceReader.read(Array((header.dropLast() + "\r\n" + line).utf8))
    let event = Event(
      kind: .halt, context: .monitor, retired: 1, instructionPointer: 4, addressSpace: 5, vcpu: 3, cycles: 2,
      sequence: 7)
    #expect(trace == EventTrace(guest: "g", events: [event]))
    #expect(problem(header + halt) == nil)
  }

  @Test("a trace cut at any byte is read up to a whole line, or refused with the last line's number")
  func cut() throws {
    let whole = json(samples.map(\.event), guest: "g")
    let newlines = Set(whole.indices.filter { whole[$0] == 10 })
    for length in 0..<whole.count {
      let lines = whole[..<length].filter { $0 == 10 }.count
      do throws(EventTraceError) {
        let trace = try EventTraceReader.read(Array(whole[..<length]))
        #expect(newlines.contains(length) || newlines.contains(length - 1))
        #expect(trace.events.count == (newlines.contains(length) ? lines : lines - 1))
      } catch {
        #expect(!newlines.contains(length))
        #expect(error.line == lines + 1)
      }
    }
  }

  static let wrongHeaders: [(text: String, sentence: String)] = [
    ("", "the trace is empty"), ("hello\n", "this isn't an event trace"), ("{}\n", "its schema must be"),
    (#"{"schema":"other","version":3,"guest":""}"#, "its schema must be"),
    (#"{"schema":"trapline.events","guest":""}"#, "'version' is missing"),
    (#"{"schema":"trapline.events","version":4,"guest":""}"#, "version 4, and only version 3"),
    (#"{"schema":"trapline.events","version":3}"#, "'guest' must be a text"),
    (#"{"schema":"trapline.events","version":3,"guest":"\x"}"#, "'guest' must be a text"),
    (#"{"schema":"trapline.events","version":3,"guest":"\ud800"}"#, "'guest' must be a text"),
    (#"{"schema":"trapline.events","version":3,"guest":"","more":1}"#, "the header has no 'more'"),
  ]

  @Test("each wrong header is refused on line 1", arguments: wrongHeaders)
  func wrongHeader(text: String, sentence: String) {
    let problem = problem(text)
    #expect(problem?.line == 1)
    #expect(problem?.description.contains(sentence) == true)
    #expect(problem?.description.hasPrefix("line 1 of the event trace: ") == true)
  }

  static let edits: [(from: String, to: String, sentence: String)] = [
    (#""eip":4"#, #""eip":4294967296"#, "'eip' must be a number from 0 to 4294967295"),
    (#""vcpu":3"#, #""vcpu":65536"#, "'vcpu' must be a number from 0 to 65535"),
    (#""retired":1"#, #""retired":18446744073709551616"#, "too large"),
    (#""retired":1"#, #""retired":-1"#, "no whole number at column"),
    (#""retired":1"#, #""retired":01"#, "no whole number at column"),
    (#""retired":1"#, #""retired":1.5"#, "'}' is missing"), (#""retired":1"#, #""retired":"1""#, "must be a number"),
    (#""retired":1,"#, "", "'retired' is missing"), (#""retired":1,"#, #""retired":1,"retired":1,"#, "there twice"),
    (#""cr3":5"#, #""cr3":5,"port":1"#, "a halt has no 'port'"), (#""halt""#, #""sleep""#, "'kind' must name"),
    (#""halt""#, "4", "'kind' must name"), (#""monitor""#, #""moon""#, "'context' must name"),
    (#""cr3":5"#, #""cr3":5,"arguments":[1,2]"#, "six numbers"),
    (#""cr3":5"#, #""cr3":5,"arguments":[1,2,3,4,5,6,7]"#, "six numbers"),
    (#""cr3":5"#, #""cr3":5,"arguments":[1,2,3,4,5,4294967296]"#, "six numbers"),
    ("5}", "5}x", "something follows the object"), ("5}", "5", "cut"), (#""halt""#, #""halt"#, "'}' is missing"),
    (#"{"seq"#, #"["seq"#, "'{' is missing"), (#""sequence":7"#, #""sequence":6"#, "sequence 6 follows 6"),
  ]

  @Test("each wrong event is refused with its line", arguments: edits)
  func wrongEvent(from: String, to: String, sentence: String) {
    let first = halt.replacing(#""sequence":7"#, with: #""sequence":6"#)
    let problem = problem(header + first + "\n" + halt.replacing(from, with: to) + "\n")
    #expect(problem?.line == 3)
    #expect(problem?.description.contains(sentence) == true, "\(problem?.description ?? "read")")
  }

  @Test("an object with very many fields is refused")
  func manyFields() {
    let fields = (0..<100).map { "\"f\($0)\":0" }.joined(separator: ",")
    #expect(problem(header + "{\(fields)}\n")?.description.contains("too many fields") == true)
  }

  @Test("damaged traces never trap")
  func damaged() {
    let whole = json(samples.map(\.event), guest: "a\n\u{1b}")
    var state: UInt64 = 42
    func random(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    let nasty = Array("\"\\{}[],:u09-. \n\u{0}".utf8) + [0xff, 0xc3]
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0...random(3) { bytes[random(bytes.count)] = nasty[random(nasty.count)] }
      _ = try? EventTraceReader.read(bytes)
    }
  }
}
