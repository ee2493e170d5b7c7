// The small ports of the PC's board: 0x92 (A20 gate and fast reset), 0x61 (timer 2's gate and output), 0x80 (the latch
// that firmware shows its progress on, and that systems write for a short delay).
//
//            7    6    5      4       3     2     1        0
//   0x92  |  -    -    -      -       -     -   | A20  | fast reset |
//   0x61  |  0    0  | OUT2 | refresh| NMI enables| speaker | gate 2 |

/// Port 0x92. It keeps the A20 gate's state in snapshots.
public final class SystemControlPort: Device {
  public let name = "port 92"
  private let requests: MachineRequests
  private static let port: UInt16 = 0x92

  public init(requests: MachineRequests) { self.requests = requests }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { requests.isA20Enabled ? 0x02 : 0 }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    requests.setA20(value & 0x02 != 0)
    if value & 0x01 != 0 { requests.reset(from: Self.port) }
  }

  public func reset() { requests.machineWasReset() }

  public func transferState(_ archive: inout StateArchive) {
    var isA20Enabled = requests.isA20Enabled
    archive.field(&isA20Enabled)
    if archive.isRestoring { requests.setA20(isA20Enabled) }
  }
}

/// Port 0x61.
public final class SpeakerPort: Device {
  public let name = "port 61"
  private let timer: IntervalTimer
  /// Bits that are read as they were written.
  private var latch: UInt8 = 0

  public init(timer: IntervalTimer) { self.timer = timer }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    UInt32(latch) | (timer.refreshToggle ? 0x10 : 0) | (timer.output(2) ? 0x20 : 0)
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    latch = UInt8(truncatingIfNeeded: value) & 0x0f
    timer.gate2 = value & 1 != 0
  }

  public func reset() {
    latch = 0
    timer.gate2 = false
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&latch)
    if archive.isRestoring { latch &= 0x0f }
  }
}

/// Port 0x80.
public final class PostCodePort: Device {
  public let name = "port 80"
  public static let port: UInt16 = 0x80
  /// Nanoseconds that a write takes. Systems write here to wait so long (Linux's io_delay): without it, loops that count
  /// such waits against a timer would go round a thousand times as often as on a PC.
  public static let accessTime: UInt64 = 1000
  /// What was last written.
  @exclusivity(unchecked) public private(set) var code: UInt8 = 0

  public init() {}
  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { UInt32(code) }
  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) { code = UInt8(truncatingIfNeeded: value) }
  public func reset() { code = 0 }
  public func transferState(_ archive: inout StateArchive) { archive.field(&code) }
}
