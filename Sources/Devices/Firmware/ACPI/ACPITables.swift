// The tables by which a system learns of the board (ACPI 6.5, chapter 5), as data: put into memory where no firmware
// does it, or handed to firmware that does. ACPI 1.0's RSDP with 32-bit addresses, and an FADT of version 3, which adds
// the reset register.
//
//   RSDP --> RSDT --> FADT (FACP) --> DSDT, FACS
//                 --> MADT (APIC), with APICs only
//
// Every table has this header:
//
//   0 signature | 4 length | 8 revision | 9 checksum | 10 OEM ID (6) | 16 OEM table ID (8) | 24 OEM revision
//   28 creator ID | 32 creator revision | 36 ...

import Memory

/// The ACPI tables of a board.
public struct ACPITables {
  /// What the board has.
  public struct Configuration: Sendable {
    /// A local and an I/O APIC beside the 8259s. PIRQ A to D are then inputs 16 to 19.
    public var hasAPIC: Bool
    public var hasPCI: Bool
    public var hasFloppy: Bool
    /// COM ports, 0 to 2.
    public var serialPorts: Int
    /// The IRQs to which PIRQ A to D are routed at the 8259s: whoever sets up the board sets PIRQRC to the same.
    public var pciInterrupts: [UInt8]
    /// Where base addresses of PCI devices may lie.
    public var pciMemory: ClosedRange<UInt32>
    /// The first port of `PowerManagement`.
    public var powerPorts: UInt16

    public init(
      hasAPIC: Bool, hasPCI: Bool = true, hasFloppy: Bool = false, serialPorts: Int = 1,
      pciInterrupts: [UInt8] = [10, 10, 11, 11], pciMemory: ClosedRange<UInt32> = 0xe000_0000...0xfebf_ffff,
      powerPorts: UInt16 = 0x600
    ) {
      precondition(pciInterrupts.count == 4)
      self.hasAPIC = hasAPIC
      self.hasPCI = hasPCI
      self.hasFloppy = hasFloppy
      self.serialPorts = serialPorts
      self.pciInterrupts = pciInterrupts
      self.pciMemory = pciMemory
      self.powerPorts = powerPorts
    }
  }

  /// All tables but the RSDP, in one piece that must be at a multiple of 64. Addresses in it count from its start.
  private(set) var bytes: [UInt8] = []
  /// Where in `bytes` an address of four bytes stands.
  private(set) var pointers: [Int] = []
  /// The tables that have a checksum.
  private(set) var checked: [Range<Int>] = []
  private(set) var rootOffset = 0

  static let checksumOffset = 9
  static let rootPointerChecksum = 8
  static let rootPointerAddress = 16
  private static let alignment = 64

  init(_ configuration: Configuration) {
    let control = append(Self.firmwareControl())
    let system = append(table("DSDT", revision: 1, Self.systemDescription(configuration)))
    let fixed = append(table("FACP", revision: 3, Self.fixedDescription(configuration, control, system)))
    pointers += [fixed.lowerBound + 36, fixed.lowerBound + 40]
    var roots = [fixed]
    if configuration.hasAPIC { roots.append(append(table("APIC", revision: 1, Self.interruptDescription()))) }
    let root = append(
      table("RSDT", revision: 1, Array(roots.map { AML.little(UInt32($0.lowerBound)) }.joined())))
    pointers += roots.indices.map { root.lowerBound + 36 + 4 * $0 }
    rootOffset = root.lowerBound
    checked = [system] + roots + [root]
  }

  private mutating func append(_ table: [UInt8]) -> Range<Int> {
    bytes += [UInt8](repeating: 0, count: -bytes.count & (Self.alignment - 1))
    bytes += table
    return bytes.count - table.count..<bytes.count
  }

  // MARK: Where they go

  /// The tables for memory at `base`, a multiple of 64: the RSDP first, then all others. Systems look for the RSDP from
  /// 0xE0000 to 0xFFFFF. They take some 5 KiB.
  public static func build(
    _ configuration: Configuration, at base: GuestPhysicalAddress = GuestPhysicalAddress(UInt64(0xe_0000))
  ) -> [(address: GuestPhysicalAddress, bytes: [UInt8])] {
    precondition(base.value % 64 == 0 && base.value < 1 << 31)
    let tables = ACPITables(configuration)
    let start = UInt32(base.value) + 64
    var bytes = tables.bytes
    for at in tables.pointers {
      let offset = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
      bytes.replaceSubrange(at..<at + 4, with: AML.little(start + offset))
    }
    for table in tables.checked { bytes[table.lowerBound + checksumOffset] = checksum(bytes[table]) }
    var pointer = rootPointer(to: start + UInt32(tables.rootOffset))
    pointer[rootPointerChecksum] = checksum(pointer[...])
    return [(base, pointer), (GuestPhysicalAddress(start), bytes)]
  }

