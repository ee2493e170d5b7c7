// Where the processor's interrupts come from: the 8259s alone, or a local APIC with the 8259s at LINT0 and an I/O APIC
// beside them. The machine asks here and needs to know nothing of either.
//
//   IRQ lines --+-- 8259s --- INTR ---> LINT0 --+
//               |                               +-- local APIC ---> processor
//               +-- I/O APIC --- messages ------+
//
// Without APICs INTR leads to the processor itself, and so it does while the guest has the APIC off in IA32_APIC_BASE.

import Memory

/// The processor's interrupt inputs.
public final class ProcessorInterrupts {
  public let controller: InterruptController
  public let localAPIC: LocalAPIC?
  public let ioAPIC: IOAPIC?
  /// Bit 11 of IA32_APIC_BASE, which the processor has and the machine carries over. Without APICs it means nothing.
  @exclusivity(unchecked) private var isAPICEnabled = true

  /// Told of interrupts at all controllers.
  public weak var observer: (any InterruptObserver)? {
    didSet {
      controller.observer = observer
      localAPIC?.observer = observer
      ioAPIC?.observer = observer
    }
  }

  /// - Parameter clock: of the local APIC's timer.
  /// - Parameter hasAPIC: whether there are a local and an I/O APIC beside the 8259s.
  public init(controller: InterruptController, clock: VirtualClock, hasAPIC: Bool) {
    self.controller = controller
    guard hasAPIC else {
      localAPIC = nil
      ioAPIC = nil
      return
    }
    let local = LocalAPIC(clock: clock)
    let board = IOAPIC(local: local)
    localAPIC = local
    ioAPIC = board
    controller.lead(to: local, board)
  }

  /// Gives the APICs their places in memory.
  public func claimMemory(on bus: Bus) {
    if let localAPIC { bus.claim(memory: GuestPhysicalAddress(LocalAPIC.base), count: LocalAPIC.size, for: localAPIC) }
    if let ioAPIC { bus.claim(memory: GuestPhysicalAddress(IOAPIC.base), count: IOAPIC.size, for: ioAPIC) }
  }

  /// Some interrupt waits for the processor. It can be withdrawn again: look right before `acknowledge`.
  public var hasPendingInterrupt: Bool {
    guard let localAPIC, isAPICEnabled else { return controller.hasPendingInterrupt }
    return localAPIC.hasFixedInterrupt || localAPIC.hasExternalInterrupt
  }

  /// The same, with IA32_APIC_BASE as it is now. (A method of this module: a store from another one is checked for
  /// exclusivity whatever its attribute says, which took a tenth of a port access.)
  public func hasPendingInterrupt(isAPICEnabled: Bool) -> Bool {
    self.isAPICEnabled = isAPICEnabled
    return hasPendingInterrupt
  }

  /// The processor takes an interrupt.
  /// - Returns: its vector.
  public func acknowledge() -> UInt8 {
    guard let localAPIC, isAPICEnabled else { return controller.acknowledge() }
    // The local APIC's own come first, as its messages overtake the pins.
    if !localAPIC.hasFixedInterrupt, localAPIC.hasExternalInterrupt { return controller.acknowledge() }
    return localAPIC.acknowledge()
  }
}
