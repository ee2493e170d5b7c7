// VMware's backdoor: a guest that knows calls the monitor by reading a port that no device has, with a magic number in EAX.
// After Linux's arch/x86/include/asm/vmware.h and kernel/cpu/vmware.c, and open-vm-tools' backdoor_def.h. It answers what a
// guest's kernel asks while it starts; what isn't there is answered as products answer what they don't know.
//
//            in                                 out
//   EAX  | 0x564D5868                  |   result, often the magic again
//   EBX  | argument                    |   second result
//   ECX  | ignored (31-16) | command   |   third result
//   EDX  | ignored (31-16) | 0x5658    |

/// The registers that a call passes both ways.
public struct BackdoorRegisters: Equatable, Sendable {
  public var eax: UInt32
  public var ebx: UInt32
  public var ecx: UInt32
  public var edx: UInt32
  public var esi: UInt32
  public var edi: UInt32

  public init(
    eax: UInt32 = Backdoor.magic, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = UInt32(Backdoor.port), esi: UInt32 = 0,
    edi: UInt32 = 0
  ) {
    (self.eax, self.ebx, self.ecx) = (eax, ebx, ecx)
    (self.edx, self.esi, self.edi) = (edx, esi, edi)
  }
}

/// The monitor's end of the backdoor.
public struct Backdoor: Sendable {
  public static let port: UInt16 = 0x5658
  public static let magic: UInt32 = 0x564d_5868

  /// What GETVERSION says the monitor is.
  public enum Product: UInt32, Sendable { case esx = 2, workstation = 4 }

  /// Commands, in the low half of ECX.
  public enum Command: UInt16, Sendable {
    case processorSpeed = 1
    case version = 10
    case hardwareVersion = 17
    case uuid = 19
    case memorySize = 20
    case time = 23
    case message = 30
    case frequencies = 45
    case fullTime = 46
    case processorInformation = 68
    case stealClock = 91
  }

  public var product: Product
  /// Ticks of the time-stamp counter in a second.
  public var processorHertz: UInt64
  /// The local APIC timer's clock.
  public var busHertz: UInt32
  /// Bytes.
  public var memorySize: UInt64
  /// Seconds since 1970 at virtual time 0.
  public var unixTime: Int64

  static let version: UInt32 = 6
  static let hardwareVersion: UInt32 = 8
  /// MESSAGE's status, in ECX's high half: refused.
  private static let messageRefused: UInt32 = 0
  /// GET_VCPU_INFO: bit 31 says that nothing else in it counts.
  private static let informationReserved: UInt32 = 1 << 31

  public init(
    product: Product, processorHertz: UInt64, busHertz: UInt32, memorySize: UInt64, unixTime: Int64
  ) {
    self.product = product
    self.processorHertz = processorHertz
    self.busHertz = busHertz
    self.memorySize = memorySize
    self.unixTime = unixTime
  }

  /// Does a call.
  /// - Parameters:
  ///   - now: virtual nanoseconds.
  /// - Returns: false when EAX hasn't the magic number: the port is an empty one then.
  public func call(_ r: inout BackdoorRegisters, now: UInt64) -> Bool {
    guard r.eax == Self.magic else { return false }
    let seconds = UInt64(bitPattern: unixTime) &+ now / 1_000_000_000
    let microseconds = UInt32(now % 1_000_000_000 / 1000)
    switch Command(rawValue: UInt16(truncatingIfNeeded: r.ecx)) {
    case .processorSpeed: r.eax = UInt32(clamping: processorHertz / 1_000_000)
    case .version: (r.eax, r.ebx, r.ecx) = (Self.version, Self.magic, product.rawValue)
    case .hardwareVersion: r.eax = Self.hardwareVersion
    case .uuid:
      // "Trapline" twice: one machine is like another.
      (r.eax, r.ebx, r.ecx, r.edx) = (0x7061_7254, 0x656e_696c, 0x7061_7254, 0x656e_696c)
    case .memorySize: r.eax = UInt32(clamping: memorySize >> 20)
    case .time:
      // With the largest lag, in microseconds, and minutes west of Greenwich.
      (r.eax, r.ebx, r.ecx, r.edx) = (UInt32(truncatingIfNeeded: seconds), microseconds, 0, 0)
    case .fullTime:
      (r.eax, r.ebx, r.ecx) = (Self.magic, microseconds, 0)
      (r.esi, r.edx) = (UInt32(truncatingIfNeeded: seconds >> 32), UInt32(truncatingIfNeeded: seconds))
    case .message: r.ecx = Self.messageRefused
    case .frequencies:
      r.eax = UInt32(truncatingIfNeeded: processorHertz)
      r.ebx = UInt32(truncatingIfNeeded: processorHertz >> 32)
      r.ecx = busHertz
    case .processorInformation: r.eax = Self.informationReserved
    case .stealClock: r.eax = 0
    case nil: r.eax = ~0
    }
    return true
  }
}
