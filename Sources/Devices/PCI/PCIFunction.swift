// A PCI function as its device holds it: the configuration space, the base address registers that move the device's
// windows on the bus, and the interrupt pin (PCI Local Bus 2.2, 6.2.5 and 6.2.4).
//
// A base address register keeps only the bits above the size of its range, so that writing all ones tells the size:
//
//   I/O      | base (31 ... log2 size) | 0 ... 0 | 0 | 1 |
//   memory   | base (31 ... log2 size) | 0 ... 0 | prefetchable | type (00: 32 bits) | 0 |

import Memory

/// One function of a slot.
public final class PCIFunction {
  private enum Window {
    case ports(PortWindow)
    case memory(MemoryWindow)
  }

  /// Bits of the command register.
  private enum Command {
    static let portAccess: UInt16 = 0x0001
    static let memoryAccess: UInt16 = 0x0002
    static let busMaster: UInt16 = 0x0004
    static let interruptDisable: UInt16 = 0x0400
  }

  var space: ConfigurationSpace
  private var windows: [(register: Int, window: Window)] = []
  private var isInterruptRaised = false
  /// Where the interrupt pin leads; the bus sets it.
  var wire: InterruptWire?

  public init(_ identity: PCIIdentity) { space = ConfigurationSpace(identity) }

  private var command: UInt16 { space.load(ConfigurationSpace.Offset.command) }
  /// The guest lets the device answer at ports.
  var allowsPorts: Bool { command & Command.portAccess != 0 }
  /// The guest lets the device read and write memory by itself.
  var mayMasterBus: Bool { command & Command.busMaster != 0 }

  // MARK: Base addresses

  /// Lets base address register `index` move `window`, whose size must be a power of two, of at least 4 ports.
  func addBaseAddress(_ index: Int, _ window: PortWindow) {
    let count = UInt32(window.count)
    precondition(count >= 4 && count & (count - 1) == 0, "a base address for \(count) ports")
    addBaseAddress(index, .ports(window), fixed: 1, writable: ~(count - 1))
  }

  /// The same for memory, of at least 16 bytes.
  func addBaseAddress(_ index: Int, _ window: MemoryWindow) {
    precondition(window.count >= 16 && window.count < 1 << 32, "a base address for \(window.count) bytes")
    let count = UInt32(window.count)
    precondition(count & (count - 1) == 0, "a base address for \(count) bytes")
    addBaseAddress(index, .memory(window), fixed: 0, writable: ~(count - 1))
  }

  private func addBaseAddress(_ index: Int, _ window: Window, fixed: UInt32, writable: UInt32) {
    let register = ConfigurationSpace.Offset.baseAddresses + 4 * index
    space.define(register, fixed, writable: writable)
    windows.append((register, window))
  }

  /// Sizes of the base address registers, for whoever lays them out: nil for those that aren't there.
  var baseAddresses: [(register: Int, isPorts: Bool, count: UInt64)] {
    windows.map { register, window in
      switch window {
      case .ports(let window): (register, true, UInt64(window.count))
      case .memory(let window): (register, false, window.count)
      }
    }
  }

  /// Puts the windows where the registers say. A base of 0 is how registers stand before anybody lays them out.
  private func placeWindows() {
    for (register, window) in windows {
      let base = space.load(register, as: UInt32.self) & ~0x0f
      switch window {
      case .ports(let window):
        let base = space.load(register, as: UInt32.self) & ~0x03
        window.place(at: allowsPorts && base != 0 ? UInt16(exactly: base) : nil)
      case .memory(let window):
        let isOpen = command & Command.memoryAccess != 0 && base != 0
        window.place(at: isOpen ? GuestPhysicalAddress(base) : nil)
      }
    }
  }

  // MARK: Interrupt

  /// Drives the interrupt pin.
  func setInterrupt(_ level: Bool) {
    guard level != isInterruptRaised else { return }
    isInterruptRaised = level
    updateInterrupt()
  }

  private func updateInterrupt() {
    space.set(ConfigurationSpace.Offset.status, bits: 0x08, to: isInterruptRaised)
    wire?.set(isInterruptRaised && command & Command.interruptDisable == 0)
  }

  // MARK: The guest

  func read(_ offset: Int, size: AccessSize) -> UInt32 { space.load(offset, as: UInt32.self) & size.mask }

  func write(_ offset: Int, size: AccessSize, value: UInt32) {
    space.write(offset, size: size, value: value)
    guard offset < 0x28 else { return }
    placeWindows()
    updateInterrupt()
  }

  func reset() {
    space.reset()
    placeWindows()
    isInterruptRaised = false
    updateInterrupt()
  }

  func transferState(_ archive: inout StateArchive) {
    space.transferState(&archive)
    archive.field(&isInterruptRaised)
    // The levels of the wires are the interrupt router's to restore.
    if archive.isRestoring { placeWindows() }
  }
}

/// A device that is a function on the PCI bus. Its `reset` and `transferState` include the function's.
public protocol PCIDevice: Device {
  var function: PCIFunction { get }
  /// The guest reads configuration space.
  func readConfiguration(_ offset: Int, size: AccessSize) -> UInt32
  /// The guest writes configuration space.
  func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32)
}

extension PCIDevice {
  public func readConfiguration(_ offset: Int, size: AccessSize) -> UInt32 { function.read(offset, size: size) }
  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    function.write(offset, size: size, value: value)
  }
}

/// A function without registers of its own on the bus: all there is to it is its configuration space.
public protocol ConfigurationOnlyDevice: PCIDevice {}

extension ConfigurationOnlyDevice {
  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }
  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
}
