// The 8042: the keyboard's and the mouse's way to the processor, with the A20 gate and the reset line, after IBM's
// "Keyboard and Auxiliary Device Controller" reference. The serial lines take no time: a byte is there as soon as there
// is room for it.
//
//   registers  0  data (port 0x60)
//              1  status / command (port 0x64)
//
//              7      6      5      4      3      2      1      0
//   status  | PERR | TO   | AUX  | KEYL | C/D  | SYS  | IBF  | OBF  |
//   command |  0   | XLAT | /MOU | /KEY |  0   | SYS  | IRQ12| IRQ1 |   the command byte; / turns the interface off
//   output  |  -      -     AUX    KEY     -      -   | A20  | /RST |   AUX, KEY: OBF by its source

/// The keyboard controller, with a keyboard and a mouse.
public final class KeyboardController: Device {
  public let name = "8042"
  public let stateVersion: UInt32 = 2

  /// Who put the byte into the output buffer. The controller's own bytes count as the keyboard's.
  private enum Source: UInt8 { case controller, keyboard, mouse }

  private let requests: MachineRequests
  private let line: InterruptLine
  private let mouseLine: InterruptLine
  private var keyboard = Keyboard()
  private var mouse = Mouse()
  private var translator = ScanCodeTranslator()
  private var commandByte: UInt8 = 0x45
  private var output: UInt8 = 0
  private var isOutputFull = false
  private var source = Source.controller
  /// An answer of the controller's that waits behind a byte of a device's: bit 8 says that it goes as the mouse's.
  private var heldAnswer: UInt16?
  private var lastWasCommand = false
  private var isTested = true
  /// The command whose parameter comes next at port 0x60; 0 when none does.
  private var awaited: UInt8 = 0
  /// Told when a key's code has been read.
  weak var typist: TypedInput?

  private static let port: UInt16 = 0x64
  private enum Command {
    static let keyboardInterrupt: UInt8 = 0x01
    static let mouseInterrupt: UInt8 = 0x02
    static let keyboardOff: UInt8 = 0x10
    static let mouseOff: UInt8 = 0x20
    static let translates: UInt8 = 0x40
  }

  /// - Parameters:
  ///   - line: IRQ 1.
  ///   - mouseLine: IRQ 12.
  public init(requests: MachineRequests, line: InterruptLine, mouseLine: InterruptLine = .unconnected) {
    self.requests = requests
    self.line = line
    self.mouseLine = mouseLine
  }

  // MARK: The user's side

  /// A key goes down or comes up.
  /// - Returns: false when the guest loses it: its keyboard is off, or it reads too slowly.
  @discardableResult public func send(_ event: KeyEvent) -> Bool {
    defer { fill() }
    return keyboard.send(event)
  }

  /// The guest has read every key so far and wants more.
  public var isReadyForKey: Bool {
    keyboard.isScanning && commandByte & Command.keyboardOff == 0 && !keyboard.hasUnreadKeys
      && !(isOutputFull && source == .keyboard)
  }

  /// The guest has asked the keyboard for keys.
  var wasAskedForKeys: Bool { keyboard.wasAskedToScan }

  /// The keyboard's lights: scroll, num and caps lock, from bit 0.
  public var indicators: UInt8 { keyboard.indicators }

  /// The mouse moves (to the right, up), with these buttons down: left, right and middle, from bit 0.
  public func moveMouse(x: Int, y: Int, buttons: UInt8) {
    mouse.move(x: x, y: y, buttons: buttons)
    fill()
  }

