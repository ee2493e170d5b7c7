// PCI bus 0 and the way to its configuration space, mechanism #1 (PCI Local Bus 2.2, 3.2.2.3.2), with the reset control
// register that the 82371 puts among the same ports.
//
//   registers  0-3  CONFIG_ADDRESS (port 0xCF8), only as a dword
//              1    reset control (port 0xCF9), only as a byte: a rising bit 2 resets
//              4-7  CONFIG_DATA (port 0xCFC)
//
//                    31  30      24 23    16 15    11 10   8 7      2 1  0
//   CONFIG_ADDRESS  | E | reserved |  bus   |  slot  | func | dword  | 0  |

/// The bus, as the host bridge shows it to the processor.
public final class PCIBus: Device {
  public let name = "pci"
  /// Which interrupt pin raises which interrupt.
  public let router: InterruptRouter

  private var functions = [(any PCIDevice)?](repeating: nil, count: 256)
  private let requests: MachineRequests
  private var address: UInt32 = 0
  private var resetControl: UInt8 = 0

  private static let addressBits: UInt32 = 0x80ff_fffc
  private static let resetPort: UInt16 = 0xcf9

  init(router: InterruptRouter, requests: MachineRequests) {
    self.router = router
    self.requests = requests
  }

  /// Takes in a device's function.
  /// - Parameters:
  ///   - slot: 0 to 31.
  ///   - function: 0 to 7; a slot has a function 0 if it has any.
  public func add(_ device: any PCIDevice, slot: Int, function: Int = 0) {
    let place = slot << 3 | function
    precondition((0..<32).contains(slot) && (0..<8).contains(function), "PCI slot \(slot), function \(function)")
    precondition(functions[place] == nil, "two devices in PCI slot \(slot), function \(function)")
    functions[place] = device
    let pin = device.function.space.bytes[ConfigurationSpace.Offset.interruptPin]
    if pin != 0 { device.function.wire = router.wire(slot: slot, pin: pin) }
  }

  /// Every function with its place.
  public var all: [(slot: Int, function: Int, device: any PCIDevice)] {
    functions.indices.compactMap { place in functions[place].map { (place >> 3, place & 7, $0) } }
  }

  /// The function that CONFIG_ADDRESS names, if it is on this bus.
  private var selected: (any PCIDevice)? {
    address & 0x8000_0000 != 0 && address & 0x00ff_0000 == 0 ? functions[Int(address >> 8 & 0xff)] : nil
  }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    switch (offset, size) {
    case (0, .dword): address
    case (1, .byte): UInt32(resetControl)
    case (4..., _): selected?.readConfiguration(register(offset), size: size) ?? size.mask
    default: size.mask
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    switch (offset, size) {
    case (0, .dword): address = value & Self.addressBits
    case (1, .byte):
      let byte = UInt8(truncatingIfNeeded: value)
      if byte & ~resetControl & 0x04 != 0 { requests.reset(from: Self.resetPort) }
      resetControl = byte & 0x06
    case (4..., _): selected?.writeConfiguration(register(offset), size: size, value: value)
    default: break
    }
  }

  private func register(_ offset: UInt32) -> Int { Int(address & 0xfc | offset & 0x03) }

  public func reset() {
    address = 0
    resetControl = 0
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&address)
    archive.field(&resetControl)
    if archive.isRestoring {
      address &= Self.addressBits
      resetControl &= 0x06
    }
  }
}
