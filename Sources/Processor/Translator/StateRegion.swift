// One row of host memory that translated code addresses from a single register: the state block, the TLBs, the table of
// indirect targets, and the keys of fragments. The interpreter works on the same block and TLBs.
//
//   state - 8192   a page that can't be touched
//   state - 4096   the poll page: a load from it at 8 * (budget < 0 ? -1 : 0) faults when the budget is used up
//   state          CPUState                                                                       <- R15
//   ...            supervisor TLB, user TLB, indirect targets, keys
//
// Pages cost host memory only once they are used.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// The layout of a processor's memory, in bytes from its state block.
enum StateRegion {
  static let pollPage = -4096
  static let supervisorTLB = (MemoryLayout<CPUState>.size + 4095) & ~4095
  static let userTLB = supervisorTLB + tlbBytes
  /// 65,536 host addresses by the low half of EIP.
  static let indirectTargets = userTLB + tlbBytes
  /// By fragment number: what makes EIP | context zero when added, or zero for never.
  static let keys = indirectTargets + indirectTargetCount * 8
  /// By fragment number: how often it was entered, where that is counted.
  static let hits = keys + fragmentCapacity * 8
  private static let end = hits + fragmentCapacity * 8

  static let indirectTargetCount = 1 << 16
  static let fragmentCapacity = 1 << 16
  private static let tlbBytes = 2 * TLB.sets * MemoryLayout<TLBEntry>.stride
  private static let before = 8192

  /// Zeroed memory for one processor; the result is where its state block goes.
  static func allocate() -> UnsafeMutableRawPointer {
    let memory = reserve(before + end)
    guard mprotect(memory, 4096, PROT_NONE) == 0 else { preconditionFailure("the host has no address space left") }
    return memory + before
  }

  static func deallocate(_ state: UnsafeMutableRawPointer) { release(state - before, before + end) }

  /// Zeroed memory that costs nothing until it is used.
  static func reserve(_ bytes: Int) -> UnsafeMutableRawPointer {
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let memory, memory != MAP_FAILED else { preconditionFailure("the host has no address space left") }
    return memory
  }

  static func release(_ memory: UnsafeMutableRawPointer, _ bytes: Int) { munmap(memory, bytes) }

  /// Whether an address is in the page that a poll meets when the budget is used up.
  static func isGuard(_ address: UInt64, of state: UnsafeMutableRawPointer) -> Bool {
    address &- UInt64(UInt(bitPattern: state - before)) < UInt64(before + pollPage)
  }

  static func tlb(_ state: UnsafeMutableRawPointer, user: Bool) -> UnsafeMutablePointer<TLBEntry> {
    (state + (user ? userTLB : supervisorTLB)).assumingMemoryBound(to: TLBEntry.self)
  }
}
