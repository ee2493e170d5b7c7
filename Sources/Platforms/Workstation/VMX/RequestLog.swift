// What happened in the VMX process during one request, for the monitor to carry over: interrupt wires, memory that devices
// wrote, and, when somebody watches, each system call.

import Devices
import Memory

/// Writes down, in the shared memory, what a request caused.
final class RequestLog: HostCallObserver, InterruptWiring {
  private let page: SharedPage
  private var wireCount = 0
  private var writeCount = 0
  private var callCount = 0
  private var lostCalls: UInt32 = 0
  private var writesOverflowed = false
  private var recordsCalls = false
  /// Wires that found no room; they count, so they come with the next answers.
  private var waiting: [WireChange] = []

  init(_ page: SharedPage) { self.page = page }

  func begin(_ request: VMXRequest) {
    (wireCount, writeCount, callCount, lostCalls, writesOverflowed) = (0, 0, 0, 0, false)
    recordsCalls = request.recordsCalls != 0
    let late = waiting
    waiting.removeAll(keepingCapacity: true)
    for change in late { append(change) }
  }

  func end(_ answer: inout VMXAnswer) {
    answer.wireCount = UInt32(wireCount)
    answer.writeCount = UInt32(writeCount)
    answer.callCount = UInt32(callCount)
    answer.lostCalls = lostCalls
    answer.writesOverflowed = writesOverflowed ? 1 : 0
  }

  func line(_ number: UInt8, became level: Bool) {
    append(WireChange(pin: 0, number: UInt32(number), level: level ? 1 : 0))
  }

  func pin(_ pin: UInt64, ofWire wire: Int, became level: Bool) {
    append(WireChange(pin: pin, number: UInt32(wire), level: level ? 1 : 0))
  }

  private func append(_ change: WireChange) {
    guard wireCount < SharedPage.mostWires else { return waiting.append(change) }
    page.wires[wireCount] = change
    wireCount += 1
  }

  func wrote(_ address: GuestPhysicalAddress, _ count: Int) {
    guard writeCount < SharedPage.mostWrites else {
      writesOverflowed = true
      return
    }
    page.writes[writeCount] = MemoryWrite(address: address.value, count: UInt64(count))
    writeCount += 1
  }

  func called(
    _ number: UInt32, _ arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), result: Int64, nanoseconds: UInt32
  ) {
    guard recordsCalls else { return }
    guard callCount < SharedPage.mostCalls else {
      lostCalls &+= 1
      return
    }
    page.calls[callCount] = HostCallRecord(
      result: result, arguments: arguments, number: number, nanoseconds: nanoseconds)
    callCount += 1
  }
}
