import Testing

@testable import Devices

@Suite struct KeyboardControllerTests {
  let machine = TestMachine()
  var keyboard: KeyboardController { machine.pc.keyboard }

  init() {
    machine.initializeInterruptsLikeLinux()
    machine.out(0x21, 0x00)
    machine.out(0xa1, 0x00)
  }

  var status: UInt32 { machine.in(0x64) }
  func command(_ byte: UInt32, _ parameter: UInt32? = nil) {
    machine.out(0x64, byte)
    if let parameter { machine.out(0x60, parameter) }
  }

  /// Everything in the output buffer, as a driver that polls takes it.
  func drain(limit: Int = 64) -> [UInt32] {
    var bytes: [UInt32] = []
    while status & 1 != 0, bytes.count < limit { bytes.append(machine.in(0x60)) }
    return bytes
  }

  func toKeyboard(_ bytes: UInt32...) -> [UInt32] {
    for byte in bytes { machine.out(0x60, byte) }
    return drain()
  }

  func toMouse(_ bytes: UInt32...) -> [UInt32] {
    for byte in bytes { command(0xd4, byte) }
    return drain()
  }

  func tap(_ key: Key) {
    keyboard.send(KeyEvent(key, isPress: true))
    keyboard.send(KeyEvent(key, isPress: false))
  }

  // MARK: Keys

  @Test func `a key arrives in set 1 when the controller translates, in set 2 when not`() {
    tap(.a)
    #expect(drain() == [0x1e, 0x9e])
    command(0x60, 0x05)
    tap(.a)
    #expect(drain() == [0x1c, 0xf0, 0x1c])
  }

  @Test(
    arguments: [
      (Key.up, [0xe0, 0x48, 0xe0, 0xc8]), (.rightControl, [0xe0, 0x1d, 0xe0, 0x9d]), (.f7, [0x41, 0xc1]),
      (.pause, [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]), (.escape, [0x01, 0x81]),
      (.keypadEnter, [0xe0, 0x1c, 0xe0, 0x9c]),
      (.printScreen, [0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa]), (.f12, [0x58, 0xd8]), (.f11, [0x57, 0xd7]),
    ] as [(Key, [UInt32])])
  func `a key's code in set 1`(key: Key, code: [UInt32]) {
    tap(key)
    #expect(drain() == code)
  }

  @Test func `every key has a code of its own in set 1`() {
    var seen: Set<[UInt32]> = []
    for key in Key.allCases {
      keyboard.send(KeyEvent(key, isPress: true))
      let code = drain()
      #expect(!code.isEmpty && seen.insert(code).inserted, "\(key): \(code)")
      keyboard.send(KeyEvent(key, isPress: false))
      _ = drain()
    }
  }

  @Test func `each byte interrupts once, at IRQ 1`() {
    tap(.a)
    #expect(machine.pc.interrupts.acknowledge() == 0x31)
    machine.out(0x20, 0x20)
    #expect(!machine.pc.interrupts.hasPendingInterrupt)
    #expect(machine.in(0x60) == 0x1e)
    #expect(machine.pc.interrupts.acknowledge() == 0x31)
    #expect(machine.in(0x60) == 0x9e)
    machine.out(0x20, 0x20)
    #expect(!machine.pc.interrupts.hasPendingInterrupt)
  }

  @Test func `without bit 0 of the command byte there is no interrupt`() {
    command(0x60, 0x44)
    tap(.a)
    #expect(!machine.pc.interrupts.hasPendingInterrupt)
    #expect(drain() == [0x1e, 0x9e])
  }

  @Test func `keys wait while the interface is off, and a full keyboard loses whole keys`() {
    command(0xad)
    for _ in 0..<20 { keyboard.send(KeyEvent(.right, isPress: true)) }
    #expect(status & 1 == 0)
    command(0xae)
    #expect(drain() == Array(repeating: [0xe0, 0x4d], count: 8).flatMap { $0 })
    #expect(!keyboard.send(KeyEvent(.pause, isPress: false)), "Pause has no break code")
  }

  @Test func `a controller's answer doesn't overtake or replace a key`() {
    keyboard.send(KeyEvent(.b, isPress: true))
    command(0x20)
    #expect(machine.in(0x60) == 0x30)
    #expect(machine.in(0x60) == 0x45)
    #expect(status & 1 == 0)
  }

  // MARK: Commands to the keyboard

  @Test func `Linux's atkbd probe finds a translated set 2 keyboard`() {
    #expect(toKeyboard(0xf2) == [0xfa, 0xab, 0x41])
    #expect(toKeyboard(0xed, 0x00) == [0xfa, 0xfa])
    #expect(toKeyboard(0xf3, 0x00) == [0xfa, 0xfa])
    #expect(toKeyboard(0xf4) == [0xfa])
    command(0x60, 0x04)
    #expect(toKeyboard(0xf2) == [0xfa, 0xab, 0x83])
  }

  @Test func `reset answers ACK and the self-test's result`() {
    _ = toKeyboard(0xf5)
    #expect(toKeyboard(0xff) == [0xfa, 0xaa])
    #expect(toKeyboard(0xee) == [0xee])
    tap(.a)
    #expect(drain() == [0x1e, 0x9e], "a reset keyboard scans")
  }

