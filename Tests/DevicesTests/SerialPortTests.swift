import Testing

@testable import Devices

@Suite struct SerialPortTests {
  let machine = TestMachine()
  var pic: InterruptController { machine.pc.interrupts }
  var isRequesting: Bool { pic.registers.requests & 1 << 4 != 0 }

  private enum Register {
    static let data: UInt16 = 0x3f8
    static let ier: UInt16 = 0x3f9
    static let iir: UInt16 = 0x3fa
    static let lcr: UInt16 = 0x3fb
    static let mcr: UInt16 = 0x3fc
    static let lsr: UInt16 = 0x3fd
    static let msr: UInt16 = 0x3fe
    static let scr: UInt16 = 0x3ff
  }

  init() { machine.initializeInterruptsLikeLinux() }

  func type(_ text: String) { machine.pc.serial[0].receive(Array(text.utf8)) }

  @Test func `Linux's autoconfig finds a 16550A`() {
    machine.out(Register.ier, 0x00)
    #expect(machine.in(Register.ier) & 0x0f == 0)
    machine.out(Register.ier, 0x0f)
    #expect(machine.in(Register.ier) & 0x0f == 0x0f)
    machine.out(Register.ier, 0x00)
    machine.out(Register.mcr, 0x1a)
    #expect(machine.in(Register.msr) & 0xf0 == 0x90, "loopback: OUT2 and RTS as DCD and CTS")
    machine.out(Register.mcr, 0x00)
    machine.out(Register.lcr, 0xbf)
    machine.out(Register.iir, 0x00)
    machine.out(Register.lcr, 0x00)
    machine.out(Register.iir, 0x01)
    #expect(machine.in(Register.iir) >> 6 == 3, "a working FIFO")
    // No 16650, 16750 or XScale: no EFR, no 64-byte FIFO, no UART enable bit.
    machine.out(Register.lcr, 0xbf)
    #expect(machine.in(Register.iir) != 0)
    machine.out(Register.lcr, 0x00)
    machine.out(Register.iir, 0x21)
    #expect(machine.in(Register.iir) >> 5 == 6)
    machine.out(Register.ier, 0x40)
    #expect(machine.in(Register.ier) == 0)
  }

  @Test func `the scratch register and the divisor hold what was written`() {
    machine.out(Register.scr, 0xa5)
    machine.out(Register.lcr, 0x83)
    machine.out(Register.data, 0x01)
    machine.out(Register.ier, 0x02)
    #expect(machine.in(Register.data) == 0x01)
    #expect(machine.in(Register.ier) == 0x02)
    machine.out(Register.lcr, 0x03)
    #expect(machine.in(Register.ier) == 0x00)
    #expect(machine.in(Register.scr) == 0xa5)
    #expect(machine.backend.output.isEmpty)
  }

  @Test func `bytes that are written come out at once, and the transmitter is ready again`() {
    for byte in "Hi\n".utf8 {
      #expect(machine.in(Register.lsr) & 0x60 == 0x60)
      machine.out(Register.data, UInt32(byte))
    }
    #expect(machine.backend.text == "Hi\n")
  }

  @Test func `loopback sends to the receiver and not to the line`() {
    machine.out(Register.mcr, 0x1e)
    machine.out(Register.data, 0xae)
    #expect(machine.in(Register.lsr) & 0x01 == 1)
    #expect(machine.in(Register.data) == 0xae)
    #expect(machine.in(Register.lsr) & 0x01 == 0)
    #expect(machine.backend.output.isEmpty)
  }

  @Test func `loopback past the FIFO's end is an overrun that reading LSR clears`() {
    machine.out(Register.iir, 0x01)
    machine.out(Register.mcr, 0x10)
    for byte: UInt32 in 0..<17 { machine.out(Register.data, byte) }
    #expect(machine.in(Register.lsr) & 0x03 == 0x03)
    #expect(machine.in(Register.lsr) & 0x03 == 0x01)
    #expect((0..<16).map { _ in machine.in(Register.data) } == Array(0..<16))
  }

  @Test func `input waits for room and none is lost`() {
    let text = String(repeating: "0123456789", count: 40)
    type(text)
    var got: [UInt8] = []
    while machine.in(Register.lsr) & 1 != 0 { got.append(UInt8(machine.in(Register.data))) }
    #expect(String(decoding: got, as: UTF8.self) == text)
  }

  @Test func `the machine polls the back end for input`() {
    machine.backend.send("ab".utf8)
    #expect(machine.in(Register.lsr) & 1 == 0)
    #expect(machine.pc.pollInput())
    #expect(!machine.pc.pollInput())
    #expect([machine.in(Register.data), machine.in(Register.data)] == [0x61, 0x62])
  }

  @Test func `received data interrupts at the trigger level and ends below it`() {
    machine.out(Register.mcr, 0x08)
    machine.out(Register.iir, 0x81)
    machine.out(Register.ier, 0x01)
    type("1234567")
    #expect(!isRequesting)
    type("8")
    #expect(isRequesting)
    #expect(machine.in(Register.iir) == 0xc4)
    _ = machine.in(Register.data)
    #expect(!isRequesting)
    #expect(machine.in(Register.iir) == 0xc1)
  }

