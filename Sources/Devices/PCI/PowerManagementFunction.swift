// The 82371AB's (PIIX4) power management function as firmware and ACPI tables expect it: a configuration space that says
// at which ports the power management and SMBus registers answer (data sheet 290562, 7.1). The registers themselves are
// other devices.
//
//   40  PMBASE     bits 15-6: first of 64 ports        80  PMREGMISC  bit 0 opens them
//   90  SMBBASE    bits 15-4: first of 16 ports        D2  SMBHSTCFG  bit 0 opens them
//   58  DEVACTB    bit 25: writes to the APM port raise SMI#

/// Power management, 00:01.3.
public final class PowerManagementFunction: ConfigurationOnlyDevice {
  public let name = "pm function"
  public let function: PCIFunction
  /// The bus owns its devices, not the other way round.
  private weak var bus: Bus?
  private var powerWindow: PortWindow?
  private var systemManagementBusWindow: PortWindow?

  private enum Register {
    static let powerBase = 0x40
    static let powerEnable = 0x80
    static let systemManagementBusBase = 0x90
    static let systemManagementBusConfiguration = 0xd2
  }

  public init(bus: Bus) {
    self.bus = bus
    var identity = PCIIdentity(vendor: 0x8086, device: 0x7113, revision: 3, classCode: 0x06_80_00)
    identity.interruptPin = 1
    function = PCIFunction(identity)
    function.space.define(ConfigurationSpace.Offset.status, UInt16(0x0280))
    function.space.define(Register.powerBase, UInt32(1), writable: 0xffc0)
    function.space.define(Register.powerEnable, UInt8(0), writable: 0x01)
    function.space.define(Register.systemManagementBusBase, UInt32(1), writable: 0xfff0)
    // There is no system management mode. Firmware that finds it set up already leaves it alone.
    function.space.define(0x58, UInt32(0x0200_0000), writable: 0xfdff_ffff)
  }

  /// Puts a device's first 64 registers at the ports that PMBASE names, once the guest opens them.
  /// - Parameter widest: how the device wants accesses.
  public func attachPowerRegisters(_ device: any Device, widest: AccessSize = .dword) {
    precondition(powerWindow == nil, "two devices for the power management ports")
    powerWindow = bus?.makeWindow(ports: 64, for: device, widest: widest)
    placeWindows()
  }

  /// Puts a device's first 16 registers at the ports that SMBBASE names.
  public func attachSystemManagementBus(_ device: any Device) {
    precondition(systemManagementBusWindow == nil, "two devices for the SMBus ports")
    systemManagementBusWindow = bus?.makeWindow(ports: 16, for: device)
    placeWindows()
  }

  private func placeWindows() {
    func base(_ register: Int, _ mask: UInt16, openedBy enable: Int) -> UInt16? {
      let base = function.space.load(register, as: UInt16.self) & mask
      return function.space.bytes[enable] & 1 != 0 && base != 0 ? base : nil
    }
    powerWindow?.place(at: base(Register.powerBase, 0xffc0, openedBy: Register.powerEnable))
    systemManagementBusWindow?.place(
      at: base(
        Register.systemManagementBusBase, 0xfff0, openedBy: Register.systemManagementBusConfiguration))
  }

  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    function.write(offset, size: size, value: value)
    placeWindows()
  }

  public func reset() {
    function.reset()
    placeWindows()
  }

  public func transferState(_ archive: inout StateArchive) {
    function.transferState(&archive)
    if archive.isRestoring { placeWindows() }
  }
}
