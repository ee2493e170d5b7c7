// Numbers of the model-specific registers that guests of a P6 ask for. SDM volume 4; RDMSR and WRMSR take them in ECX.

/// A model-specific register's number. Any number can be asked for; those with names are the ones that exist here
/// or that common guests probe.
public struct ModelSpecificRegister: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let p5MachineCheckAddress = ModelSpecificRegister(rawValue: 0x0)
  public static let p5MachineCheckType = ModelSpecificRegister(rawValue: 0x1)
  /// The time-stamp counter.
  public static let tsc = ModelSpecificRegister(rawValue: 0x10)
  public static let platformID = ModelSpecificRegister(rawValue: 0x17)
  public static let apicBase = ModelSpecificRegister(rawValue: 0x1b)
  public static let featureControl = ModelSpecificRegister(rawValue: 0x3a)
  /// Hard power-on configuration.
  public static let eblCrPowerOn = ModelSpecificRegister(rawValue: 0x2a)
  /// BIOS_UPDT_TRIG: a write loads microcode.
  public static let microcodeUpdate = ModelSpecificRegister(rawValue: 0x79)
  /// BIOS_SIGN_ID: the microcode's revision.
  public static let microcodeRevision = ModelSpecificRegister(rawValue: 0x8b)
  public static let performanceCounter0 = ModelSpecificRegister(rawValue: 0xc1)
  public static let performanceCounter1 = ModelSpecificRegister(rawValue: 0xc2)
  public static let mtrrCapabilities = ModelSpecificRegister(rawValue: 0xfe)
  /// BBL_CR_CTL3: configuration of the second-level cache.
  public static let cacheControl3 = ModelSpecificRegister(rawValue: 0x11e)
  /// The code segment that SYSENTER loads; SS is the next descriptor.
  public static let sysenterCS = ModelSpecificRegister(rawValue: 0x174)
  /// The stack pointer that SYSENTER loads.
  public static let sysenterESP = ModelSpecificRegister(rawValue: 0x175)
  /// The instruction pointer that SYSENTER loads.
  public static let sysenterEIP = ModelSpecificRegister(rawValue: 0x176)
  public static let machineCheckCapabilities = ModelSpecificRegister(rawValue: 0x179)
  public static let machineCheckStatus = ModelSpecificRegister(rawValue: 0x17a)
  public static let machineCheckControl = ModelSpecificRegister(rawValue: 0x17b)
  public static let eventSelect0 = ModelSpecificRegister(rawValue: 0x186)
  public static let eventSelect1 = ModelSpecificRegister(rawValue: 0x187)
  /// IA32_MISC_ENABLE.
  public static let miscEnable = ModelSpecificRegister(rawValue: 0x1a0)
  public static let debugControl = ModelSpecificRegister(rawValue: 0x1d9)
  public static let lastBranchFromIP = ModelSpecificRegister(rawValue: 0x1db)
  public static let lastBranchToIP = ModelSpecificRegister(rawValue: 0x1dc)
  public static let lastExceptionFromIP = ModelSpecificRegister(rawValue: 0x1dd)
  public static let lastExceptionToIP = ModelSpecificRegister(rawValue: 0x1de)
  /// The first variable-range MTRR: base and mask alternate up to 20F.
  public static let mtrrPhysicalBase0 = ModelSpecificRegister(rawValue: 0x200)
  public static let mtrrPhysicalMask7 = ModelSpecificRegister(rawValue: 0x20f)
  public static let mtrrFix64K00000 = ModelSpecificRegister(rawValue: 0x250)
  public static let mtrrFix16K80000 = ModelSpecificRegister(rawValue: 0x258)
  public static let mtrrFix16KA0000 = ModelSpecificRegister(rawValue: 0x259)
  /// The first of eight 4 KiB fixed-range MTRRs, up to 26F.
  public static let mtrrFix4KC0000 = ModelSpecificRegister(rawValue: 0x268)
  public static let mtrrFix4KF8000 = ModelSpecificRegister(rawValue: 0x26f)
  /// The page attribute table.
  public static let pat = ModelSpecificRegister(rawValue: 0x277)
  public static let mtrrDefaultType = ModelSpecificRegister(rawValue: 0x2ff)
  public static let machineCheck0Control = ModelSpecificRegister(rawValue: 0x400)
  public static let efer = ModelSpecificRegister(rawValue: 0xc000_0080)
  public static let star = ModelSpecificRegister(rawValue: 0xc000_0081)
}
