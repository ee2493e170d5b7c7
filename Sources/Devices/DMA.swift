// How a device reaches the guest's memory by itself. A device is given addresses by the guest, so any address may come:
// what isn't memory reads as all ones, and writes to it vanish, as on an empty bus.

import Memory

/// The guest's physical memory, as a bus master sees it.
public protocol DMA: AnyObject {
  /// Fills `target` from guest memory; bytes that aren't memory read as 0xff. An address beyond the last comes round.
  func read(_ address: GuestPhysicalAddress, into target: UnsafeMutableRawBufferPointer)
  /// Puts `source` into guest memory; bytes for anything but RAM are dropped.
  func write(_ address: GuestPhysicalAddress, from source: UnsafeRawBufferPointer)
}

extension DMA {
  /// Reads a little-endian integer.
  func load<T: FixedWidthInteger>(_ address: GuestPhysicalAddress, as type: T.Type = T.self) -> T {
    var value: T = 0
    withUnsafeMutableBytes(of: &value) { read(address, into: $0) }
    return T(littleEndian: value)
  }

  /// Writes a little-endian integer.
  func store<T: FixedWidthInteger>(_ value: T, at address: GuestPhysicalAddress) {
    withUnsafeBytes(of: value.littleEndian) { write(address, from: $0) }
  }
}

/// No memory at all: what devices of a machine without RAM see.
public final class NoDMA: DMA {
  public init() {}
  public func read(_ address: GuestPhysicalAddress, into target: UnsafeMutableRawBufferPointer) {
    target.initializeMemory(as: UInt8.self, repeating: 0xff)
  }
  public func write(_ address: GuestPhysicalAddress, from source: UnsafeRawBufferPointer) {}
}

/// A machine's RAM.
public final class GuestMemoryDMA: DMA {
  /// Told of each piece of RAM that was written, afterwards; it never crosses a page. The processor may have decoded code
  /// there.
  public var wrote: ((GuestPhysicalAddress, Int) -> Void)?
  private let memory: GuestPhysicalMemory

  public init(memory: GuestPhysicalMemory) { self.memory = memory }

  public func read(_ address: GuestPhysicalAddress, into target: UnsafeMutableRawBufferPointer) {
    forEachPage(from: address, count: target.count) { at, offset, count in
      let part = UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + count])
      if let source = memory.pointer(to: at) {
        part.copyMemory(from: UnsafeRawBufferPointer(start: source, count: count))
      } else {
        part.initializeMemory(as: UInt8.self, repeating: 0xff)
      }
    }
  }

  public func write(_ address: GuestPhysicalAddress, from source: UnsafeRawBufferPointer) {
    forEachPage(from: address, count: source.count) { at, offset, count in
      guard case .ram = memory.backing(of: at), let target = memory.pointer(to: at) else { return }
      target.copyMemory(from: source.baseAddress! + offset, byteCount: count)
      wrote?(at, count)
    }
  }

  private func forEachPage(
    from address: GuestPhysicalAddress, count: Int, _ body: (GuestPhysicalAddress, Int, Int) -> Void
  ) {
    var done = 0
    while done < count {
      let at = GuestPhysicalAddress(address.value &+ UInt64(done))
      let length = min(count - done, 4096 - Int(at.value & 0xfff))
      body(at, done, length)
      done += length
    }
  }
}

/// Pieces of guest memory that one transfer fills or empties in order.
struct GuestBuffers {
  private(set) var pieces: [(address: GuestPhysicalAddress, count: UInt64)] = []
  /// Bytes of all pieces together.
  private(set) var total: UInt64 = 0
  private var index = 0
  private var offset: UInt64 = 0

  /// Adds a piece; `total` stops at the largest number there is.
  mutating func append(_ address: GuestPhysicalAddress, count: UInt64) {
    pieces.append((address, count))
    let (sum, overflow) = total.addingReportingOverflow(count)
    total = overflow ? .max : sum
  }

  /// Where the last byte of all lies.
  var lastByte: GuestPhysicalAddress? {
    pieces.last { $0.count > 0 }.map { GuestPhysicalAddress($0.address.value &+ ($0.count - 1)) }
  }

  /// Takes the next bytes out of guest memory.
  /// - Returns: how many there were.
  mutating func read(into target: UnsafeMutableRawBufferPointer, _ dma: any DMA) -> Int {
    forEachPiece(of: target.count) { address, range in
      dma.read(address, into: UnsafeMutableRawBufferPointer(rebasing: target[range]))
    }
  }

  /// Puts bytes into guest memory.
  /// - Returns: how many there was room for.
  @discardableResult mutating func write(_ source: UnsafeRawBufferPointer, _ dma: any DMA) -> Int {
    forEachPiece(of: source.count) { address, range in
      dma.write(address, from: UnsafeRawBufferPointer(rebasing: source[range]))
    }
  }

  private mutating func forEachPiece(of count: Int, _ body: (GuestPhysicalAddress, Range<Int>) -> Void) -> Int {
    var done = 0
    while done < count, index < pieces.count {
      let piece = pieces[index]
      let length = Int(min(piece.count - offset, UInt64(count - done)))
      if length > 0 { body(GuestPhysicalAddress(piece.address.value &+ offset), done..<done + length) }
      done += length
      offset += UInt64(length)
      if offset == piece.count {
        index += 1
        offset = 0
      }
    }
    return done
  }
}
