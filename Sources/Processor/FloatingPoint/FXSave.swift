// FXSAVE and FXRSTOR (SDM 2; SDM 1, 10.5): the x87, MMX and SSE state in 512 bytes.
//
//     0  control   2  status   4  tags, a bit each   6  opcode
//     8  FIP      12  FCS     16  FDP               20  FDS     24  MXCSR   28  MXCSR's mask
//    32  ST(0) to ST(7), 16 bytes each (or MM0 to MM7)
//   160  XMM0 to XMM7
//   288  not used by 32-bit code, and left alone

import ISA

extension FloatingPointState {
  /// The bits that MXCSR has, with denormals-are-zeros.
  public static let mxcsrMask: UInt32 = 0xffff

  /// Loads what FXRSTOR loads from an image's 36 64-bit words. Reserved bits of MXCSR are the caller's to refuse.
  mutating func load(image words: InlineArray<36, UInt64>, withSSE: Bool) {
    control = UInt16(truncatingIfNeeded: words[0]) & 0x1f7f | 0x40
    statusWord = UInt16(truncatingIfNeeded: words[0] >> 16)
    occupied = UInt8(truncatingIfNeeded: words[0] >> 32)
    opcode = UInt16(truncatingIfNeeded: words[0] >> 48) & 0x7ff
    instructionPointer = UInt32(truncatingIfNeeded: words[1])
    instructionSelector = UInt16(truncatingIfNeeded: words[1] >> 32)
    dataPointer = UInt32(truncatingIfNeeded: words[2])
    dataSelector = UInt16(truncatingIfNeeded: words[2] >> 32)
    let top = Int(self.top)
    withUnsafeMutableBytes(of: &registers) {
      let file = $0.assumingMemoryBound(to: Vector.self)
      for n in 0..<8 { file[(top + n) & 7] = Vector(words[4 + 2 * n], words[5 + 2 * n] & 0xffff) }
    }
    guard withSSE else { return }
    mxcsr = UInt32(truncatingIfNeeded: words[3])
    withUnsafeMutableBytes(of: &xmm) {
      let file = $0.assumingMemoryBound(to: Vector.self)
      for n in 0..<8 { file[n] = Vector(words[20 + 2 * n], words[21 + 2 * n]) }
    }
  }

  /// The image's first 36 64-bit words; without SSE only 20 of them mean something, and the low half of the fourth.
  var image: InlineArray<36, UInt64> {
    var words = InlineArray<36, UInt64>(repeating: 0)
    words[0] = UInt64(control) | UInt64(statusWord) << 16 | UInt64(occupied) << 32 | UInt64(opcode) << 48
    words[1] = UInt64(instructionPointer) | UInt64(instructionSelector) << 32
    words[2] = UInt64(dataPointer) | UInt64(dataSelector) << 32
    words[3] = UInt64(mxcsr) | UInt64(Self.mxcsrMask) << 32
    let top = Int(self.top)
    withUnsafeBytes(of: registers) {
      let file = $0.assumingMemoryBound(to: Vector.self)
      for n in 0..<8 {
        words[4 + 2 * n] = file[(top + n) & 7][0]
        words[5 + 2 * n] = file[(top + n) & 7][1]
      }
    }
    withUnsafeBytes(of: xmm) {
      let file = $0.assumingMemoryBound(to: Vector.self)
      for n in 0..<8 {
        words[20 + 2 * n] = file[n][0]
        words[21 + 2 * n] = file[n][1]
      }
    }
    return words
  }

  /// The state that an FXSAVE image of at least 288 bytes holds.
  public init(fxsave bytes: [UInt8]) {
    self.init()
    var words = InlineArray<36, UInt64>(repeating: 0)
    for n in 0..<36 { for byte in 0..<8 { words[n] |= UInt64(bytes[8 * n + byte]) << UInt64(8 * byte) } }
    load(image: words, withSSE: true)
  }

  /// The 288 bytes that FXSAVE writes.
  public var fxsave: [UInt8] {
    let image = image
    return (0..<288).map { UInt8(truncatingIfNeeded: image[$0 / 8] >> UInt64(8 * ($0 % 8))) }
  }
}

extension CPU {
  // MARK: Ordinary bodies

  func fxsave(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let address = try fxAddress(i, write: true)
    try checkWritable(address, size: 512, user: isUser)
    parkX87()
    let image = fpu.pointee.image
    // Without CR4.OSFXSR the system doesn't know of SSE state, and none is written.
    let count = s.pointee.cr4 & CR4.osfxsr.rawValue != 0 ? 36 : 20
    for n in 0..<count {
      if n == 3, count == 20 { continue }
      try store(UInt32(truncatingIfNeeded: image[n]), address &+ UInt32(8 * n), user: isUser)
      try store(UInt32(truncatingIfNeeded: image[n] >> 32), address &+ UInt32(8 * n + 4), user: isUser)
    }
  }

  func fxrstor(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let address = try fxAddress(i, write: false)
    // All 512 bytes are read, whatever is used.
    _ = try route(address, write: false, user: isUser)
    _ = try route(address &+ 511, write: false, user: isUser)
    var words = InlineArray<36, UInt64>(repeating: 0)
    let withSSE = s.pointee.cr4 & CR4.osfxsr.rawValue != 0
    for n in 0..<(withSSE ? 36 : 20) {
      let low: UInt32 = try load(address &+ UInt32(8 * n), user: isUser)
      let high: UInt32 = try load(address &+ UInt32(8 * n + 4), user: isUser)
      words[n] = UInt64(high) << 32 | UInt64(low)
    }
    if withSSE, UInt32(truncatingIfNeeded: words[3]) & ~FloatingPointState.mxcsrMask != 0 { throw .generalProtection(0) }
    parkX87()
    fpu.pointee.load(image: words, withSSE: withSSE)
    settleX87Status()
  }

  private func fxAddress(_ i: UnsafePointer<Instruction>, write: Bool) throws(GuestFault) -> UInt32 {
    guard HostUnit.isAvailable else { throw .invalidOpcode }
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.unavailable != 0 { throw .deviceNotAvailable }
    let address = try operandAddress(i, size: 512, write: write)
    if address & 15 != 0 { throw .generalProtection(0) }
    return address
  }
}
