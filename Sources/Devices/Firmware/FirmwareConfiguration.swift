// fw_cfg, the way by which QEMU's firmware learns what machine it runs on (QEMU's docs/specs/fw_cfg.rst): numbered
// items, some of them files in a directory, read byte by byte or by DMA.
//
//   registers  00  selector (port 0x510), a word          0C  DMA address, low half, big-endian (port 0x518): starts
//              01  data (port 0x511), bytes               08  DMA address, high half (port 0x514)
//
//   DMA descriptor, big-endian    0 control | 4 length | 8 address (8)
//                        control  31-16 selector | 4 write | 3 select | 2 skip | 1 read | 0 error

import Memory

/// The items that firmware can ask for.
public final class FirmwareConfiguration: Device {
  public let name = "fw_cfg"

  /// Numbers of items that every firmware knows.
  public enum Item {
    static let signature: UInt16 = 0x00
    static let interface: UInt16 = 0x01
    static let ramSize: UInt16 = 0x03
    static let processorCount: UInt16 = 0x05
    static let nodes: UInt16 = 0x0d
    static let bootMenu: UInt16 = 0x0e
    static let mostProcessors: UInt16 = 0x0f
    static let directory: UInt16 = 0x19
    static let firstFile: UInt16 = 0x20
    /// 1: IRQ 0 is at input 2 of the I/O APIC, for firmware's own tables.
    static let timerOverride: UInt16 = 0x8002
  }

  /// What stands behind a range of memory, as in E820 maps.
  public enum RangeKind: UInt32, Sendable {
    case ram = 1
    case reserved = 2
    case acpi = 3
    case nonvolatile = 4
  }

  /// One range of an E820 map.
  public struct MemoryRange: Sendable {
    public var start: UInt64
    public var count: UInt64
    public var kind: RangeKind

    public init(start: UInt64, count: UInt64, kind: RangeKind) {
      self.start = start
      self.count = count
      self.kind = kind
    }
  }

  private let dma: any DMA
  private var items: [UInt16: [UInt8]] = [:]
  private var files: [(name: String, size: Int)] = []
  private var selector: UInt16 = 0
  private var position: UInt32 = 0
  private var addressHigh: UInt32 = 0

  private enum Control {
    static let error: UInt32 = 1 << 0
    static let read: UInt32 = 1 << 1
    static let skip: UInt32 = 1 << 2
    static let select: UInt32 = 1 << 3
    static let write: UInt32 = 1 << 4
  }

  /// Bits of a selector that choose no item: bit 14 asks for writing.
  private static let selectorMask: UInt16 = 0xbfff
  /// Zeros beyond the end of an item that one transfer may read.
  private static let mostPadding = 1 << 20

  /// A machine with one processor.
  /// - Parameters:
  ///   - dma: for the DMA interface.
  ///   - ramSize: bytes from address 0.
  ///   - memoryMap: what firmware makes its E820 map of; the RAM alone if it is empty.
  public init(dma: any DMA, ramSize: UInt64, memoryMap: [MemoryRange] = []) {
    self.dma = dma
    items = [
      Item.signature: Array("QEMU".utf8),
      // Bytes and DMA.
      Item.interface: AML.little(UInt32(3)),
      Item.ramSize: AML.little(ramSize),
      Item.processorCount: AML.little(UInt16(1)),
      Item.nodes: AML.little(UInt64(0)),
      Item.bootMenu: AML.little(UInt16(0)),
      Item.mostProcessors: AML.little(UInt16(1)),
      Item.timerOverride: AML.little(UInt32(1)),
    ]
    updateDirectory()
    let map = memoryMap.isEmpty ? [MemoryRange(start: 0, count: ramSize, kind: .ram)] : memoryMap
    add(
      file: "etc/e820",
      Array(map.map { AML.little($0.start) + AML.little($0.count) + AML.little($0.kind.rawValue) }.joined()))
  }

