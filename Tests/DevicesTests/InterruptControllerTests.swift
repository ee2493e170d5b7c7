import Testing

@testable import Devices

private final class Observer: InterruptObserver {
  var log: [String] = []
  func interruptRaised(irq: UInt8) { log.append("raised \(irq)") }
  func interruptAccepted(irq: UInt8, vector: UInt8) { log.append("accepted \(irq) \(vector)") }
  func interruptEnded(irq: UInt8) { log.append("ended \(irq)") }
}

@Suite struct InterruptControllerTests {
  let machine = TestMachine()
  var pic: InterruptController { machine.pc.interrupts }

  init() {
    machine.initializeInterruptsLikeLinux()
    unmask()
  }

  func unmask() {
    machine.out(0x21, 0x00)
    machine.out(0xa1, 0x00)
  }
  func raise(_ irq: UInt8) { pic.line(irq).set(true) }
  func lower(_ irq: UInt8) { pic.line(irq).set(false) }

  @Test func `before it is initialized nothing gets through`() {
    let fresh = TestMachine().pc.interrupts
    fresh.line(1).set(true)
    #expect(!fresh.hasPendingInterrupt)
  }

  @Test func `after Linux's initialization IRQ n has vector 0x30 + n`() {
    for irq: UInt8 in 0..<16 where irq != 2 {
      raise(irq)
      #expect(pic.hasPendingInterrupt)
      #expect(pic.acknowledge() == 0x30 + irq)
      #expect(!pic.hasPendingInterrupt)
      lower(irq)
      if irq >= 8 { machine.out(0xa0, 0x20) }
      machine.out(0x20, 0x20)
      #expect(pic.registers.inService == 0)
    }
  }

  @Test func `Linux's probe reads back the mask it wrote`() {
    machine.out(0xa1, 0xff)
    machine.out(0x21, 0xfb)
    #expect(machine.in(0x21) == 0xfb)
    #expect(machine.in(0xa1) == 0xff)
  }

  @Test func `an edge counts once, until the line falls and rises again`() {
    raise(4)
    #expect(pic.acknowledge() == 0x34)
    machine.out(0x20, 0x64)
    #expect(!pic.hasPendingInterrupt)
    raise(4)
    #expect(!pic.hasPendingInterrupt)
    lower(4)
    raise(4)
    #expect(pic.hasPendingInterrupt)
  }

  @Test func `a level triggered line interrupts for as long as it is high`() {
    machine.out(0x4d1, 0xff)
    #expect(machine.in(0x4d1) == 0xde)
    machine.out(0x4d0, 0xff)
    #expect(machine.in(0x4d0) == 0xf8)
    raise(11)
    #expect(pic.acknowledge() == 0x3b)
    machine.out(0xa0, 0x20)
    machine.out(0x20, 0x20)
    #expect(pic.hasPendingInterrupt)
    lower(11)
    #expect(!pic.hasPendingInterrupt)
  }

  @Test func `a request that goes away before INTA becomes a spurious IRQ 7 with nothing in service`() {
    raise(4)
    lower(4)
    #expect(!pic.hasPendingInterrupt)
    #expect(pic.acknowledge() == 0x37)
    #expect(pic.registers.inService == 0)
  }

  @Test func `a spurious interrupt of the slave is IRQ 15, with only the cascade in service`() {
    machine.out(0x4d0, 0x00)
    raise(12)
    // The slave's request goes while the master's stays: mask it on the slave behind a level triggered cascade.
    machine.out(0x20, 0x19)
    machine.out(0x21, 0x30)
    machine.out(0x21, 0x04)
    machine.out(0x21, 0x01)
    #expect(pic.hasPendingInterrupt)
    lower(12)
    #expect(!pic.hasPendingInterrupt)
    var slave = InterruptChip(isMaster: false)
    #expect(slave.accept() == nil)
  }

  @Test func `a higher priority interrupts a lower one, not the reverse`() {
    raise(5)
    #expect(pic.acknowledge() == 0x35)
    raise(6)
    #expect(!pic.hasPendingInterrupt)
    raise(1)
    #expect(pic.acknowledge() == 0x31)
    machine.out(0x20, 0x20)
    #expect(pic.registers.inService == 1 << 5)
    #expect(!pic.hasPendingInterrupt)
    machine.out(0x20, 0x20)
    #expect(pic.acknowledge() == 0x36)
  }

  @Test func `the slave's lines rank between IRQ 1 and IRQ 3`() {
    raise(3)
    raise(9)
    raise(8)
    raise(1)
    #expect([pic.acknowledge(), pic.acknowledge()] == [0x31, 0x31 &+ 6])
    // 0x31 first; then nothing may pass until IRQ 1 ends: the second acknowledge was spurious.
    machine.out(0x20, 0x61)
    #expect(pic.acknowledge() == 0x38)
    machine.out(0xa0, 0x20)
    #expect(!pic.hasPendingInterrupt, "the master still serves its input 2")
    machine.out(0x20, 0x20)
    #expect(pic.acknowledge() == 0x39)
    machine.out(0xa0, 0x20)
    machine.out(0x20, 0x20)
    #expect(pic.acknowledge() == 0x33)
  }

