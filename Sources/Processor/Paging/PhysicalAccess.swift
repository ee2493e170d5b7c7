// Guest-physical memory as the processor itself uses it: page tables, and the last step of every slow access.

import Memory

extension CPU {
  /// Host address of guest-physical RAM or ROM, good to the end of its page; nil where a device or nothing is.
  @inline(__always) func physicalPointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
    if address >> 32 != 0 { return nil }
    let entry = s.pointee.pageEntries[Int(truncatingIfNeeded: address >> 12)]
    if entry & GuestPhysicalMemory.entryValid == 0 { return nil }
    return s.pointee.machineBase + Int(truncatingIfNeeded: entry & ~0xfff | address & 0xfff)
  }

  /// Writes RAM within one page, as somebody else than the guest's code; writes to ROM, devices and nothing vanish.
  func writePhysical<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(_ address: UInt64, _ value: W) {
    guard let pointer = writablePointer(address) else { return }
    pointer.storeBytes(of: value, as: W.self)
    noteWrite(address, count: UInt64(W.bitWidth / 8))
  }

  /// Stores the low half of a page-table entry in which a walk set bits. The pager whose walk it is knows of it.
  @inline(__always) func markTableEntry(_ address: UInt64, _ entry: UInt64) {
    guard let pointer = writablePointer(address) else { return }
    pointer.storeBytes(of: UInt32(truncatingIfNeeded: entry), as: UInt32.self)
    noteCodeWrite(address, count: 4)
  }

  @inline(__always) private func writablePointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
    guard let pointer = physicalPointer(address) else { return nil }
    let isROM = s.pointee.pageEntries[Int(truncatingIfNeeded: address >> 12)] & GuestPhysicalMemory.entryROM != 0
    return isROM ? nil : pointer
  }

  /// Must follow every write to RAM that doesn't go through a write tag: throws away decoded code that was hit, and
  /// tells the pager where a trace was.
  /// - Parameter count: bytes, within one page.
  @inline(__always) func noteWrite(_ address: UInt64, count: UInt64) {
    noteCodeWrite(address, count: count)
    if s.pointee.pageEntries[Int(truncatingIfNeeded: address >> 12)] & GuestPhysicalMemory.entryTraced != 0 {
      pagerTracedWrite(address, count: count)
    }
  }

  @inline(__always) private func noteCodeWrite(_ address: UInt64, count: UInt64) {
    let granules = s.pointee.codeGranules[Int(truncatingIfNeeded: address >> 12)]
    if granules == 0 { return }
    let first = address & 0xfff
    if granules & Self.granuleMask(first: first, count: count) != 0 {
      owner.blocks.invalidate(cpu: self, from: address, count: count)
    }
  }

  /// The granule bits of `count` bytes from offset `first` of a page.
  @inline(__always) static func granuleMask(first: UInt64, count: UInt64) -> UInt64 {
    let low = first >> 6
    let high = min(first &+ count &- 1, 0xfff) >> 6
    return (~0 &<< low) & (~0 &>> (63 &- high))
  }
}
