// Where an access to a port or to device memory finds its device. Ports go through a flat table of 64 Ki one-byte
// indices into a small table of claims: one dependent load, no hashing, no search.
//
//   port --> [UInt8 x 65536] --> claim: device, first port, first register, widest access, counts
//
// Index 0 is the empty bus: reads float high, writes vanish.

import Memory

/// How often a claimed range was used.
public struct PortStatistics: Sendable, Equatable {
  public let device: String
  public let ports: ClosedRange<UInt16>
  public let reads: UInt64
  public let writes: UInt64
}

/// The machine's port and device-memory bus. It owns its devices.
public final class Bus {
  public let clock: VirtualClock
  public private(set) var devices: [any Device] = []

  private let table: UnsafeMutablePointer<UInt8>
  private let claims: UnsafeMutablePointer<Unmanaged<PortClaim>>
  private var claimCount = 1
  @exclusivity(unchecked) private var regions: [MemoryClaim] = []
  /// Windows come after all fixed claims, in the order in which they were made: what a guest moves them over keeps its
  /// place, and where everything stands follows from their bases alone, not from the way there.
  private var portWindows: [PortWindow] = []
  @exclusivity(unchecked) private var memoryWindows: [MemoryClaim] = []
  /// Positions in `devices` of those that somebody else serves.
  @exclusivity(unchecked) private var silent: Set<Int> = []
  @exclusivity(unchecked) private var earliest: UInt64 = .max
  private var earliestIndex = 0

  private static let mostClaims = 256

  public init(clock: VirtualClock = VirtualClock()) {
    self.clock = clock
    table = .allocate(capacity: 1 << 16)
    table.initialize(repeating: 0, count: 1 << 16)
    claims = .allocate(capacity: Self.mostClaims)
    let claim = PortClaim(device: EmptyBus(), ports: 0...0xffff, firstRegister: 0, widest: .byte)
    claims.initialize(to: .passRetained(claim))
  }

  deinit {
    table.deallocate()
    for index in 0..<claimCount { claims[index].release() }
    claims.deallocate()
  }

  // MARK: Wiring

  /// Takes a device in: it takes part in time, reset and snapshots. Claims do this by themselves.
  public func attach(_ device: any Device) {
    if devices.contains(where: { $0 === device }) { return }
    precondition(!devices.contains { $0.name == device.name }, "two devices named \(device.name)")
    devices.append(device)
    clock.deadlinesChanged()
  }

  /// Gives ports to a device.
  /// - Parameters:
  ///   - ports: none of them may be claimed already.
  ///   - firstRegister: the device's number for the first port.
  ///   - widest: wider accesses are split, as the hardware does for byte-wide parts.
  public func claim(
    ports: ClosedRange<UInt16>, for device: any Device, firstRegister: UInt32 = 0, widest: AccessSize = .byte
  ) {
    attach(device)
    lowerPortWindows()
    let claim = PortClaim(device: device, ports: ports, firstRegister: firstRegister, widest: widest)
    let index = add(claim)
    for port in ports {
      precondition(table[Int(port)] == 0, "port \(port) is claimed twice")
      table[Int(port)] = index
    }
    raisePortWindows()
  }

  private func add(_ claim: PortClaim) -> UInt8 {
    precondition(claimCount < Self.mostClaims, "the bus has no room for another claim")
    (claims + claimCount).initialize(to: .passRetained(claim))
    claimCount += 1
    return UInt8(claimCount - 1)
  }

  /// Makes a range of ports whose place the guest chooses. It stands nowhere until it is placed.
  public func makeWindow(
    ports count: UInt16, for device: any Device, firstRegister: UInt32 = 0, widest: AccessSize = .byte
  ) -> PortWindow {
    precondition(count > 0, "a window of no ports")
    attach(device)
    let claim = PortClaim(device: device, ports: 0...(count - 1), firstRegister: firstRegister, widest: widest)
    let window = PortWindow(bus: self, count: count, index: add(claim))
    portWindows.append(window)
    return window
  }

  /// Makes a range of device memory whose place the guest chooses.
  public func makeWindow(
    memory count: UInt64, for device: any Device, firstRegister: UInt32 = 0, widest: AccessSize = .dword
  ) -> MemoryWindow {
    precondition(count > 0 && count <= 1 << 32, "a memory range of \(count) bytes")
    attach(device)
    memoryWindows.append(MemoryClaim(device: device, base: 0, count: 0, firstRegister: firstRegister, widest: widest))
    return MemoryWindow(bus: self, count: count, index: memoryWindows.count - 1)
  }

