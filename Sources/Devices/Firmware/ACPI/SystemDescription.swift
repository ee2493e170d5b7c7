// The DSDT: what can't be found by looking. The PCI bus with the way of its interrupts, the parts of the board that
// plug and play names, and the sleep state that is off. As ASL:
//
//   Name (PICM, 0)   Method (_PIC, 1) { PICM = Arg0 }     the system tells: 0 for the 8259s, 1 for the I/O APIC
//   Name (_S5, Package { 0, 0, 0, 0 })
//   Scope (_SB) { Device (PCI0) { _HID PNP0A03 ... Method (_PRT) { If (PICM) { Return (PRTA) } Return (PRTP) }
//     Device (ISA) { _ADR 0x00010000   Device (KBD) ... } } }

extension ACPITables {
  static func systemDescription(_ configuration: Configuration) -> [UInt8] {
    let board = boardDevices(configuration)
    let root = configuration.hasPCI ? [pciBus(configuration, board)] : board
    let terms = [
      AML.define("PICM", AML.integer(0)),
      AML.method("\\_PIC", arguments: 1, [AML.store(AML.argument0, in: AML.name("PICM"))]),
      AML.define("\\_S5", AML.list(Array(repeating: AML.integer(UInt32(PowerManagement.offSleepType)), count: 4))),
      AML.scope("\\_SB", root),
    ]
    return Array(terms.joined())
  }

  private static func pciBus(_ configuration: Configuration, _ board: [[UInt8]]) -> [UInt8] {
    let memory = configuration.pciMemory
    var terms = [
      AML.define("_HID", AML.eisaID("PNP0A03")),
      AML.define("_ADR", AML.integer(0)),
      AML.define("_UID", AML.integer(0)),
      AML.define(
        "_CRS",
        AML.resources([
          AML.range(.buses, 0x00, 0xff),
          AML.ports(0xcf8, count: 8),
          AML.range(.ports, 0x0000, 0x0cf7),
          AML.range(.ports, 0x0d00, 0xffff),
          AML.memory(0xa_0000, 0xb_ffff, isCacheable: true),
          AML.memory(memory.lowerBound, memory.upperBound, isCacheable: false),
        ])),
      AML.define("PRTP", routes { UInt32(configuration.pciInterrupts[$0]) }),
    ]
    if configuration.hasAPIC {
      terms.append(AML.define("PRTA", routes { UInt32(IOAPIC.firstPCIInput + $0) }))
      terms.append(
        AML.method(
          "_PRT", [AML.when(AML.name("PICM"), [AML.give(AML.name("PRTA"))]), AML.give(AML.name("PRTP"))]))
    } else {
      terms.append(AML.method("_PRT", [AML.give(AML.name("PRTP"))]))
    }
    terms.append(AML.device("ISA", [AML.define("_ADR", AML.integer(0x1_0000))] + board))
    return AML.device("PCI0", terms)
  }

  /// All pins of all slots. The board turns the four wires by one from slot to slot, and slot 1's INTA# is PIRQ A.
  private static func routes(_ interrupt: (Int) -> UInt32) -> [UInt8] {
    var entries: [[UInt8]] = []
    for slot in 0..<32 {
      for pin in 0..<4 {
        let wire = (slot + 3 + pin) & 3
        entries.append(
          AML.list([
            AML.integer(UInt32(slot) << 16 | 0xffff), AML.integer(UInt32(pin)), AML.integer(0),
            AML.integer(interrupt(wire)),
          ]))
      }
    }
    return AML.list(entries)
  }

  private static func boardDevices(_ configuration: Configuration) -> [[UInt8]] {
    func device(_ path: String, _ id: String, unit: UInt32? = nil, _ resources: [[UInt8]]) -> [UInt8] {
      let identity = [AML.define("_HID", AML.eisaID(id))] + (unit.map { [AML.define("_UID", AML.integer($0))] } ?? [])
      return AML.device(path, identity + [AML.define("_CRS", AML.resources(resources))])
    }
    var devices = [
      device("RTC", "PNP0B00", [AML.ports(0x70, count: 2), AML.irq(8)]),
      device("KBD", "PNP0303", [AML.ports(0x60, count: 1), AML.ports(0x64, count: 1), AML.irq(1)]),
      device("MOU", "PNP0F13", [AML.irq(12)]),
    ]
    if configuration.hasFloppy {
      devices.append(
        device("FDC0", "PNP0700", [AML.ports(0x3f2, count: 4), AML.ports(0x3f7, count: 1), AML.irq(6), AML.dma(2)]))
    }
    let serial: [(port: UInt16, irq: UInt8)] = [(0x3f8, 4), (0x2f8, 3)]
    for (index, wiring) in serial.prefix(configuration.serialPorts).enumerated() {
      let path = "COM\(index + 1)"
      devices.append(
        device(path, "PNP0501", unit: UInt32(index + 1), [AML.ports(wiring.port, count: 8), AML.irq(wiring.irq)]))
    }
    return devices
  }
}
