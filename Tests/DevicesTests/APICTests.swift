import Memory
import Testing

@testable import Devices

/// A machine whose interrupts go through APICs, driven by their registers in memory.
struct APICMachine {
  let machine = TestMachine(hasAPIC: true)
  var interrupts: ProcessorInterrupts { machine.pc.processorInterrupts }
  var local: LocalAPIC { interrupts.localAPIC! }
  var board: IOAPIC { interrupts.ioAPIC! }
  var pic: InterruptController { machine.pc.interrupts }

  init() { machine.initializeInterruptsLikeLinux() }

  func set(_ register: UInt64, _ value: UInt32, _ size: AccessSize = .dword) {
    machine.bus.writeMemory(GuestPhysicalAddress(LocalAPIC.base + register), size: size, value: value)
  }
  func get(_ register: UInt64, _ size: AccessSize = .dword) -> UInt32 {
    machine.bus.readMemory(GuestPhysicalAddress(LocalAPIC.base + register), size: size)
  }
  func setBoard(_ index: UInt32, _ value: UInt32) {
    machine.bus.writeMemory(GuestPhysicalAddress(IOAPIC.base), size: .dword, value: index)
    machine.bus.writeMemory(GuestPhysicalAddress(IOAPIC.base + 0x10), size: .dword, value: value)
  }
  func getBoard(_ index: UInt32) -> UInt32 {
    machine.bus.writeMemory(GuestPhysicalAddress(IOAPIC.base), size: .dword, value: index)
    return machine.bus.readMemory(GuestPhysicalAddress(IOAPIC.base + 0x10), size: .dword)
  }
  /// Entry `number` to processor 0.
  func route(_ number: UInt32, _ low: UInt32, destination: UInt32 = 0) {
    setBoard(0x11 + 2 * number, destination << 24)
    setBoard(0x10 + 2 * number, low)
  }
  func end() { set(0xb0, 0) }
  func enable() { set(0xf0, 0x1ff) }
  func sendSelf(_ vector: UInt32) { set(0x300, 0x4_0000 | vector) }
}

private final class Observer: InterruptObserver {
  var log: [String] = []
  func interruptRaised(irq: UInt8) { log.append("raised \(irq)") }
  func interruptAccepted(irq: UInt8, vector: UInt8) {}
  func interruptEnded(irq: UInt8) { log.append("ended \(irq)") }
}

@Suite struct LocalAPICTests {
  let apic = APICMachine()
  var interrupts: ProcessorInterrupts { apic.interrupts }

  @Test func `without APICs the processor sees the 8259s, and memory sees nothing`() {
    let machine = TestMachine()
    let plain = machine.pc.processorInterrupts
    machine.initializeInterruptsLikeLinux()
    machine.out(0x21, 0x00)
    machine.pc.interrupts.line(4).set(true)
    #expect(plain.hasPendingInterrupt)
    #expect(plain.acknowledge() == 0x34)
    #expect(machine.bus.readMemory(GuestPhysicalAddress(LocalAPIC.base + 0x30), size: .dword) == 0xffff_ffff)
  }

  @Test func `after reset the 8259s come through LINT0, and firmware leaves it so`() {
    for _ in 0..<2 {
      apic.machine.out(0x21, 0x00)
      apic.pic.line(4).set(true)
      #expect(interrupts.hasPendingInterrupt)
      #expect(interrupts.acknowledge() == 0x34)
      #expect(!interrupts.hasPendingInterrupt)
      apic.machine.out(0x20, 0x20)
      apic.pic.line(4).set(false)
      apic.local.settleAsFirmware()
      #expect(apic.get(0xf0) == 0x1ff && apic.get(0x350) == 0x700 && apic.get(0x360) == 0x400)
    }
  }

  @Test func `a masked LINT0 holds the 8259s back, an APIC that is off lets them through`() {
    apic.machine.out(0x21, 0x00)
    apic.set(0x350, 0x1_0700)
    apic.pic.line(4).set(true)
    #expect(!interrupts.hasPendingInterrupt)
    _ = interrupts.hasPendingInterrupt(isAPICEnabled: false)
    #expect(interrupts.hasPendingInterrupt)
    #expect(interrupts.acknowledge() == 0x34)
  }