  /// Adds a file, before the guest runs.
  /// - Parameter name: at most 55 bytes. SeaBIOS reads "bootorder" (device paths, one a line), "vgaroms/..." and
  ///   "genroms/..." (option ROMs), "etc/sercon-port", "etc/boot-fail-wait" and the files of `ACPITables.firmwareFiles`.
  public func add(file name: String, _ bytes: [UInt8]) {
    precondition(
      name.utf8.count < 56 && !files.contains { $0.name == name } && files.count < 0x1000, "fw_cfg file \(name)")
    items[Item.firstFile + UInt16(files.count)] = bytes
    files.append((name, bytes.count))
    updateDirectory()
  }

  private func updateDirectory() {
    var directory = big(UInt32(files.count))
    for (index, file) in files.enumerated() {
      directory += big(UInt32(file.size)) + big(Item.firstFile + UInt16(index)) + [0, 0]
      directory += Array(file.name.utf8) + [UInt8](repeating: 0, count: 56 - file.name.utf8.count)
    }
    items[Item.directory] = directory
  }

  private func big<T: FixedWidthInteger>(_ value: T) -> [UInt8] { AML.little(value.byteSwapped) }

  // MARK: Items

  private var item: [UInt8] { items[selector & Self.selectorMask] ?? [] }

  private func select(_ number: UInt16) {
    selector = number
    position = 0
  }

  private func next() -> UInt8 {
    let item = item
    guard position < UInt32(item.count) else { return 0 }
    defer { position += 1 }
    return item[Int(position)]
  }

  // MARK: DMA

  private func transfer(at address: UInt64) {
    var descriptor = [UInt8](repeating: 0, count: 16)
    descriptor.withUnsafeMutableBytes { dma.read(GuestPhysicalAddress(address), into: $0) }
    func word(_ at: Int) -> UInt32 { descriptor[at..<at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    let control = word(0)
    let target = UInt64(word(8)) << 32 | UInt64(word(12))
    if control & Control.select != 0 { select(UInt16(truncatingIfNeeded: control >> 16)) }
    var isGood = true
    if control & Control.read != 0 {
      isGood = copy(Int(word(4)), to: target)
    } else if control & Control.write != 0 {
      // No item can be written.
      isGood = false
    } else if control & Control.skip != 0 {
      position = UInt32(min(Int(position) + Int(word(4)), item.count))
    }
    big(isGood ? UInt32(0) : Control.error).withUnsafeBytes { dma.write(GuestPhysicalAddress(address), from: $0) }
  }

  /// Beyond the end of the item there are zeros, but not for ever.
  private func copy(_ count: Int, to target: UInt64) -> Bool {
    let item = item
    let start = min(Int(position), item.count)
    let real = min(count, item.count - start)
    item.withUnsafeBytes {
      dma.write(GuestPhysicalAddress(target), from: UnsafeRawBufferPointer(rebasing: $0[start..<start + real]))
    }
    position = UInt32(start + real)
    let padding = min(count - real, Self.mostPadding)
    if padding > 0 {
      [UInt8](repeating: 0, count: padding).withUnsafeBytes {
        dma.write(GuestPhysicalAddress(target &+ UInt64(real)), from: $0)
      }
    }
    return real + padding == count
  }

  // MARK: Device

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    switch offset {
    // At the selector's port there is data, too, if somebody reads it by bytes.
    case 0x00, 0x01: return size == .byte ? UInt32(next()) : UInt32(next()) | UInt32(next()) << 8
    // The DMA interface is found by its name.
    case 0x08..<0x10:
      let name = Array("QEMU CFG".utf8)
      var value: UInt32 = 0
      for index in 0..<UInt32(size.rawValue) where offset - 8 + index < 8 {
        value |= UInt32(name[Int(offset - 8 + index)]) << (8 * index)
      }
      return value
    default: return size.mask
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    switch (offset, size) {
    case (0x00, .word): select(UInt16(truncatingIfNeeded: value))
    case (0x08, .dword): addressHigh = value.byteSwapped
    case (0x0c, .dword):
      let address = UInt64(addressHigh) << 32 | UInt64(value.byteSwapped)
      addressHigh = 0
      transfer(at: address)
    default: break
    }
  }

  public func reset() {
    select(0)
    addressHigh = 0
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&selector)
    archive.field(&position)
    archive.field(&addressHigh)
  }
}
