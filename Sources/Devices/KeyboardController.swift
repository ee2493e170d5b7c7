// The 8042 as far as systems need it without a keyboard: the A20 gate, the reset line, the self-test, the command byte.
// No keyboard or mouse is attached; bytes sent to them are lost.
//
//   registers  0  data (port 0x60)
//              1  status / command (port 0x64)
//
//              7      6      5      4      3      2      1      0
//   status  | PERR | TO   | AUX  | KEYL | C/D  | SYS  | IBF  | OBF  |
//   output  |  -      -      -     OBF     -      -   | A20  | /RST |

/// The keyboard controller, without a keyboard.
public final class KeyboardController: Device {
  public let name = "8042"

  private let requests: MachineRequests
  private let line: InterruptLine
  private var commandByte: UInt8 = 0x45
  private var output: UInt8 = 0
  private var isOutputFull = false
  private var lastWasCommand = false
  private var isTested = true
  /// The command whose parameter comes next at port 0x60; 0 when none does.
  private var awaited: UInt8 = 0

  private static let port: UInt16 = 0x64

  /// - Parameter line: IRQ 1.
  public init(requests: MachineRequests, line: InterruptLine) {
    self.requests = requests
    self.line = line
  }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    if offset == 0 {
      isOutputFull = false
      update()
      return UInt32(output)
    }
    return 0x10 | (isOutputFull ? 0x01 : 0) | (isTested ? 0x04 : 0) | (lastWasCommand ? 0x08 : 0)
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    lastWasCommand = offset == 1
    if offset == 1 {
      awaited = 0
      command(byte)
    } else {
      parameter(byte)
    }
  }

  private func command(_ byte: UInt8) {
    switch byte {
    case 0x20: respond(commandByte)
    case 0x60, 0xd1, 0xd2, 0xd3, 0xd4: awaited = byte
    case 0xa7: commandByte |= 0x20
    case 0xa8: commandByte &= ~0x20
    // The interface to the mouse is stuck: there is none.
    case 0xa9: respond(0x01)
    case 0xaa:
      isTested = true
      respond(0x55)
    case 0xab: respond(0x00)
    case 0xad: commandByte |= 0x10
    case 0xae: commandByte &= ~0x10
    case 0xc0: respond(0x80)
    case 0xd0: respond(0x01 | (requests.isA20Enabled ? 0x02 : 0) | (isOutputFull ? 0x10 : 0))
    case 0xdd: requests.setA20(false)
    case 0xdf: requests.setA20(true)
    // Pulses the output lines whose bit is 0; line 0 is the processor's reset.
    case 0xf0...0xff: if byte & 1 == 0 { requests.reset(from: Self.port) }
    default: break
    }
  }

  private func parameter(_ byte: UInt8) {
    defer { awaited = 0 }
    switch awaited {
    case 0x60:
      commandByte = byte & 0x7f
      isTested = byte & 0x04 != 0
      update()
    case 0xd1:
      requests.setA20(byte & 0x02 != 0)
      if byte & 0x01 == 0 { requests.reset(from: Self.port) }
    case 0xd2: respond(byte)
    default: break
    }
  }

  private func respond(_ byte: UInt8) {
    output = byte
    isOutputFull = true
    // A response over one that was never read is a new edge.
    line.set(false)
    update()
  }

  private func update() { line.set(isOutputFull && commandByte & 0x01 != 0) }

  public func reset() {
    commandByte = 0x45
    output = 0
    isOutputFull = false
    lastWasCommand = false
    isTested = true
    awaited = 0
    update()
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&commandByte)
    archive.field(&output)
    archive.field(&isOutputFull)
    archive.field(&lastWasCommand)
    archive.field(&isTested)
    archive.field(&awaited)
    if archive.isRestoring { update() }
  }
}