  fileprivate func move(_ window: MemoryWindow, to base: GuestPhysicalAddress?) {
    memoryWindows[window.index].base = base?.value ?? 0
    memoryWindows[window.index].count = base == nil ? 0 : window.count
  }

  fileprivate func move(_ window: PortWindow, to base: UInt16?) {
    lowerPortWindows()
    window.base = base
    if let base { claims[Int(window.index)].takeUnretainedValue().place(at: base) }
    raisePortWindows()
  }

  private func lowerPortWindows() {
    for window in portWindows {
      guard let ports = window.ports else { continue }
      for port in ports where table[Int(port)] == window.index { table[Int(port)] = 0 }
    }
  }

  private func raisePortWindows() {
    for window in portWindows {
      guard let ports = window.ports else { continue }
      for port in ports where table[Int(port)] == 0 { table[Int(port)] = window.index }
    }
  }

  /// Gives `count` bytes of guest-physical addresses to a device. Ranges may not overlap.
  public func claim(
    memory base: GuestPhysicalAddress, count: UInt64, for device: any Device, firstRegister: UInt32 = 0,
    widest: AccessSize = .dword
  ) {
    let claim = MemoryClaim(
      device: device, base: base.value, count: count, firstRegister: firstRegister, widest: widest)
    precondition(count > 0 && count <= 1 << 32, "a memory range of \(count) bytes")
    precondition(
      !regions.contains { $0.base < claim.base &+ count && claim.base < $0.base &+ $0.count },
      "memory at \(base.value) is claimed twice")
    attach(device)
    regions.append(claim)
  }

  // MARK: Ports

  /// Reads a port. Costs a few nanoseconds beyond the device's own work.
  public func readPort(_ port: UInt16, size: AccessSize) -> UInt32 {
    // The bus owns the claim. Counting references to it and to its device here took twice the time of all the rest.
    claims[Int(table[Int(port)])]._withUnsafeGuaranteedRef { claim in
      guard claim.takes(port, size) else { return readSplit(port, size: size) }
      claim.counters[0] &+= 1
      return claim.device.read(claim.register(port), size: size) & size.mask
    }
  }

  /// Writes a port.
  public func writePort(_ port: UInt16, size: AccessSize, value: UInt32) {
    claims[Int(table[Int(port)])]._withUnsafeGuaranteedRef { claim in
      guard claim.takes(port, size) else { return writeSplit(port, size: size, value: value) }
      claim.counters[1] &+= 1
      claim.device.write(claim.register(port), size: size, value: value & size.mask)
    }
  }

  @inline(never) private func readSplit(_ port: UInt16, size: AccessSize) -> UInt32 {
    let half: AccessSize = size == .dword ? .word : .byte
    let step = UInt16(half.rawValue)
    let low = readPort(port, size: half)
    // Past the last port the address has 17 bits, where nothing answers.
    let (next, overflow) = port.addingReportingOverflow(step)
    let high = overflow ? half.mask : readPort(next, size: half)
    return low | high << (8 * UInt32(step))
  }

  @inline(never) private func writeSplit(_ port: UInt16, size: AccessSize, value: UInt32) {
    let half: AccessSize = size == .dword ? .word : .byte
    let step = UInt16(half.rawValue)
    writePort(port, size: half, value: value & half.mask)
    let (next, overflow) = port.addingReportingOverflow(step)
    if !overflow { writePort(next, size: half, value: value >> (8 * UInt32(step)) & half.mask) }
  }

  /// Use of every claimed range, in the order of the claims. Windows that stand nowhere aren't told.
  public var portStatistics: [PortStatistics] {
    let away = Set(portWindows.filter { $0.base == nil }.map { Int($0.index) })
    return (1..<max(claimCount, 1)).filter { !away.contains($0) }.map { index in
      let claim = claims[index].takeUnretainedValue()
      return PortStatistics(
        device: claim.device.name, ports: claim.first...claim.last, reads: claim.counters[0],
        writes: claim.counters[1])
    }
  }

  // MARK: Device memory

