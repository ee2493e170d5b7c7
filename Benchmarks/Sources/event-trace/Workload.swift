// Made-up calls of made-up processes.

import Tracing

/// Four processes that take turns: calls with walks, ports and requests to what is below the guest, page faults, and user
/// mode's own misses between.
struct Workload {
  private let platform: UInt64
  private var retired: UInt64 = 0
  private var process: UInt32 = 0
  private var calls: UInt64 = 0
  private var state: UInt64 = 42

  static var costs: EventCosts {
    var costs = EventCosts()
    costs.add(.init(kind: .tlbMiss, cycles: 0, unit: .code, cyclesPerUnit: 12))
    costs.add(.init(kind: .worldSwitch, cycles: 4400))
    costs.add(.init(kind: .hostSystemCall, cycles: 900))
    costs.add(.init(kind: .portWrite, cycles: 300))
    return costs
  }

  init(platform: UInt64) { self.platform = platform }

  /// The generator of PCG's state transition (O'Neill, 2014), for numbers that are the same in each run.
  private mutating func random(_ below: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % below
  }

  /// One call and what is around it, some 20 events.
  mutating func step(_ record: (Event) -> Void) {
    let cr3 = 0x10_0000 + process &* 0x2000
    func event(
      _ kind: EventKind, _ context: EventContext = .guestKernel, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0,
      arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0), eip: UInt32 = 0xc012_3456
    ) {
      record(
        Event(
          kind: kind, context: context, retired: retired, code: code, a: a, b: b, arguments: arguments,
          instructionPointer: eip, addressSpace: cr3))
    }
    calls += 1
    let number = [3, 4, 20, 45, 54, 91, 140][Int(random(7))] as UInt64
    let buffer = 0x804_0000 + UInt32(random(1 << 16)) << 4
    for _ in 0..<random(4) {
      retired &+= random(900)
      event(.tlbMiss, .guestUser, code: 2, a: UInt64(buffer), b: random(1 << 18) << 12, eip: buffer)
    }
    if random(3) == 0 {
      event(.exception, .guestUser, code: 14, a: 6, b: UInt64(buffer), eip: 0x804_9000)
      retired &+= 700
      event(.tlbMiss, code: 2, a: 0xc100_0000 + random(1 << 12) << 12, b: random(1 << 18) << 12)
      event(.pageInvalidation, a: UInt64(buffer))
      retired &+= 300
      event(.tlbMiss, .guestUser, code: 2, a: UInt64(buffer), b: random(1 << 18) << 12, eip: 0x804_9000)
    }
    event(
      .systemCallEntry, .guestUser, code: 0x80, a: number, b: 0x804_8014,
      arguments: (UInt32(random(8)), buffer, 512, 0, 0, 0), eip: 0x804_8012)
    for _ in 0..<random(8) {
      retired &+= random(400)
      event(.tlbMiss, code: 2, a: 0xc000_0000 + random(1 << 16) << 12, b: random(1 << 18) << 12)
    }
    if number == 3 {
      for port in [0x1f2, 0x1f3, 0x1f7] as [UInt32] {
        retired &+= 40
        event(.portWrite, code: port, a: random(256), b: 1)
        event(.callout, .monitor, code: CalloutReason.port.rawValue)
        if platform == 0 {
          event(.worldSwitch, .monitor, code: 0)
          event(.vmxRequest, .vmx, code: VMXRequestKind.portWrite.rawValue, a: UInt64(port), b: 1)
          event(.hostSystemCall, .vmx, code: 17, a: 512, arguments: (4, 512, UInt32(calls & 0xffff), 0, 0, 0))
          event(.worldSwitch, .monitor, code: 1)
        } else {
          event(.vmkernelCall, .vmkernel, code: 0, a: calls, b: 1)
          event(.controllerCommand, .vmkernel, code: 0, a: calls & 63, b: 2)
          event(.dmaTransfer, .device, code: 0, a: calls << 9, b: 512)
          event(.hostInterrupt, .vmkernel, code: 1)
        }
      }
      event(.interruptInjected, code: 0x2e)
    }
    retired &+= 200
    event(
      .systemCallReturn, .guestUser, code: 0x80, a: 512, b: number, arguments: (cr3, 0, 0, 0, 0, 0), eip: 0x804_8014)
    if random(4) == 0 {
      let old = cr3
      process = (process &+ 1) % 4
      let new = 0x10_0000 + process &* 0x2000
      record(
        Event(
          kind: .addressSpaceSwitch, context: .guestKernel, retired: retired, a: UInt64(new), b: UInt64(old),
          instructionPointer: 0xc020_0000, addressSpace: new))
    }
  }
}