  @Test func `LINT0 as a fixed interrupt takes each edge of the 8259s once`() {
    apic.enable()
    apic.machine.out(0x21, 0x00)
    apic.set(0x350, 0x41)
    apic.pic.line(0).set(true)
    #expect(interrupts.acknowledge() == 0x41)
    apic.end()
    #expect(!interrupts.hasPendingInterrupt)
  }

  @Test func `identification is an integrated APIC with six local vectors`() {
    #expect(apic.get(0x30) == 0x0005_0014)
    #expect(apic.get(0x20) == 0)
    apic.set(0x20, 0x0300_0000)
    #expect(apic.get(0x20) == 0x0300_0000)
    #expect(apic.get(0x31, .byte) == 0x00 && apic.get(0x32, .byte) == 0x05 && apic.get(0x30, .word) == 0x14)
    apic.set(0x80, 0xab, .byte)
    #expect(apic.get(0x80) == 0, "only dwords are taken")
  }

  @Test func `switched off by software it masks its vectors and takes no interrupt`() {
    apic.sendSelf(0x40)
    #expect(!interrupts.hasPendingInterrupt)
    apic.enable()
    apic.set(0x320, 0x40)
    apic.set(0xf0, 0xff)
    #expect(apic.get(0x320) == 0x1_0040)
    apic.set(0x320, 0x40)
    #expect(apic.get(0x320) == 0x1_0040)
  }

  @Test func `the higher class goes first, and interrupts a lower one`() {
    apic.enable()
    for vector: UInt32 in [0x41, 0x61, 0x42] { apic.sendSelf(vector) }
    #expect(interrupts.acknowledge() == 0x61)
    #expect(!interrupts.hasPendingInterrupt)
    apic.sendSelf(0x6f)
    #expect(!interrupts.hasPendingInterrupt, "the same class waits")
    apic.sendSelf(0x70)
    #expect(interrupts.acknowledge() == 0x70)
    #expect(apic.get(0xa0) == 0x70)
    #expect(apic.get(0x130) == 0x1_0002, "61h and 70h are in service")
    apic.end()
    apic.end()
    #expect(interrupts.acknowledge() == 0x6f)
    apic.end()
    #expect(interrupts.acknowledge() == 0x42)
    apic.end()
    #expect(interrupts.acknowledge() == 0x41)
    apic.end()
    #expect(apic.get(0xa0) == 0)
    #expect(!interrupts.hasPendingInterrupt)
  }

  @Test func `the task priority holds its class and those below back`() {
    apic.enable()
    apic.set(0x80, 0x40)
    apic.sendSelf(0x4f)
    #expect(!interrupts.hasPendingInterrupt)
    #expect(interrupts.acknowledge() == 0xff, "spurious, and not in service")
    #expect(apic.get(0x220) == 0x8000)
    apic.sendSelf(0x50)
    #expect(interrupts.acknowledge() == 0x50)
    apic.end()
    apic.set(0x80, 0x30)
    #expect(interrupts.acknowledge() == 0x4f)
  }

  @Test func `commands reach this processor by ID, by logical ID and by shorthand, and nobody else`() {
    apic.enable()
    apic.set(0xd0, 0x0100_0000)
    func arrives(_ high: UInt32, _ low: UInt32) -> Bool {
      apic.set(0x310, high)
      apic.set(0x300, low | 0x55)
      #expect(apic.get(0x300) & 0x1000 == 0)
      defer {
        if interrupts.hasPendingInterrupt {
          _ = interrupts.acknowledge()
          apic.end()
        }
      }
      return interrupts.hasPendingInterrupt
    }
    #expect(arrives(0, 0) && arrives(0xff00_0000, 0) && !arrives(0x0100_0000, 0))
    #expect(arrives(0x0100_0000, 0x800) && arrives(0x0300_0000, 0x800) && !arrives(0x0200_0000, 0x800))
    #expect(arrives(0, 0x4_0000) && arrives(0, 0x8_0000) && !arrives(0, 0xc_0000))
    #expect(!arrives(0, 0x4400) && !arrives(0, 0x4500) && !arrives(0, 0x4600), "NMI, INIT, start-up")
    apic.set(0xe0, 0x0fff_ffff)
    apic.set(0xd0, 0x2100_0000)
    #expect(arrives(0x2100_0000, 0x800) && !arrives(0x1100_0000, 0x800) && !arrives(0x2200_0000, 0x800))
  }

