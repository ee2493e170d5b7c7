// The pair of 8237As that ISA devices once had their transfers done by, with the page registers that give them 24
// address bits. Nothing here moves a byte: the registers are what firmware and systems set up and read back, and a device
// that wants a transfer asks for its channel.
//
//   registers  00-0F  first controller, channels 0-3 (ports 0x00-0x0F)
//              10-1F  page registers (ports 0x80-0x8F)
//              20-3F  second controller, channels 4-7 (ports 0xC0-0xDF), each register at two ports
//
//   of a controller   0-7  address and count of channel n / 2: low byte, then high byte, by one flip-flop
//                     8    status (R), command (W)      C  clear the flip-flop
//                     9    request                      D  temporary (R), master clear (W)
//                     A    one mask bit                 E  clear all masks
//                     B    mode                         F  all mask bits

/// The DMA controllers.
public final class DMAController: Device {
  public let name = "dma"

  /// What a channel is set up for.
  public struct Channel: Equatable, Sendable {
    /// Of the next byte.
    public var address: UInt32
    /// Bytes to transfer.
    public var count: Int
    /// 0 verify, 1 to memory, 2 from memory.
    public var direction: UInt8
    public var isMasked: Bool
  }

  private struct Controller {
    /// Address and count of each channel by turns: what was written, and what it has come to.
    var base = InlineArray<8, UInt16>(repeating: 0)
    var current = InlineArray<8, UInt16>(repeating: 0)
    var modes = InlineArray<4, UInt8>(repeating: 0)
    var command: UInt8 = 0
    var status: UInt8 = 0
    var mask: UInt8 = 0x0f
    var isHighByte = false

    mutating func clear() {
      command = 0
      status = 0
      mask = 0x0f
      isHighByte = false
    }

    mutating func read(_ register: UInt32) -> UInt8 {
      switch register {
      case 0..<8:
        defer { isHighByte.toggle() }
        return UInt8(truncatingIfNeeded: current[Int(register)] >> (isHighByte ? 8 : 0))
      case 8:
        // Reading takes the terminal counts away.
        defer { status &= 0xf0 }
        return status
      case 0x0f: return mask | 0xf0
      default: return 0
      }
    }

    mutating func write(_ register: UInt32, _ byte: UInt8) {
      switch register {
      case 0..<8:
        let index = Int(register)
        base[index] = isHighByte ? base[index] & 0x00ff | UInt16(byte) << 8 : base[index] & 0xff00 | UInt16(byte)
        current[index] = base[index]
        isHighByte.toggle()
      case 8: command = byte
      case 9:
        let bit: UInt8 = 0x10 << (byte & 3)
        status = byte & 4 != 0 ? status | bit : status & ~bit
      case 0x0a:
        let bit: UInt8 = 1 << (byte & 3)
        mask = byte & 4 != 0 ? mask | bit : mask & ~bit
      case 0x0b: modes[Int(byte & 3)] = byte
      case 0x0c: isHighByte = false
      case 0x0d: clear()
      case 0x0e: mask = 0
      default: mask = byte & 0x0f
      }
    }

    mutating func transferState(_ archive: inout StateArchive) {
      for index in 0..<8 {
        archive.field(&base[index])
        archive.field(&current[index])
      }
      for index in 0..<4 { archive.field(&modes[index]) }
      archive.field(&command)
      archive.field(&status)
      archive.field(&mask)
      archive.field(&isHighByte)
      if archive.isRestoring { mask &= 0x0f }
    }
  }

  private var first = Controller()
  private var second = Controller()
  private var pages = InlineArray<16, UInt8>(repeating: 0)

  /// Where the page of channels 0 to 7 stands, counted from port 0x80; channel 4 is the cascade, its page refresh's.
  private static let pageRegisters: [Int] = [0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa]

  public init() {}

  // MARK: The devices' side

  /// How a channel, 0 to 7, stands. From 5 on they move words.
  public func channel(_ number: Int) -> Channel {
    let number = number & 7
    let controller = number < 4 ? first : second
    let index = number & 3
    let page = UInt32(pages[Self.pageRegisters[number]]) << 16
    let address = UInt32(controller.current[2 * index])
    let count = Int(controller.current[2 * index + 1]) + 1
    let isWide = number >= 4
    return Channel(
      address: isWide ? page & 0xfe_0000 | address << 1 : page | address, count: isWide ? count * 2 : count,
      direction: controller.modes[index] >> 2 & 3, isMasked: controller.mask & 1 << UInt8(index) != 0)
  }

  /// A device has moved bytes through a channel.
  /// - Returns: whether the count has come to its end (TC).
  @discardableResult public func advance(channel number: Int, by bytes: Int) -> Bool {
    number & 4 == 0
      ? Self.advance(&first, number & 3, max(bytes, 0)) : Self.advance(&second, number & 3, max(bytes, 0) / 2)
  }

  private static func advance(_ controller: inout Controller, _ index: Int, _ units: Int) -> Bool {
    let (address, count) = (2 * index, 2 * index + 1)
    let mode = controller.modes[index]
    let left = Int(controller.current[count]) + 1
    let step = UInt16(truncatingIfNeeded: min(units, left))
    controller.current[address] =
      mode & 0x20 == 0 ? controller.current[address] &+ step : controller.current[address] &- step
    controller.current[count] &-= step
    guard units >= left else { return false }
    controller.status |= 1 << UInt8(index)
    if mode & 0x10 != 0 {
      // Auto-initialization.
      controller.current[address] = controller.base[address]
      controller.current[count] = controller.base[count]
    } else {
      controller.mask |= 1 << UInt8(index)
    }
    return true
  }

  // MARK: Device

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    switch offset {
    case 0x00..<0x10: UInt32(first.read(offset))
    case 0x10..<0x20: UInt32(pages[Int(offset - 0x10)])
    case 0x20..<0x40: UInt32(second.read((offset - 0x20) >> 1))
    default: size.mask
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch offset {
    case 0x00..<0x10: first.write(offset, byte)
    case 0x10..<0x20: pages[Int(offset - 0x10)] = byte
    case 0x20..<0x40: second.write((offset - 0x20) >> 1, byte)
    default: break
    }
  }

  public func reset() {
    first.clear()
    second.clear()
  }

  public func transferState(_ archive: inout StateArchive) {
    first.transferState(&archive)
    second.transferState(&archive)
    for index in 0..<16 { archive.field(&pages[index]) }
  }
}
