// A PC with memory, drives and a PCI bus: what the storage suites drive.

import Memory

@testable import Devices

/// Guest memory for devices; everything above it is no memory.
final class TestMemory: DMA {
  var bytes: [UInt8]
  var writes = 0
  /// Bytes that somebody tried to write.
  var written = 0
  init(_ count: Int = 1 << 20, filledWith byte: UInt8 = 0) { bytes = Array(repeating: byte, count: count) }

  func read(_ address: GuestPhysicalAddress, into target: UnsafeMutableRawBufferPointer) {
    for index in target.indices {
      let at = address.value &+ UInt64(index)
      target[index] = at < UInt64(bytes.count) ? bytes[Int(at)] : 0xff
    }
  }

  func write(_ address: GuestPhysicalAddress, from source: UnsafeRawBufferPointer) {
    writes += 1
    written += source.count
    for index in source.indices {
      let at = address.value &+ UInt64(index)
      if at < UInt64(bytes.count) { bytes[Int(at)] = source[index] }
    }
  }

  func put<T: FixedWidthInteger>(_ value: T, at address: Int) {
    store(value, at: GuestPhysicalAddress(UInt64(address)))
  }
  func get<T: FixedWidthInteger>(_ address: Int, as type: T.Type = T.self) -> T {
    load(GuestPhysicalAddress(UInt64(address)))
  }
}

struct StorageMachine {
  let pc: PCDevices
  let memory: TestMemory
  /// The images that are in memory.
  let images: [MemoryDiskImage]
  var bus: Bus { pc.bus }

  init(_ drives: [Drive] = [], memory: TestMemory = TestMemory(), settled: Bool = true) throws {
    self.memory = memory
    images = drives.compactMap { $0.image as? MemoryDiskImage }
    pc = PCDevices(PCDevices.Configuration(ramSize: 1 << 20, drives: try DriveList(drives), dma: memory))
    if settled {
      pc.settleAsFirmware()
      // All interrupts open but the timer's.
      out(0x21, 0x01)
      out(0xa1, 0)
      for (slot, function, _) in pc.pci.all where function == 0 || function == 1 {
        configure(slot, function, 0x04, configuration(slot, function, 0x04, .word) | 0x04, .word)
      }
    }
  }

  func out(_ port: UInt16, _ value: UInt32, _ size: AccessSize = .byte) {
    bus.writePort(port, size: size, value: value)
  }

  func `in`(_ port: UInt16, _ size: AccessSize = .byte) -> UInt32 { bus.readPort(port, size: size) }

  // MARK: PCI

  private func select(_ slot: Int, _ function: Int, _ register: UInt16) -> UInt16 {
    out(0xcf8, 0x8000_0000 | UInt32(slot) << 11 | UInt32(function) << 8 | UInt32(register & 0xfc), .dword)
    return 0xcfc + register & 3
  }

  func configuration(_ slot: Int, _ function: Int, _ register: UInt16, _ size: AccessSize = .dword) -> UInt32 {
    self.in(select(slot, function, register), size)
  }

  func configure(
    _ slot: Int, _ function: Int, _ register: UInt16, _ value: UInt32, _ size: AccessSize = .dword
  ) { out(select(slot, function, register), value, size) }

  // MARK: Interrupts

  func isRequested(_ irq: UInt8) -> Bool { pc.interrupts.registers.requests & 1 << UInt16(irq) != 0 }

  /// Takes the pending interrupt as a processor would and ends it; nil when there is none.
  func takeInterrupt() -> UInt8? {
    guard pc.interrupts.hasPendingInterrupt else { return nil }
    let vector = pc.interrupts.acknowledge()
    if vector >= 0x70 { out(0xa0, 0x20) }
    out(0x20, 0x20)
    return vector >= 0x70 ? vector - 0x70 + 8 : vector - 8
  }

  // MARK: IDE

  static let primary: UInt16 = 0x1f0

  var status: UInt8 { UInt8(self.in(0x3f6)) }

  /// Gives a command to a drive of the primary channel.
  func command(_ code: UInt32, lba: UInt32 = 0, count: UInt32 = 1, features: UInt32 = 0, device: UInt32 = 0xe0) {
    out(0x1f6, device | lba >> 24 & 0x0f)
    for (port, value): (UInt16, UInt32) in [(1, features), (2, count), (3, lba), (4, lba >> 8), (5, lba >> 16)] {
      out(Self.primary + port, value & 0xff)
    }
    out(0x1f7, code)
  }

  func commandExtended(_ code: UInt32, lba: UInt64, count: UInt32) {
    out(0x1f6, 0xe0)
    for shift: UInt64 in [24, 0] {
      out(0x1f2, shift == 24 ? count >> 8 : count & 0xff)
      for port: UInt16 in 0..<3 { out(0x1f3 + port, UInt32(lba >> (shift + 8 * UInt64(port)) & 0xff)) }
    }
    out(0x1f7, code)
  }

  func readData(_ count: Int, _ size: AccessSize = .word) -> [UInt8] {
    let width = Int(size.rawValue)
    return (0..<count / width).flatMap { _ in
      let value = self.in(Self.primary, size)
      return (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }
  }

  func writeData(_ bytes: [UInt8], _ size: AccessSize = .word) {
    let width = Int(size.rawValue)
    for start in stride(from: 0, to: bytes.count, by: width) {
      let value = (0..<width).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
      out(Self.primary, value, size)
    }
  }

  /// The port where the bus master's registers stand.
  var busMaster: UInt16 { UInt16(configuration(1, 1, 0x20) & 0xfff0) }

  /// Writes a table of physical regions at 0x1000 and points the engine to it.
  func setRegions(_ regions: [(address: UInt32, count: UInt32)], isEnded: Bool = true) {
    for (index, region) in regions.enumerated() {
      let isLast = isEnded && index == regions.count - 1
      memory.put(region.address, at: 0x1000 + 8 * index)
      memory.put(region.count & 0xffff | (isLast ? 0x8000_0000 : 0), at: 0x1004 + 8 * index)
    }
    out(busMaster + 4, 0x1000, .dword)
  }
}

/// Sectors that can be told apart: each byte is a mix of its sector and its place.
func pattern(sectors: Range<Int>, seed: UInt8 = 0) -> [UInt8] {
  sectors.flatMap { sector in (0..<512).map { UInt8(truncatingIfNeeded: sector &* 7 &+ $0 &+ $0 >> 8) ^ seed } }
}

func memoryDisk(sectors: Int = 2016, isReadOnly: Bool = false) throws -> MemoryDiskImage {
  try MemoryDiskImage(pattern(sectors: 0..<sectors), isReadOnly: isReadOnly)
}
