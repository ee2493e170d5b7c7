// The 82371SB's IDE function: two channels at their old ports, and the bus master registers (data sheet 290550, 2.3).
//
//   40, 42  IDETIM   bit 15: the channel's ports are decoded
//   20      BMIBA    16 ports: 8 for each channel

/// The IDE controller, 00:01.1.
public final class IDEController: PCIDevice {
  public let name = "ide"
  public let function: PCIFunction
  /// The primary channel, and the secondary.
  public let channels: [IDEChannel]
  private var portWindows: [(command: PortWindow, control: PortWindow)] = []

  private static let wiring: [(command: UInt16, control: UInt16, irq: UInt8)] = [
    (0x1f0, 0x3f6, 14), (0x170, 0x376, 15),
  ]
  private static let timing = 0x40

  /// - Parameter drives: up to four, in the order of their places.
  public init(bus: Bus, interrupts: InterruptController, drives: [Drive], dma: any DMA) {
    precondition(drives.count <= DriveList.mostIDE, "\(drives.count) IDE drives")
    function = PCIFunction(PCIIdentity(vendor: 0x8086, device: 0x7010, revision: 0, classCode: 0x01_01_80))
    function.space.define(ConfigurationSpace.Offset.status, UInt16(0x0280))
    channels = Self.wiring.enumerated().map { index, wiring in
      let places = (2 * index..<2 * index + 2).map { $0 < drives.count ? drives[$0] : nil }
      return IDEChannel(name: "ide\(index)", line: interrupts.line(wiring.irq), drives: places, dma: dma)
    }
    for index in 0..<2 {
      function.space.define(Self.timing + 2 * index, UInt16(0), writable: 0xffff)
    }
    function.addBaseAddress(4, bus.makeWindow(ports: 16, for: self, widest: .dword))
    portWindows = channels.map { channel in
      (
        bus.makeWindow(ports: 8, for: channel, widest: .dword),
        bus.makeWindow(ports: 1, for: channel, firstRegister: 8)
      )
    }
  }

  private func follow() {
    for (index, windows) in portWindows.enumerated() {
      let isDecoded = function.space.load(Self.timing + 2 * index, as: UInt16.self) & 0x8000 != 0
      let isOpen = isDecoded && function.allowsPorts
      windows.command.place(at: isOpen ? Self.wiring[index].command : nil)
      windows.control.place(at: isOpen ? Self.wiring[index].control : nil)
      channels[index].mayMasterBus = function.mayMasterBus
    }
  }

  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    function.write(offset, size: size, value: value)
    follow()
    for channel in channels { channel.runDMA() }
  }

  // MARK: Bus master registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<UInt32(size.rawValue) {
      let register = offset + index
      value |= UInt32(channels[Int(register >> 3 & 1)].busMaster.read(register & 7)) << (8 * index)
    }
    return value
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    for index in 0..<UInt32(size.rawValue) {
      let register = offset + index
      channels[Int(register >> 3 & 1)].writeBusMaster(register & 7, UInt8(truncatingIfNeeded: value >> (8 * index)))
    }
  }

  // MARK: Device

  public func reset() {
    function.reset()
    follow()
  }

  public func transferState(_ archive: inout StateArchive) {
    function.transferState(&archive)
    if archive.isRestoring { follow() }
  }
}
