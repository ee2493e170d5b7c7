// The way from a device or a driver to machine memory. Addresses in descriptors are whatever somebody wrote there, so
// each access is checked.

import Memory

/// Machine memory as a bus master sees it.
struct MachineBus {
  private let memory: MachineMemory

  init(_ memory: MachineMemory) { self.memory = memory }

  /// The bytes from an address on; nil where they aren't all memory.
  func bytes(at address: MachineAddress, count: Int) -> UnsafeMutableRawBufferPointer? {
    let size = UInt64(memory.size)
    guard count >= 0, address.value <= size, UInt64(count) <= size - address.value else { return nil }
    return UnsafeMutableRawBufferPointer(start: memory.pointer(to: address), count: count)
  }
}

extension MachineAddress {
  /// The address of an element of a table, without overflow.
  func element(_ index: UInt32, size: Int) -> MachineAddress {
    MachineAddress(value &+ UInt64(index) &* UInt64(size))
  }
}

/// Takes the interrupts of the machine's devices.
protocol InterruptReceiver: AnyObject {
  func interrupt()
}
