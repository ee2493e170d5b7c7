// AMD's Am79C970A, the PCnet-PCI II: the network adapter that VMware's first products emulated, and that every system of
// the time has a driver for (data sheet 19436). It lives off the guest's memory: an initialization block tells where two
// rings of descriptors are, and the driver and the chip hand descriptors to each other by their OWN bits.
//
//   words    00 PROM ... 0F | 10 RDP | 12 RAP | 14 RESET | 16 BDP |
//   dwords   00 PROM ... 0F | 10 RDP |        | 14 RAP   |        | 18 RESET | 1C BDP |
//
// The ports are laid out for words until somebody writes a dword to RDP. Registers behind RDP (CSR) and BDP (BCR) are
// chosen by RAP.

import Memory
import Tracing

/// The adapter. Frames go out when the driver demands it or when the chip next looks at its ring; they come in when the
/// machine takes in input, or soon after the guest sent something.
public final class PCnet: PCIDevice {
  typealias Status = PCnetRegister.Status
  typealias Features = PCnetRegister.Features
  typealias Extended = PCnetRegister.Extended
  typealias Mode = PCnetRegister.Mode
  typealias BusControl = PCnetRegister.Bus

  public let name = "pcnet"
  public let function: PCIFunction
  /// Learns of each frame.
  public weak var reporter: (any EventReporter)?
  /// The network.
  public let backend: any NetworkBackend
  let clock: VirtualClock
  let dma: any DMA
  private let prom: [UInt8]

  // Registers with a behaviour; the others are in `plain`, by their numbers.
  private var registerNumber: UInt16 = 0
  private var isWide = false
  /// CSR0, without ERR and INTR.
  var status: UInt16 = 0
  /// CSR3, CSR4, CSR5, CSR15.
  private var mask: UInt16 = 0
  var features: UInt16 = 0
  var extended: UInt16 = 0
  var mode: UInt16 = 0
  private var block: UInt32 = 0
  var plain = [UInt16](repeating: 0, count: PCnetRegister.count)
  private var busControl = [UInt16](repeating: 0, count: PCnetRegister.Bus.count)
  private(set) var style = PCnetStyle.lance
  var receiveRing = PCnetRing()
  var transmitRing = PCnetRing()

  /// The frame whose descriptors are being gone through.
  var outgoing: [UInt8] = []
  var isSending = false
  /// The chip adds the check sequence, whatever CSR15 says.
  var addsCheck = false
  /// When the transmit ring, and when the network, is looked at next.
  private(set) var transmitDue: UInt64?
  private(set) var receiveDue: UInt64?
  /// Holds a frame from the network.
  let incoming: UnsafeMutableRawBufferPointer

  static let portCount: UInt16 = 32

  init(_ configuration: NetworkConfiguration, bus: Bus, dma: any DMA) {
    backend = configuration.backend
    self.dma = dma
    clock = bus.clock
    prom = Self.makePROM(configuration.address)
    incoming = .allocate(byteCount: 2048, alignment: 16)
    var identity = PCIIdentity(vendor: 0x1022, device: 0x2000, revision: 0x10, classCode: 0x02_00_00)
    identity.subsystem = (0x1022, 0x2000)
    identity.interruptPin = 1
    function = PCIFunction(identity)
    function.space.define(0x3e, UInt8(0x06))
    function.space.define(0x3f, UInt8(0xff))
    function.addBaseAddress(0, bus.makeWindow(ports: Self.portCount, for: self, widest: .dword))
    function.addBaseAddress(1, bus.makeWindow(memory: UInt64(Self.portCount), for: self))
    backend.attach(to: clock)
    resetChip()
  }

  deinit { incoming.deallocate() }

  /// | address | 0 0 | 0 | 11 (AMD's drivers may be used) | 0 0 | sum of the other bytes | 'W' 'W' |
  private static func makePROM(_ address: MACAddress) -> [UInt8] {
    var bytes = address.bytes + [UInt8](repeating: 0, count: 10)
    bytes[9] = 0x11
    bytes[14] = 0x57
    bytes[15] = 0x57
    let sum = bytes.reduce(0 as UInt16) { $0 &+ UInt16($1) }
    bytes[12] = UInt8(truncatingIfNeeded: sum)
    bytes[13] = UInt8(sum >> 8)
    return bytes
  }

  // MARK: Ports

  private enum Port { case data, number, reset, busData }

  private func port(_ offset: UInt32) -> Port? {
    switch (offset, isWide) {
    case (0x10, _): .data
    case (0x12, false), (0x14, true): .number
    case (0x14, false), (0x18, true): .reset
    case (0x16, false), (0x1c, true): .busData
    default: nil
    }
  }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    if offset < 0x10 {
      var value: UInt32 = 0
      for index in 0..<Int(size.rawValue) where Int(offset) + index < prom.count {
        value |= UInt32(prom[Int(offset) + index]) << (8 * UInt32(index))
      }
      return value
    }
    guard size == (isWide ? .dword : .word), let port = port(offset) else { return size.mask }
    switch port {
    case .data: return UInt32(register(registerNumber))
    case .number: return UInt32(registerNumber)
    case .reset:
      softReset()
      return 0
    case .busData: return UInt32(busRegister(Int(registerNumber)))
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    if size == .dword, offset == 0x10, !isWide { isWide = true }
    guard size == (isWide ? .dword : .word), let port = port(offset) else { return }
    let value = UInt16(truncatingIfNeeded: value)
    switch port {
    case .data: setRegister(registerNumber, value)
    case .number: registerNumber = value & 0x7f
    case .reset: break
    case .busData: setBusRegister(Int(registerNumber), value)
    }
  }

