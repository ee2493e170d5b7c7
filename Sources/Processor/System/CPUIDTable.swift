// What CPUID says of the virtual processor: exactly what is implemented (SDM 2, CPUID). A feature that is added gets
// its bit here, and nowhere else.

import ISA

/// The leaves of CPUID, as data.
enum CPUIDTable {
  struct Leaf: BitwiseCopyable, Sendable {
    var eax: UInt32 = 0, ebx: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0
  }

  /// Family 6, model 8, stepping 1; also EDX after RESET. Models before 6.3.3 have no SYSENTER that works, and systems
  /// know it.
  static let signature: UInt32 = 0x681
  /// "Trapline virtual processor", padded with zeros.
  static let brand: StaticString = "Trapline virtual processor"

  /// Bits of leaf 1's EDX.
  enum Feature {
    static let fpu: UInt32 = 1 << 0
    static let de: UInt32 = 1 << 2
    static let pse: UInt32 = 1 << 3
    static let tsc: UInt32 = 1 << 4
    static let msr: UInt32 = 1 << 5
    static let pae: UInt32 = 1 << 6
    static let cx8: UInt32 = 1 << 8
    /// Only where the machine has one and the guest has it on.
    static let apic: UInt32 = 1 << 9
    static let sep: UInt32 = 1 << 11
    static let pge: UInt32 = 1 << 13
    static let cmov: UInt32 = 1 << 15
    static let pse36: UInt32 = 1 << 17
    static let clfsh: UInt32 = 1 << 19
    static let mmx: UInt32 = 1 << 23
    static let fxsr: UInt32 = 1 << 24
    static let sse: UInt32 = 1 << 25
    static let sse2: UInt32 = 1 << 26
  }

  static let features =
    Feature.de | Feature.pse | Feature.tsc | Feature.msr | Feature.pae | Feature.cx8 | Feature.sep | Feature.pge
    | Feature.cmov | Feature.pse36 | (HostUnit.isAvailable ? Feature.fpu | Feature.fxsr : 0)
    | (SIMDUnit.isAvailable ? Feature.clfsh | Feature.mmx | Feature.sse | Feature.sse2 : 0)
  /// What CLFLUSH flushes, in units of 8 bytes: bits 8 to 15 of leaf 1's EBX.
  static let flushLine: UInt32 = SIMDUnit.isAvailable ? 8 << 8 : 0

  /// NX in leaf 0x80000001's EDX.
  static let executeDisable: UInt32 = 1 << 20

  /// Leaf 1's ECX: there is a monitor, whose leaves begin at `monitorLeaf`. Real processors have 0 there; systems then know
  /// that performance counters and the like may be missing.
  static let monitorPresent: UInt32 = 1 << 31
  static let monitorLeaf: UInt32 = 0x4000_0000

  static let highestBasic: UInt32 = 1
  static let highestExtended: UInt32 = 0x8000_0008

  /// For `CPUState.cpuidNumber`.
  static let noLeaf: UInt64 = 1 << 32

  /// The answer for a leaf. One beyond the highest is answered like the highest basic leaf, as by Intel's processors.
  static func leaf(_ number: UInt32, hasAPIC: Bool = false, vmware: VMwareFrequencies? = nil) -> Leaf {
    if let vmware, let leaf = vmware.leaf(number) { return leaf }
    return switch number {
    case 0:
      // "GenuineIntel" in EBX, EDX, ECX.
      Leaf(eax: highestBasic, ebx: 0x756e_6547, ecx: 0x6c65_746e, edx: 0x4965_6e69)
    // "Trapline VMM" in EBX, ECX, EDX.
    case monitorLeaf: Leaf(eax: monitorLeaf, ebx: 0x7061_7254, ecx: 0x656e_696c, edx: 0x4d4d_5620)
    case monitorLeaf + 1...monitorLeaf + 0xff: Leaf()
    case 0x8000_0000: Leaf(eax: highestExtended)
    case 0x8000_0001: Leaf(edx: executeDisable)
    case 0x8000_0002, 0x8000_0003, 0x8000_0004: brandLeaf(Int(number &- 0x8000_0002) * 16)
    case 0x8000_0005...0x8000_0007: Leaf()
    // 32 bits of linear address above those of the physical one.
    case 0x8000_0008: Leaf(eax: 32 << 8 | UInt32(CPU.physicalAddressBits))
    // The APIC's ID, in EBX's high byte, is 0.
    default: Leaf(eax: signature, ebx: flushLine, ecx: monitorPresent, edx: features | (hasAPIC ? Feature.apic : 0))
    }
  }

  private static func brandLeaf(_ start: Int) -> Leaf {
    func word(_ at: Int) -> UInt32 {
      var value: UInt32 = 0
      for n in 0..<4 where at + n < brand.utf8CodeUnitCount {
        value |= UInt32(brand.utf8Start[at + n]) << UInt32(8 * n)
      }
      return value
    }
    return Leaf(eax: word(start), ebx: word(start + 4), ecx: word(start + 8), edx: word(start + 12))
  }
}

/// The monitor's leaves as VMware's products have them (Linux, arch/x86/kernel/cpu/vmware.c): a guest that finds their
/// signature uses the backdoor port.
public struct VMwareFrequencies: BitwiseCopyable, Sendable, Equatable {
  /// Of the time-stamp counter, and of the local APIC's timer.
  public var processorKilohertz: UInt32
  public var busKilohertz: UInt32

  private static let highest = CPUIDTable.monitorLeaf + 0x10

  public init(processorKilohertz: UInt32, busKilohertz: UInt32) {
    self.processorKilohertz = processorKilohertz
    self.busKilohertz = busKilohertz
  }

  func leaf(_ number: UInt32) -> CPUIDTable.Leaf? {
    switch number {
    // "VMwareVMware" in EBX, ECX, EDX.
    case CPUIDTable.monitorLeaf: CPUIDTable.Leaf(eax: Self.highest, ebx: 0x6177_4d56, ecx: 0x4d56_6572, edx: 0x6572_6177)
    case Self.highest: CPUIDTable.Leaf(eax: processorKilohertz, ebx: busKilohertz)
    default: nil
    }
  }
}

extension CPU {
  var isLocalAPICEnabled: Bool { s.pointee.hasLocalAPIC && s.pointee.apicBase & APICBase.enabled != 0 }

  // MARK: Ordinary body

  func cpuid(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let leaf = CPUIDTable.leaf(eax, hasAPIC: isLocalAPICEnabled, vmware: s.pointee.vmware)
    s.pointee.cpuidNumber = UInt64(eax)
    s.pointee.cpuidLeaf = leaf
    eax = leaf.eax
    ebx = leaf.ebx
    ecx = leaf.ecx
    edx = leaf.edx
  }
}