  @Test func `F5 stops scanning, F6 and F4 start it`() {
    #expect(toKeyboard(0xf5) == [0xfa])
    #expect(!keyboard.send(KeyEvent(.a, isPress: true)))
    #expect(toKeyboard(0xf6) == [0xfa])
    tap(.a)
    #expect(drain() == [0x1e, 0x9e])
  }

  @Test func `the lights are set, and a command in place of a parameter is a command`() {
    _ = toKeyboard(0xed, 0x05)
    #expect(keyboard.indicators == 5)
    #expect(toKeyboard(0xed, 0xee) == [0xfa, 0xee])
    #expect(keyboard.indicators == 5)
  }

  @Test func `scan code sets 1 and 2 can be chosen, 3 isn't there, and FE repeats`() {
    command(0x60, 0x05)
    #expect(toKeyboard(0xf0, 0x00) == [0xfa, 0xfa, 0x02])
    #expect(toKeyboard(0xf0, 0x01) == [0xfa, 0xfa])
    tap(.z)
    #expect(drain() == [0x2c, 0xac])
    #expect(toKeyboard(0xfe) == [0xac])
    #expect(toKeyboard(0xf0, 0x03) == [0xfa, 0xfe])
    #expect(toKeyboard(0x42) == [0xfe])
  }

  @Test func `a byte for the keyboard turns its interface on`() {
    command(0xad)
    #expect(toKeyboard(0xf4) == [0xfa])
    command(0x20)
    #expect(drain() == [0x45])
  }

  // MARK: The mouse

  @Test func `Linux finds the mouse port by its loop command, and both tests pass`() {
    command(0xd3, 0x5a)
    #expect(status & 0x21 == 0x21)
    #expect(machine.in(0x60) == 0x5a)
    command(0xa9)
    #expect(status & 0x21 == 0x01)
    #expect(drain() == [0x00])
    command(0xab)
    #expect(drain() == [0x00])
    command(0xa7)
    command(0x20)
    #expect(machine.in(0x60) & 0x20 != 0)
    command(0xa8)
    command(0x20)
    #expect(machine.in(0x60) & 0x20 == 0)
  }

  @Test func `the mouse resets, tells what it is, and takes rate and resolution`() {
    #expect(toMouse(0xff) == [0xfa, 0xaa, 0x00])
    #expect(toMouse(0xf2) == [0xfa, 0x00])
    #expect(toMouse(0xf3, 200) == [0xfa, 0xfa])
    #expect(toMouse(0xe8, 3) == [0xfa, 0xfa])
    #expect(toMouse(0xe7) == [0xfa])
    #expect(toMouse(0xf4) == [0xfa])
    #expect(toMouse(0xe9) == [0xfa, 0x30, 3, 200])
    #expect(toMouse(0xe6) == [0xfa])
    #expect(toMouse(0x00) == [0xfe])
  }

  @Test func `movement comes as packets at IRQ 12, and what doesn't fit comes later`() {
    command(0x60, 0x47)
    _ = toMouse(0xf4)
    keyboard.moveMouse(x: 300, y: -5, buttons: 1)
    while machine.pc.interrupts.hasPendingInterrupt {
      let vector = machine.pc.interrupts.acknowledge()
      #expect(vector == 0x3c || vector == 0x31)
      machine.out(0xa0, 0x20)
      machine.out(0x20, 0x20)
    }
    #expect(status & 0x20 != 0)
    #expect(drain() == [0x29, 0xff, 0xfb, 0x09, 45, 0])
  }

  @Test func `a mouse that isn't enabled is silent; in remote mode it answers EB`() {
    keyboard.moveMouse(x: 1, y: 1, buttons: 2)
    #expect(status & 1 == 0)
    #expect(toMouse(0xf0, 0xf4) == [0xfa, 0xfa])
    #expect(status & 1 == 0)
    #expect(toMouse(0xeb) == [0xfa, 0x0a, 1, 1])
  }

  @Test func `wrap mode echoes until it is reset`() {
    #expect(toMouse(0xee, 0x55, 0xf2) == [0xfa, 0x55, 0xf2])
    #expect(toMouse(0xec, 0xf2) == [0xfa, 0xfa, 0x00])
  }

  // MARK: Typing

  func typing() -> TypedInput {
    let typed = machine.pc.typed
    #expect(toKeyboard(0xf4) == [0xfa])
    machine.run(for: TypedInput.interval)
    return typed
  }

  /// Set-1 codes of the keys that `text` makes, read at leisure.
  func codes(_ text: String) -> [UInt32] {
    let typed = typing()
    typed.type(Array(text.utf8))
    var codes: [UInt32] = []
    for _ in 0..<1000 {
      codes += drain()
      guard let deadline = machine.bus.nextDeadline else { break }
      machine.bus.advance(to: deadline)
    }
    return codes
  }