  @Test func `Linux's mask and specific EOI of the cascade clears both chips`() {
    raise(14)
    #expect(pic.acknowledge() == 0x3e)
    #expect(pic.registers.inService == 0x4004)
    machine.out(0xa1, 0x40)
    machine.out(0xa0, 0x66)
    machine.out(0x20, 0x62)
    #expect(pic.registers.inService == 0)
  }

  @Test func `ISR and IRR are read as OCW3 last said`() {
    raise(3)
    raise(4)
    machine.out(0x20, 0x0a)
    #expect(machine.in(0x20) == 0x18)
    _ = pic.acknowledge()
    #expect(machine.in(0x20) == 0x10)
    machine.out(0x20, 0x0b)
    #expect(machine.in(0x20) == 0x08)
    #expect(machine.in(0x20) == 0x08)
  }

  @Test func `automatic EOI leaves nothing in service`() {
    machine.out(0x20, 0x11)
    machine.out(0x21, 0x30)
    machine.out(0x21, 0x04)
    machine.out(0x21, 0x03)
    raise(5)
    raise(6)
    #expect(pic.acknowledge() == 0x35)
    #expect(pic.registers.inService == 0)
    #expect(pic.acknowledge() == 0x36)
  }

  @Test func `rotation in automatic EOI makes the served line the lowest`() {
    machine.out(0x20, 0x11)
    machine.out(0x21, 0x30)
    machine.out(0x21, 0x04)
    machine.out(0x21, 0x03)
    machine.out(0x20, 0x80)
    raise(3)
    #expect(pic.acknowledge() == 0x33)
    lower(3)
    raise(3)
    raise(7)
    #expect(pic.acknowledge() == 0x37)
    #expect(pic.acknowledge() == 0x33)
  }

  @Test func `rotation on non-specific EOI makes the served line the lowest`() {
    raise(4)
    _ = pic.acknowledge()
    machine.out(0x20, 0xa0)
    lower(4)
    raise(4)
    raise(6)
    #expect(pic.acknowledge() == 0x36)
  }

  @Test func `set priority makes the next line the highest`() {
    machine.out(0x20, 0xc4)
    raise(0)
    raise(5)
    #expect(pic.acknowledge() == 0x35)
  }

  @Test func `special mask mode lets lower levels interrupt a masked one in service`() {
    raise(3)
    _ = pic.acknowledge()
    raise(6)
    machine.out(0x21, 0x08)
    #expect(!pic.hasPendingInterrupt)
    machine.out(0x20, 0x68)
    #expect(pic.acknowledge() == 0x36)
    machine.out(0x20, 0x20)
    #expect(pic.registers.inService == 1 << 3, "a non-specific EOI passes over the masked level")
    machine.out(0x20, 0x20)
    #expect(pic.registers.inService == 1 << 3)
    machine.out(0x20, 0x63)
    #expect(pic.registers.inService == 0)
  }

  @Test func `special fully nested mode lets the slave interrupt itself`() {
    raise(12)
    #expect(pic.acknowledge() == 0x3c)
    raise(8)
    #expect(!pic.hasPendingInterrupt, "fully nested: the cascade is in service")
    machine.out(0x20, 0x11)
    machine.out(0x21, 0x30)
    machine.out(0x21, 0x04)
    machine.out(0x21, 0x11)
    machine.out(0xa0, 0x20)
    lower(8)
    lower(12)
    raise(12)
    #expect(pic.acknowledge() == 0x3c)
    raise(3)
    #expect(!pic.hasPendingInterrupt)
    raise(8)
    #expect(pic.acknowledge() == 0x38)
  }

  @Test func `a poll acknowledges by a read and names the request`() {
    machine.out(0x20, 0x0c)
    #expect(machine.in(0x20) == 0x00)
    raise(6)
    machine.out(0x20, 0x0c)
    #expect(machine.in(0x20) == 0x86)
    #expect(pic.registers.inService == 1 << 6)
    #expect(machine.in(0x20) == 0x00, "the poll is over: IRR")
  }

  @Test func `without ICW4 the chip is operational after ICW3`() {
    machine.out(0x20, 0x10)
    machine.out(0x21, 0x40)
    machine.out(0x21, 0x04)
    machine.out(0x21, 0xfe)
    #expect(machine.in(0x21) == 0xfe)
    raise(0)
    #expect(pic.acknowledge() == 0x40)
  }

  @Test func `initialization clears masks and services and wants new edges`() {
    raise(5)
    raise(6)
    _ = pic.acknowledge()
    machine.out(0x20, 0x11)
    #expect(pic.registers.inService == 0)
    #expect(!pic.hasPendingInterrupt)
    #expect(pic.registers.masks & 0xff == 0)
  }

  @Test func `the observer hears of the request, the acknowledgement and the end`() {
    let observer = Observer()
    pic.observer = observer
    raise(8)
    _ = pic.acknowledge()
    machine.out(0xa0, 0x20)
    machine.out(0x20, 0x20)
    #expect(observer.log == ["raised 8", "accepted 8 56", "ended 8", "ended 2"])
  }

  @Test func `output changes are counted`() {
    let before = pic.outputChanges
    raise(1)
    raise(3)
    _ = pic.acknowledge()
    #expect(pic.outputChanges == before + 2)
  }
}
