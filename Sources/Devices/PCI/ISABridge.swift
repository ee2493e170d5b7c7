// The 82371SB (PIIX3), function 0: what systems ask of it is where PCI interrupts go (data sheet 290550, 4.1).

/// The ISA bridge, 00:01.0.
public final class ISABridge: ConfigurationOnlyDevice {
  public let name = "isa bridge"
  public let function: PCIFunction
  private let router: InterruptRouter

  private static let routes = 0x60...0x63

  public init(router: InterruptRouter) {
    self.router = router
    var identity = PCIIdentity(vendor: 0x8086, device: 0x7000, revision: 0, classCode: 0x06_01_00)
    identity.hasOtherFunctions = true
    function = PCIFunction(identity)
    function.space.define(ConfigurationSpace.Offset.command, UInt16(0x0007), writable: 0x0140)
    function.space.define(ConfigurationSpace.Offset.status, UInt16(0x0200))
    // X-bus chip select and top of memory, as the data sheet says they stand after a reset.
    function.space.define(0x4c, UInt8(0x4d), writable: 0xff)
    function.space.define(0x4e, UInt8(0x03), writable: 0xff)
    function.space.define(0x69, UInt8(0x02), writable: 0xfe)
    for register in Self.routes { function.space.define(register, UInt8(0x80), writable: 0x8f) }
  }

  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    function.write(offset, size: size, value: value)
    setRoutes()
  }

  private func setRoutes() { router.setRoutes(Array(function.space.bytes[Self.routes])) }

  public func reset() {
    function.reset()
    setRoutes()
  }

  public func transferState(_ archive: inout StateArchive) {
    function.transferState(&archive)
    router.transferState(&archive)
  }
}