  @Test func `data below the trigger level interrupts after four characters' time`() {
    machine.out(Register.mcr, 0x08)
    machine.out(Register.lcr, 0x83)
    machine.out(Register.data, 0x01)
    machine.out(Register.ier, 0x00)
    machine.out(Register.lcr, 0x03)
    machine.out(Register.iir, 0x81)
    machine.out(Register.ier, 0x01)
    type("x")
    // 4 x 10 bits at 115200 baud.
    #expect(machine.bus.nextDeadline == 347_222)
    machine.run(to: 347_221)
    #expect(!isRequesting)
    machine.run(to: 347_222)
    #expect(machine.in(Register.iir) == 0xcc)
    #expect(machine.in(Register.data) == 0x78)
    #expect(machine.in(Register.iir) == 0xc1)
    #expect(!isRequesting)
  }

  @Test func `a time-out that is over interrupts as soon as it is enabled`() {
    machine.out(Register.mcr, 0x08)
    machine.out(Register.iir, 0x81)
    type("x")
    machine.run(for: 1_000_000_000)
    machine.out(Register.ier, 0x01)
    #expect(isRequesting)
    #expect(machine.in(Register.iir) == 0xcc)
    #expect(machine.bus.nextDeadline == nil)
  }

  @Test func `an empty transmitter interrupts when enabled and after each byte, until IIR names it`() {
    machine.out(Register.mcr, 0x08)
    machine.out(Register.ier, 0x02)
    #expect(isRequesting)
    #expect(machine.in(Register.iir) == 0x02)
    #expect(!isRequesting)
    #expect(machine.in(Register.iir) == 0x01)
    machine.out(Register.data, 0x41)
    #expect(isRequesting)
  }

  @Test func `each byte makes a new edge for the interrupt controller`() {
    machine.out(0x21, 0xef)
    machine.out(Register.mcr, 0x08)
    machine.out(Register.ier, 0x02)
    #expect(pic.acknowledge() == 0x34)
    machine.out(0x20, 0x20)
    #expect(!pic.hasPendingInterrupt)
    machine.out(Register.data, 0x41)
    #expect(pic.hasPendingInterrupt)
  }

  @Test func `sources are named in the order of their priority`() {
    machine.out(Register.mcr, 0x18)
    machine.out(Register.ier, 0x0f)
    machine.out(Register.data, 0x41)
    machine.out(Register.data, 0x42)
    machine.out(Register.mcr, 0x1a)
    #expect(machine.in(Register.iir) == 0x06)
    _ = machine.in(Register.lsr)
    #expect(machine.in(Register.iir) == 0x04)
    _ = machine.in(Register.data)
    #expect(machine.in(Register.iir) == 0x02)
    #expect(machine.in(Register.iir) == 0x00)
    _ = machine.in(Register.msr)
    #expect(machine.in(Register.iir) == 0x01)
  }

  @Test func `OUT2 gates the interrupt line`() {
    machine.out(Register.ier, 0x01)
    type("x")
    #expect(machine.in(Register.iir) == 0x04)
    #expect(!isRequesting)
    machine.out(Register.mcr, 0x08)
    #expect(isRequesting)
  }

  @Test func `changes of the modem lines are told once`() {
    #expect(machine.in(Register.msr) == 0xb0)
    machine.out(Register.mcr, 0x10)
    #expect(machine.in(Register.msr) == 0x0b)
    #expect(machine.in(Register.msr) == 0x00)
    machine.out(Register.mcr, 0x14)
    #expect(machine.in(Register.msr) == 0x40)
    machine.out(Register.mcr, 0x10)
    #expect(machine.in(Register.msr) == 0x04, "the trailing edge of ring")
  }

  @Test func `switching the FIFO empties it`() {
    machine.out(Register.iir, 0x01)
    type("abc")
    machine.out(Register.iir, 0x00)
    #expect(machine.in(Register.lsr) & 1 == 0)
  }

  @Test func `a second port stands at 0x2F8 on IRQ 3 only when configured`() {
    #expect(machine.in(0x2ff) == 0xff)
    let second = PCDevices(PCDevices.Configuration(ramSize: 1 << 20, serial: [NullBackend(), MemoryBackend()]))
    second.bus.writePort(0x2fc, size: .byte, value: 0x08)
    second.bus.writePort(0x2f9, size: .byte, value: 0x02)
    #expect(second.interrupts.registers.requests == 1 << 3)
  }

  /// Sends only on request.
  private final class PatientBackend: SerialBackend {
    private var rest = Array("x".utf8)
    func write(_ byte: UInt8) {}
    var inputEnded: Bool { rest.isEmpty }
    var heedsRequestToSend: Bool { true }
    func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int {
      guard let byte = rest.popLast() else { return 0 }
      buffer[0] = byte
      return 1
    }
  }

  @Test func `a sender that heeds RTS waits until the guest asks`() {
    let board = PCDevices(PCDevices.Configuration(ramSize: 1 << 20, serial: [PatientBackend()]))
    board.pollInput()
    #expect(board.bus.readPort(Register.lsr, size: .byte) & 1 == 0)
    board.bus.writePort(Register.mcr, size: .byte, value: 0x02)
    #expect(board.bus.readPort(Register.lsr, size: .byte) & 1 == 1)
    #expect(board.bus.readPort(Register.data, size: .byte) == UInt32(UInt8(ascii: "x")))
  }
}
