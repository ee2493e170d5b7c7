// Where things will go, decided and checked before the first byte is written: a refused file leaves memory as it was.

import Memory

/// Ranges of guest RAM that a loader means to fill.
struct MemoryPlan {
  private let memory: GuestPhysicalMemory
  /// Ascending, without overlaps.
  private var taken: [Range<UInt64>] = []
  private var writes: [(address: UInt64, bytes: UnsafeRawBufferPointer)] = []
  private var clears: [Range<UInt64>] = []

  init(memory: GuestPhysicalMemory) { self.memory = memory }

  /// Refuses a range that isn't all RAM.
  func check(_ range: Range<UInt64>, _ what: String) throws(LoadingError) {
    if range.isEmpty { return }
    let last = range.upperBound - 1
    let place = "\(what) takes \(range.lowerBound.hex) to \(last.hex)"
    guard range.upperBound <= 1 << 32 else {
      throw LoadingError("\(place), past the 4 GiB that a 32-bit guest can address")
    }
    if range.overlaps(GuestPhysicalMemory.legacyHole) {
      throw LoadingError(
        "\(place), but there is no RAM from 640 KiB to 1 MiB (video memory and firmware): link it elsewhere, "
          + "as at 1 MiB")
    }
    if range.upperBound > memory.ramSize {
      let needed = (range.upperBound + 0xf_ffff) >> 20
      let largest = GuestPhysicalMemory.largestRAM >> 20
      let advice =
        needed <= largest ? "give it --memory \(needed)M or more" : "a guest has \(largest) MiB at most: link it lower"
      throw LoadingError("\(place), but the guest has \(sizeForPeople(memory.ramSize)) of RAM: \(advice)")
    }
    guard memory.isRAM(GuestPhysicalAddress(range.lowerBound), count: UInt64(range.count)) else {
      throw LoadingError("\(place), where there is something other than RAM: link it elsewhere")
    }
  }

  /// Reserves ranges for one image.
  mutating func take(_ ranges: [(range: Range<UInt64>, name: String)]) throws(LoadingError) {
    let sorted = ranges.filter { !$0.range.isEmpty }.sorted { $0.range.lowerBound < $1.range.lowerBound }
    for (index, item) in sorted.enumerated() {
      try check(item.range, item.name)
      if index > 0, sorted[index - 1].range.upperBound > item.range.lowerBound {
        throw LoadingError(
          "\(sorted[index - 1].name) and \(item.name) overlap at \(item.range.lowerBound.hex): link them apart")
      }
    }
    taken = (taken + sorted.map(\.range)).sorted { $0.lowerBound < $1.lowerBound }
  }

  /// Finds and reserves room for `count` bytes, as low as possible within `window`.
  /// - Parameter alignment: a power of two.
  mutating func place(_ count: UInt64, alignment: UInt64, in window: Range<UInt64>) -> Range<UInt64>? {
    guard count > 0, count <= memory.ramSize else { return nil }
    var start = window.lowerBound
    var obstacles = taken
    let hole = GuestPhysicalMemory.legacyHole
    obstacles.insert(hole, at: obstacles.firstIndex { $0.lowerBound >= hole.lowerBound } ?? obstacles.count)
    var index = 0
    while true {
      start = (start + alignment - 1) & ~(alignment - 1)
      guard start + count <= min(window.upperBound, memory.ramSize) else { return nil }
      while index < obstacles.count, obstacles[index].upperBound <= start { index += 1 }
      if index == obstacles.count || obstacles[index].lowerBound >= start + count { break }
      start = obstacles[index].upperBound
    }
    let range = start..<start + count
    guard memory.isRAM(GuestPhysicalAddress(start), count: count) else { return nil }
    taken.insert(range, at: taken.firstIndex { $0.lowerBound >= start } ?? taken.count)
    return range
  }

  /// The same, as high as possible below `top`.
  mutating func placeHigh(_ count: UInt64, alignment: UInt64, below top: UInt64) -> Range<UInt64>? {
    let hole = GuestPhysicalMemory.legacyHole
    var end = min(top, memory.ramSize)
    guard count > 0 else { return nil }
    for obstacle in (taken + [hole]).sorted(by: { $0.lowerBound > $1.lowerBound }) {
      if end >= count, case let start = (end - count) & ~(alignment - 1), start >= obstacle.upperBound {
        return place(count, alignment: alignment, in: start..<start + count)
      }
      end = min(end, obstacle.lowerBound)
    }
    guard end >= count else { return nil }
    let start = (end - count) & ~(alignment - 1)
    return place(count, alignment: alignment, in: start..<start + count)
  }

  /// Has bytes written on `commit`. They must live until then.
  mutating func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) {
    if bytes.count > 0 { writes.append((address, bytes)) }
  }

  /// Has a range zeroed on `commit`.
  mutating func clear(_ range: Range<UInt64>) {
    if !range.isEmpty { clears.append(range) }
  }

  /// Writes bytes of something that was placed; false when there is no RAM.
  func writeNow(_ bytes: UnsafeRawBufferPointer, at address: UInt64) -> Bool {
    bytes.count == 0 || memory.load(bytes, at: GuestPhysicalAddress(address))
  }

  /// Does what was planned.
  func commit() throws(LoadingError) {
    for range in clears where !memory.clear(at: GuestPhysicalAddress(range.lowerBound), count: UInt64(range.count)) {
      throw LoadingError("there is no RAM at \(range.lowerBound.hex)")
    }
    for write in writes where !memory.load(write.bytes, at: GuestPhysicalAddress(write.address)) {
      throw LoadingError("there is no RAM at \(write.address.hex)")
    }
  }
}
