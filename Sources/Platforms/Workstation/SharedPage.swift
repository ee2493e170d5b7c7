// What the monitor's process and the VMX process have in common beside the guest's memory: one memory file, in which a
// request goes one way and its answer comes back. The doorbell says whose turn it is; only the one whose turn it is writes.
//
//   offset 0        request (64 bytes)
//          64       answer (128 bytes)
//          4096     interrupt wires that changed, in order
//          64 K     pieces of guest memory that devices wrote
//          512 K    system calls that were made
//          1 M      bulk: the configuration, devices' states, packets

import CHost
import Memory

/// What the VMX is asked.
struct VMXRequest: BitwiseCopyable {
  var sequence: UInt64 = 0
  /// Virtual nanoseconds.
  var now: UInt64 = 0
  /// Port or guest-physical address.
  var address: UInt64 = 0
  var kind: UInt32 = 0
  /// Bytes of the access.
  var size: UInt32 = 0
  var value: UInt32 = 0
  /// Whether system calls are to be written down.
  var recordsCalls: UInt32 = 0
  /// A write that comes first: the monitor has kept it back until now. Size 0: there is none.
  var earlierAddress: UInt32 = 0
  var earlierSize: UInt32 = 0
  var earlierValue: UInt32 = 0
  var bulkBytes: UInt32 = 0
}

/// What it answers.
struct VMXAnswer: BitwiseCopyable {
  /// Virtual nanoseconds at which some device of the VMX has something to do; the largest number for never.
  var nextDeadline: UInt64 = .max
  var value: UInt32 = 0
  var wireCount: UInt32 = 0
  var writeCount: UInt32 = 0
  var callCount: UInt32 = 0
  /// More pieces were written than there is room for: all of memory counts as written.
  var writesOverflowed: UInt32 = 0
  /// Calls that there was no room for.
  var lostCalls: UInt32 = 0
  /// What devices ask of the machine: bit 0 exit, 1 power off, 2 reset, 3 A20 changed, 4 A20 on, 5 ignore numeric errors.
  var requests: UInt32 = 0
  var exitStatus: UInt32 = 0
  var resetPort: UInt32 = 0
  var inputEnded: UInt32 = 0
  /// 0 open, 1 closed by its reader, 2 failed with `outputError`.
  var outputState: UInt32 = 0
  var outputError: Int32 = 0
  /// Bytes in bulk.
  var bulkBytes: UInt32 = 0
  /// What stands there is the sentence of a storage failure.
  var hasStorageFailure: UInt32 = 0
}

/// An interrupt wire that changed.
struct WireChange: BitwiseCopyable {
  /// For a PCI pin its bit; 0 for a line of the board.
  var pin: UInt64
  var number: UInt32
  var level: UInt32
}

/// A piece of guest memory that was written.
struct MemoryWrite: BitwiseCopyable {
  var address: UInt64
  var count: UInt64
}

/// A system call as it was made.
struct HostCallRecord: BitwiseCopyable {
  var result: Int64
  var arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  var number: UInt32
  var nanoseconds: UInt32
}

/// The shared memory file.
final class SharedPage {
  static let size = 8 << 20
  private static let wires = 4096
  private static let writes = 64 << 10
  private static let calls = 512 << 10
  private static let bulkStart = 1 << 20
  static let bulkCapacity = size - bulkStart

  static let mostWires = (writes - wires) / MemoryLayout<WireChange>.stride
  static let mostWrites = (calls - writes) / MemoryLayout<MemoryWrite>.stride
  static let mostCalls = (bulkStart - calls) / MemoryLayout<HostCallRecord>.stride

  let memory: MachineMemory

  init() throws(MachineMemoryError) { memory = try MachineMemory(size: Self.size) }
  init(adopting descriptor: Int32) throws(MachineMemoryError) {
    memory = try MachineMemory(adopting: descriptor, size: Self.size)
  }

  var request: UnsafeMutablePointer<VMXRequest> { memory.base.assumingMemoryBound(to: VMXRequest.self) }
  var answer: UnsafeMutablePointer<VMXAnswer> { (memory.base + 64).assumingMemoryBound(to: VMXAnswer.self) }
  var wires: UnsafeMutablePointer<WireChange> { (memory.base + Self.wires).assumingMemoryBound(to: WireChange.self) }
  var writes: UnsafeMutablePointer<MemoryWrite> { (memory.base + Self.writes).assumingMemoryBound(to: MemoryWrite.self) }
  var calls: UnsafeMutablePointer<HostCallRecord> {
    (memory.base + Self.calls).assumingMemoryBound(to: HostCallRecord.self)
  }
  var bulk: UnsafeMutableRawPointer { memory.base + Self.bulkStart }

  /// Puts bytes into bulk; those that don't fit are left out.
  /// - Returns: how many.
  @discardableResult func putBulk(_ bytes: [UInt8]) -> UInt32 {
    let count = min(bytes.count, Self.bulkCapacity)
    bytes.withUnsafeBytes { bulk.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bulk), byteCount: count) }
    return UInt32(count)
  }

  func bulkBytes(_ count: UInt32) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: bulk, count: min(Int(count), Self.bulkCapacity)))
  }
}