  // MARK: CSR

  var isSuspended: Bool { extended & Extended.suspend != 0 }
  var survivesUnderflow: Bool { mask & PCnetRegister.Mask.survivesUnderflow != 0 }
  /// Bits 31 to 24 of the initialization block's address.
  var blockHighAddress: UInt32 { block & 0xff00_0000 }
  /// What describes the rings may be changed.
  private var isAtRest: Bool { status & Status.stop != 0 || isSuspended }

  private func register(_ number: UInt16) -> UInt16 {
    switch number {
    case 0:
      return status | (status & Status.errors != 0 ? Status.error : 0) | (isInterruptPending ? Status.interrupt : 0)
    case 1, 16: return UInt16(truncatingIfNeeded: block)
    case 2, 17: return UInt16(block >> 16)
    case 3: return mask
    case 4: return features
    case 5: return extended
    case 15: return mode
    case 24: return UInt16(truncatingIfNeeded: receiveRing.base)
    case 25: return UInt16(receiveRing.base >> 16)
    case 30: return UInt16(truncatingIfNeeded: transmitRing.base)
    case 31: return UInt16(transmitRing.base >> 16)
    case 58: return busRegister(BusControl.style)
    case 72: return receiveRing.counter
    case 74: return transmitRing.counter
    case 76: return receiveRing.negativeLength
    case 78: return transmitRing.negativeLength
    case 88: return UInt16(truncatingIfNeeded: PCnetRegister.chip)
    case 89: return UInt16(PCnetRegister.chip >> 16)
    default: return PCnetRegister.plain.contains(number) ? plain[Int(number)] : 0
    }
  }

  private func setRegister(_ number: UInt16, _ value: UInt16) {
    switch number {
    case 0: return setStatus(value)
    case 3:
      mask = value & PCnetRegister.Mask.writable
      return updateInterrupt()
    case 4: return setFeatures(value)
    case 5: return setExtended(value)
    case 80, 82, 100, 112, 114, 122, 124:
      plain[Int(number)] = value
      return
    default: break
    }
    guard isAtRest else { return }
    switch number {
    case 1, 16: block = block & 0xffff_0000 | UInt32(value)
    case 2, 17: block = block & 0xffff | UInt32(value) << 16
    case 15: setMode(value)
    case 24: receiveRing.base = receiveRing.base & 0xffff_0000 | UInt32(value)
    case 25: receiveRing.base = receiveRing.base & 0xffff | UInt32(value) << 16
    case 30: transmitRing.base = transmitRing.base & 0xffff_0000 | UInt32(value)
    case 31: transmitRing.base = transmitRing.base & 0xffff | UInt32(value) << 16
    case 58: setBusRegister(BusControl.style, value)
    case 76: receiveRing.negativeLength = value
    case 78: transmitRing.negativeLength = value
    default: if PCnetRegister.plain.contains(number) { plain[Int(number)] = value }
    }
  }

  private func setStatus(_ value: UInt16) {
    status &= ~(value & Status.causes)
    if value & Status.stop != 0 {
      stop()
    } else {
      status = status & ~Status.enable | value & Status.enable
      if value & ~status & Status.initialize != 0 { initialize() }
      if value & ~status & Status.start != 0 { start() }
      if value & Status.demand != 0 { transmit() }
    }
    updateInterrupt()
  }

  private func setFeatures(_ value: UInt16) {
    let kept = features & Features.causes & ~value
    features = value & Features.writable | kept
    if value & Features.userCommand != 0 { features |= Features.user }
    updateInterrupt()
    schedulePolling()
  }

  private func setExtended(_ value: UInt16) {
    extended = value & Extended.writable
    if !isSuspended { transmit() }
  }

  private func setMode(_ value: UInt16) {
    mode = value
    if isSuspended { switchSides() }
  }

  // MARK: BCR

  private func busRegister(_ number: Int) -> UInt16 {
    guard busControl.indices.contains(number) else { return 0 }
    switch number {
    case BusControl.linkLED...BusControl.lastLED:
      let value = busControl[number] & ~BusControl.lit
      return value & BusControl.linkIsUp != 0 ? value | BusControl.lit : value
    case BusControl.bursts: return busControl[number] & ~BusControl.wide | (isWide ? BusControl.wide : 0)
    // SSIZE32 in bit 8, CSRPCNET in bit 9.
    case BusControl.style:
      return UInt16(style.rawValue) | (style.isWide ? 0x0100 : 0) | (style == .ilacc ? 0 : 0x0200)
    default: return busControl[number]
    }
  }

