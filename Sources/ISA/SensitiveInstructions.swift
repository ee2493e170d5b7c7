// The instructions that break Popek and Goldberg's condition on x86: sensitive, and yet not trapping. After
// J. S. Robin and C. E. Irvine, "Analysis of the Intel Pentium's Ability to Support a Secure Virtual Machine Monitor",
// USENIX Security 2000, section 3.2, and SDM volume 2 for each instruction. `trapline isa --sensitive` prints this table.

/// A row of the table of sensitive instructions.
public struct SensitiveInstruction: Sendable {
  /// Which part of Popek and Goldberg's condition breaks, in the paper's numbering.
  public enum Requirement: String, Sendable {
    /// 3B: reads or changes sensitive registers or memory (the clock, the interrupt registers, ...).
    case sensitiveRegisters = "3B"
    /// 3C: refers to the protection system, the memory system or address relocation.
    case protectionSystem = "3C"
  }

  /// What ring 3 gets, on the processor that guests see.
  public enum Trap: Sendable, Equatable {
    case never
    /// Only when the guest's tables or registers make it so.
    case sometimes(String)
  }

  /// As the manual writes them.
  public var mnemonics: String
  public var operations: [Operation]
  public var requirement: Requirement
  /// Robin and Irvine name it. Rows that they don't name are marked by false.
  public var isInPaper: Bool
  /// Why running it directly at a lower privilege would show or lose something.
  public var violation: String
  public var trapsInRing3: Trap
  /// What the interpreter does about it.
  public var interpreter: String
  /// What the translator's host code does itself, and when; nil where it always calls the interpreter's handler.
  public var translator: String? = nil
}

