import Testing

@testable import Tracing

@Suite("Reading spans")
struct DiffSpanTests {
  private func spans(_ write: (inout TraceScript) -> Void) -> [Span] { SpanReader.spans(of: trace(write)) }

  @Test("a call has what happened from its entry to its return, and its result")
  func call() {
    let spans = spans {
      $0.add(.portRead)
      $0.enter(3, 7)
      $0.add(.portWrite, code: 0x1f0)
      $0.leave(3, 512)
      $0.add(.halt)
    }
    #expect(spans.map(\.kind) == [.outside, .call, .outside])
    let call = spans[1]
    #expect(call.number == 3 && call.arguments.0 == 7 && call.result == 512 && call.ordinal == 0)
    #expect(call.events.map(\.kind) == [.systemCallEntry, .portWrite, .systemCallReturn])
  }

  @Test("a call's ordinal counts the calls with its number in its address space")
  func ordinals() {
    let spans = spans {
      for number: UInt64 in [3, 4, 3] { $0.call(number) }
      $0.switchTo(0x2000)
      $0.call(3)
    }
    #expect(spans.filter { $0.kind == .call }.map(\.ordinal) == [0, 0, 1, 0])
  }

  @Test("what another process does while a call sleeps is not the call's")
  func processSwitch() {
    let spans = spans {
      $0.enter(3)
      $0.switchTo(0x2000)
      $0.add(.portWrite, code: 1)
      $0.call(20)
      $0.switchTo(0x1000)
      $0.add(.portWrite, code: 2)
      $0.leave(3)
    }
    let read = spans.first { $0.number == 3 }
    #expect(read?.events.map(\.kind) == [.systemCallEntry, .addressSpaceSwitch, .portWrite, .systemCallReturn])
    #expect(read?.events[2].code == 2)
    #expect(spans.first { $0.number == 20 }?.events.count == 2)
    let outside = spans.filter { $0.kind == .outside && $0.addressSpace == 0x2000 }
    #expect(outside.flatMap(\.events).map(\.kind) == [.portWrite, .addressSpaceSwitch])
  }

  @Test("two threads of one address space keep their calls apart by where they return to")
  func threads() {
    let spans = spans {
      $0.enter(240, from: 0x8000)
      $0.enter(240, from: 0x9000)
      $0.leave(240, to: 0x8002)
      $0.leave(240, to: 0x9002)
    }
    #expect(spans.map { $0.events.first?.instructionPointer } == [0x8000, 0x9000])
  }

  @Test("user mode during a call means that the call sleeps")
  func signalHandler() {
    let spans = spans {
      $0.enter(3)
      $0.add(.tlbMiss, .guestUser)
      $0.add(.portRead)
      $0.leave(3)
    }
    #expect(spans.first { $0.kind == .call }?.events.count == 2)
    #expect(spans.first { $0.kind == .outside }?.events.map(\.kind) == [.tlbMiss, .portRead])
  }

  @Test("a page fault of user mode lasts until user mode is seen again")
  func pageFault() {
    let spans = spans {
      $0.pageFault(0x5000)
      $0.add(.tlbMiss, code: 2)
      $0.add(.tlbMiss, .guestUser)
      $0.pageFault(0x6000)
      $0.call(3)
      $0.pageFault(0x7000)
    }
    let faults = spans.filter { $0.kind == .pageFault }
    #expect(faults.map(\.arguments.0) == [0x5000, 0x6000, 0x7000])
    #expect(faults.map(\.events.count) == [2, 1, 1])
    #expect(faults.map(\.ordinal) == [0, 1, 2])
  }

  @Test("a page fault of the kernel belongs to the call")
  func kernelFault() {
    let spans = spans {
      $0.enter(3)
      $0.add(.exception, code: 14, b: 0x5000)
      $0.leave(3)
    }
    #expect(spans.map(\.events.count) == [3])
  }

  @Test("a call that doesn't return has no result; a return without an entry is outside")
  func openEnds() {
    let spans = spans {
      $0.leave(4)
      $0.enter(1)
    }
    #expect(spans.map(\.kind) == [.outside, .call])
    #expect(spans[1].result == nil)
  }

  @Test("execve returns in another address space")
  func execve() {
    let spans = spans {
      $0.enter(11)
      $0.switchTo(0x2000)
      $0.leave(11, 0, to: 0x4000, caller: 0x1000)
      $0.call(45)
    }
    #expect(spans.filter { $0.kind == .call }.map(\.number) == [11, 45])
    #expect(spans.first?.result == 0 && spans.first?.addressSpace == 0x1000)
  }

  @Test("cycles go to those whose time passed: the guest's mode between events, the context for an event's cost")
  func spending() {
    let spans = spans {
      $0.enter(3)
      $0.add(.worldSwitch, .monitor, cost: 3000)
      $0.add(.hostSystemCall, .vmx, code: 17, cost: 500)
      $0.leave(3)
      $0.add(.tlbMiss, .guestUser)
    }
    let call = spans[0].spending
    #expect(call[.monitor].cycles == 3000 && call[.vmx].cycles == 500 && call[.vmx].events == 1)
    #expect(call[.guestKernel].cycles == 30 && call[.guestKernel].instructions == 30)
    #expect(call[.guestUser].cycles == 0)
    #expect(call[.worldSwitches] == 1 && call[.hostSystemCalls] == 1 && call[.exceptions] == 0)
    // Before the call and after it.
    #expect(spans[1].spending[.guestUser].instructions == 20)
  }

  @Test("a page fault has the time until its instruction is tried again, but not the time of user mode behind it")
  func faultTime() {
    let again = spans {
      $0.pageFault(0x5000)
      $0.add(.tlbMiss, .guestUser, eip: 0x8100)
    }
    #expect(again[0].kind == .pageFault && again[0].spending.instructions == 10)
    let gone = spans {
      $0.pageFault(0x5000)
      $0.call(3)
    }
    #expect(gone[0].kind == .pageFault && gone[0].spending.instructions == 0)
  }

  @Test("a call longer than the capacity is counted on; a piece is cut")
  func capacity() {
    var reader = SpanReader(capacity: 4)
    let events = trace {
      for _ in 0..<6 { $0.add(.halt) }
      $0.call(3, ports: Array(0..<10))
    }
    for event in events { reader.take(event) }
    reader.finish()
    let items = reader.takeFinished()
    #expect(items.map { $0.before?.events.count } == [4, 2])
    #expect(items[1].span?.events.count == 4 && items[1].span?.omitted == 8)
    #expect(items[1].span?.spending.events == 12)
  }
}
