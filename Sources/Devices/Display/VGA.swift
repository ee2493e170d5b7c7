// A VGA as text modes need it, after IBM's "VGA/XGA Technical Reference": every register can be read back, and the CRTC
// says what part of video memory is on the screen. Video memory itself is plain RAM at A0000h, so that the guest's stores
// cost what stores cost. So the planes and write modes of the graphics modes aren't there: their registers are, their
// pixels aren't.
//
//   registers (from port 0x3B0)   04-05, 24-25  CRTC index, data (colour: 0x3D4; monochrome: 0x3B4)
//                                 0A, 2A        input status 1; feature control (W)
//                                 10-11         attribute index and data; data (R)
//                                 12            input status 0 (R), miscellaneous output (W); 1C reads it
//                                 14-15         sequencer index, data
//                                 16-19         DAC: mask, read index, write index, data
//                                 1A            feature control (R)
//                                 1E-1F         graphics controller index, data

/// The display adapter.
public final class VGA: Device {
  public let name = "vga"
  /// Where video memory stands, and how much there is.
  public static let memoryBase: UInt64 = 0xa_0000
  public static let memorySize = 0x2_0000
  /// The port of register 0.
  static let firstPort: UInt16 = 0x3b0

  private let clock: VirtualClock
  private let memory: UnsafeRawBufferPointer

  private var crtcIndex: UInt8 = 0
  private var crtc: [UInt8] = []
  private var sequencerIndex: UInt8 = 0
  private var sequencer: [UInt8] = []
  private var graphicsIndex: UInt8 = 0
  private var graphics: [UInt8] = []
  private var attributeIndex: UInt8 = 0
  private var attributes: [UInt8] = []
  /// The next write to 0x3C0 is data.
  private var takesAttributeData = false
  private var miscellaneous: UInt8 = 0
  private var feature: UInt8 = 0
  private var dacMask: UInt8 = 0
  private var dacReadAt: UInt16 = 0
  private var dacWriteAt: UInt16 = 0
  private var dacIsReading = false
  private var palette: [UInt8] = []

  /// - Parameter memory: the bytes behind `memoryBase`, `memorySize` of them, for as long as the device lives.
  public init(clock: VirtualClock, memory: UnsafeRawBufferPointer) {
    precondition(memory.count >= Self.memorySize)
    self.clock = clock
    self.memory = memory
    setMode3()
  }

  // MARK: Modes

  /// 80 by 25 characters in colour, as firmware sets it up.
  private func setMode3() {
    miscellaneous = 0x67
    sequencer = [0x03, 0x00, 0x03, 0x00, 0x02]
    crtc = [
      0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00,
      0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
    ]
    graphics = [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff]
    attributes = [
      0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
      0x0c, 0x00, 0x0f, 0x08, 0x00,
    ]
    // The palette stays on (bit 5 of the index), or the screen would be dark.
    attributeIndex = 0x20
    dacMask = 0xff
    palette = (0..<256).flatMap { Self.standardColour($0) }
  }

  /// The first 64 colours: two bits each of red, green and blue, as an EGA's monitor takes them.
  private static func standardColour(_ index: Int) -> [UInt8] {
    guard index < 64 else { return [0, 0, 0] }
    func level(_ high: Int, _ low: Int) -> UInt8 {
      let isHigh = index >> high & 1
      let isLow = index >> low & 1
      return UInt8(isHigh * 42 + isLow * 21)
    }
    return [level(2, 5), level(1, 4), level(0, 3)]
  }

  /// The screen as it is now; nil in a graphics mode.
  public var screen: TextScreen? {
    guard graphics[6] & 1 == 0 else { return nil }
    let columns = Int(crtc[1]) + 1
    let displayEnd = Int(crtc[0x12]) | Int(crtc[0x07] & 0x02) << 7 | Int(crtc[0x07] & 0x40) << 3
    let lines = displayEnd + 1
    let height = Int(crtc[0x09] & 0x1f) + 1
    // A row may be cut off below; more rows than a screen has lines of eight pixels would be no text.
    let rows = min(max(lines / height, 1), 128)
    let pitch = Int(crtc[0x13]) * 2
    let start = Int(crtc[0x0c]) << 8 | Int(crtc[0x0d])

    var cells: [TextScreen.Cell] = []
    cells.reserveCapacity(columns * rows)
    for row in 0..<rows {
      for column in 0..<columns {
        let at = address(ofCharacter: start + row * pitch + column)
        cells.append(TextScreen.Cell(code: memory[at], attribute: memory[at + 1]))
      }
    }
    return TextScreen(
      columns: columns, rows: rows, cells: cells,
      cursor: cursor(columns: columns, rows: rows, pitch: pitch, start: start), blinks: attributes[0x10] & 0x08 != 0)
  }

  /// Offset into video memory. The window that the graphics controller opens decides, and repeats where it ends.
  private func address(ofCharacter number: Int) -> Int {
    let offset = number * 2
    return switch graphics[6] >> 2 & 3 {
    case 0: offset & 0x1_fffe
    case 1: offset & 0xfffe
    case 2: 0x1_0000 + offset & 0x7ffe
    default: 0x1_8000 + offset & 0x7ffe
    }
  }

  private func cursor(columns: Int, rows: Int, pitch: Int, start: Int) -> (row: Int, column: Int)? {
    guard crtc[0x0a] & 0x20 == 0, crtc[0x0a] & 0x1f <= crtc[0x0b] & 0x1f else { return nil }
    let at = (Int(crtc[0x0e]) << 8 | Int(crtc[0x0f])) - start
    guard at >= 0 else { return nil }
    let (row, column) = pitch > 0 ? (at / pitch, at % pitch) : (0, at)
    return row < rows && column < columns ? (row, column) : nil
  }

