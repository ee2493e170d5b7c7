// From the interrupt pins of PCI slots to the interrupt controllers. The board joins the pins of all slots into four
// wires, each slot turned by one from the last; the 82371 leads each wire to an IRQ (PIRQRC, its data sheet's 4.1.10).
//
//   slot's INTA# ... INTD#  --(slot - 1 + pin) mod 4-->  PIRQ A ... D  --PIRQRC-->  IRQ of the 8259s
//                                                                      --fixed-->   I/O APIC, if there is one
//
//             7        6  5  4   3   2   1   0
//   PIRQRC  | disable | reserved | IRQ: 3-7, 9-12, 14, 15 |

/// Learns the levels of the four PIRQ wires: an I/O APIC has them on inputs of its own.
public protocol InterruptWireListener: AnyObject {
  /// PIRQ A (0) to D (3) changed.
  func interruptWire(_ number: Int, became level: Bool)
}

/// What joins PCI interrupt pins, and routes them.
public final class InterruptRouter {
  /// Where else the wires lead.
  public weak var listener: (any InterruptWireListener)?

  /// Where the pins lead instead, when the router that counts is another process's.
  public var remote: (any InterruptWiring)?

  private let interrupts: InterruptController
  /// For each PIRQ, one bit for each pin that is joined to it and low (asserted).
  private var asserted: [UInt64] = [0, 0, 0, 0]
  private var pinCount: UInt8 = 0
  private var routes: [UInt8] = [0x80, 0x80, 0x80, 0x80]

  /// IRQs that PIRQRC can name.
  private static let routable: UInt16 = 0xdef8

  init(interrupts: InterruptController) { self.interrupts = interrupts }

  /// PIRQ A to D, whether some function asks for an interrupt there.
  public var levels: [Bool] { asserted.map { $0 != 0 } }

  /// Which PIRQ (0 to 3) the pin (1 to 4) of a slot leads to.
  public static func wireNumber(slot: Int, pin: UInt8) -> Int { (slot + 3 + Int(pin) - 1) & 3 }

  func wire(slot: Int, pin: UInt8) -> InterruptWire {
    precondition(pinCount < 64, "more interrupt pins than the router has inputs")
    defer { pinCount += 1 }
    return InterruptWire(router: self, number: Self.wireNumber(slot: slot, pin: pin), pin: 1 << UInt64(pinCount))
  }

  fileprivate func set(_ wire: InterruptWire, _ level: Bool) { drive(wire.pin, ofWire: wire.number, to: level) }

  /// Drives one pin that is joined to PIRQ A (0) to D (3); `pin` is one bit.
  public func drive(_ pin: UInt64, ofWire number: Int, to level: Bool) {
    guard asserted.indices.contains(number) else { return }
    let before = asserted[number]
    let after = level ? before | pin : before & ~pin
    guard before != after else { return }
    asserted[number] = after
    if let remote { return remote.pin(pin, ofWire: number, became: level) }
    guard (before == 0) != (after == 0) else { return }
    update()
    listener?.interruptWire(number, became: level)
  }

  /// Sets PIRQRC A to D.
  func setRoutes(_ values: [UInt8]) {
    guard values != routes else { return }
    routes = values
    update()
  }

  private func update() {
    var levels: UInt16 = 0
    for (wire, route) in zip(asserted, routes) where wire != 0 && route & 0x80 == 0 {
      levels |= 1 << UInt16(route & 0x0f)
    }
    interrupts.setRoutedLevels(levels & Self.routable)
  }

  /// The interrupt controllers restore the levels that they were driven to; nothing is driven anew.
  func transferState(_ archive: inout StateArchive) {
    for index in asserted.indices { archive.field(&asserted[index]) }
    for index in routes.indices { archive.field(&routes[index]) }
  }
}

/// One interrupt pin's way to the router.
struct InterruptWire {
  fileprivate weak var router: InterruptRouter?
  fileprivate let number: Int
  fileprivate let pin: UInt64

  func set(_ level: Bool) { router?.set(self, level) }
}