  @Test func `illegal vectors and registers are errors, shown after the next write`() {
    apic.enable()
    apic.set(0x370, 0xfe)
    apic.sendSelf(0x0f)
    #expect(interrupts.acknowledge() == 0xfe)
    apic.end()
    #expect(apic.get(0x280) == 0)
    _ = apic.get(0x400)
    #expect(interrupts.acknowledge() == 0xfe)
    apic.set(0x280, 0)
    #expect(apic.get(0x280) == 0xa0)
    apic.set(0x280, 0)
    #expect(apic.get(0x280) == 0)
  }

  // MARK: The timer

  @Test func `one-shot: the timer counts down to zero and interrupts once`() {
    apic.enable()
    apic.set(0x3e0, 0x0b)
    apic.set(0x320, 0xec)
    apic.set(0x380, 1000)
    apic.machine.run(for: 400)
    #expect(apic.get(0x390) == 600)
    apic.machine.run(for: 599)
    #expect(!interrupts.hasPendingInterrupt)
    apic.machine.run(for: 1)
    #expect(interrupts.acknowledge() == 0xec)
    apic.end()
    #expect(apic.get(0x390) == 0)
    apic.machine.run(for: 10_000)
    #expect(!interrupts.hasPendingInterrupt)
    #expect(apic.machine.bus.nextDeadline == nil)
  }

  @Test(arguments: [(0, 2), (1, 4), (2, 8), (3, 16), (8, 32), (9, 64), (10, 128), (11, 1)] as [(UInt32, UInt64)])
  func `the divisor`(code: UInt32, divisor: UInt64) {
    apic.enable()
    apic.set(0x3e0, code)
    apic.set(0x320, 0xec)
    apic.set(0x380, 100)
    #expect(apic.machine.bus.nextDeadline == 100 * divisor)
  }

  @Test func `periodic: it interrupts at each period, and a late guest gets one`() {
    apic.enable()
    apic.set(0x3e0, 0x0b)
    apic.set(0x320, 0x2_00ec)
    apic.set(0x380, 1000)
    for _ in 0..<3 {
      apic.machine.run(for: 1000)
      #expect(interrupts.acknowledge() == 0xec)
      apic.end()
      #expect(!interrupts.hasPendingInterrupt)
    }
    apic.machine.run(for: 5500)
    #expect(interrupts.acknowledge() == 0xec)
    apic.end()
    #expect(!interrupts.hasPendingInterrupt)
    #expect(apic.get(0x390) == 500)
    apic.machine.run(for: 500)
    #expect(interrupts.hasPendingInterrupt)
  }

  @Test func `masked, it counts in silence; a count of zero stops it`() {
    apic.enable()
    apic.set(0x3e0, 0x0b)
    apic.set(0x320, 0x1_00ec)
    apic.set(0x380, 0xffff_ffff)
    apic.machine.run(for: 1_000_000)
    #expect(apic.get(0x390) == 0xffff_ffff - 1_000_000)
    #expect(apic.machine.bus.nextDeadline == nil)
    apic.set(0x320, 0x2_00ec)
    #expect(apic.machine.bus.nextDeadline == 0xffff_ffff)
    apic.set(0x380, 0)
    #expect(apic.machine.bus.nextDeadline == nil && apic.get(0x390) == 0)
  }

  @Test func `a period of a nanosecond is an event for each interrupt taken, no more`() {
    apic.enable()
    apic.set(0x3e0, 0x0b)
    apic.set(0x320, 0x2_0040)
    apic.set(0x380, 1)
    apic.machine.run(for: 1_000_000_000)
    #expect(interrupts.acknowledge() == 0x40)
    apic.machine.run(for: 1_000_000_000)
    #expect(apic.machine.bus.nextDeadline == nil)
    apic.set(0x320, 0x2_0005)
    #expect(apic.machine.bus.nextDeadline == nil, "an illegal vector")
  }

  @Test func `a reset brings virtual wire back`() {
    apic.enable()
    apic.set(0x320, 0x2_0040)
    apic.set(0x380, 100)
    apic.sendSelf(0x99)
    apic.machine.bus.reset()
    #expect(!interrupts.hasPendingInterrupt)
    #expect(apic.get(0xf0) == 0xff && apic.get(0x350) == 0x700 && apic.get(0x320) == 0x1_0000)
    #expect(apic.machine.bus.nextDeadline == nil)
  }
}