  // MARK: Registers

  /// A frame of 70 Hz has 449 lines of 31.778 microseconds, 49 of them without picture.
  private var status1: UInt8 {
    let line: UInt64 = 31_778
    let (frame, visible) = (449 * line, 400 * line)
    let at = clock.now % frame
    // The retrace pulse is two lines, soon after the picture; systems poll for its edges.
    if at >= visible { return at < visible + 12 * line || at >= visible + 14 * line ? 0x01 : 0x09 }
    return at % line >= 25_422 ? 0x01 : 0x00
  }

  private var isColour: Bool { miscellaneous & 1 != 0 }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { UInt32(read(offset)) }

  private func read(_ offset: UInt32) -> UInt8 {
    switch offset {
    // Only one of the two places of the CRTC answers.
    case 0x04, 0x05, 0x0a: return isColour ? 0xff : readCRTC(offset)
    case 0x24, 0x25, 0x2a: return isColour ? readCRTC(offset & 0x0f) : 0xff
    case 0x10: return takesAttributeData ? 0 : attributeIndex
    case 0x11:
      let index = Int(attributeIndex & 0x1f)
      return index < attributes.count ? attributes[index] : 0
    case 0x12: return 0x10
    case 0x14: return sequencerIndex
    case 0x15: return sequencerIndex < sequencer.count ? sequencer[Int(sequencerIndex)] : 0
    case 0x16: return dacMask
    case 0x17: return dacIsReading ? 3 : 0
    case 0x18: return UInt8(truncatingIfNeeded: dacWriteAt / 3)
    case 0x19: return readPalette()
    case 0x1a: return feature
    case 0x1c: return miscellaneous
    case 0x1e: return graphicsIndex
    case 0x1f: return graphicsIndex < graphics.count ? graphics[Int(graphicsIndex)] : 0
    default: return 0xff
    }
  }

  private func readCRTC(_ offset: UInt32) -> UInt8 {
    switch offset {
    case 0x04: return crtcIndex
    case 0x05: return crtcIndex < crtc.count ? crtc[Int(crtcIndex)] : 0
    default:
      takesAttributeData = false
      return status1
    }
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    write(offset, UInt8(truncatingIfNeeded: value))
  }

  private func write(_ offset: UInt32, _ byte: UInt8) {
    switch offset {
    case 0x04, 0x05, 0x0a: if !isColour { writeCRTC(offset, byte) }
    case 0x24, 0x25, 0x2a: if isColour { writeCRTC(offset & 0x0f, byte) }
    case 0x10:
      if takesAttributeData { writeAttribute(byte) } else { attributeIndex = byte & 0x3f }
      takesAttributeData.toggle()
    case 0x12: miscellaneous = byte
    case 0x14: sequencerIndex = byte & 0x07
    case 0x15: if sequencerIndex < sequencer.count { sequencer[Int(sequencerIndex)] = byte }
    case 0x16: dacMask = byte
    case 0x17:
      dacReadAt = UInt16(byte) * 3
      dacIsReading = true
    case 0x18:
      dacWriteAt = UInt16(byte) * 3
      dacIsReading = false
    case 0x19: writePalette(byte)
    case 0x1e: graphicsIndex = byte & 0x0f
    case 0x1f: if graphicsIndex < graphics.count { graphics[Int(graphicsIndex)] = byte }
    default: break
    }
  }

  private func writeCRTC(_ offset: UInt32, _ byte: UInt8) {
    switch offset {
    case 0x04: crtcIndex = byte & 0x3f
    case 0x05:
      guard crtcIndex < crtc.count else { return }
      // Bit 7 of register 11h protects the timing; of register 7 only the line compare's bit goes through.
      if crtcIndex < 8, crtc[0x11] & 0x80 != 0 {
        if crtcIndex == 7 { crtc[7] = crtc[7] & ~0x10 | byte & 0x10 }
        return
      }
      crtc[Int(crtcIndex)] = byte
    default: feature = byte
    }
  }

  private func writeAttribute(_ byte: UInt8) {
    let index = Int(attributeIndex & 0x1f)
    guard index < attributes.count else { return }
    // The palette can be written only while it is off the screen.
    if index < 16, attributeIndex & 0x20 != 0 { return }
    attributes[index] = byte & (index < 16 ? 0x3f : 0xff)
  }

  private func readPalette() -> UInt8 {
    defer { dacReadAt = (dacReadAt + 1) % 768 }
    return palette[Int(dacReadAt)]
  }

  private func writePalette(_ byte: UInt8) {
    palette[Int(dacWriteAt)] = byte & 0x3f
    dacWriteAt = (dacWriteAt + 1) % 768
  }

  public func reset() {
    crtcIndex = 0
    sequencerIndex = 0
    graphicsIndex = 0
    takesAttributeData = false
    feature = 0
    dacReadAt = 0
    dacWriteAt = 0
    dacIsReading = false
    setMode3()
  }

  public func transferState(_ archive: inout StateArchive) {
    func registers(_ values: inout [UInt8]) { for index in values.indices { archive.field(&values[index]) } }
    archive.field(&crtcIndex)
    registers(&crtc)
    archive.field(&sequencerIndex)
    registers(&sequencer)
    archive.field(&graphicsIndex)
    registers(&graphics)
    archive.field(&attributeIndex)
    registers(&attributes)
    archive.field(&takesAttributeData)
    archive.field(&miscellaneous)
    archive.field(&feature)
    archive.field(&dacMask)
    archive.field(&dacReadAt)
    archive.field(&dacWriteAt)
    archive.field(&dacIsReading)
    registers(&palette)
    if archive.isRestoring {
      dacReadAt %= 768
      dacWriteAt %= 768
    }
  }
}