  /// What makes the sum of all bytes 0 when it takes the place of a 0.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt8 { 0 &- bytes.reduce(0, &+) }

  static func rootPointer(to address: UInt32) -> [UInt8] {
    Array("RSD PTR ".utf8) + [0] + Self.maker + [0] + AML.little(address)
  }

  // MARK: The tables

  private static let maker = Array("TRAPLN".utf8)

  private func table(_ signature: String, revision: UInt8, _ body: [UInt8]) -> [UInt8] {
    Array(signature.utf8) + AML.little(UInt32(36 + body.count)) + [revision, 0] + Self.maker
      + Array(("TRAP" + signature).utf8) + AML.little(UInt32(1)) + Array("TRAP".utf8) + AML.little(UInt32(1)) + body
  }

  /// FACS (5.2.10): the global lock and the waking vector, neither in use.
  private static func firmwareControl() -> [UInt8] {
    Array("FACS".utf8) + AML.little(UInt32(64)) + [UInt8](repeating: 0, count: 56)
  }

  /// FADT (5.2.9), from offset 36 on.
  private static func fixedDescription(
    _ configuration: Configuration, _ control: Range<Int>, _ system: Range<Int>
  ) -> [UInt8] {
    let base = UInt32(configuration.powerPorts)
    let event = base + PowerManagement.Register.status
    let command = base + PowerManagement.Register.control
    let timer = base + PowerManagement.Register.timer
    var body = AML.little(UInt32(control.lowerBound)) + AML.little(UInt32(system.lowerBound))
    // Desktop.
    body += [0, 1] + AML.little(UInt16(PowerManagement.interrupt)) + AML.little(UInt32(PowerManagement.commandPort))
    body += [PowerManagement.Command.enable, PowerManagement.Command.disable, 0, 0]
    body += AML.little(event) + AML.little(UInt32(0)) + AML.little(command) + AML.little(UInt32(0))
    body += AML.little(UInt32(0)) + AML.little(timer) + AML.little(UInt32(0)) + AML.little(UInt32(0))
    // Lengths of PM1 event, PM1 control, PM2 control, timer and both GPE blocks.
    body += [4, 2, 0, 4, 0, 0, 0, 0]
    // No C2, no C3.
    body += AML.little(UInt16(0xfff)) + AML.little(UInt16(0xfff)) + AML.little(UInt16(0)) + AML.little(UInt16(0))
    // Duty cycle, then the clock's registers for day, month and century.
    body += [0, 0, 0, 0, 0x32]
    // ISA devices and an 8042.
    body += AML.little(UInt16(0x0003)) + [0]
    // WBINVD, C1, no sleep button, no RTC wake-up, reset register.
    body += AML.little(UInt32(1 << 0 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 10))
    body += port(PowerManagement.resetPort, bytes: 1) + [PowerManagement.resetValue, 0, 0, 0]
    body += AML.little(UInt64(0)) + AML.little(UInt64(0))
    let none = [UInt8](repeating: 0, count: 12)
    body += port(UInt16(event), bytes: 4) + none + port(UInt16(command), bytes: 2) + none + none
    body += port(UInt16(timer), bytes: 4) + none + none
    precondition(body.count == 244 - 36)
    return body
  }

  /// A generic address structure (5.2.3.2).
  private static func port(_ port: UInt16, bytes: UInt8) -> [UInt8] { [1, 8 * bytes, 0, 0] + AML.little(UInt64(port)) }

  /// MADT (5.2.12), from offset 36 on.
  private static func interruptDescription() -> [UInt8] {
    // There are 8259s, too.
    var body = AML.little(UInt32(LocalAPIC.base)) + AML.little(UInt32(1))
    // Processor 0 with APIC 0, usable.
    body += [0, 8, 0, 0] + AML.little(UInt32(1))
    body += [1, 12, 0, 0] + AML.little(UInt32(IOAPIC.base)) + AML.little(UInt32(0))
    body += redirection(of: 0, to: UInt32(IOAPIC.timerInput), flags: 0)
    // Active high, level triggered.
    body += redirection(of: PowerManagement.interrupt, to: UInt32(PowerManagement.interrupt), flags: 0x000d)
    // NMI at LINT1 of every processor.
    body += [4, 6, 0xff, 0, 0, 1]
    return body
  }

  /// An ISA interrupt that isn't at the input of its number, or not edge triggered.
  private static func redirection(of irq: UInt8, to input: UInt32, flags: UInt16) -> [UInt8] {
    [2, 10, 0, irq] + AML.little(input) + AML.little(flags)
  }
}
