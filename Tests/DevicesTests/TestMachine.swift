// A PC without a processor: what the suites drive.

@testable import Devices

struct TestMachine {
  let pc: PCDevices
  let backend: MemoryBackend
  var bus: Bus { pc.bus }

  init(
    ramSize: UInt64 = 64 << 20, unixTime: Int64 = 1_767_225_600, dma: any DMA = NoDMA(), hasAPIC: Bool = false,
    videoMemory: UnsafeMutableRawBufferPointer? = nil
  ) {
    backend = MemoryBackend()
    pc = PCDevices(
      PCDevices.Configuration(
        ramSize: ramSize, unixTime: unixTime, serial: [backend], dma: dma, hasAPIC: hasAPIC,
        videoMemory: videoMemory.map { UnsafeRawBufferPointer($0) }))
  }

  func out(_ port: UInt16, _ value: UInt32, _ size: AccessSize = .byte) {
    bus.writePort(port, size: size, value: value)
  }

  func `in`(_ port: UInt16, _ size: AccessSize = .byte) -> UInt32 { bus.readPort(port, size: size) }

  /// Runs virtual time up to `now`, stopping at every deadline as a machine does.
  func run(to now: UInt64) {
    while let deadline = bus.nextDeadline, deadline < now {
      precondition(deadline > bus.clock.now, "a deadline that is past")
      bus.advance(to: deadline)
    }
    bus.advance(to: now)
  }

  func run(for duration: UInt64) { run(to: bus.clock.now + duration) }

  /// Linux's init_8259A: vectors 0x30 to 0x3F, then all lines masked.
  func initializeInterruptsLikeLinux() {
    out(0x21, 0xff)
    out(0x20, 0x11)
    out(0x21, 0x30)
    out(0x21, 0x04)
    out(0x21, 0x01)
    out(0xa0, 0x11)
    out(0xa1, 0x38)
    out(0xa1, 0x02)
    out(0xa1, 0x01)
    out(0x21, 0xff)
    out(0xa1, 0xff)
  }

  func readCMOS(_ index: UInt32) -> UInt32 {
    out(0x70, index)
    return self.in(0x71)
  }

  func writeCMOS(_ index: UInt32, _ value: UInt32) {
    out(0x70, index)
    out(0x71, value)
  }
}

/// A seeded generator (SplitMix64), so that a failure repeats.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}