  private func setBusRegister(_ number: Int, _ value: UInt16) {
    if number == BusControl.style {
      if isAtRest, let style = PCnetStyle(rawValue: UInt8(truncatingIfNeeded: value)) { self.style = style }
    } else if BusControl.writable.contains(number) {
      busControl[number] = value
    }
  }

  // MARK: Start and stop

  /// Takes in the initialization block. A chip that isn't let onto the bus reports a memory error.
  private func initialize() {
    status = status & ~Status.stop | Status.initialize
    guard function.mayMasterBus else { return raise(Status.memory) }
    let block = PCnetInitializationBlock(at: self.block, style, dma)
    mode = block.mode
    for (index, word) in block.physicalAddress.enumerated() { plain[12 + index] = word }
    for (index, word) in block.logicalFilter.enumerated() { plain[8 + index] = word }
    receiveRing = PCnetRing(base: block.receiveRing, negativeLength: block.receiveLength)
    transmitRing = PCnetRing(base: block.transmitRing, negativeLength: block.transmitLength)
    isSending = false
    raise(Status.initialized)
  }

  private func start() {
    status = status & ~Status.stop | Status.start
    switchSides()
    transmit()
  }

  private func switchSides() {
    guard status & Status.start != 0 else { return }
    status &= ~(Status.receiverOn | Status.transmitterOn)
    if mode & Mode.receiverOff == 0 { status |= Status.receiverOn }
    if mode & Mode.transmitterOff == 0 { status |= Status.transmitterOn }
  }

  private func stop() {
    status = Status.stop
    features &= ~Features.causes
    extended &= ~Extended.suspend
    isSending = false
    outgoing.removeAll()
    setDue(transmit: nil)
    setDue(receive: nil)
    updateInterrupt()
  }

  /// What a read of RESET does: the bus control registers and the ports' layout stay.
  private func softReset() {
    stop()
    registerNumber = 0
    mask = 0
    features = Features.afterReset
    extended = 0
    mode = 0
    block = 0
    receiveRing = PCnetRing()
    transmitRing = PCnetRing()
    for index in plain.indices { plain[index] = 0 }
    for index in 0..<3 { plain[12 + index] = UInt16(prom[2 * index]) | UInt16(prom[2 * index + 1]) << 8 }
    plain[80] = 0x1410
    plain[100] = 0x0200
    updateInterrupt()
  }

  private func resetChip() {
    isWide = false
    style = .lance
    for index in busControl.indices { busControl[index] = 0 }
    for (number, value) in BusControl.afterReset { busControl[number] = value }
    softReset()
  }

  public func reset() {
    resetChip()
    function.reset()
  }

  // MARK: Interrupt

  private var isInterruptPending: Bool {
    status & Status.maskable & ~mask != 0
      || features & Features.causes & ~(features << 1 & ~Features.user) != 0
  }

  func raise(_ cause: UInt16) {
    status |= cause
    updateInterrupt()
  }

  func updateInterrupt() { function.setInterrupt(isInterruptPending && status & Status.enable != 0) }

  // MARK: Time

  public var nextDeadline: UInt64? {
    guard let transmitDue else { return receiveDue }
    return receiveDue.map { min($0, transmitDue) } ?? transmitDue
  }

  func setDue(transmit due: UInt64?) {
    guard due != transmitDue else { return }
    transmitDue = due
    clock.deadlinesChanged()
  }

  func setDue(receive due: UInt64?) {
    guard due != receiveDue else { return }
    receiveDue = due
    clock.deadlinesChanged()
  }

  public func advance(to now: UInt64) {
    if let due = transmitDue, due <= now { transmit() }
    if let due = receiveDue, due <= now { receiveWaiting() }
  }

  /// Takes in frames that have arrived from outside the machine, without blocking.
  /// - Returns: whether any came.
  @discardableResult func pollInput() -> Bool { backend.isLive && receiveWaiting() > 0 }

  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    let couldMaster = function.mayMasterBus
    function.write(offset, size: size, value: value)
    if function.mayMasterBus, !couldMaster { transmit() }
  }

  // MARK: State

  public func transferState(_ archive: inout StateArchive) {
    function.transferState(&archive)
    archive.field(&registerNumber)
    registerNumber &= 0x7f
    archive.field(&isWide)
    archive.field(&status)
    archive.field(&mask)
    archive.field(&features)
    archive.field(&extended)
    archive.field(&mode)
    archive.field(&block)
    for index in plain.indices { archive.field(&plain[index]) }
    for index in busControl.indices { archive.field(&busControl[index]) }
    var number = style.rawValue
    archive.field(&number)
    style = PCnetStyle(rawValue: number) ?? .lance
    receiveRing.transferState(&archive)
    transmitRing.transferState(&archive)
    archive.field(&outgoing, limit: Self.longestOutgoing)
    archive.field(&isSending)
    archive.field(&addsCheck)
    archive.field(&transmitDue)
    archive.field(&receiveDue)
    if archive.isRestoring { clock.deadlinesChanged() }
  }
}