@Suite struct IOAPICTests {
  let apic = APICMachine()
  var interrupts: ProcessorInterrupts { apic.interrupts }
  init() { apic.enable() }

  @Test func `it has 24 entries, all masked`() {
    #expect(apic.getBoard(1) == 0x0017_0011)
    for entry: UInt32 in 0..<24 { #expect(apic.getBoard(0x10 + 2 * entry) == 0x1_0000) }
    #expect(apic.getBoard(0x40) == 0)
    apic.setBoard(0, 0xff00_0000)
    #expect(apic.getBoard(0) == 0x0f00_0000 && apic.getBoard(2) == 0x0f00_0000)
  }

  @Test func `the timer's IRQ 0 is at input 2, the others at their own`() {
    apic.route(2, 0x30)
    apic.route(4, 0x34)
    apic.pic.line(0).set(true)
    #expect(interrupts.acknowledge() == 0x30)
    apic.end()
    apic.pic.line(4).set(true)
    #expect(interrupts.acknowledge() == 0x34)
    apic.end()
    apic.route(0, 0x40)
    apic.pic.line(2).set(true)
    #expect(!interrupts.hasPendingInterrupt)
  }

  @Test func `a line reaches the 8259s and the I/O APIC alike`() {
    apic.machine.out(0x21, 0xef)
    apic.route(4, 0x64)
    apic.pic.line(4).set(true)
    #expect(interrupts.acknowledge() == 0x64)
    #expect(interrupts.acknowledge() == 0x34)
  }

  @Test func `an edge counts once, and not while it is masked`() {
    apic.route(4, 0x44)
    apic.pic.line(4).set(true)
    apic.pic.line(4).set(true)
    #expect(interrupts.acknowledge() == 0x44)
    apic.end()
    #expect(!interrupts.hasPendingInterrupt)
    apic.pic.line(4).set(false)
    apic.route(4, 0x1_0044)
    apic.pic.line(4).set(true)
    apic.route(4, 0x44)
    #expect(!interrupts.hasPendingInterrupt)
  }

  @Test func `a level comes again after each end until the line falls`() {
    apic.route(9, 0x8049)
    apic.pic.line(9).set(true)
    #expect(apic.getBoard(0x22) == 0xc049, "remote IRR")
    for _ in 0..<3 {
      #expect(interrupts.acknowledge() == 0x49)
      #expect(!interrupts.hasPendingInterrupt)
      #expect(apic.get(0x1a0) == 1 << 9, "trigger mode")
      apic.end()
      #expect(interrupts.hasPendingInterrupt)
    }
    #expect(interrupts.acknowledge() == 0x49)
    apic.pic.line(9).set(false)
    apic.end()
    #expect(!interrupts.hasPendingInterrupt)
    #expect(apic.getBoard(0x22) == 0x8049)
  }

  @Test func `polarity changes nothing, since a line stands for an assertion`() {
    apic.route(16, 0xa050)
    #expect(!interrupts.hasPendingInterrupt)
    apic.board.setInput(16, true)
    #expect(interrupts.acknowledge() == 0x50)
  }

  @Test func `a level that was masked interrupts when it is unmasked`() {
    apic.route(10, 0x1_804a)
    apic.pic.line(10).set(true)
    #expect(!interrupts.hasPendingInterrupt)
    apic.route(10, 0x804a)
    #expect(interrupts.acknowledge() == 0x4a)
  }

  @Test func `Linux's change to edge and back clears a stuck remote IRR`() {
    apic.route(10, 0x804a)
    apic.pic.line(10).set(true)
    #expect(apic.getBoard(0x24) & 0x4000 != 0)
    apic.pic.line(10).set(false)
    apic.route(10, 0x1_004a)
    apic.route(10, 0x804a)
    #expect(apic.getBoard(0x24) == 0x804a)
  }

  @Test func `a level that nobody took is offered again when the local APIC changes`() {
    apic.set(0xd0, 0)
    apic.route(11, 0x884b, destination: 1)
    apic.pic.line(11).set(true)
    #expect(!interrupts.hasPendingInterrupt)
    apic.set(0xd0, 0x0100_0000)
    #expect(interrupts.acknowledge() == 0x4b)
  }

  @Test func `other processors' and other modes' interrupts don't arrive`() {
    apic.route(4, 0x44, destination: 1)
    apic.route(5, 0x245)
    apic.route(6, 0x446)
    apic.route(7, 0x747)
    for irq: UInt8 in 4...7 { apic.pic.line(irq).set(true) }
    #expect(!interrupts.hasPendingInterrupt)
    apic.route(3, 0x143)
    apic.pic.line(3).set(true)
    #expect(interrupts.acknowledge() == 0x43, "lowest priority")
  }

  @Test func `the observer learns of ends, and of PCI's requests`() {
    let observer = Observer()
    interrupts.observer = observer
    apic.route(2, 0x30)
    apic.route(17, 0x8041)
    apic.pic.line(0).set(true)
    apic.board.setInput(17, true)
    _ = interrupts.acknowledge()
    apic.board.setInput(17, false)
    apic.end()
    _ = interrupts.acknowledge()
    apic.end()
    #expect(observer.log == ["raised 0", "raised 17", "ended 17", "ended 0"])
  }

  @Test(arguments: [51, 52, 53, 54] as [UInt64])
  func `no sequence of accesses hurts, and a restored machine goes on as the saved one`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let twin = APICMachine()
    func attack(_ apic: APICMachine, _ generator: inout SeededGenerator) {
      for _ in 0..<300 {
        let value = UInt32.random(in: 0...(.max), using: &generator) >> UInt32.random(in: 0..<32, using: &generator)
        let size = AccessSize.allCases.randomElement(using: &generator)!
        switch Int.random(in: 0..<12, using: &generator) {
        case 0..<3: apic.set(UInt64.random(in: 0...0x40, using: &generator) << 4, value)
        case 3: apic.set(UInt64.random(in: 0...0xfff, using: &generator), value, size)
        case 4: _ = apic.get(UInt64.random(in: 0...0xfff, using: &generator), size)
        case 5, 6: apic.setBoard(UInt32.random(in: 0...0x48, using: &generator), value)
        case 7: _ = apic.getBoard(UInt32.random(in: 0...0xff, using: &generator))
        // Lines that no device drives.
        case 8: apic.pic.line([5, 6, 10, 11].randomElement(using: &generator)!).set(Bool.random(using: &generator))
        case 9: apic.board.setInput(Int.random(in: -1...24, using: &generator), Bool.random(using: &generator))
        case 10: if apic.interrupts.hasPendingInterrupt { _ = apic.interrupts.acknowledge() }
        default:
          apic.set(0xf0, 0x1ff)
          let target = apic.machine.bus.clock.now + UInt64(value)
          for _ in 0..<50 {
            guard let deadline = apic.machine.bus.nextDeadline, deadline < target else { break }
            #expect(deadline > apic.machine.bus.clock.now)
            apic.machine.bus.advance(to: deadline)
          }
          apic.machine.bus.advance(to: max(target, apic.machine.bus.clock.now))
        }
      }
      apic.machine.bus.advance(to: apic.machine.bus.clock.now)
    }
    for _ in 0..<40 {
      attack(apic, &generator)
      let states = apic.machine.bus.save()
      try twin.machine.bus.restore(states, at: apic.machine.bus.clock.now)
      HostilityTests.expectSame(twin.machine.bus.save(), states)
      #expect(twin.machine.bus.nextDeadline == apic.machine.bus.nextDeadline)
      #expect(twin.interrupts.hasPendingInterrupt == apic.interrupts.hasPendingInterrupt)
      var (here, there) = (generator, generator)
      attack(apic, &here)
      attack(twin, &there)
      HostilityTests.expectSame(twin.machine.bus.save(), apic.machine.bus.save())
      generator = here
      for device: any Device in [twin.local, twin.board] {
        var state = device.save()
        for index in state.bytes.indices { state.bytes[index] = UInt8.random(in: 0...255, using: &generator) }
        try device.restore(state)
      }
      _ = twin.machine.bus.nextDeadline
      var noise = generator
      twin.set(0xb0, 0)
      if twin.interrupts.hasPendingInterrupt { _ = twin.interrupts.acknowledge() }
      twin.machine.bus.advance(to: twin.machine.bus.clock.now + UInt64.random(in: 0...1000, using: &noise))
    }
  }
}
