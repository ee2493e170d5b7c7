// A split virtqueue as the device sees it (virtio 1.1, 2.6): three tables in the guest's memory.
//
//   descriptor  | address (64) | length (32) | flags: 1 NEXT, 2 WRITE, 4 INDIRECT (16) | next (16) |     x size
//   available   | flags (16): 1 no interrupt | index (16) | heads (16) x size | used_event (16) |
//   used        | flags (16) | index (16) | { head (32), bytes written (32) } x size | avail_event (16) |
//
// The guest may write anything there, at any time. A ring that makes no sense is broken for good: the device stops until
// it is reset.

import Memory

/// The guest's ring contradicts the specification.
struct BrokenRing: Error {}

/// One request: what the device reads, then what it writes.
struct VirtioChain {
  let head: UInt16
  var readable = GuestBuffers()
  var writable = GuestBuffers()
}

struct VirtioQueue {
  /// Firmware has room for 128.
  static let largest: UInt16 = 128

  /// A power of two.
  private(set) var size = VirtioQueue.largest
  var isEnabled = false
  var descriptors: UInt64 = 0
  var available: UInt64 = 0
  var used: UInt64 = 0
  private var nextAvailable: UInt16 = 0
  private var nextUsed: UInt16 = 0
  /// `nextUsed` when the guest was last told.
  private var told: UInt16 = 0

  private enum Flags {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
    static let noInterrupt: UInt16 = 1
  }

  /// What the driver negotiated.
  struct Features {
    var hasIndirect: Bool
    var hasEventIndex: Bool
  }

  /// A driver may want fewer entries; what isn't a power of two, or is too many, changes nothing.
  mutating func setSize(_ value: UInt16) {
    if value > 0, value <= Self.largest, value & (value - 1) == 0 { size = value }
  }

  /// The layout of before virtio 1.0: one piece, the used ring on the next page.
  mutating func place(atPage page: UInt32) {
    descriptors = UInt64(page) << 12
    available = descriptors + 16 * UInt64(size)
    used = (available + 6 + 2 * UInt64(size) + 0xfff) & ~0xfff
    isEnabled = page != 0
  }

  // MARK: Requests

  /// The next request, or nil when there is none.
  mutating func next(_ features: Features, _ dma: any DMA) throws(BrokenRing) -> VirtioChain? {
    let index = load(available &+ 2, UInt16.self, dma)
    if index == nextAvailable {
      guard features.hasEventIndex else { return nil }
      // Ask to be told of the next one. The guest doesn't run meanwhile, so nothing slips in between.
      store(index, used &+ 4 &+ 8 * UInt64(size), dma)
      return nil
    }
    guard index &- nextAvailable <= size else { throw BrokenRing() }
    let head = load(available &+ 4 &+ 2 * UInt64(nextAvailable & (size - 1)), UInt16.self, dma)
    nextAvailable &+= 1
    return try chain(from: head, features, dma)
  }

  private func chain(from head: UInt16, _ features: Features, _ dma: any DMA) throws(BrokenRing) -> VirtioChain {
    var chain = VirtioChain(head: head)
    var (table, count, index) = (descriptors, UInt32(size), UInt32(head))
    var isIndirect = false
    // As many steps as both tables can have entries: a chain that bites its tail ends here.
    for _ in 0..<2 * Int(Self.largest) {
      guard index < count else { throw BrokenRing() }
      let entry = table &+ 16 * UInt64(index)
      let address = load(entry, UInt64.self, dma)
      let length = load(entry &+ 8, UInt32.self, dma)
      let flags = load(entry &+ 12, UInt16.self, dma)
      if flags & Flags.indirect != 0 {
        guard features.hasIndirect, !isIndirect, flags & Flags.next == 0, length > 0, length % 16 == 0,
          length / 16 <= UInt32(Self.largest)
        else { throw BrokenRing() }
        (table, count, index, isIndirect) = (address, length / 16, 0, true)
        continue
      }
      if flags & Flags.write != 0 {
        chain.writable.append(GuestPhysicalAddress(address), count: UInt64(length))
      } else {
        guard chain.writable.pieces.isEmpty else { throw BrokenRing() }
        chain.readable.append(GuestPhysicalAddress(address), count: UInt64(length))
      }
      if flags & Flags.next == 0 { return chain }
      index = UInt32(load(entry &+ 14, UInt16.self, dma))
    }
    throw BrokenRing()
  }

  /// Gives a request back.
  /// - Parameter written: bytes that the device wrote into it.
  mutating func complete(_ head: UInt16, written: UInt32, _ dma: any DMA) {
    let entry = used &+ 4 &+ 8 * UInt64(nextUsed & (size - 1))
    store(UInt32(head), entry, dma)
    store(written, entry &+ 4, dma)
    nextUsed &+= 1
    store(nextUsed, used &+ 2, dma)
  }

  /// Whether the guest wants an interrupt for what was completed since the last call.
  mutating func takeInterrupt(_ features: Features, _ dma: any DMA) -> Bool {
    let before = told
    told = nextUsed
    if before == nextUsed { return false }
    guard features.hasEventIndex else {
      return load(available, UInt16.self, dma) & Flags.noInterrupt == 0
    }
    let event = load(available &+ 4 &+ 2 * UInt64(size), UInt16.self, dma)
    return nextUsed &- event &- 1 < nextUsed &- before
  }

  private func load<T: FixedWidthInteger>(_ address: UInt64, _ type: T.Type, _ dma: any DMA) -> T {
    dma.load(GuestPhysicalAddress(address), as: type)
  }

  private func store<T: FixedWidthInteger>(_ value: T, _ address: UInt64, _ dma: any DMA) {
    dma.store(value, at: GuestPhysicalAddress(address))
  }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&size)
    archive.field(&isEnabled)
    archive.field(&descriptors)
    archive.field(&available)
    archive.field(&used)
    archive.field(&nextAvailable)
    archive.field(&nextUsed)
    archive.field(&told)
    if archive.isRestoring, size == 0 || size > Self.largest || size & (size - 1) != 0 { self = VirtioQueue() }
  }
}
