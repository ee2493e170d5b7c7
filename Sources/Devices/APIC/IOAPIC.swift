// The I/O APIC, after Intel's 82093AA data sheet (290566): 24 inputs, each with an entry that says as which vector and to
// which processor it goes. An input counts as active when its line is high, whatever polarity the guest chose: lines here
// stand for "asserted", not for volts.
//
//   offset 00  index            index 00  ID (bits 27-24)
//   offset 10  data             index 01  version (bits 7-0), highest entry (bits 23-16)
//                               index 02  arbitration ID
//                               index 10 + 2n, 11 + 2n  entry n, low and high half
//
//    63       56      16     15      14     13      12      11     10 9 8  7      0
//   | destination |..| mask | level | rIRR | pol | status | logical | mode | vector |

/// The board's interrupt controller for local APICs.
public final class IOAPIC: Device {
  public let name = "io apic"
  public static let base: UInt64 = 0xfec0_0000
  public static let size: UInt64 = 0x1000
  public static let inputCount = 24
  /// The input to which IRQ 0 leads; IRQ n of the others leads to n.
  public static let timerInput = 2
  /// The inputs of PIRQ A to D.
  public static let firstPCIInput = 16
  static let version: UInt32 = 0x0017_0011

  private let local: LocalAPIC
  weak var observer: (any InterruptObserver)?
  private var index: UInt8 = 0
  private var id: UInt8 = 0
  private var entries = [UInt64](repeating: masked, count: inputCount)
  /// Level of each input.
  private var levels: UInt32 = 0

  private static let masked: UInt64 = 1 << 16
  private static let level: UInt64 = 1 << 15
  private static let remoteIRR: UInt64 = 1 << 14
  private static let logical: UInt64 = 1 << 11
  private static let writable: UInt64 = 0xff00_0000_0001_afff

  public init(local: LocalAPIC) {
    self.local = local
    local.ioAPIC = self
  }

  // MARK: Inputs

  /// An input's line changed, or was set again to what it was.
  public func setInput(_ number: Int, _ level: Bool) {
    guard (0..<Self.inputCount).contains(number) else { return }
    let bit: UInt32 = 1 << UInt32(number)
    if (levels & bit != 0) == level { return }
    levels ^= bit
    guard level else { return }
    let entry = entries[number]
    // An edge at a masked input is lost (data sheet, 3.2.4).
    if entry & Self.masked == 0, entry & Self.level == 0 { _ = deliver(entry) } else { serveLevel(number) }
    if number >= Self.firstPCIInput { observer?.interruptRaised(irq: UInt8(number)) }
  }

  /// An IRQ's line, as the 8259s have it. There is no IRQ 2.
  func setIRQ(_ number: UInt8, _ level: Bool) {
    if number != 2 { setInput(number == 0 ? Self.timerInput : Int(number), level) }
  }

  /// The IRQ, or for PCI the input, whose entry has this vector.
  func irq(for vector: UInt8) -> UInt8? {
    entries.firstIndex { UInt8(truncatingIfNeeded: $0) == vector && $0 & Self.masked == 0 }
      .map { $0 == Self.timerInput ? 0 : UInt8($0) }
  }

  private func serveLevel(_ number: Int) {
    let entry = entries[number]
    guard entry & (Self.masked | Self.level | Self.remoteIRR) == Self.level, levels & 1 << UInt32(number) != 0 else {
      return
    }
    if deliver(entry) { entries[number] |= Self.remoteIRR }
  }

  /// Sends an entry's interrupt. Fixed and lowest priority are the same to one processor; the rest isn't for interrupts.
  private func deliver(_ entry: UInt64) -> Bool {
    guard entry >> 8 & 7 < 2 else { return false }
    let destination = UInt8(truncatingIfNeeded: entry >> 56)
    guard local.isDestination(destination, isLogical: entry & Self.logical != 0) else { return false }
    return local.accept(UInt8(truncatingIfNeeded: entry), isLevel: entry & Self.level != 0)
  }

  // MARK: The local APIC's side

  /// A level triggered interrupt with this vector has ended: where the line is still up, it comes again.
  func endInterrupt(_ vector: UInt8) {
    for number in entries.indices {
      let entry = entries[number]
      guard entry & Self.remoteIRR != 0, UInt8(truncatingIfNeeded: entry) == vector else { continue }
      entries[number] &= ~Self.remoteIRR
      serveLevel(number)
    }
  }

  /// The local APIC may now take what it didn't take before.
  func tryAgain() { for number in entries.indices { serveLevel(number) } }

  // MARK: Device

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    let value: UInt32
    switch offset & ~3 {
    case 0x00: value = UInt32(index)
    case 0x10: value = register
    default: value = 0
    }
    return value >> (8 * (offset & 3))
  }

  private var register: UInt32 {
    switch index {
    case 0, 2: return UInt32(id) << 24
    case 1: return Self.version
    default:
      guard let number = selectedEntry else { return 0 }
      return UInt32(truncatingIfNeeded: index & 1 == 0 ? entries[number] : entries[number] >> 32)
    }
  }

  private var selectedEntry: Int? {
    let number = (Int(index) - 0x10) >> 1
    return entries.indices.contains(number) ? number : nil
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    if offset == 0 {
      index = UInt8(truncatingIfNeeded: value)
      return
    }
    guard offset == 0x10, size == .dword else { return }
    if index == 0 {
      id = UInt8(truncatingIfNeeded: value >> 24 & 0x0f)
    } else if let number = selectedEntry {
      write(entry: number, value)
    }
  }

  private func write(entry number: Int, _ value: UInt32) {
    let old = entries[number]
    let new = index & 1 == 0 ? old & ~0xffff_ffff | UInt64(value) : old & 0xffff_ffff | UInt64(value) << 32
    entries[number] = new & Self.writable | old & Self.remoteIRR
    // Systems clear a stuck remote IRR by a change to edge and back.
    if new & Self.level == 0 { entries[number] &= ~Self.remoteIRR }
    serveLevel(number)
  }

  public func reset() {
    index = 0
    id = 0
    for number in entries.indices { entries[number] = Self.masked }
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&index)
    archive.field(&id)
    archive.field(&levels)
    for number in entries.indices {
      archive.field(&entries[number])
      entries[number] &= Self.writable | Self.remoteIRR
    }
    if archive.isRestoring {
      id &= 0x0f
      levels &= 0xff_ffff
    }
  }
}

extension IOAPIC: InterruptWireListener {
  public func interruptWire(_ number: Int, became level: Bool) { setInput(Self.firstPCIInput + number, level) }
}
