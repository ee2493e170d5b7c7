// The host memory that guests live in: one memory file, handed out in frames of 4 KiB. Frames cost host memory only
// once they are touched.

import CHost

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Why machine memory could not be had.
public struct MachineMemoryError: Error, CustomStringConvertible {
  public let description: String
  package init(description: String) { self.description = description }
}

/// A file of machine memory, mapped once into the host process.
public final class MachineMemory {
  /// Bytes in all; a multiple of 4096.
  public let size: Int
  /// Where machine address 0 is mapped.
  public let base: UnsafeMutableRawPointer
  /// Its descriptor, to map frames elsewhere too, or in another process.
  package let file: Int32
  private var nextFrame: UInt64 = 0

  /// - Parameter size: bytes, rounded up to whole frames.
  public init(size: Int) throws(MachineMemoryError) {
    self.size = max((size + 4095) & ~4095, 4096)
    var file: Int32 = -1
    guard let base = chost_memory_create(self.size, &file) else {
      throw MachineMemoryError(
        description: "the host gives no \(size >> 20) MiB of memory: \(String(cString: strerror(errno)))")
    }
    self.base = base
    self.file = file
  }

  /// The memory of another process, which hands out its frames: here none are taken or given back.
  /// - Parameter file: its descriptor, this object's from here on.
  package init(adopting file: Int32, size: Int) throws(MachineMemoryError) {
    guard let base = chost_memory_map(size, file) else {
      throw MachineMemoryError(description: "can't map the machine memory: \(String(cString: strerror(errno)))")
    }
    self.size = size
    self.base = base
    self.file = file
    nextFrame = UInt64(size) >> 12
  }

  deinit { chost_memory_destroy(base, size, file) }

  /// Rows of frames that were given back, in order, none next to another.
  private var freeRanges: [Range<UInt64>] = []

  /// Takes `count` neighbouring frames that read as zero; nil when no such row is left.
  package func allocateFrames(_ count: Int) -> MachineAddress? {
    if let index = freeRanges.firstIndex(where: { $0.count >= count }) {
      let range = freeRanges[index]
      let rest = range.lowerBound + UInt64(count)..<range.upperBound
      if rest.isEmpty { freeRanges.remove(at: index) } else { freeRanges[index] = rest }
      return MachineAddress(range.lowerBound << 12)
    }
    guard nextFrame + UInt64(count) <= UInt64(size) >> 12 else { return nil }
    defer { nextFrame += UInt64(count) }
    return MachineAddress(nextFrame << 12)
  }

  /// Gives frames back that `allocateFrames` gave; the host has their memory again.
  package func freeFrames(_ address: MachineAddress, count: Int) {
    let start = pointer(to: address)
    if madvise(start, count << 12, MADV_REMOVE) != 0 { memset(start, 0, count << 12) }
    var range = address.pageNumber..<address.pageNumber + UInt64(count)
    let at = freeRanges.firstIndex { $0.lowerBound > range.lowerBound } ?? freeRanges.endIndex
    if at < freeRanges.endIndex, freeRanges[at].lowerBound == range.upperBound {
      range = range.lowerBound..<freeRanges.remove(at: at).upperBound
    }
    if at > 0, freeRanges[at - 1].upperBound == range.lowerBound {
      freeRanges[at - 1] = freeRanges[at - 1].lowerBound..<range.upperBound
    } else {
      freeRanges.insert(range, at: at)
    }
    if let last = freeRanges.last, last.upperBound == nextFrame {
      nextFrame = last.lowerBound
      freeRanges.removeLast()
    }
  }

  @inlinable public func pointer(to address: MachineAddress) -> UnsafeMutableRawPointer {
    base + Int(truncatingIfNeeded: address.value)
  }
}
