// ACPI's fixed hardware (ACPI 6.5, 4.8.3) as in the 82371AB: events, sleep, and a timer; with the port by which a system
// takes power management over from firmware.
//
//   registers  00-01  PM1 status     | WAK 15 | - | PWRBTN 8 | - | GBL 5 | BM 4 | - | TMR 0 |   ones clear
//              02-03  PM1 enable     |   -    | - | PWRBTN 8 | - | GBL 5 |  -   | - | TMR 0 |
//              04-05  PM1 control    | - | SLP_EN 13 | SLP_TYP 12-10 | - | GBL_RLS 2 | BM_RLD 1 | SCI_EN 0 |
//              08-0B  timer: 24 bits at 3.579545 MHz
//              40-41  APM control and status (ports 0xB2, 0xB3)

/// The power management registers.
public final class PowerManagement: Device {
  public let name = "acpi"
  /// The timer's ticks a second.
  public static let frequency: UInt64 = 3_579_545
  /// The system control interrupt.
  public static let interrupt: UInt8 = 9
  /// SLP_TYP for soft off; what SeaBIOS writes, too.
  public static let offSleepType: UInt8 = 0
  /// APM control; its status follows.
  public static let commandPort: UInt16 = 0xb2
  /// The reset control register is the PCI bus's.
  static let resetPort: UInt16 = 0xcf9
  static let resetValue: UInt8 = 0x0f

  enum Register {
    static let status: UInt32 = 0x00
    static let control: UInt32 = 0x04
    static let timer: UInt32 = 0x08
    static let command: UInt32 = 0x40
  }

  /// What a system writes to the command port.
  enum Command {
    static let enable: UInt8 = 0xf1
    static let disable: UInt8 = 0xf0
  }

  private enum Event {
    static let timer: UInt16 = 1 << 0
    static let globalLock: UInt16 = 1 << 5
    static let powerButton: UInt16 = 1 << 8
    static let all: UInt16 = 0x8731
    static let enabled: UInt16 = 0x0721
  }

  private enum Control {
    static let sciEnable: UInt16 = 1 << 0
    static let sleepEnable: UInt16 = 1 << 13
    static let stored: UInt16 = 0x1c03
  }

  private let clock: VirtualClock
  private let line: InterruptLine
  private let requests: MachineRequests
  private let rate = TickRate(hertz: PowerManagement.frequency)
  private var status: UInt16 = 0
  private var enable: UInt16 = 0
  private var control: UInt16 = 0
  private var command: UInt8 = 0
  private var commandStatus: UInt8 = 0
  /// Times that bit 23 of the timer had changed when `status` was last true.
  private var seenTurns: UInt64 = 0
  @exclusivity(unchecked) public private(set) var nextDeadline: UInt64?

  /// - Parameter line: IRQ 9.
  public init(clock: VirtualClock, line: InterruptLine, requests: MachineRequests) {
    self.clock = clock
    self.line = line
    self.requests = requests
  }

  /// The user presses the power button: the system may shut down, if it listens.
  public func pressPowerButton() {
    status |= Event.powerButton
    update()
  }

  // MARK: Events

  private var ticks: UInt64 { rate.ticks(at: clock.now) }

  /// TMR_STS is set whenever bit 23 changes, some 2.3 seconds apart.
  private func follow() {
    let turns = ticks >> 23
    if turns != seenTurns { status |= Event.timer }
    seenTurns = turns
  }

  private func update() {
    line.set(control & Control.sciEnable != 0 && status & enable & Event.enabled != 0)
    // What has happened already need not be watched.
    let isWatched = enable & Event.timer != 0 && status & Event.timer == 0
    let deadline = isWatched ? rate.time(of: (seenTurns + 1) << 23) : nil
    if deadline != nextDeadline {
      nextDeadline = deadline
      clock.deadlinesChanged()
    }
  }

  public func advance(to now: UInt64) {
    follow()
    update()
  }

  // MARK: Registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    follow()
    var value: UInt32 = 0
    for index in 0..<UInt32(size.rawValue) { value |= UInt32(byte(offset &+ index)) << (8 * index) }
    update()
    return value
  }

  private func byte(_ offset: UInt32) -> UInt8 {
    func part(_ word: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: word >> (8 * UInt16(offset & 1))) }
    switch offset {
    case 0x00, 0x01: return part(status)
    case 0x02, 0x03: return part(enable)
    case 0x04, 0x05: return part(control)
    case 0x08...0x0a: return UInt8(truncatingIfNeeded: ticks >> (8 * UInt64(offset & 3)))
    case Register.command: return command
    case Register.command + 1: return commandStatus
    default: return 0
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    follow()
    for index in 0..<UInt32(size.rawValue) {
      write(offset &+ index, UInt8(truncatingIfNeeded: value >> (8 * index)))
    }
    update()
  }

  private func write(_ offset: UInt32, _ byte: UInt8) {
    let shift = 8 * UInt16(offset & 1)
    let bits = UInt16(byte) << shift
    func replaced(_ word: UInt16) -> UInt16 { word & ~(0xff << shift) | bits }
    switch offset {
    case 0x00, 0x01: status &= ~(bits & Event.all)
    case 0x02, 0x03: enable = replaced(enable) & Event.enabled
    case 0x04, 0x05:
      control = replaced(control) & Control.stored
      if bits & Control.sleepEnable != 0, UInt8(control >> 10 & 7) == Self.offSleepType { requests.powerOff() }
    case Register.command:
      command = byte
      if byte == Command.enable { control |= Control.sciEnable }
      if byte == Command.disable { control &= ~Control.sciEnable }
    case Register.command + 1: commandStatus = byte
    default: break
    }
  }

  public func reset() {
    status = 0
    enable = 0
    control = 0
    command = 0
    commandStatus = 0
    seenTurns = ticks >> 23
    update()
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&status)
    archive.field(&enable)
    archive.field(&control)
    archive.field(&command)
    archive.field(&commandStatus)
    archive.field(&seenTurns)
    if archive.isRestoring {
      status &= Event.all
      enable &= Event.enabled
      control &= Control.stored
      seenTurns = min(seenTurns, ticks >> 23)
      update()
    }
  }
}
