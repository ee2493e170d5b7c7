// The PCnet's way out: from the transmit ring to the network (Am79C970A data sheet 19436, "Transmit Operation").

import Memory
import Tracing

extension PCnet {
  /// A frame that is longer is gone through to its end and thrown away.
  static let longestOutgoing = 4096
  /// After that many descriptors the guest runs on before the rest is served.
  private static let descriptorsPerTurn = 64
  private static let pause: UInt64 = 1_000
  /// How long after the guest has sent something its network may have an answer: the time of a short frame at 10 Mbit/s.
  private static let answerDelay: UInt64 = 51_200
  /// A cycle of a 33 MHz bus, in which CSR47 counts.
  private static let busCycle: UInt64 = 30
  /// However often the driver wants the chip to look: more would only slow the machine down.
  private static let shortestPolling: UInt64 = 100_000

  /// Bits 31 to 24 of addresses in style 0.
  var highAddress: UInt32 { style.isWide ? 0 : blockHighAddress }

  private var mayTransmit: Bool {
    status & Status.transmitterOn != 0 && !isSuspended && function.mayMasterBus
  }

  func schedulePolling() {
    guard mayTransmit, features & Features.noPolling == 0 else { return setDue(transmit: nil) }
    let interval = max(UInt64(65_536 - UInt32(plain[47])) * Self.busCycle, Self.shortestPolling)
    setDue(transmit: clock.now &+ interval)
  }

  /// Sends what the driver has handed over.
  func transmit() {
    defer { updateInterrupt() }
    for _ in 0..<Self.descriptorsPerTurn {
      guard mayTransmit, takeDescriptor() else { return schedulePolling() }
    }
    setDue(transmit: clock.now &+ Self.pause)
  }

  /// - Returns: false when the next descriptor is the driver's.
  private func takeDescriptor() -> Bool {
    let place = transmitRing.place(style)
    var descriptor = PCnetDescriptor(at: place, style, highAddress: highAddress, dma)
    guard descriptor.has(PCnetDescriptor.Flag.own) else { return false }
    if !isSending {
      guard descriptor.has(PCnetDescriptor.Flag.start) else {
        // A piece of nothing: the rest of a frame that was given up.
        giveBack(&descriptor, place)
        return true
      }
      isSending = true
      addsCheck = descriptor.has(PCnetDescriptor.Flag.addCheck)
      outgoing.removeAll(keepingCapacity: true)
    }
    gather(descriptor)
    if descriptor.has(PCnetDescriptor.Flag.end) {
      finish(&descriptor, place)
    } else if isNextOwned {
      giveBack(&descriptor, place)
    } else {
      runShort(&descriptor, place)
    }
    return true
  }

  private var isNextOwned: Bool {
    var ring = transmitRing
    ring.advance()
    return PCnetDescriptor(at: ring.place(style), style, highAddress: highAddress, dma).has(PCnetDescriptor.Flag.own)
  }

  private func giveBack(_ descriptor: inout PCnetDescriptor, _ place: UInt32) {
    descriptor.control &= ~PCnetDescriptor.Flag.own
    descriptor.store(at: place, style, isReceive: false, dma)
    transmitRing.advance()
  }

  private func gather(_ descriptor: PCnetDescriptor) {
    let count = min(descriptor.size, Self.longestOutgoing - outgoing.count)
    guard count > 0 else { return }
    let start = outgoing.count
    outgoing.append(contentsOf: repeatElement(0, count: count))
    outgoing.withUnsafeMutableBytes { bytes in
      dma.read(
        GuestPhysicalAddress(UInt64(descriptor.address)), into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
    }
  }

  /// The driver has not handed over the rest of a frame that has begun.
  private func runShort(_ descriptor: inout PCnetDescriptor, _ place: UInt32) {
    descriptor.control |= PCnetDescriptor.Flag.error
    descriptor.outcome = PCnetDescriptor.TransmitError.buffer | PCnetDescriptor.TransmitError.underflow
    giveBack(&descriptor, place)
    isSending = false
    if !survivesUnderflow { status &= ~Status.transmitterOn }
    status |= Status.transmit
  }

  private func finish(_ descriptor: inout PCnetDescriptor, _ place: UInt32) {
    let wantsInterrupt = descriptor.has(PCnetDescriptor.Flag.lastInterrupt)
    descriptor.control &= ~PCnetDescriptor.Flag.error
    descriptor.outcome = 0
    giveBack(&descriptor, place)
    isSending = false
    features |= Features.transmitStart
    let isSilent =
      extended & Extended.noInterruptWhenGood != 0
      || (extended & Extended.lastInterruptOnly != 0 && !wantsInterrupt)
    if !isSilent { status |= Status.transmit }
    putOnWire()
  }

  /// The frame as it leaves: padded, and without the check sequence, whoever made that.
  private func putOnWire() {
    if features & Features.padsTransmit != 0 && outgoing.count < FrameSize.least {
      outgoing.append(contentsOf: repeatElement(0, count: FrameSize.least - outgoing.count))
    } else if mode & Mode.noTransmitCheck != 0 && !addsCheck {
      outgoing.removeLast(min(FrameCheck.size, outgoing.count))
    }
    if outgoing.count > FrameSize.most { status |= Status.babble }
    guard (FrameSize.header...FrameSize.most).contains(outgoing.count) else { return report(.dropped, outgoing.count) }
    report(.adapterTransmit, outgoing.count)
    if mode & Mode.loop != 0 {
      let frame = outgoing
      frame.withUnsafeBytes { _ = take($0) }
      return
    }
    outgoing.withUnsafeBytes { backend.send($0) }
    if !backend.isLive, receiveDue == nil { setDue(receive: clock.now &+ Self.answerDelay) }
  }

  func report(_ stage: PacketStage, _ bytes: Int) {
    guard let reporter, reporter.wants(.packet) else { return }
    reporter.report(.packet, in: .device, code: stage.rawValue, a: UInt64(bytes), b: 1)
  }
}