  /// Reads device memory; where no device answers, all ones.
  public func readMemory(_ address: GuestPhysicalAddress, size: AccessSize) -> UInt32 {
    guard let region = region(at: address.value) else {
      return size == .byte ? 0xff : readMemorySplit(address, size: size)
    }
    guard region.takes(address.value, size) else { return readMemorySplit(address, size: size) }
    return region.device.read(region.register(address.value), size: size) & size.mask
  }

  /// Writes device memory; where no device answers, nothing happens.
  public func writeMemory(_ address: GuestPhysicalAddress, size: AccessSize, value: UInt32) {
    guard let region = region(at: address.value), region.takes(address.value, size) else {
      guard size != .byte else { return }
      let half: AccessSize = size == .dword ? .word : .byte
      writeMemory(address, size: half, value: value & half.mask)
      let next = GuestPhysicalAddress(address.value &+ UInt64(half.rawValue))
      writeMemory(next, size: half, value: value >> (8 * UInt32(half.rawValue)) & half.mask)
      return
    }
    region.device.write(region.register(address.value), size: size, value: value & size.mask)
  }

  private func readMemorySplit(_ address: GuestPhysicalAddress, size: AccessSize) -> UInt32 {
    let half: AccessSize = size == .dword ? .word : .byte
    let next = GuestPhysicalAddress(address.value &+ UInt64(half.rawValue))
    return readMemory(address, size: half) | readMemory(next, size: half) << (8 * UInt32(half.rawValue))
  }

  private func region(at address: UInt64) -> MemoryClaim? {
    for region in regions where address &- region.base < region.count { return region }
    for window in memoryWindows where address &- window.base < window.count { return window }
    return nil
  }

  // MARK: Time

  /// The earliest virtual nanosecond at which some device has something to do; nil when none has. Ask again after every
  /// access: it costs one test unless a device changed its mind.
  public var nextDeadline: UInt64? {
    if clock.isStale { findEarliest() }
    return earliest == .max ? nil : earliest
  }

  /// Sets the time and lets every device do what is due. Time never goes back: an earlier `now` changes nothing.
  /// The machine calls this before a device is accessed, and when a deadline is reached.
  public func advance(to now: UInt64) {
    if now > clock.now { clock.now = now }
    if clock.isStale { findEarliest() }
    if earliest <= clock.now { serveDeadlines() }
  }

  @inline(never) private func serveDeadlines() {
    let now = clock.now
    // As many turns as there are devices: one whose deadline stays in the past must not hold up the machine.
    for _ in devices.indices {
      findEarliest()
      guard earliest <= now else { return }
      devices[earliestIndex].advance(to: now)
    }
    findEarliest()
  }

  /// From now on another process serves these devices: here they keep their places on the map, and no time passes for
  /// them.
  public func silence(where isServedElsewhere: (any Device) -> Bool) {
    silent = Set(devices.indices.filter { isServedElsewhere(devices[$0]) })
    clock.deadlinesChanged()
  }

  /// The number of the map's row that a port falls under: below 256, 0 where no device answers.
  @inline(__always) public func row(at port: UInt16) -> UInt8 { table[Int(port)] }

  /// The device that answers at an address, if one does.
  public func device(at address: GuestPhysicalAddress) -> (any Device)? { region(at: address.value)?.device }

  /// The rows of the port map: number, device, where it stands now.
  public var portRows: [(row: UInt8, device: String, ports: ClosedRange<UInt16>?)] {
    let away = Set(portWindows.filter { $0.base == nil }.map(\.index))
    return (1..<max(claimCount, 1)).map { index in
      let claim = claims[index].takeUnretainedValue()
      return (UInt8(index), claim.device.name, away.contains(UInt8(index)) ? nil : claim.first...claim.last)
    }
  }

  private func findEarliest() {
    clock.isStale = false
    earliest = .max
    for index in devices.indices {
      if !silent.isEmpty, silent.contains(index) { continue }
      guard let deadline = devices[index].nextDeadline, deadline < earliest else { continue }
      earliest = deadline
      earliestIndex = index
    }
  }

  // MARK: Reset and snapshots

  /// Resets every device, in the order they were attached. Time goes on.
  public func reset() {
    for device in devices { device.reset() }
    clock.deadlinesChanged()
  }

  /// The state of all devices. The time is the machine's to keep.
  public func save() -> [DeviceState] { devices.map { $0.save() } }

  /// Whether this process serves a device.
  public func isServedHere(_ index: Int) -> Bool { !silent.contains(index) }

