// The PCnet's way in: from the network to the receive ring (Am79C970A data sheet 19436, "Receive Operation").

import Memory
import Tracing

extension PCnet {
  /// After that many descriptors the guest runs on before more is taken in.
  private static let descriptorsPerTurn = 64
  private static let pause: UInt64 = 10_000

  /// Takes in the frames that the network has.
  /// - Returns: how many there were.
  @discardableResult func receiveWaiting() -> Int {
    setDue(receive: nil)
    var frames = 0
    var descriptors = 0
    while true {
      guard descriptors < Self.descriptorsPerTurn else {
        setDue(receive: clock.now &+ Self.pause)
        break
      }
      let count = min(backend.receive(into: incoming), incoming.count)
      guard count > 0 else { break }
      frames += 1
      descriptors += 1 + take(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
    }
    updateInterrupt()
    return frames
  }

  /// A frame is on the wire.
  /// - Returns: how many descriptors it filled.
  func take(_ frame: UnsafeRawBufferPointer) -> Int {
    let isOn = status & Status.receiverOn != 0 && !isSuspended && function.mayMasterBus
    guard isOn, (FrameSize.header...FrameSize.most).contains(frame.count) else {
      report(.dropped, frame.count)
      return 0
    }
    guard let match = match(frame) else { return 0 }
    var bytes = Array(frame)
    // What comes through a wire has been padded.
    if bytes.count < FrameSize.least { bytes += repeatElement(0, count: FrameSize.least - bytes.count) }
    let length = Int(bytes[12]) << 8 | Int(bytes[13])
    if features & Features.stripsReceive != 0 && length < FrameSize.least - FrameSize.header {
      bytes.removeLast(bytes.count - FrameSize.header - length)
    } else {
      bytes += FrameCheck.sequence(of: bytes)
    }
    return fill(bytes, match)
  }

  /// Which address filter lets a frame in, as a descriptor's flag; nil if none does.
  private func match(_ frame: UnsafeRawBufferPointer) -> UInt32? {
    let destination = frame[0..<6]
    if destination.allSatisfy({ $0 == 0xff }) {
      if mode & Mode.noBroadcast == 0 { return PCnetDescriptor.Flag.broadcastMatch }
    } else if destination[0] & 1 != 0 {
      let bit = FrameCheck.filterBit(of: destination)
      if plain[8 + bit >> 4] >> UInt16(bit & 15) & 1 != 0 { return PCnetDescriptor.Flag.logicalMatch }
    } else if mode & Mode.noPhysical == 0 {
      let isOurs = (0..<6).allSatisfy { index in
        UInt8(truncatingIfNeeded: plain[12 + index / 2] >> (index & 1 == 0 ? 0 : 8)) == destination[index]
      }
      if isOurs { return PCnetDescriptor.Flag.physicalMatch }
    }
    return mode & Mode.promiscuous != 0 ? 0 : nil
  }

  /// Puts a frame into as many buffers as it needs. Each has at least a byte of it.
  private func fill(_ bytes: [UInt8], _ match: UInt32) -> Int {
    var descriptor = PCnetDescriptor(at: receiveRing.place(style), style, highAddress: highAddress, dma)
    guard descriptor.has(PCnetDescriptor.Flag.own) else {
      miss(bytes.count)
      return 0
    }
    var done = 0
    var used = 0
    while true {
      let place = receiveRing.place(style)
      let count = min(descriptor.size, bytes.count - done)
      bytes.withUnsafeBytes { source in
        dma.write(
          GuestPhysicalAddress(UInt64(descriptor.address)),
          from: UnsafeRawBufferPointer(rebasing: source[done..<done + count]))
      }
      descriptor.control &= ~(PCnetDescriptor.Flag.own | PCnetDescriptor.Flag.status)
      if used == 0 { descriptor.control |= PCnetDescriptor.Flag.start }
      descriptor.outcome = 0
      done += count
      used += 1
      receiveRing.advance()
      let next = PCnetDescriptor(at: receiveRing.place(style), style, highAddress: highAddress, dma)
      let isWhole = done == bytes.count
      if isWhole {
        descriptor.control |= PCnetDescriptor.Flag.end | (style.isWide ? match : 0)
        descriptor.outcome = UInt32(done)
        report(.adapterReceive, done)
      } else if !next.has(PCnetDescriptor.Flag.own) {
        // No room for the rest.
        descriptor.control |=
          PCnetDescriptor.Flag.error | PCnetDescriptor.Flag.buffer | PCnetDescriptor.Flag.overflow
        report(.dropped, bytes.count)
      }
      descriptor.store(at: place, style, isReceive: true, dma)
      guard !isWhole, next.has(PCnetDescriptor.Flag.own) else { break }
      descriptor = next
    }
    status |= Status.receive
    return used
  }

  /// The driver has no buffer: CSR112 counts it, and CSR0 tells.
  private func miss(_ bytes: Int) {
    plain[112] &+= 1
    if plain[112] == 0 { features |= Features.missedOverflow }
    status |= Status.missed
    report(.dropped, bytes)
  }
}
