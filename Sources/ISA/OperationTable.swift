// What is known of each operation whatever its operands: its name, its class, and the property that the whole project
// turns on. One table, which the disassembler's marks, the translator's choices and `trapline isa` read.

/// The classes that the tests and the interpreter's files are divided by.
public enum InstructionClass: String, CaseIterable, Sendable {
  case dataMovement = "data movement"
  case arithmetic
  case decimal
  case logic
  case shift = "shift and rotate"
  case bit
  case string
  case controlTransfer = "control transfer"
  case farTransfer = "far transfer and interrupt"
  case flag
  case inputOutput = "input and output"
  case segment
  case system
  case x87
  case simd = "MMX and SSE"
  /// Ends of decoding that aren't instructions.
  case none
}

/// How an operation stands to a virtual machine monitor, in the sense of Popek and Goldberg (1974).
public enum InstructionProperty: String, CaseIterable, Sendable {
  /// Touches nothing but registers, flags and memory: can run as it is.
  case ordinary
  /// Changes EIP within its code segment: whoever moves code must rewrite it.
  case controlTransfer = "control transfer"
  /// Touches the processor's own state, and traps when not privileged enough (CPL, or IOPL for I/O and IF).
  case privileged
  /// Touches or shows the processor's own state, or depends on it, without always trapping: the reason why
  /// trap-and-emulate fails.
  case sensitive
}

/// A row of the operation table.
public struct OperationFacts: Sendable {
  public var operation: Operation
  /// The manual's mnemonic, in small letters; families keep their suffix (`jcc`).
  public var mnemonic: String
  public var instructionClass: InstructionClass
  public var property: InstructionProperty
}

extension Operation {
  /// Every operation's facts, in the order of `Operation.allCases`.
  public static let table: [OperationFacts] = makeTable()

  public var facts: OperationFacts { Operation.table[Int(rawValue)] }
  public var mnemonic: String { facts.mnemonic }
  public var instructionClass: InstructionClass { facts.instructionClass }
  public var property: InstructionProperty { facts.property }

  /// A real instruction, rather than `.undefined`, `.tooLong` or `.truncated`.
  @inlinable public var isInstruction: Bool { rawValue < Operation.undefined.rawValue }

  private static func makeTable() -> [OperationFacts] {
    Operation.allCases.map { operation in
      let (instructionClass, property) = classification(operation)
      return OperationFacts(
        operation: operation, mnemonic: name(operation), instructionClass: instructionClass, property: property)
    }
  }

  /// Most case names are the mnemonic; these aren't.
  private static func name(_ operation: Operation) -> String {
    switch operation {
    case .movFromSegment, .movToSegment, .movFromControl, .movToControl, .movFromDebug, .movToDebug: "mov"
    case .movzx8, .movzx16: "movzx"
    case .movsx8, .movsx16: "movsx"
    case .pushSegment: "push"
    case .popSegment: "pop"
    case .cbw: "cbw/cwde"
    case .cwd: "cwd/cdq"
    case .imulTruncating: "imul"
    case .jmpIndirect: "jmp"
    case .callIndirect: "call"
    case .jmpFar, .jmpFarIndirect: "jmp far"
    case .callFar, .callFarIndirect: "call far"
    case .retFar: "ret far"
    case .jcxz: "jcxz/jecxz"
    case .simd: "(MMX, SSE)"
    case .undefined: "(undefined)"
    case .tooLong: "(too long)"
    case .truncated: "(truncated)"
    default: "\(operation)"
    }
  }

  private static func classification(_ operation: Operation) -> (InstructionClass, InstructionProperty) {
    switch operation {
    case .mov, .movzx8, .movzx16, .movsx8, .movsx16, .xchg, .bswap, .cmovcc, .setcc, .lea, .xlat, .push, .pop,
      .pusha, .popa, .cbw, .cwd, .cmpxchg, .cmpxchg8b, .xadd, .nop:
      (.dataMovement, .ordinary)
    case .movFromSegment, .movToSegment, .pushSegment, .popSegment, .lds, .les, .lss, .lfs, .lgs:
      (.segment, .sensitive)
    case .add, .adc, .sbb, .sub, .cmp, .inc, .dec, .neg, .mul, .imul, .div, .idiv, .imulTruncating:
      (.arithmetic, .ordinary)
    case .or, .and, .xor, .test, .not: (.logic, .ordinary)
    case .daa, .das, .aaa, .aas, .aam, .aad: (.decimal, .ordinary)
    case .rol, .ror, .rcl, .rcr, .shl, .shr, .sar, .shld, .shrd: (.shift, .ordinary)
    case .bt, .bts, .btr, .btc, .bsf, .bsr: (.bit, .ordinary)
    case .movs, .cmps, .stos, .lods, .scas: (.string, .ordinary)
    case .ins, .outs, .in, .out: (.inputOutput, .privileged)
    case .jcc, .jmp, .jmpIndirect, .call, .callIndirect, .ret, .loop, .loope, .loopne, .jcxz:
      (.controlTransfer, .controlTransfer)
    case .enter, .leave: (.dataMovement, .ordinary)
    case .bound: (.controlTransfer, .ordinary)
    case .jmpFar, .jmpFarIndirect, .callFar, .callFarIndirect, .retFar, .int, .int3, .into, .icebp, .iret, .sysenter:
      (.farTransfer, .sensitive)
    case .sysexit: (.farTransfer, .privileged)
    case .pushf, .popf: (.flag, .sensitive)
    case .clc, .stc, .cmc, .cld, .std, .lahf, .sahf, .salc: (.flag, .ordinary)
    case .cli, .sti: (.flag, .privileged)
    case .sgdt, .sidt, .sldt, .str, .smsw, .lar, .lsl, .verr, .verw: (.system, .sensitive)
    case .rdtsc, .rdpmc, .cpuid: (.system, .sensitive)
    case .lgdt, .lidt, .lldt, .ltr, .lmsw, .clts, .movFromControl, .movToControl, .movFromDebug, .movToDebug,
      .invlpg, .invd, .wbinvd, .rdmsr, .wrmsr, .hlt:
      (.system, .privileged)
    case .arpl: (.segment, .ordinary)
    case .wait, .x87, .fxsave, .fxrstor: (.x87, .ordinary)
    case .simd: (.simd, .ordinary)
    case .undefined, .tooLong, .truncated: (.none, .ordinary)
    }
  }
}

extension Instruction {
  /// How the instruction stands to a virtual machine monitor.
  public var property: InstructionProperty { operation.property }
}
