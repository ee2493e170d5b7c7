// Files without a format: a flat binary lies where the user says, a ROM ends at 4 GiB where the processor comes out of
// reset.

import Memory

extension GuestLoader {
  /// A ROM has at most this many bytes (16 MiB): above it are the interrupt controllers' registers.
  static let largestROM = 16 << 20
  /// Bytes at the end of a ROM that are seen again below 1 MiB.
  static let romAlias = 128 << 10

  static func loadFlat(
    _ bytes: UnsafeRawBufferPointer, mode: EntryState.Mode, _ request: LoadRequest, into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    let address = request.loadAddress ?? (mode == .real ? 0x7c00 : 0x10_0000)
    guard address < 1 << 32 else {
      throw LoadingError("the load address \(address.hex) is past the 4 GiB that a 32-bit guest can address")
    }
    let range = address..<address + UInt64(bytes.count)
    var plan = MemoryPlan(memory: memory)
    try plan.take([(range, "the flat binary")])
    let entry = request.entry ?? address
    guard range.contains(entry) else {
      throw LoadingError(
        "the entry point \(entry.hex) is outside the flat binary, which takes \(range.lowerBound.hex) to "
          + "\((range.upperBound - 1).hex)")
    }
    let state: EntryState
    switch mode {
    case .protected: state = .flat(entry: UInt32(truncatingIfNeeded: entry))
    case .real: state = try realModeEntry(entry, loadAddress: address)
    }
    plan.write(bytes, at: address)
    try plan.commit()
    return GuestImage(
      format: .flat, entry: state, segments: [PlacedSegment(purpose: .image, range: range)], symbols: .empty,
      description: "flat binary, \(mode.rawValue) mode, \(sizeForPeople(UInt64(bytes.count))) at \(address.hex), "
        + "entry \(entry.hex)",
      warnings: [])
  }

  /// Selector 0 as a boot sector has it where that reaches; else offsets count from the load address.
  private static func realModeEntry(_ entry: UInt64, loadAddress: UInt64) throws(LoadingError) -> EntryState {
    if entry <= 0xffff { return .real(selector: 0, offset: UInt16(entry)) }
    let base = loadAddress & ~15
    if base <= 0xf_fff0, entry - base <= 0xffff {
      return .real(selector: UInt16(base >> 4), offset: UInt16(entry - base))
    }
    guard entry < 0x10_0000 else {
      throw LoadingError("the entry point \(entry.hex) can't be reached in real mode: load the binary below 1 MiB")
    }
    return .real(selector: UInt16(entry >> 4), offset: UInt16(entry & 15))
  }

  static func loadROM(
    _ bytes: UnsafeRawBufferPointer, into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    guard bytes.count >= 16 else {
      throw LoadingError("the ROM has \(bytes.count) bytes, too few to hold a reset vector (16)")
    }
    guard bytes.count <= largestROM else {
      throw LoadingError(
        "the ROM has \(sizeForPeople(UInt64(bytes.count))), and at most \(sizeForPeople(UInt64(largestROM))) fit below 4 GiB"
      )
    }
    // Whole pages, filled up in front: the reset vector is 16 bytes before the end.
    let pages = (bytes.count + 4095) >> 12
    let padding = pages << 12 - bytes.count
    let start = UInt64(1) << 32 - UInt64(pages) << 12
    let image = [UInt8](repeating: 0xff, count: padding) + bytes
    do throws(MachineMemoryError) {
      try addROM(image, at: start, memory)
    } catch {
      throw LoadingError("the ROM can't be placed: \(error.description)")
    }
    let aliasSize = min(image.count, romAlias)
    let alias = UInt64(0x10_0000 - aliasSize)
    memory.aliasROM(
      from: GuestPhysicalAddress(UInt64(1) << 32 - UInt64(aliasSize)), to: GuestPhysicalAddress(alias),
      pages: aliasSize >> 12)
    return GuestImage(
      format: .rom, entry: .reset,
      segments: [
        PlacedSegment(purpose: .romAlias, range: alias..<0x10_0000),
        PlacedSegment(purpose: .rom, range: start..<1 << 32),
      ],
      symbols: .empty,
      description: "ROM, \(sizeForPeople(UInt64(bytes.count))) at \(start.hex), its last "
        + "\(sizeForPeople(UInt64(aliasSize))) seen again at \(alias.hex), started from the reset vector",
      warnings: [])
  }

  private static func addROM(
    _ image: [UInt8], at start: UInt64, _ memory: GuestPhysicalMemory
  ) throws(MachineMemoryError) {
    let result: Result<Void, MachineMemoryError> = image.withUnsafeBytes { buffer in
      do throws(MachineMemoryError) {
        try memory.addROM(at: GuestPhysicalAddress(start), image: buffer)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}
