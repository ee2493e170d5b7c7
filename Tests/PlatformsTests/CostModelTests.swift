import Testing
import Tracing

@testable import Platforms

@Suite struct CostModelTests {
  @Test("the model that is built in is whole, and every figure has a source") func standard() {
    let model = CostModel.standard
    #expect(model.entries.count > 30)
    #expect(model.entries.allSatisfy { $0.source.count >= 8 && $0.meaning.count > 4 })
    #expect(model.processor == "Pentium 4 672, 3.8 GHz")
  }

  @Test("its own text is read back to the same model") func roundTrip() throws {
    #expect(try CostModel(parsing: CostModel.standard.text) == CostModel.standard)
  }

  @Test("the most particular figure prices an event") func particular() {
    let costs = CostModel.standard.eventCosts(hasMonitor: true)
    func cost(_ kind: EventKind, code: UInt32 = 0, a: UInt64 = 0) -> UInt32 {
      costs.cost(of: Event(kind: kind, context: .monitor, retired: 0, code: code, a: a))
    }
    #expect(cost(.callout, code: CalloutReason.timeStamp.rawValue) == 1254)
    #expect(cost(.callout, code: CalloutReason.port.rawValue) == 216)
    #expect(cost(.exception, code: 14) == 1093)
    #expect(cost(.hostSystemCall, code: 17, a: 4096) == 1080 + 1024)
    #expect(cost(.hostSystemCall, code: 17, a: UInt64(bitPattern: -5)) == 1080, "a failure moves nothing")
    #expect(cost(.tlbMiss, code: 24) == 480)
  }

  @Test("a port costs the guest on the machine itself, and not under a monitor") func platforms() {
    let event = Event(kind: .portRead, context: .guestKernel, retired: 0, code: 0x80)
    #expect(CostModel.standard.eventCosts(hasMonitor: false).cost(of: event) == 3209)
    #expect(CostModel.standard.eventCosts(hasMonitor: true).cost(of: event) == 0)
  }

  @Test("a figure without an event is priced by its name, and prices no event") func primitives() throws {
    let model = try CostModel(
      parsing: "instruction | - | 2 | - | an instruction | a test\ntrap | - | 2030 | - | a trap | a test\n")
    #expect(model.cycles("trap") == 2030)
    #expect(model.cycles("exit") == nil)
    let costs = model.eventCosts(hasMonitor: true)
    #expect(costs.instruction == 2)
    for kind in EventKind.allCases {
      #expect(costs.cost(of: Event(kind: kind, context: .guestKernel, retired: 0)) == 0, "\(kind)")
    }
  }

  static let wrong: [(text: String, sentence: String)] = [
    ("", "line 1 of the cost model: the figure 'instruction' is missing"),
    ("x | halt | 1", "there are 3 columns"), ("x | halt | many | - | what | who", "the cycles must be a number"),
    ("x | party | 1 | - | what | who", "there is no event 'party'"),
    ("x | callout=party | 1 | - | what | who", "'callout' has no 'party'"),
    ("x | halt on mars | 1 | - | what | who", "the event must be like"), ("x | halt | 1 | 2 | what | who", "the unit must be like"),
    ("x | halt | 1 | - | what | ", "the source is empty"),
    ("x | halt | 1 | - | a | b\nx | reset | 1 | - | a | b", "line 2 of the cost model: 'x' is there twice"),
  ]

  @Test("each wrong model gets a sentence with its line", arguments: wrong)
  func refusals(text: String, sentence: String) {
    do throws(CostModelError) {
      _ = try CostModel(parsing: text)
      Issue.record("parsed")
    } catch {
      #expect(error.description.contains(sentence), "\(error.description)")
    }
  }
}