/// The table of sensitive instructions.
public enum SensitiveInstructions {
  public static let rows: [SensitiveInstruction] = [
    .init(
      mnemonics: "SGDT, SIDT", operations: [.sgdt, .sidt], requirement: .sensitiveRegisters, isInPaper: true,
      violation: "Stores the real GDTR or IDTR in every ring, and there is one of each: the guest would read the "
        + "monitor's table instead of its own.",
      trapsInRing3: .never, interpreter: "Stores the virtual CPU's own GDTR or IDTR."),
    .init(
      mnemonics: "SLDT", operations: [.sldt], requirement: .sensitiveRegisters, isInPaper: true,
      violation: "Stores the real LDTR in every ring.",
      trapsInRing3: .sometimes("#UD in real-address and virtual-8086 mode"),
      interpreter: "Stores the virtual CPU's own LDT selector."),
    .init(
      mnemonics: "SMSW", operations: [.smsw], requirement: .sensitiveRegisters, isInPaper: true,
      violation: "Stores the low half of the real CR0 in every ring: a guest in real mode would see PE set.",
      trapsInRing3: .never, interpreter: "Stores from the virtual CPU's CR0."),
    .init(
      mnemonics: "PUSHF, PUSHFD", operations: [.pushf], requirement: .sensitiveRegisters, isInPaper: true,
      violation: "Shows the real IF and IOPL: a guest kernel that ran CLI would find interrupts enabled.",
      trapsInRing3: .sometimes("#GP in virtual-8086 mode with IOPL below 3"),
      interpreter: "Pushes the virtual CPU's flags, with VM and RF as zero.",
      translator: "PUSHFD: joins the host's arithmetic flags with the virtual CPU's others."),
    .init(
      mnemonics: "POPF, POPFD", operations: [.popf], requirement: .sensitiveRegisters, isInPaper: true,
      violation: "Drops changes to IF and IOPL without a word when not privileged: a guest kernel's POPF would not "
        + "enable interrupts.",
      trapsInRing3: .sometimes("#GP in virtual-8086 mode with IOPL below 3"),
      interpreter: "Changes the bits that the virtual CPU's CPL and IOPL allow; looks for a pending interrupt when "
        + "IF becomes one.",
      translator: "POPFD at level 0: gives the host the arithmetic flags and the virtual CPU IF and DF; calls when "
        + "more changes or an interrupt waits."),
    .init(
      mnemonics: "LAR", operations: [.lar], requirement: .protectionSystem, isInPaper: true,
      violation: "Loads access rights from the real descriptor tables, and clears ZF if CPL forbids: the answer "
        + "depends on the monitor's tables and on the ring the guest really runs in.",
      trapsInRing3: .sometimes("#UD in real-address and virtual-8086 mode"),
      interpreter: "Reads the guest's own table, with the virtual CPL."),
    .init(
      mnemonics: "LSL", operations: [.lsl], requirement: .protectionSystem, isInPaper: true,
      violation: "As LAR, for the limit: would also show that segments were cut short to protect the monitor.",
      trapsInRing3: .sometimes("#UD in real-address and virtual-8086 mode"),
      interpreter: "Reads the guest's own table, with the virtual CPL."),
    .init(
      mnemonics: "VERR, VERW", operations: [.verr, .verw], requirement: .protectionSystem, isInPaper: true,
      violation: "ZF says whether a segment is accessible from the real CPL, which isn't the guest's.",
      trapsInRing3: .sometimes("#UD in real-address and virtual-8086 mode"),
      interpreter: "Checks the guest's own table, with the virtual CPL."),
    .init(
      mnemonics: "POP DS, ES, SS, FS, GS", operations: [.popSegment], requirement: .protectionSystem, isInPaper: true,
      violation: "Loads from the real descriptor tables, and checks against the real CPL.",
      trapsInRing3: .sometimes("#GP, #NP or #SS when the descriptor forbids"),
      interpreter: "Loads from the guest's own table, with the virtual CPL; after SS, holds interrupts off for one "
        + "instruction."),
    .init(
      mnemonics: "PUSH CS, DS, ES, SS, FS, GS", operations: [.pushSegment], requirement: .protectionSystem,
      isInPaper: true,
      violation: "Shows the RPL bits of CS and SS, and so the ring that the guest really runs in.",
      trapsInRing3: .never, interpreter: "Pushes the virtual CPU's selector."),
    .init(
      mnemonics: "CALL far", operations: [.callFar, .callFarIndirect], requirement: .protectionSystem,
      isInPaper: true,
      violation: "Through call gates and task gates, depends on CPL, DPL and RPL of the real tables; pushes the real "
        + "CS.",
      trapsInRing3: .sometimes("#GP, #NP, #SS or #TS when descriptor or gate forbids"),
      interpreter: "Goes through the guest's own tables, gates and TSS, with the virtual CPL."),
    .init(
      mnemonics: "JMP far", operations: [.jmpFar, .jmpFarIndirect], requirement: .protectionSystem, isInPaper: true,
      violation: "As CALL far.", trapsInRing3: .sometimes("#GP, #NP, #SS or #TS when descriptor or gate forbids"),
      interpreter: "Goes through the guest's own tables, gates and TSS, with the virtual CPL."),
    .init(
      mnemonics: "INT n, INT3, INTO, INT1", operations: [.int, .int3, .into, .icebp], requirement: .protectionSystem,
      isInPaper: true,
      violation: "Goes through the real IDT, and compares its gate's DPL with the real CPL.",
      trapsInRing3: .sometimes("#GP when the gate's DPL is below CPL, or in virtual-8086 mode with IOPL below 3"),
      interpreter: "Delivers through the guest's own IDT (the interrupt vector table in real mode), with the virtual "
        + "CPL."),
    .init(
      mnemonics: "RET far", operations: [.retFar], requirement: .protectionSystem, isInPaper: true,
      violation: "Returns to an outer ring only, as seen from the real CPL, and clears segment registers which that "
        + "ring may not keep.",
      trapsInRing3: .sometimes("#GP when the popped CS asks for an inner ring"),
      interpreter: "Returns by the guest's own tables, with the virtual CPL."),
    .init(
      mnemonics: "IRET, IRETD", operations: [.iret], requirement: .protectionSystem, isInPaper: false,
      violation: "As RET far, and as POPF: IF and IOPL are dropped without a word when not privileged.",
      trapsInRing3: .sometimes(
        "#GP when the popped CS asks for an inner ring, or in virtual-8086 mode with IOPL below 3"),
      interpreter: "Returns by the guest's own tables, tasks and virtual-8086 rules; looks for a pending interrupt "
        + "when IF becomes one."),
    .init(
      mnemonics: "STR", operations: [.str], requirement: .protectionSystem, isInPaper: true,
      violation: "Stores the real task register, whose RPL and index are the monitor's.",
      trapsInRing3: .sometimes("#UD in real-address and virtual-8086 mode"),
      interpreter: "Stores the virtual CPU's own TR."),
    .init(
      mnemonics: "MOV r/m, Sreg", operations: [.movFromSegment], requirement: .protectionSystem, isInPaper: true,
      violation: "Shows the RPL bits of CS and SS, and so the ring that the guest really runs in.",
      trapsInRing3: .never, interpreter: "Stores the virtual CPU's selector.",
      translator: "Into a 32-bit register: the same."),
    .init(
      mnemonics: "MOV Sreg, r/m", operations: [.movToSegment], requirement: .protectionSystem, isInPaper: true,
      violation: "Loads from the real descriptor tables, and checks against the real CPL.",
      trapsInRing3: .sometimes("#GP, #NP or #SS when the descriptor forbids"),
      interpreter: "Loads from the guest's own table, with the virtual CPL; after SS, holds interrupts off for one "
        + "instruction."),
    .init(
      mnemonics: "LDS, LES, LSS, LFS, LGS", operations: [.lds, .les, .lss, .lfs, .lgs],
      requirement: .protectionSystem, isInPaper: false,
      violation: "Loads a segment register as MOV does.",
      trapsInRing3: .sometimes("#GP, #NP or #SS when the descriptor forbids"),
      interpreter: "Loads from the guest's own table, with the virtual CPL."),
    .init(
      mnemonics: "SYSENTER", operations: [.sysenter], requirement: .protectionSystem, isInPaper: false,
      violation: "Enters ring 0 at the address in the real MSRs, past every table of the guest.",
      trapsInRing3: .sometimes("#GP when SYSENTER_CS is null"),
      interpreter: "Enters ring 0 of the virtual CPU, by its own MSRs."),
    .init(
      mnemonics: "CPUID", operations: [.cpuid], requirement: .sensitiveRegisters, isInPaper: false,
      violation: "Names the real processor and its features in every ring.",
      trapsInRing3: .never, interpreter: "Answers for the virtual CPU: exactly what is implemented.",
      translator: "The leaf that was asked for last: the same, from a copy."),
    .init(
      mnemonics: "RDTSC, RDPMC", operations: [.rdtsc, .rdpmc], requirement: .sensitiveRegisters, isInPaper: false,
      violation: "Shows the real clock, and with it the time that the monitor took.",
      trapsInRing3: .sometimes("#GP with CR4.TSD set (RDTSC) or CR4.PCE clear (RDPMC)"),
      interpreter: "Reads virtual time, which counts the guest's own instructions."),
  ]

  /// The row that covers an operation, or nil when it isn't sensitive.
  public static func row(for operation: Operation) -> SensitiveInstruction? {
    rows.first { $0.operations.contains(operation) }
  }
}
