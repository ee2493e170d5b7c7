// One decoded instruction, as data: fixed size, trivially copyable, no references. Everything downstream of the
// decoder (interpreter, translator, trace, disassembler marks) reads this and never the guest's bytes again.

/// Where an instruction's operands are. Register numbers are the encoding's own (0 = EAX/AX/AL ... 7 = EDI/DI/BH).
public enum OperandForm: UInt8, Sendable, BitwiseCopyable {
  /// No explicit operand (or only implied ones).
  case none
  /// One operand: `rm` (a register or memory).
  case rm
  /// Destination `rm`, source `reg`. For `.movFromSegment`, `reg` is a segment register.
  case rmReg
  /// Destination `reg`, source `rm`. For `.movToSegment` and `.lds`..., see `Operation`.
  case regRM
  /// Destination `rm`, source `immediate`. The accumulator and opcode-register short forms use this too.
  case rmImm
  /// Destination `rm`, count in CL.
  case rmCL
  /// Destination `reg`, sources `rm` and `immediate`.
  case regRMImm
  /// Destination `rm`, source `reg`, count in `immediate`.
  case rmRegImm
  /// Destination `rm`, source `reg`, count in CL.
  case rmRegCL
  /// `immediate` only (INT n, PUSH imm, RET imm, AAM, IN/OUT with a port byte; ENTER has its level in `selector`).
  /// RET without an immediate and IN/OUT with DX have the form `.none`.
  case imm
  /// `immediate` is a displacement from the end of the instruction, sign-extended to 32 bits.
  case relative
  /// `selector`:`immediate` is a far pointer.
  case far
}

/// A segment register, by its encoding.
public enum SegmentRegister: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case es, cs, ss, ds, fs, gs
}

/// The size that addresses and operands have without a prefix: the D bit of the code segment.
public enum CodeSize: UInt8, Sendable, BitwiseCopyable {
  case bits16, bits32
}

/// A decoded instruction (24 bytes).
///
/// ```
///  0       2     3     4      5       6    7   8     9      10     11         12            16          20
///  +-------+-----+-----+------+-------+----+---+-----+------+------+----------+-------------+-----------+---------+
///  | op    |form |size |flags |length |reg |rm |base |index |scale |condition |displacement | immediate |selector |
///  +-------+-----+-----+------+-------+----+---+-----+------+------+----------+-------------+-----------+---------+
/// ```
public struct Instruction: Sendable, BitwiseCopyable, Equatable {
  public var operation: Operation
  public var form: OperandForm
  /// Operand size in bytes: 1, 2 or 4 (8 for CMPXCHG8B). For MOVZX/MOVSX the destination's; for near and far
  /// transfers, stack operations and descriptor-table loads the size the operand-size attribute gives (2 or 4).
  /// For `.movToSegment`, LLDT, LTR, VERR, VERW, LMSW and ARPL always 2; for `.movFromSegment`, SLDT, STR and SMSW 2 in
  /// memory and the operand-size attribute in a register; for LAR and LSL the destination's.
  public var operandSize: UInt8
  public var flags: Flags
  /// Bytes of the encoding, prefixes included: 1 to 15.
  public var length: UInt8
  /// ModRM.reg or the opcode's register; a segment, control or debug register's number where the operation says so.
  public var reg: UInt8
  /// The r/m operand's register number; meaningful when `!hasMemory`.
  public var rm: UInt8
  /// Base register of the memory operand, or `Instruction.noRegister`.
  public var base: UInt8
  /// Index register of the memory operand, or `Instruction.noRegister`.
  public var index: UInt8
  /// log2 of the index's scale factor: 0 to 3.
  public var scale: UInt8
  /// The low nibble of the opcode of Jcc, SETcc, CMOVcc; the low three bits of an ESC opcode (`.x87`), whose ModRM
  /// is in `reg` and in `rm` or the memory operand, and as it was in `immediate`.
  public var condition: UInt8
  /// Displacement of the memory operand, sign-extended to 32 bits; the effective address wraps at the address size.
  public var displacement: UInt32
  /// Immediate operand, sign- or zero-extended as the operation has it, then cut to the operand size.
  public var immediate: UInt32
  /// Selector of a far pointer; nesting level (0 to 255) of ENTER; number in `SIMDTable` of an MMX or SSE instruction.
  public var selector: UInt16

  /// Stands for "no register" in `base` and `index`.
  public static let noRegister: UInt8 = 8

  /// Prefixes and properties of the encoding. The top three bits are the effective segment of the memory operand.
  public struct Flags: OptionSet, Sendable, BitwiseCopyable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The r/m operand is memory (or, for string operations, XLAT and bare offsets, there is a memory operand).
    /// Not set for `.nop` with a ModRM form: nothing is accessed.
    public static let memory = Flags(rawValue: 1 << 0)
    /// Addresses are 16 bits wide: effective addresses wrap at 64 KiB, string operations use SI/DI/CX.
    public static let address16 = Flags(rawValue: 1 << 1)
    public static let lock = Flags(rawValue: 1 << 2)
    /// F3: REP, REPE. Of F2 and F3 the last in the encoding counts.
    public static let rep = Flags(rawValue: 1 << 3)
    /// F2: REPNE.
    public static let repne = Flags(rawValue: 1 << 4)
  }

  public init(
    operation: Operation, form: OperandForm = .none, operandSize: UInt8 = 4, flags: Flags = [], length: UInt8 = 1,
    reg: UInt8 = 0, rm: UInt8 = 0, base: UInt8 = Instruction.noRegister, index: UInt8 = Instruction.noRegister,
    scale: UInt8 = 0, condition: UInt8 = 0, displacement: UInt32 = 0, immediate: UInt32 = 0, selector: UInt16 = 0,
    segment: SegmentRegister = .ds
  ) {
    self.operation = operation
    self.form = form
    self.operandSize = operandSize
    self.flags = Flags(rawValue: (flags.rawValue & 0x1f) | segment.rawValue << 5)
    self.length = length
    self.reg = reg
    self.rm = rm
    self.base = base
    self.index = index
    self.scale = scale
    self.condition = condition
    self.displacement = displacement
    self.immediate = immediate
    self.selector = selector
  }

  @inlinable public var hasMemory: Bool { flags.rawValue & Flags.memory.rawValue != 0 }
  @inlinable public var address16: Bool { flags.rawValue & Flags.address16.rawValue != 0 }
  @inlinable public var isLocked: Bool { flags.rawValue & Flags.lock.rawValue != 0 }
  /// REP, REPE or REPNE is in effect.
  @inlinable public var isRepeated: Bool { flags.rawValue & (Flags.rep.rawValue | Flags.repne.rawValue) != 0 }

  /// The segment that the memory operand goes through: the override, or the default (SS with an EBP or ESP base,
  /// else DS). The ES destination of string operations is not this one.
  @inlinable public var segment: SegmentRegister {
    get { unsafeBitCast(flags.rawValue >> 5, to: SegmentRegister.self) }
    set { flags = Flags(rawValue: (flags.rawValue & 0x1f) | newValue.rawValue << 5) }
  }
}
