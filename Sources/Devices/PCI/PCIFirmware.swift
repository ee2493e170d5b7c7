// What firmware does to PCI before a system starts, for guests that are loaded without any: base addresses in ascending
// order, interrupt routes (as SeaBIOS chooses them) and the old IDE ports opened. All of it goes through the ports.

struct PCIFirmware {
  let bus: Bus
  let pci: PCIBus
  /// Where the ACPI tables say that the power management registers are.
  let powerPorts: UInt32

  private static let firstPort: UInt32 = 0xc000
  /// Between the largest RAM and the I/O APIC.
  private static let firstAddress: UInt32 = 0xfe00_0000
  private static let systemManagementBusBase: UInt32 = 0xb100
  /// The IRQs of PIRQ A to D.
  private static let routes: [UInt32] = [10, 10, 11, 11]

  func layOut() {
    var (port, address) = (Self.firstPort, Self.firstAddress)
    for (slot, number, device) in pci.all {
      let place = UInt32(slot << 11 | number << 8)
      for base in device.function.baseAddresses {
        let count = UInt32(base.count)
        let start = ((base.isPorts ? port : address) + count - 1) & ~(count - 1)
        write(place, base.register, start)
        if base.isPorts { port = start + count } else { address = start + count }
      }
      let pin = read(place, ConfigurationSpace.Offset.interruptPin, .byte)
      if pin != 0 {
        let irq = Self.routes[InterruptRouter.wireNumber(slot: slot, pin: UInt8(pin))]
        write(place, ConfigurationSpace.Offset.interruptLine, irq, .byte)
      }
      settle(place, read(place, 0x00, .dword))
      let command = read(place, ConfigurationSpace.Offset.command, .word)
      write(place, ConfigurationSpace.Offset.command, command | 0x0103, .word)
    }
    // PCI interrupts are levels.
    let levels = Self.routes.reduce(UInt32(0)) { $0 | 1 << $1 }
    bus.writePort(0x4d0, size: .byte, value: levels & 0xff)
    bus.writePort(0x4d1, size: .byte, value: levels >> 8)
  }

  private func settle(_ place: UInt32, _ identity: UInt32) {
    switch identity {
    case 0x1237_8086:
      // The space below 1 MiB is RAM that can't be written any more: what firmware keeps there has been put there.
      write(place, 0x59, 0x10, .byte)
      for register in 0x5a...0x5f { write(place, register, 0x11, .byte) }
    case 0x7000_8086: for (index, irq) in Self.routes.enumerated() { write(place, 0x60 + index, irq, .byte) }
    case 0x7010_8086: write(place, 0x40, 0x8000_8000)
    case 0x7113_8086:
      write(place, ConfigurationSpace.Offset.interruptLine, 9, .byte)
      write(place, 0x40, powerPorts | 1)
      write(place, 0x80, 1, .byte)
      write(place, 0x90, Self.systemManagementBusBase | 1)
      write(place, 0xd2, 0x09, .byte)
    default: break
    }
  }

  private func select(_ place: UInt32, _ register: Int) -> UInt16 {
    bus.writePort(0xcf8, size: .dword, value: 0x8000_0000 | place | UInt32(register) & 0xfc)
    return 0xcfc + UInt16(register & 3)
  }

  private func read(_ place: UInt32, _ register: Int, _ size: AccessSize) -> UInt32 {
    bus.readPort(select(place, register), size: size)
  }

  private func write(_ place: UInt32, _ register: Int, _ value: UInt32, _ size: AccessSize = .dword) {
    bus.writePort(select(place, register), size: size, value: value)
  }
}
