// A wire from a device to the interrupt controllers: the 8259s, and an I/O APIC if there is one. The device knows the
// wire, not the number or the controllers.

/// One interrupt request line.
public struct InterruptLine {
  // A strong reference makes no circle: the controller knows no device.
  let controller: InterruptController?
  /// The IRQ, 0 to 15.
  public let number: UInt8

  /// A line that leads nowhere.
  public static var unconnected: InterruptLine { InterruptLine(controller: nil, number: 0) }

  /// Drives the line high or low. Cheap when nothing changes.
  public func set(_ level: Bool) {
    guard let controller else { return }
    controller.setLine(number, level)
    controller.ioAPIC?.setIRQ(number, level)
  }
}

/// Learns what passes through the interrupt controller (for event traces). Calls come in the middle of a device's work:
/// an observer must not access the bus.
public protocol InterruptObserver: AnyObject {
  /// A request line went up.
  func interruptRaised(irq: UInt8)
  /// The processor took an interrupt (INTA), which is now in service unless it is spurious.
  func interruptAccepted(irq: UInt8, vector: UInt8)
  /// The guest told the controller that it is done (EOI).
  func interruptEnded(irq: UInt8)
}

/// The wires of a board as they leave a process that has devices and no interrupt controllers.
public protocol InterruptWiring: AnyObject {
  /// One of the 16 lines changed.
  func line(_ number: UInt8, became level: Bool)
  /// A pin of a PCI function changed: `pin` is its bit on the wire PIRQ A (0) to D (3).
  func pin(_ pin: UInt64, ofWire wire: Int, became level: Bool)
}
