// The guest's physical address space: which pages are RAM, ROM or a device's, where RAM lies in machine memory, and
// which bytes hold code that somebody has decoded. The processor reads the page entries directly on its slow paths.
//
// A page entry is one word:
//
//    63                            12 11         4    3       2      1      0
//   +--------------------------------+------------+-------+------+------+-------+
//   | machine frame number (MPN)     | 0          | trace | code | ROM  | valid |
//   +--------------------------------+------------+-------+------+------+-------+
//
// An entry of zero is no memory: an access there goes to the bus, which knows whether a device answers.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// What stands behind a guest-physical page.
public enum PageBacking: Sendable, Equatable {
  case ram(MachineAddress)
  case rom(MachineAddress)
  /// A device, or nothing: the bus decides.
  case bus
}

/// Guest-physical memory below 4 GiB: RAM, ROM, and the rest, which is the bus's.
public final class GuestPhysicalMemory {
  public static let entryValid: UInt64 = 1
  public static let entryROM: UInt64 = 2
  /// Decoded code was seen in this page; `codeGranules` tells where.
  public static let entryCode: UInt64 = 4
  /// A memory trace: the pager wants to know of each write.
  public static let entryTraced: UInt64 = 8
  /// Pages that have an entry: 4 GiB.
  public static let pageCount = 1 << 20

  public let machine: MachineMemory
  /// One word a page; see above.
  public let entries: UnsafeMutablePointer<UInt64>
  /// What holds the entries: a file, so that another process sees them as they are.
  package let map: MachineMemory
  /// One bit for each 64 bytes of a page that decoded code came from.
  public let codeGranules: UnsafeMutablePointer<UInt64>
  /// Bytes of RAM, as configured (the hole below 1 MiB included).
  public let ramSize: UInt64

  /// The hole for video memory and firmware below 1 MiB.
  public static let legacyHole: Range<UInt64> = 0xa_0000..<0x10_0000
  /// RAM may not reach into the device space below 4 GiB.
  public static let largestRAM: UInt64 = 0xe000_0000

  /// Lays out `ramSize` bytes of RAM from address 0, with a hole from 640 KiB to 1 MiB.
  /// - Parameter ramSize: a multiple of 4096, at most `largestRAM`.
  public init(machine: MachineMemory, ramSize: UInt64) throws(MachineMemoryError) {
    guard ramSize & 0xfff == 0, ramSize > 0, ramSize <= Self.largestRAM else {
      throw MachineMemoryError(
        description: "memory must be a multiple of 4 KiB and at most \(Self.largestRAM >> 20) MiB")
    }
    self.machine = machine
    self.ramSize = ramSize
    // Untouched pages of a memory file read as zero: an entry costs nothing until it is used.
    map = try MachineMemory(size: Self.pageCount * 8)
    entries = map.base.bindMemory(to: UInt64.self, capacity: Self.pageCount)
    codeGranules = Self.zeroed()
    guard let start = machine.allocateFrames(Int(ramSize >> 12)) else {
      throw MachineMemoryError(description: "machine memory is too small for \(ramSize >> 20) MiB of guest memory")
    }
    for page in 0..<(ramSize >> 12) where !Self.legacyHole.contains(page << 12) {
      entries[Int(page)] = (start.value + page << 12) | Self.entryValid
    }
  }

  /// The memory of a guest that runs in another process: what is RAM there is RAM here, as it changes.
  /// - Parameter map: the other's `map`.
  package init(adopting machine: MachineMemory, map: MachineMemory, ramSize: UInt64) {
    self.machine = machine
    self.map = map
    self.ramSize = ramSize
    entries = map.base.bindMemory(to: UInt64.self, capacity: Self.pageCount)
    codeGranules = Self.zeroed()
  }

  deinit { free(codeGranules) }

  private static func zeroed() -> UnsafeMutablePointer<UInt64> {
    guard let memory = calloc(pageCount, 8) else { preconditionFailure("the host has no address space left") }
    return memory.bindMemory(to: UInt64.self, capacity: pageCount)
  }

  /// Puts a read-only image at `address`.
  /// - Parameters:
  ///   - address: a multiple of 4096.
  ///   - image: padded with 0xff to whole pages.
  public func addROM(at address: GuestPhysicalAddress, image: UnsafeRawBufferPointer) throws(MachineMemoryError) {
    let pages = (image.count + 4095) >> 12
    guard address.value & 0xfff == 0, address.pageNumber + UInt64(pages) <= UInt64(Self.pageCount) else {
      throw MachineMemoryError(
        description: "a ROM of \(image.count) bytes doesn't fit at 0x\(String(address.value, radix: 16))")
    }
    guard let start = machine.allocateFrames(pages) else {
      throw MachineMemoryError(description: "machine memory is too small for a ROM of \(image.count) bytes")
    }
    let target = machine.pointer(to: start)
    target.initializeMemory(as: UInt8.self, repeating: 0xff, count: pages << 12)
    if let source = image.baseAddress { target.copyMemory(from: source, byteCount: image.count) }
    mapROM(at: address, frame: start, pages: pages)
  }

