// One number for all that a guest could tell about its machine: two runs that have the same one at the same instruction
// count are the same run.

import Devices
import Memory
import Processor

/// A 64-bit hash, word by word: good enough to tell states apart, quick enough for all of memory; no defence against
/// somebody who looks for a collision.
package struct StateHash {
  package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  @inline(__always) package mutating func add(_ word: UInt64) {
    let product = (value ^ word) &* 0x9e37_79b9_7f4a_7c15
    value = product ^ product >> 29
  }
}

extension GuestPhysicalMemory {
  /// A hash of each page of RAM.
  package var pageHashes: [UInt64] {
    (0..<ramSize >> 12).map { page in
      guard let pointer = pointer(to: GuestPhysicalAddress(page << 12)) else { return 0 }
      let words = pointer.assumingMemoryBound(to: UInt64.self)
      var hash = StateHash()
      for index in 0..<512 { hash.add(words[index]) }
      return hash.value
    }
  }
}

extension VirtualMachine {
  /// The processor's registers, virtual time, RAM and every device's state in one number. Some tenths of a second for a
  /// gigabyte. Disk images aren't in it.
  public var stateHash: UInt64 {
    var hash = StateHash()
    hash.add(processor.retired)
    hash.add(now)
    processor.architecturalState.visit { hash.add($1) }
    for page in memory.pageHashes { hash.add(page) }
    for state in platform.saveDevices() { for byte in state.bytes { hash.add(UInt64(byte)) } }
    return hash.value
  }
}