  @Test(
    arguments: [
      ("a", [0x1e, 0x9e]), ("A", [0x2a, 0x1e, 0x9e, 0xaa]), ("\u{3}", [0x1d, 0x2e, 0xae, 0x9d]), ("\r", [0x1c, 0x9c]),
      ("\u{7f}", [0x0e, 0x8e]), ("|", [0x2a, 0x2b, 0xab, 0xaa]), ("\u{1b}[A", [0xe0, 0x48, 0xe0, 0xc8]),
      ("\u{1b}OP", [0x3b, 0xbb]), ("\u{1b}[24~", [0x58, 0xd8]), ("\u{1b}x", [0x38, 0x2d, 0xad, 0xb8]),
      ("\u{1b}", [0x01, 0x81]), ("é", []), ("\u{1b}[", [0x38, 0x1a, 0x9a, 0xb8]), ("\u{1b}[99~", []),
    ] as [(String, [UInt32])])
  func `what a terminal sends becomes keys`(text: String, code: [UInt32]) {
    #expect(Array(codes(text).prefix(code.count == 0 ? 10 : code.count)) == code)
  }

  @Test func `all printable ASCII can be typed, with distinct keys`() {
    var seen: Set<[KeyEvent]> = []
    for byte in UInt8(0x20)...0x7e {
      let events = TerminalKeys().events(for: [byte])
      #expect(events.count >= 2, "no key for \(byte)")
      #expect(!seen.contains(events))
      seen.insert(events)
    }
  }

  @Test func `a guest that reads slowly loses no key, and one that doesn't read holds nobody up`() {
    let typed = typing()
    typed.type(Array("hello".utf8))
    machine.run(for: 1_000_000_000)
    #expect(typed.pendingCount == 9, "one is in the buffer")
    #expect(machine.bus.nextDeadline == nil)
    var codes: [UInt32] = []
    for _ in 0..<20 {
      codes += drain()
      machine.run(for: 300_000_000)
    }
    #expect(codes == [0x23, 0xa3, 0x12, 0x92, 0x26, 0xa6, 0x26, 0xa6, 0x18, 0x98])
  }

  @Test func `keys are apart in time`() {
    typing().type(Array("ab".utf8))
    machine.run(for: 1)
    #expect(drain() == [0x1e])
    machine.run(for: TypedInput.interval - 2)
    #expect(drain() == [])
    machine.run(for: 2)
    #expect(drain() == [0x9e])
  }

  @Test func `keys wait while firmware sets the keyboard up`() {
    let typed = machine.pc.typed
    typed.type(Array("ab".utf8))
    machine.run(for: 500_000_000)
    #expect(toKeyboard(0xff) == [0xfa, 0xaa])
    machine.run(for: 900_000_000)
    #expect(drain() == [])
    #expect(toKeyboard(0xf5) == [0xfa])
    machine.run(for: 2_000_000_000)
    #expect(toKeyboard(0xf4) == [0xfa])
    machine.run(for: TypedInput.interval)
    #expect(drain() == [0x1e])
  }

  @Test func `a guest that never asks gets keys when it has left the keyboard alone`() {
    let typed = machine.pc.typed
    typed.type(Array("a".utf8))
    machine.run(for: TypedInput.patience)
    #expect(drain() == [0x1e])
  }

  @Test func `unread text survives a snapshot`() throws {
    let typed = typing()
    typed.type(Array("abc".utf8))
    machine.run(for: 1)
    let states = machine.bus.save()
    let twin = KeyboardControllerTests()
    let other = twin.typing()
    try twin.machine.bus.restore(states, at: machine.bus.clock.now)
    #expect(other.pendingCount == typed.pendingCount && other.pendingCount == 5)
    #expect(twin.drain() == [0x1e])
    twin.machine.run(for: TypedInput.interval * 2)
    #expect(twin.drain() == [0x9e])
  }

  @Test func `text without end is cut off, not kept`() {
    let typed = typing()
    for _ in 0..<40 { typed.type(Array(repeating: 0x41, count: 4096)) }
    #expect(typed.pendingCount <= TypedInput.capacity)
  }

  @Test(arguments: [31, 32, 33] as [UInt64])
  func `no sequence of bytes, keys and movements hurts`(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let typed = typing()
    for _ in 0..<30_000 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0:
        keyboard.send(KeyEvent(Key.allCases.randomElement(using: &generator)!, isPress: Bool.random(using: &generator)))
      case 1:
        keyboard.moveMouse(
          x: Int.random(in: .min...(.max), using: &generator), y: Int.random(in: -300...300, using: &generator),
          buttons: UInt8.random(in: 0...255, using: &generator))
      case 2: typed.type((0..<4).map { _ in UInt8.random(in: 0...255, using: &generator) })
      case 3: machine.run(for: UInt64.random(in: 0...20_000_000, using: &generator))
      case 4...6: _ = machine.in(Bool.random(using: &generator) ? 0x60 : 0x64)
      default:
        machine.out(Bool.random(using: &generator) ? 0x60 : 0x64, UInt32.random(in: 0...255, using: &generator))
      }
      machine.pc.requests.clear()
    }
  }
}

extension KeyEvent: Hashable {
  public func hash(into hasher: inout Hasher) {
    hasher.combine(key)
    hasher.combine(isPress)
  }
}
