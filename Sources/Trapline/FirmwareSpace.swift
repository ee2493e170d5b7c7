// The 256 KiB below 1 MiB, where firmware lives: a ROM's last bytes, or RAM that firmware copies itself to, as the host
// bridge's attribute map says piece by piece (440FX data sheet, 3.2.18).

import Devices
import Memory
import Processor

/// What the guest finds from 0xC0000 to 0xFFFFF.
final class FirmwareSpace {
  static let start: UInt64 = 0xc_0000
  static let pageCount = 64
  private static let firstPage = Int(start >> 12)

  private let memory: GuestPhysicalMemory
  private unowned let processor: Processor
  private let contents: UnsafeMutableRawPointer
  /// Page entries for both kinds of decoding.
  private let ram: [UInt64]
  private var rom: [UInt64]

  /// The space reads as it did before until the bridge says otherwise.
  init(_ memory: GuestPhysicalMemory, _ processor: Processor) throws(MachineMemoryError) {
    self.memory = memory
    self.processor = processor
    rom = Self.entries(memory)
    contents = try memory.addRAM(at: GuestPhysicalAddress(Self.start), pages: Self.pageCount)
    ram = Self.entries(memory)
    for page in 0..<Self.pageCount { memory.entries[Self.firstPage + page] = rom[page] }
  }

  private static func entries(_ memory: GuestPhysicalMemory) -> [UInt64] {
    (firstPage..<firstPage + pageCount).map { memory.entries[$0] }
  }

  /// A loader has put a ROM's alias here.
  func takeROM() { rom = Self.entries(memory) }

  /// Puts bytes into the RAM, whatever is seen of it.
  func store(_ bytes: [UInt8], at address: GuestPhysicalAddress) {
    let offset = Int(address.value - Self.start)
    precondition(address.value >= Self.start && offset + bytes.count <= Self.pageCount << 12)
    (contents + offset).copyMemory(from: bytes, byteCount: bytes.count)
  }

  /// Makes one piece ROM, RAM, or RAM that can't be written.
  func decode(_ region: ShadowRegion) {
    let first = Int(region.start.pageNumber) - Self.firstPage
    for page in first..<first + Int(region.count >> 12) {
      // Reads from ROM with writes to RAM is what firmware uses to copy itself; SeaBIOS does without.
      let readOnly = region.writesRAM ? 0 : GuestPhysicalMemory.entryROM
      memory.entries[Self.firstPage + page] = region.readsRAM ? ram[page] | readOnly : rom[page]
      processor.noteBackingChange(of: GuestPhysicalAddress(UInt64(Self.firstPage + page) << 12))
    }
  }
}
