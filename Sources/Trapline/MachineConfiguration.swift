// What a virtual machine is made of: the choices that `trapline run` offers, as data.

import Devices
import Loading
import Memory
import Platforms
import Processor

/// The make-up of a virtual machine.
public struct MachineConfiguration {
  /// Bytes of RAM: a multiple of 4096, at most 3,584 MiB.
  public var memorySize: UInt64 = 64 << 20
  /// Guest instructions in a virtual second. Virtual time is the retired count at this rate; it is what timers, the
  /// time-stamp counter and traces go by.
  public var instructionsPerSecond: UInt64 = 1_000_000_000
  /// Seconds since 1970 that the real-time clock shows at the start; fixed, so that runs repeat.
  public var unixTime: Int64 = 1_767_225_600
  /// The other end of COM1.
  public var serial: any SerialBackend = NullBackend()
  /// The other end of COM2; nil leaves the port out.
  public var secondSerial: (any SerialBackend)?
  /// Where port 0xE9 leads.
  public var debugConsole: any ByteSink = NullBackend()
  /// Disks, CDs and floppies.
  public var drives = DriveList()
  /// The network that a PCnet adapter leads to; nil leaves the adapter out.
  public var network: NetworkConfiguration?
  /// A local and an I/O APIC, as every PC has had for long.
  public var hasAPIC = true
  /// The display's option ROM, for firmware; without one firmware says nothing on the screen.
  public var videoBIOS: [UInt8]?
  /// What firmware boots from first.
  public var bootMedium = Drive.Medium.disk
  /// Ties virtual time to the wall clock while the guest idles, for interactive use.
  public var isRealtime = false
  /// How instructions run; the interpreter does where this host or build has no translator.
  public var engine = EngineKind.best
  public var memoryPath = MemoryPathChoice.measured
  /// The translator leaves every privileged or sensitive instruction of level 0 to the monitor, as trap-and-emulate does.
  public var trapsSensitive = false
  /// The pager and the TLB; with `none` and no TLB the guest runs as on bare silicon.
  public var paging = PagingConfiguration()

  /// Whom the monitor stands on.
  public var platform = PlatformKind.bare
  /// How a hosted monitor is set up.
  public var workstation = WorkstationOptions()
  /// How a machine with a vmkernel is.
  public var esx = ESXOptions()

  public init() {}

  /// What the guest can call the monitor by; on bare silicon there is nobody to be called.
  var backdoor: Backdoor? {
    let product: Backdoor.Product
    switch platform {
    case .bare: return nil
    case .workstation: product = .workstation
    case .esx: product = .esx
    }
    return Backdoor(
      product: product, processorHertz: instructionsPerSecond, busHertz: UInt32(LocalAPIC.frequency), memorySize: memorySize,
      unixTime: unixTime)
  }

  func makePlatform(_ memory: MachineMemory) throws(PlatformError) -> any Platform {
    switch platform {
    case .bare: BarePlatform()
    case .workstation: try Workstation(workstation)
    case .esx: try ESX(esx, memory: memory)
    }
  }
}

/// A machine can't be made so; one sentence.
public struct MachineSetupError: Error, CustomStringConvertible {
  public let description: String
}

/// Limits of one run.
public struct RunLimits: Sendable {
  /// Retired instructions; nil for no limit.
  public var instructions: UInt64?
  /// Wall-clock time from the start of the run.
  public var time: Duration?
  /// Raised from elsewhere (a signal handler) to end the run soon.
  public var stop: StopSignal?

  public init(instructions: UInt64? = nil, time: Duration? = nil, stop: StopSignal? = nil) {
    self.instructions = instructions
    self.time = time
    self.stop = stop
  }
}
