// The registers that floating point and SIMD share: x87 and MMX (one file of eight registers under two names), XMM, and
// their control and status (SDM 1, 8.1, 9.2, 10.2). What the instructions do to them is in the files beside this one and
// in SIMD/.

/// The state of the x87, MMX and SSE units, as FXSAVE would save it but unpacked.
///
/// ```
///  127                  80 79 78        64 63                             0
///  +----------------------+--+------------+--------------------------------+
///  |          0           |S |  exponent  | significand, or the MMX value  |  one physical register
///  +----------------------+--+------------+--------------------------------+
/// ```
public struct FloatingPointState: BitwiseCopyable, Sendable {
  public typealias Vector = SIMD2<UInt64>

  /// Physical registers R0 to R7: ST(i) is R((TOP + i) mod 8), MMi is Ri. Bits 80 to 127 are always zero.
  public var registers: (Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector) = (
    Vector(), Vector(), Vector(), Vector(), Vector(), Vector(), Vector(), Vector()
  )
  /// XMM0 to XMM7.
  public var xmm: (Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector) = (
    Vector(), Vector(), Vector(), Vector(), Vector(), Vector(), Vector(), Vector()
  )
  /// Control word. Bit 6 always reads as one. Right even while the rest is in the host's unit.
  public var control: UInt16 = 0x40
  /// Status word without TOP; its bits 7 (ES) and 15 (B) are kept equal. See `statusWord`.
  public var status: UInt16 = 0
  /// TOP, 0 to 7.
  public var top: UInt8 = 0
  /// Bit n is set when physical register n is not empty: the tag byte of FXSAVE.
  public var occupied: UInt8 = 0xff
  /// What an instruction must see to before it touches the registers: bits of `Obstacle`, kept by
  /// `CPU.updateObstacles`.
  public var obstacles: UInt8 = 0

  /// Of the last x87 instruction that isn't a control instruction: its address, its 11 opcode bits, and the address of
  /// its memory operand.
  public var instructionPointer: UInt32 = 0
  public var dataPointer: UInt32 = 0
  public var instructionSelector: UInt16 = 0
  public var dataSelector: UInt16 = 0
  public var opcode: UInt16 = 0

  public var mxcsr: UInt32 = 0x1f80

  public init() {}

  /// The status word as FNSTSW stores it: with TOP in bits 11 to 13.
  @inlinable public var statusWord: UInt16 {
    get { status | UInt16(top) << 11 }
    set {
      status = newValue & 0xc7ff
      top = UInt8(newValue >> 11 & 7)
    }
  }

  /// Reasons in `obstacles`.
  public enum Obstacle {
    /// CR0.EM or CR0.TS: #NM.
    public static let unavailable: UInt8 = 1
    /// An unmasked exception is pending: #MF, or IRQ 13.
    public static let pendingError: UInt8 = 2
    /// Some exception is unmasked: an instruction must be looked at when it is over.
    public static let unmasked: UInt8 = 4
    /// Not an obstacle to x87 instructions but to everybody else: the x87 state is in the host's own unit
    /// (HostUnit.swift) and the fields here are stale, XMM and MXCSR excepted. `CPU.parkX87` brings it back.
    public static let inHost: UInt8 = 8
  }
}

extension CPU {
  /// The x87, MMX and SSE registers.
  @inline(__always) var fpu: UnsafeMutablePointer<FloatingPointState> {
    (raw + MemoryLayout<CPUState>.offset(of: \.fpu)!).assumingMemoryBound(to: FloatingPointState.self)
  }

  /// Physical register n, for MMX its 64 low bits.
  @inline(__always) func physicalRegister(_ number: Int) -> UnsafeMutablePointer<FloatingPointState.Vector> {
    (raw + (MemoryLayout<CPUState>.offset(of: \.fpu)! + number &* 16))
      .assumingMemoryBound(to: FloatingPointState.Vector.self)
  }

  @inline(__always) func xmmRegister(_ number: Int) -> UnsafeMutablePointer<FloatingPointState.Vector> {
    (raw + (MemoryLayout<CPUState>.offset(of: \.fpu)! + 128 + number &* 16))
      .assumingMemoryBound(to: FloatingPointState.Vector.self)
  }

  /// Recomputes `obstacles`: after a change of CR0.EM, CR0.TS, the control word or the exception flags.
  func updateObstacles() {
    typealias Obstacle = FloatingPointState.Obstacle
    var obstacles = fpu.pointee.obstacles & Obstacle.inHost
    if s.pointee.cr0 & 0xc != 0 { obstacles |= Obstacle.unavailable }
    if fpu.pointee.control & 0x3f != 0x3f { obstacles |= Obstacle.unmasked }
    // Nothing is pending while the state is in the host's unit.
    if fpu.pointee.status & 0x80 != 0 { obstacles |= Obstacle.pendingError }
    fpu.pointee.obstacles = obstacles
  }

  /// What every MMX instruction does to the x87 unit's state, but for EMMS: TOP becomes 0 and no register is empty.
  @inline(__always) func enterMMX() {
    fpu.pointee.top = 0
    fpu.pointee.occupied = 0xff
  }

  /// Writes MMn: the exponent's and the sign's bits become ones.
  @inline(__always) func setMMX(_ number: Int, _ value: UInt64) {
    physicalRegister(number).pointee = FloatingPointState.Vector(value, 0xffff)
  }

  /// Before an MMX instruction: #UD with CR0.EM, #NM with CR0.TS, #MF while an x87 exception is pending. Afterwards
  /// the registers are in `fpu`.
  @inline(__always) func checkMMX() throws(GuestFault) {
    typealias Obstacle = FloatingPointState.Obstacle
    if fpu.pointee.obstacles & (Obstacle.unavailable | Obstacle.pendingError | Obstacle.inHost) == 0 { return }
    try checkMMXSlowly()
  }

  @inline(never) private func checkMMXSlowly() throws(GuestFault) {
    if s.pointee.cr0 & 4 != 0 { throw .invalidOpcode }
    if s.pointee.cr0 & 8 != 0 { throw .deviceNotAvailable }
    try checkPendingX87Error()
    parkX87()
  }
}
