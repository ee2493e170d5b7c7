// The handle through which everything in this module works on a processor: one pointer, passed by value. Nothing here
// allocates, counts references or calls through an existential.

import ISA
import Memory
import Tracing

/// A virtual processor, seen from inside: the state block's address.
struct CPU: BitwiseCopyable {
  let raw: UnsafeMutableRawPointer

  @inline(__always) init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }

  /// The state block.
  @inline(__always) var s: UnsafeMutablePointer<CPUState> { raw.assumingMemoryBound(to: CPUState.self) }

  /// The owner: recorder, block cache, memory. For slow paths.
  @inline(__always) var owner: Processor {
    Unmanaged<Processor>.fromOpaque(s.pointee.owner)._withUnsafeGuaranteedRef { $0 }
  }

  /// The same without counting a reference.
  @inline(__always) func withOwner<Result>(_ body: (Processor) -> Result) -> Result {
    Unmanaged<Processor>.fromOpaque(s.pointee.owner)._withUnsafeGuaranteedRef(body)
  }

  #if TRANSLATOR
    /// The translator, while it is the engine; without the cost of a reference.
    @inline(__always) var translator: Unmanaged<Translator>? {
      s.pointee.translator.map { Unmanaged<Translator>.fromOpaque($0) }
    }
  #endif

  // MARK: Registers

  /// The low `W` bits of a general register. For 8-bit widths 0-3 are AL CL DL BL and 4-7 AH CH DH BH.
  @inline(__always) func register<W: OperandWidth>(_ number: UInt8, as: W.Type = W.self) -> W {
    raw.load(fromByteOffset: Self.registerOffset(number, W.self), as: W.self)
  }

  /// Writes the low `W` bits; the rest of the register stays.
  @inline(__always) func setRegister<W: OperandWidth>(_ number: UInt8, _ value: W) {
    raw.storeBytes(of: value, toByteOffset: Self.registerOffset(number, W.self), as: W.self)
  }

  /// Where a register operand lies in the state block.
  @inline(__always) static func registerOffset<W: OperandWidth>(_ number: UInt8, _: W.Type) -> Int {
    W.bitWidth == 8 ? Int(number & 3) << 3 | Int(number >> 2) : Int(number) << 3
  }

  @inline(__always) var eax: UInt32 { get { register(0) } nonmutating set { setRegister(0, newValue) } }
  @inline(__always) var ecx: UInt32 { get { register(1) } nonmutating set { setRegister(1, newValue) } }
  @inline(__always) var edx: UInt32 { get { register(2) } nonmutating set { setRegister(2, newValue) } }
  @inline(__always) var ebx: UInt32 { get { register(3) } nonmutating set { setRegister(3, newValue) } }
  @inline(__always) var esp: UInt32 { get { register(4) } nonmutating set { setRegister(4, newValue) } }
  @inline(__always) var ebp: UInt32 { get { register(5) } nonmutating set { setRegister(5, newValue) } }
  @inline(__always) var esi: UInt32 { get { register(6) } nonmutating set { setRegister(6, newValue) } }
  @inline(__always) var edi: UInt32 { get { register(7) } nonmutating set { setRegister(7, newValue) } }
  @inline(__always) var al: UInt8 { get { register(0) } nonmutating set { setRegister(0, newValue) } }
  @inline(__always) var ah: UInt8 { get { register(4) } nonmutating set { setRegister(4, newValue) } }
  @inline(__always) var ax: UInt16 { get { register(0) } nonmutating set { setRegister(0, newValue) } }

  @inline(__always) func segment(_ register: SegmentRegister) -> UnsafeMutablePointer<SegmentCache> {
    (raw + MemoryLayout<CPUState>.offset(of: \.segments)!).assumingMemoryBound(to: SegmentCache.self)
      + Int(register.rawValue)
  }

  // MARK: Flags

  @inline(__always) var flags: LazyFlags {
    get { LazyFlags(result: s.pointee.flagResult, auxiliary: s.pointee.flagAuxiliary) }
    nonmutating set {
      s.pointee.flagResult = newValue.result
      s.pointee.flagAuxiliary = newValue.auxiliary
    }
  }

  /// EFLAGS, whole. Writing it does not update the mode: callers that may change TF, VM, AC or IF call
  /// `updateContext()` afterwards.
  @inline(__always) var eflags: UInt32 {
    get { s.pointee.systemFlags | flags.eflags }
    nonmutating set {
      flags = LazyFlags(eflags: newValue)
      s.pointee.systemFlags = newValue & 0x003e_7700 | 2
    }
  }

  /// EFLAGS.RF: debug faults are held off for the next instruction.
  @inline(__always) var resumes: Bool {
    get { s.pointee.resumeAt == retired }
    nonmutating set { s.pointee.resumeAt = newValue ? retired : -1 }
  }

  @inline(__always) func systemFlag(_ mask: UInt32) -> Bool { s.pointee.systemFlags & mask != 0 }

  // MARK: Mode

  /// CR0.PE: protected mode (virtual-8086 mode included).
  @inline(__always) var isProtected: Bool { s.pointee.cr0 & 1 != 0 }
  /// EFLAGS.VM.
  @inline(__always) var isVirtual8086: Bool { s.pointee.systemFlags & 0x2_0000 != 0 }
  /// Real-address or virtual-8086 mode: segment registers hold paragraph numbers.
  @inline(__always) var usesParagraphs: Bool { !isProtected || isVirtual8086 }
  @inline(__always) var cpl: UInt8 { s.pointee.cpl }
  @inline(__always) var isUser: Bool { s.pointee.cpl == 3 }
  @inline(__always) var ioPrivilege: UInt8 { UInt8(truncatingIfNeeded: s.pointee.systemFlags >> 12 & 3) }
  /// SS.B: the stack pointer is ESP, not SP.
  @inline(__always) var hasBigStack: Bool { segment(.ss).pointee.isBig }
  /// The D bit of CS: default operand and address size.
  @inline(__always) var codeSize: CodeSize { segment(.cs).pointee.isBig ? .bits32 : .bits16 }

  // MARK: Attention

  /// Call after IF may have become 1: lets the block end if an interrupt is waiting.
  @inline(__always) func noteInterruptWindow() {
    if s.pointee.interruptRequested, systemFlag(EFlags.if.rawValue) {
      s.pointee.attention |= Attention.interruptWindow
    }
  }

  /// Holds off external interrupts (and with `debug` also debug traps) until the next instruction is over.
  /// - Parameter retired: the retired count after the present instruction.
  @inline(__always) func shadow(after retired: Int64, debug: Bool) {
    s.pointee.shadowAt = retired
    s.pointee.shadowsDebug = debug
  }

  // MARK: Counting

  /// Retired instructions; exact between instructions, stale within a block.
  @inline(__always) var retired: Int64 { s.pointee.sliceEnd &- s.pointee.remaining }

  /// Whether somebody records events of a kind.
  @inline(__always) func records(_ kind: EventKind) -> Bool { s.pointee.eventMask >> UInt64(kind.rawValue) & 1 != 0 }

  /// Reports an event if somebody records its kind.
  @inline(__always) func record(
    _ kind: EventKind, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0, eip: UInt32? = nil
  ) {
    if records(kind) {
      owner.record(kind, code: code, a: a, b: b, eip: eip ?? s.pointee.eip)
    }
  }
}