  // MARK: The guest's side

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    if offset == 0 {
      let byte = output
      isOutputFull = false
      update()
      fill()
      typist?.keyboardWasRead()
      return UInt32(byte)
    }
    var status: UInt8 = 0x10
    if isOutputFull { status |= source == .mouse ? 0x21 : 0x01 }
    if isTested { status |= 0x04 }
    if lastWasCommand { status |= 0x08 }
    return UInt32(status)
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    lastWasCommand = offset == 1
    if offset == 1 {
      awaited = 0
      command(byte)
    } else {
      data(byte)
    }
    fill()
    typist?.keyboardWasWritten()
  }

  private func command(_ byte: UInt8) {
    switch byte {
    case 0x20: answer(commandByte)
    case 0x60, 0xd1, 0xd2, 0xd3, 0xd4: awaited = byte
    case 0xa7: commandByte |= Command.mouseOff
    case 0xa8: commandByte &= ~Command.mouseOff
    // Both interfaces are fine.
    case 0xa9, 0xab: answer(0x00)
    case 0xaa:
      isTested = true
      answer(0x55)
    case 0xad: commandByte |= Command.keyboardOff
    case 0xae: commandByte &= ~Command.keyboardOff
    case 0xc0: answer(0x80)
    case 0xd0:
      let full: UInt8 = isOutputFull ? source == .mouse ? 0x20 : 0x10 : 0
      answer(0x01 | (requests.isA20Enabled ? 0x02 : 0) | full)
    case 0xdd: requests.setA20(false)
    case 0xdf: requests.setA20(true)
    // Pulses the output lines whose bit is 0; line 0 is the processor's reset.
    case 0xf0...0xff: if byte & 1 == 0 { requests.reset(from: Self.port) }
    default: break
    }
  }

  private func data(_ byte: UInt8) {
    defer { awaited = 0 }
    switch awaited {
    case 0x60:
      commandByte = byte & 0x7f
      isTested = byte & 0x04 != 0
      update()
    case 0xd1:
      requests.setA20(byte & 0x02 != 0)
      if byte & 0x01 == 0 { requests.reset(from: Self.port) }
    case 0xd2: answer(byte)
    case 0xd3: answer(byte, asMouse: true)
    // A byte to a device turns its interface on.
    case 0xd4:
      commandByte &= ~Command.mouseOff
      mouse.receive(byte)
    default:
      commandByte &= ~Command.keyboardOff
      keyboard.receive(byte)
    }
  }

  // MARK: The output buffer

  /// An answer takes the place of an earlier one that nobody read, but never of a device's byte.
  private func answer(_ byte: UInt8, asMouse: Bool = false) {
    if isOutputFull, source != .controller {
      heldAnswer = UInt16(byte) | (asMouse ? 0x100 : 0)
    } else {
      put(byte, from: asMouse ? .mouse : .controller)
    }
  }

  private func fill() {
    guard !isOutputFull else { return }
    if let held = heldAnswer {
      heldAnswer = nil
      return put(UInt8(truncatingIfNeeded: held), from: held & 0x100 != 0 ? .mouse : .controller)
    }
    if commandByte & Command.keyboardOff == 0 {
      while let byte = keyboard.next() {
        if commandByte & Command.translates == 0 { return put(byte, from: .keyboard) }
        if let code = translator.translate(byte) { return put(code, from: .keyboard) }
      }
    }
    if commandByte & Command.mouseOff == 0, let byte = mouse.next() { put(byte, from: .mouse) }
  }

  private func put(_ byte: UInt8, from source: Source) {
    output = byte
    isOutputFull = true
    self.source = source
    // A byte over one that was never read is a new edge.
    line.set(false)
    mouseLine.set(false)
    update()
  }

  private func update() {
    line.set(isOutputFull && source != .mouse && commandByte & Command.keyboardInterrupt != 0)
    mouseLine.set(isOutputFull && source == .mouse && commandByte & Command.mouseInterrupt != 0)
  }

  public func reset() {
    keyboard = Keyboard()
    mouse = Mouse()
    translator.reset()
    commandByte = 0x45
    output = 0
    isOutputFull = false
    source = .controller
    heldAnswer = nil
    lastWasCommand = false
    isTested = true
    awaited = 0
    update()
    typist?.keyboardWasWritten()
  }

  public func transferState(_ archive: inout StateArchive) {
    var rawSource = source.rawValue
    archive.field(&commandByte)
    archive.field(&output)
    archive.field(&isOutputFull)
    archive.field(&rawSource)
    archive.field(&heldAnswer)
    archive.field(&lastWasCommand)
    archive.field(&isTested)
    archive.field(&awaited)
    translator.transferState(&archive)
    keyboard.transferState(&archive)
    mouse.transferState(&archive)
    if archive.isRestoring {
      source = Source(rawValue: rawSource) ?? .controller
      update()
    }
  }
}