  /// Restores what `save` gave.
  /// - Parameters:
  ///   - states: one for each device, in any order.
  ///   - now: the virtual time at which they were saved.
  public func restore(_ states: [DeviceState], at now: UInt64) throws(DeviceStateError) {
    clock.now = now
    for device in devices {
      guard let state = states.first(where: { $0.name == device.name }) else {
        throw DeviceStateError(description: "the snapshot has no state for '\(device.name)'")
      }
      try device.restore(state)
    }
    clock.deadlinesChanged()
  }
}

/// One row of the port map.
private final class PortClaim {
  let device: any Device
  @exclusivity(unchecked) private(set) var first: UInt16
  @exclusivity(unchecked) private(set) var last: UInt16
  let firstRegister: UInt32
  let widest: UInt8
  /// Reads and writes; behind a pointer, so that counting is no access to the object.
  let counters: UnsafeMutablePointer<UInt64>

  init(device: any Device, ports: ClosedRange<UInt16>, firstRegister: UInt32, widest: AccessSize) {
    self.device = device
    first = ports.lowerBound
    last = ports.upperBound
    self.firstRegister = firstRegister
    self.widest = widest.rawValue
    counters = .allocate(capacity: 2)
    counters.initialize(repeating: 0, count: 2)
  }

  deinit { counters.deallocate() }

  /// Moves the range; the caller has checked that it ends below port 0x10000.
  func place(at base: UInt16) {
    last = base + (last - first)
    first = base
  }

  /// A byte always; more when the device is as wide, the port aligned and the end inside the claim.
  func takes(_ port: UInt16, _ size: AccessSize) -> Bool {
    let extra = UInt16(size.rawValue) &- 1
    return extra == 0 || (size.rawValue <= widest && port & extra == 0 && last &- port >= extra)
  }

  func register(_ port: UInt16) -> UInt32 { firstRegister &+ UInt32(port &- first) }
}

/// A range of ports whose place the guest chooses, as a PCI base address register does. Where it lies over ports that are
/// claimed for good, or over a window that was made earlier, those answer.
public final class PortWindow {
  public let count: UInt16
  /// The first port; nil while it stands nowhere.
  public fileprivate(set) var base: UInt16?
  fileprivate let index: UInt8
  private weak var bus: Bus?

  fileprivate init(bus: Bus, count: UInt16, index: UInt8) {
    self.bus = bus
    self.count = count
    self.index = index
  }

  /// Moves the window, or takes it away. One that would reach past the last port stands nowhere.
  public func place(at base: UInt16?) {
    let fits = base.flatMap { $0.addingReportingOverflow(count - 1).overflow ? nil : $0 }
    if fits != self.base { bus?.move(self, to: fits) }
  }

  fileprivate var ports: ClosedRange<UInt16>? { base.map { $0...($0 + (count - 1)) } }
}

/// A range of device memory whose place the guest chooses.
public final class MemoryWindow {
  public let count: UInt64
  /// The first address; nil while it stands nowhere.
  public private(set) var base: GuestPhysicalAddress?
  fileprivate let index: Int
  // A device holds its windows, and the bus its devices.
  private weak var bus: Bus?

  fileprivate init(bus: Bus, count: UInt64, index: Int) {
    self.bus = bus
    self.count = count
    self.index = index
  }

  /// Moves the window, or takes it away. One that would reach past the last address stands nowhere.
  public func place(at base: GuestPhysicalAddress?) {
    let fits = base.flatMap { $0.value.addingReportingOverflow(count - 1).overflow ? nil : $0 }
    guard fits != self.base else { return }
    self.base = fits
    bus?.move(self, to: fits)
  }
}

/// One range of device memory.
private struct MemoryClaim {
  let device: any Device
  var base: UInt64
  var count: UInt64
  let firstRegister: UInt32
  let widest: AccessSize

  func takes(_ address: UInt64, _ size: AccessSize) -> Bool {
    let extra = UInt64(size.rawValue) &- 1
    return extra == 0
      || (size.rawValue <= widest.rawValue && address & extra == 0 && count &- (address &- base) > extra)
  }

  func register(_ address: UInt64) -> UInt32 {
    firstRegister &+ UInt32(truncatingIfNeeded: address &- base)
  }
}

/// What answers where no device does.
private final class EmptyBus: Device {
  let name = "empty bus"
  func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }
  func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
  func reset() {}
  func transferState(_ archive: inout StateArchive) {}
}
