// A virtio block device on PCI, transitional: old drivers find it at I/O ports (virtio 1.1, 4.1.4.8), new ones in device
// memory by its capabilities (4.1.4). Both lead to the same one queue.
//
//   BAR 0  64 ports    00 host features   04 driver features   08 queue page    0C size   0E select
//                      10 notify          12 status            13 ISR           14 device configuration
//   BAR 4  16 KiB      0000 common configuration   1000 ISR   2000 device configuration   3000 notify
//
//            7            6            3             2           1        0
//   status | FAILED | NEEDS_RESET | FEATURES_OK | DRIVER_OK | DRIVER | ACKNOWLEDGE |
//   ISR    |                                                | configuration | queue |

import Memory

/// A virtio disk.
public final class VirtioBlock: PCIDevice {
  public let name: String
  public let function: PCIFunction
  private let clock: VirtualClock
  private let dma: any DMA
  private let requests: VirtioBlockRequests
  private let configuration: [UInt8]
  private let offered: UInt64

  private var driverFeatures: UInt64 = 0
  private var deviceFeatureSelect: UInt32 = 0
  private var driverFeatureSelect: UInt32 = 0
  private var queueSelect: UInt16 = 0
  private var queue = VirtioQueue()
  private var queuePage: UInt32 = 0
  private var status: UInt8 = 0
  private var interruptStatus: UInt8 = 0
  /// When the rest of a long queue is served.
  public private(set) var nextDeadline: UInt64?

  private enum Status {
    static let driverOK: UInt8 = 0x04
    static let featuresOK: UInt8 = 0x08
    static let needsReset: UInt8 = 0x40
  }

  private enum Feature {
    static let largestSegmentCount: UInt64 = 1 << 2
    static let geometry: UInt64 = 1 << 4
    static let readOnly: UInt64 = 1 << 5
    static let blockSize: UInt64 = 1 << 6
    static let flush: UInt64 = 1 << 9
    static let anyLayout: UInt64 = 1 << 27
    static let indirect: UInt64 = 1 << 28
    static let eventIndex: UInt64 = 1 << 29
    static let version1: UInt64 = 1 << 32
  }

  private enum Interrupt {
    static let queue: UInt8 = 1
    static let configuration: UInt8 = 2
  }

  /// Where the parts of the register space stand: those of BAR 0 first.
  private enum Space {
    static let legacyConfiguration: UInt32 = 0x14
    static let legacySize: UInt16 = 64
    static let modern: UInt32 = 0x1_0000
    static let modernSize: UInt64 = 0x4000
    static let part: UInt32 = 0x1000
  }

  /// The capability whose data register reads and writes the BARs.
  private static let windowCapability = 0x84
  private static let windowData = windowCapability + 16
  /// After that much, the guest runs on before the rest of the queue is served.
  private static let bytesPerTurn: UInt64 = 16 << 20
  private static let pause: UInt64 = 1_000

  init(_ drive: Drive, name: String, bus: Bus, dma: any DMA) {
    self.name = name
    self.dma = dma
    clock = bus.clock
    requests = VirtioBlockRequests(drive, serialNumber: "TL-\(name)")
    configuration = Self.describe(drive)
    offered =
      Feature.largestSegmentCount | Feature.geometry | Feature.blockSize | Feature.flush | Feature.anyLayout
      | Feature.indirect | Feature.eventIndex | Feature.version1 | (drive.isReadOnly ? Feature.readOnly : 0)
    var identity = PCIIdentity(vendor: 0x1af4, device: 0x1001, revision: 0, classCode: 0x01_00_00)
    identity.subsystem = (0x1af4, 2)
    identity.interruptPin = 1
    function = PCIFunction(identity)
    function.addBaseAddress(0, bus.makeWindow(ports: Space.legacySize, for: self, widest: .dword))
    function.addBaseAddress(4, bus.makeWindow(memory: Space.modernSize, for: self, firstRegister: Space.modern))
    addCapabilities()
  }

  deinit { requests.deallocate() }