  /// Puts RAM of its own, zeroed, where the layout has none: video memory, or the shadow of firmware.
  /// - Parameters:
  ///   - address: a multiple of 4096.
  ///   - pages: they lie side by side in machine memory.
  /// - Returns: the host's address of the first byte.
  @discardableResult
  public func addRAM(at address: GuestPhysicalAddress, pages: Int) throws(MachineMemoryError)
    -> UnsafeMutableRawPointer
  {
    guard address.value & 0xfff == 0, pages > 0, address.pageNumber + UInt64(pages) <= UInt64(Self.pageCount) else {
      throw MachineMemoryError(
        description: "\(pages) pages of RAM don't fit at 0x\(String(address.value, radix: 16))")
    }
    guard let start = machine.allocateFrames(pages) else {
      throw MachineMemoryError(description: "machine memory is too small for \(pages) more pages of RAM")
    }
    for page in 0..<pages {
      entries[Int(address.pageNumber) + page] = (start.value + UInt64(page) << 12) | Self.entryValid
    }
    return machine.pointer(to: start)
  }

  /// Shows frames of a ROM at one more address (the alias of the firmware below 1 MiB).
  public func aliasROM(from source: GuestPhysicalAddress, to address: GuestPhysicalAddress, pages: Int) {
    precondition(pages >= 0 && max(source.pageNumber, address.pageNumber) + UInt64(pages) <= UInt64(Self.pageCount))
    for page in 0..<pages {
      entries[Int(address.pageNumber) + page] = entries[Int(source.pageNumber) + page]
    }
  }

  private func mapROM(at address: GuestPhysicalAddress, frame: MachineAddress, pages: Int) {
    for page in 0..<pages {
      entries[Int(address.pageNumber) + page] =
        (frame.value + UInt64(page) << 12) | Self.entryValid | Self.entryROM
    }
  }

  /// What stands behind an address.
  public func backing(of address: GuestPhysicalAddress) -> PageBacking {
    guard address.pageNumber < UInt64(Self.pageCount) else { return .bus }
    let entry = entries[Int(address.pageNumber)]
    if entry & Self.entryValid == 0 { return .bus }
    let machineAddress = MachineAddress(entry & ~0xfff | address.value & 0xfff)
    return entry & Self.entryROM != 0 ? .rom(machineAddress) : .ram(machineAddress)
  }

  /// Host address of a byte of RAM or ROM, good to the end of its page; nil where there is no memory.
  @inlinable public func pointer(to address: GuestPhysicalAddress) -> UnsafeMutableRawPointer? {
    guard address.pageNumber < UInt64(Self.pageCount) else { return nil }
    let entry = entries[Int(address.pageNumber)]
    if entry & Self.entryValid == 0 { return nil }
    return machine.base + Int(truncatingIfNeeded: entry & ~0xfff | address.value & 0xfff)
  }

  /// Copies bytes into RAM, before the guest runs (loaders). ROM and holes are not written.
  /// - Returns: false when some byte isn't RAM; nothing is written then.
  public func load(_ bytes: UnsafeRawBufferPointer, at address: GuestPhysicalAddress) -> Bool {
    guard isRAM(address, count: UInt64(bytes.count)) else { return false }
    forEachPage(from: address, count: bytes.count) { pointer, offset, count in
      pointer.copyMemory(from: bytes.baseAddress! + offset, byteCount: count)
    }
    return true
  }

  /// Sets `count` bytes of RAM to zero; false (and nothing written) when some byte isn't RAM.
  public func clear(at address: GuestPhysicalAddress, count: UInt64) -> Bool {
    guard isRAM(address, count: count) else { return false }
    forEachPage(from: address, count: Int(count)) { pointer, _, count in
      pointer.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    }
    return true
  }

  /// Copies bytes out, for debuggers and dumps; nil when some byte isn't memory. `count` may come from anybody.
  public func bytes(at address: GuestPhysicalAddress, count: Int) -> [UInt8]? {
    guard count >= 0 else { return nil }
    let (end, overflow) = address.value.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= UInt64(Self.pageCount) << 12 else { return nil }
    if count == 0 { return [] }
    for page in address.pageNumber...((end - 1) >> 12) where entries[Int(page)] & Self.entryValid == 0 { return nil }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      forEachPage(from: address, count: count) { pointer, offset, length in
        UnsafeMutableRawPointer(buffer.baseAddress! + offset).copyMemory(from: pointer, byteCount: length)
      }
      initialized = count
    }
  }

  /// Whether all of `count` bytes from `address` are RAM.
  public func isRAM(_ address: GuestPhysicalAddress, count: UInt64) -> Bool {
    let (end, overflow) = address.value.addingReportingOverflow(count)
    guard !overflow, end <= UInt64(Self.pageCount) << 12 else { return false }
    if count == 0 { return true }
    for page in address.pageNumber...((end - 1) >> 12) {
      let entry = entries[Int(page)]
      if entry & Self.entryValid == 0 || entry & Self.entryROM != 0 { return false }
    }
    return true
  }

  /// Whether the 2 MiB from `address` (a multiple of that, below 4 GiB) are RAM that lies in one aligned piece of machine
  /// memory: only then can one large entry map them.
  package func isWholeRegion(_ address: GuestPhysicalAddress) -> Bool {
    let first = entries[Int(address.pageNumber)] & ~0xfff
    if first & 0x1f_ffff != 0 { return false }
    for page in 0..<UInt64(512) {
      let entry = entries[Int(address.pageNumber + page)]
      if entry & (Self.entryValid | Self.entryROM) != Self.entryValid || entry & ~0xfff != first + page << 12 { return false }
    }
    return true
  }

  private func forEachPage(
    from address: GuestPhysicalAddress, count: Int, _ body: (UnsafeMutableRawPointer, Int, Int) -> Void
  ) {
    var done = 0
    while done < count {
      let at = GuestPhysicalAddress(address.value + UInt64(done))
      let length = min(count - done, 4096 - Int(at.value & 0xfff))
      guard let target = pointer(to: at) else { preconditionFailure("the caller has checked the pages") }
      body(target, done, length)
      done += length
    }
  }
}