  /// struct virtio_blk_config, up to and including `blk_size` and the topology.
  private static func describe(_ drive: Drive) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 36)
    func put(_ offset: Int, _ value: UInt64, _ count: Int) {
      for index in 0..<count { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
    }
    let geometry = drive.geometry ?? DiskGeometry(sectorCount: drive.image.sectorCount)
    put(0, drive.image.sectorCount, 8)
    // A request has a header and a status beside its data.
    put(12, UInt64(VirtioQueue.largest - 2), 4)
    put(16, UInt64(geometry.cylinders), 2)
    put(18, UInt64(geometry.heads), 1)
    put(19, UInt64(geometry.sectors), 1)
    put(20, UInt64(DiskLimits.sectorSize), 4)
    return bytes
  }

  /// Vendor capabilities: | 09 | next | length | type | bar | 0 0 0 | offset (32) | length (32) | more |
  private func addCapabilities() {
    func add(_ type: UInt8, at place: Int, bar: UInt8, part: UInt32, count: UInt32, more: [UInt8] = []) {
      let offset = part * Space.part
      func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) } }
      let body = [UInt8(16 + more.count), type, bar, 0, 0, 0] + bytes(offset) + bytes(count) + more
      function.space.addCapability(0x09, at: place, body: body)
    }
    let zero: [UInt8] = [0, 0, 0, 0]
    add(5, at: Self.windowCapability, bar: 0, part: 0, count: 0, more: zero)
    // The bar, the offset and the length of the window are the driver's to set, its data is read from there.
    function.space.define(Self.windowCapability + 4, UInt8(0), writable: 0xff)
    function.space.define(Self.windowCapability + 8, UInt64(0), writable: .max)
    // One queue: the notify multiplier can be 0.
    add(2, at: 0x70, bar: 4, part: 3, count: 4, more: zero)
    add(4, at: 0x60, bar: 4, part: 2, count: UInt32(configuration.count))
    add(3, at: 0x50, bar: 4, part: 1, count: 1)
    add(1, at: 0x40, bar: 4, part: 0, count: 0x38)
  }

  // MARK: Registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    if offset < Space.modern {
      if offset == 0x13 { return UInt32(takeInterruptStatus()) }
      if offset < Space.legacyConfiguration { return Self.load(legacyRegisters, offset, size) }
      return Self.load(configuration, offset - Space.legacyConfiguration, size)
    }
    let (part, register) = (offset - Space.modern).quotientAndRemainder(dividingBy: Space.part)
    switch part {
    case 0: return Self.load(commonRegisters, register, size)
    case 1: return register == 0 ? UInt32(takeInterruptStatus()) : 0
    case 2: return Self.load(configuration, register, size)
    default: return 0
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    if offset < Space.modern { return writeLegacy(offset, size: size, value: value) }
    let (part, register) = (offset - Space.modern).quotientAndRemainder(dividingBy: Space.part)
    switch part {
    case 0: writeCommon(register, size: size, value: value)
    case 3: serveQueue()
    default: break
    }
  }

  private static func load(_ bytes: [UInt8], _ offset: UInt32, _ size: AccessSize) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<Int(size.rawValue) where Int(offset) + index < bytes.count {
      value |= UInt32(bytes[Int(offset) + index]) << (8 * UInt32(index))
    }
    return value
  }

  /// Registers by their widths, as bytes.
  private struct RegisterBytes {
    var bytes: [UInt8] = []
    mutating func append<T: FixedWidthInteger>(_ value: T) {
      for index in 0..<T.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
  }

  private var isQueueSelected: Bool { queueSelect == 0 }

  /// The ISR is not among them: reading it does something.
  private var legacyRegisters: [UInt8] {
    var registers = RegisterBytes()
    registers.append(UInt32(truncatingIfNeeded: offered))
    registers.append(UInt32(truncatingIfNeeded: driverFeatures))
    registers.append(isQueueSelected ? queuePage : 0)
    registers.append(isQueueSelected ? queue.size : 0)
    registers.append(queueSelect)
    registers.append(UInt16(0))
    registers.append(status)
    return registers.bytes
  }

  private func writeLegacy(_ offset: UInt32, size: AccessSize, value: UInt32) {
    switch (offset, size) {
    case (0x04, .dword): if status & Status.driverOK == 0 { driverFeatures = UInt64(value) & offered }
    case (0x08, .dword):
      guard isQueueSelected else { return }
      queue = VirtioQueue()
      queuePage = value
      queue.place(atPage: value)
    case (0x0e, .word): queueSelect = UInt16(truncatingIfNeeded: value)
    case (0x10, .word): if value == 0 { serveQueue() }
    case (0x12, .byte): setStatus(UInt8(truncatingIfNeeded: value))
    default: break
    }
  }

  /// struct virtio_pci_common_cfg.
  private var commonRegisters: [UInt8] {
    var registers = RegisterBytes()
    registers.append(deviceFeatureSelect)
    registers.append(Self.half(offered, deviceFeatureSelect))
    registers.append(driverFeatureSelect)
    registers.append(Self.half(driverFeatures, driverFeatureSelect))
    // No MSI-X vector; one queue.
    registers.append(UInt16.max)
    registers.append(UInt16(1))
    registers.append(status)
    // The configuration never changes.
    registers.append(UInt8(0))
    registers.append(queueSelect)
    let queue = isQueueSelected ? queue : nil
    registers.append(queue?.size ?? 0)
    registers.append(UInt16.max)
    registers.append(UInt16(queue?.isEnabled == true ? 1 : 0))
    registers.append(UInt16(0))
    registers.append(queue?.descriptors ?? 0)
    registers.append(queue?.available ?? 0)
    registers.append(queue?.used ?? 0)
    return registers.bytes
  }

  private static func half(_ features: UInt64, _ select: UInt32) -> UInt32 {
    select < 2 ? UInt32(truncatingIfNeeded: features >> (32 * UInt64(select))) : 0
  }

  private func writeCommon(_ register: UInt32, size: AccessSize, value: UInt32) {
    switch (register, size) {
    case (0x00, .dword): deviceFeatureSelect = value
    case (0x08, .dword): driverFeatureSelect = value
    case (0x0c, .dword):
      // What has been agreed on stays.
      guard driverFeatureSelect < 2, status & Status.featuresOK == 0 else { return }
      let shift = 32 * UInt64(driverFeatureSelect)
      driverFeatures = driverFeatures & ~(0xffff_ffff << shift) | UInt64(value) << shift
    case (0x14, .byte): setStatus(UInt8(truncatingIfNeeded: value))
    case (0x16, .word): queueSelect = UInt16(truncatingIfNeeded: value)
    default: if isQueueSelected, !queue.isEnabled { writeQueue(register, size: size, value: value) }
    }
  }

  private func writeQueue(_ register: UInt32, size: AccessSize, value: UInt32) {
    func set(_ address: inout UInt64, _ shift: UInt64) {
      address = address & ~(0xffff_ffff << shift) | UInt64(value) << shift
    }
    switch (register, size) {
    case (0x18, .word): queue.setSize(UInt16(truncatingIfNeeded: value))
    case (0x1c, .word): queue.isEnabled = value == 1
    case (0x20, .dword): set(&queue.descriptors, 0)
    case (0x24, .dword): set(&queue.descriptors, 32)
    case (0x28, .dword): set(&queue.available, 0)
    case (0x2c, .dword): set(&queue.available, 32)
    case (0x30, .dword): set(&queue.used, 0)
    case (0x34, .dword): set(&queue.used, 32)
    default: break
    }
  }

  private func setStatus(_ value: UInt8) {
    if value == 0 { return resetDevice() }
    var next = value & ~Status.needsReset | status & Status.needsReset
    // Features that aren't there are not agreed on.
    if next & Status.featuresOK != 0, driverFeatures & ~offered != 0 { next &= ~Status.featuresOK }
    let starts = next & ~status & Status.driverOK != 0
    status = next
    if starts { serveQueue() }
  }

  // MARK: Interrupt

  private func takeInterruptStatus() -> UInt8 {
    defer {
      interruptStatus = 0
      function.setInterrupt(false)
    }
    return interruptStatus
  }

  private func raise(_ cause: UInt8) {
    interruptStatus |= cause
    function.setInterrupt(true)
  }

  // MARK: Queue

  private func serveQueue() {
    setDeadline(nil)
    guard status & (Status.driverOK | Status.needsReset) == Status.driverOK, queue.isEnabled, function.mayMasterBus
    else { return }
    let features = VirtioQueue.Features(
      hasIndirect: driverFeatures & Feature.indirect != 0, hasEventIndex: driverFeatures & Feature.eventIndex != 0)
    let isWrittenThrough = driverFeatures & Feature.flush == 0
    var moved: UInt64 = 0
    var turns = 0
    do throws(BrokenRing) {
      while let request = try queue.next(features, dma) {
        let result = try requests.carryOut(request, isWrittenThrough: isWrittenThrough, dma)
        queue.complete(request.head, written: result.written, dma)
        moved += result.moved
        turns += 1
        // A request may write to the ring that it came from, and so bring more than the ring can hold.
        if moved >= Self.bytesPerTurn || turns == Int(VirtioQueue.largest) {
          setDeadline(clock.now &+ Self.pause)
          break
        }
      }
    } catch {
      status |= Status.needsReset
      if driverFeatures & Feature.version1 != 0 { raise(Interrupt.configuration) }
    }
    if queue.takeInterrupt(features, dma) { raise(Interrupt.queue) }
  }

  private func setDeadline(_ deadline: UInt64?) {
    guard deadline != nextDeadline else { return }
    nextDeadline = deadline
    clock.deadlinesChanged()
  }

  public func advance(to now: UInt64) {
    if let deadline = nextDeadline, deadline <= now { serveQueue() }
  }

  // MARK: Configuration space

  /// What the window capability names: a register of this device, if there is one.
  private var window: (register: UInt32, size: AccessSize)? {
    let bar = function.space.bytes[Self.windowCapability + 4]
    let offset = function.space.load(Self.windowCapability + 8, as: UInt32.self)
    let length = function.space.load(Self.windowCapability + 12, as: UInt32.self)
    guard let size = UInt8(exactly: length).flatMap(AccessSize.init), offset & (length - 1) == 0 else { return nil }
    switch bar {
    case 0: return offset < Space.legacySize ? (offset, size) : nil
    case 4: return offset < Space.modernSize ? (Space.modern + offset, size) : nil
    default: return nil
    }
  }

  public func readConfiguration(_ offset: Int, size: AccessSize) -> UInt32 {
    if offset == Self.windowData, let window { return read(window.register, size: window.size) & size.mask }
    return function.read(offset, size: size)
  }

  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    if offset == Self.windowData, let window {
      return write(window.register, size: window.size, value: value & window.size.mask)
    }
    let couldMaster = function.mayMasterBus
    function.write(offset, size: size, value: value)
    if function.mayMasterBus, !couldMaster { serveQueue() }
  }

  // MARK: Device

  private func resetDevice() {
    driverFeatures = 0
    deviceFeatureSelect = 0
    driverFeatureSelect = 0
    queueSelect = 0
    queue = VirtioQueue()
    queuePage = 0
    status = 0
    interruptStatus = 0
    function.setInterrupt(false)
    setDeadline(nil)
  }

  public func reset() {
    resetDevice()
    function.reset()
  }

  public func transferState(_ archive: inout StateArchive) {
    function.transferState(&archive)
    archive.field(&driverFeatures)
    archive.field(&deviceFeatureSelect)
    archive.field(&driverFeatureSelect)
    archive.field(&queueSelect)
    queue.transferState(&archive)
    archive.field(&queuePage)
    archive.field(&status)
    archive.field(&interruptStatus)
    archive.field(&nextDeadline)
    if archive.isRestoring { clock.deadlinesChanged() }
  }
}
