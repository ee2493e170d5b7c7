// What a loader hands to the virtual machine: how the processor starts, and what lies where in the guest's memory.

/// How the processor begins. Interrupts are off, paging is off and the A20 gate is open in every case; general
/// registers that aren't named here are the processor's reset values.
public struct EntryState: Sendable, Equatable {
  public enum Mode: String, CaseIterable, Sendable {
    /// Real mode: segment bases are selectors times 16, except that of a processor that comes out of reset.
    case real
    /// Protected mode at ring 0, each segment flat: base 0, limit 4 GiB, 32-bit.
    case protected
  }

  public var mode: Mode
  public var codeSelector: UInt16
  public var codeBase: UInt32
  /// DS, ES, FS, GS and SS; their base is 16 times this in real mode, else 0.
  public var dataSelector: UInt16
  /// EIP, relative to `codeBase`.
  public var instructionPointer: UInt32
  public var eax: UInt32
  public var ebx: UInt32
  public var esi: UInt32 = 0
  /// GDTR, where the guest relies on the loader's: its base and limit.
  public var descriptorTable: (base: UInt32, limit: UInt32)?

  public init(
    mode: Mode, codeSelector: UInt16, codeBase: UInt32, dataSelector: UInt16, instructionPointer: UInt32,
    eax: UInt32 = 0, ebx: UInt32 = 0
  ) {
    self.mode = mode
    self.codeSelector = codeSelector
    self.codeBase = codeBase
    self.dataSelector = dataSelector
    self.instructionPointer = instructionPointer
    self.eax = eax
    self.ebx = ebx
  }

  public static func == (a: Self, b: Self) -> Bool {
    a.mode == b.mode && a.codeSelector == b.codeSelector && a.codeBase == b.codeBase
      && a.dataSelector == b.dataSelector && a.instructionPointer == b.instructionPointer && a.eax == b.eax
      && a.ebx == b.ebx && a.esi == b.esi && a.descriptorTable?.base == b.descriptorTable?.base
      && a.descriptorTable?.limit == b.descriptorTable?.limit
  }

  /// Protected mode with flat segments, the code segment's selector 8 and the others' 16 as boot loaders have it.
  /// There is no descriptor table behind them: the guest loads its own before it touches a segment register.
  public static func flat(entry: UInt32, eax: UInt32 = 0, ebx: UInt32 = 0) -> EntryState {
    EntryState(
      mode: .protected, codeSelector: 0x08, codeBase: 0, dataSelector: 0x10, instructionPointer: entry, eax: eax,
      ebx: ebx)
  }

  /// Real mode with `selector`:`offset`, all data segments the same.
  public static func real(selector: UInt16, offset: UInt16) -> EntryState {
    EntryState(
      mode: .real, codeSelector: selector, codeBase: UInt32(selector) << 4, dataSelector: selector,
      instructionPointer: UInt32(offset))
  }

  /// The processor as reset leaves it (Intel SDM volume 3, 11.1.4): the first instruction is at FFFFFFF0.
  public static let reset = EntryState(
    mode: .real, codeSelector: 0xf000, codeBase: 0xffff_0000, dataSelector: 0, instructionPointer: 0xfff0)

  /// Linear address of the first instruction.
  public var linearEntry: UInt32 { codeBase &+ instructionPointer }
}

/// A range of guest-physical memory that a loader filled.
public struct PlacedSegment: Sendable, Equatable {
  public enum Purpose: String, Sendable {
    case image, rom, romAlias, module, bootInformation
  }

  public var purpose: Purpose
  /// Guest-physical addresses.
  public var range: Range<UInt64>

  public init(purpose: Purpose, range: Range<UInt64>) {
    self.purpose = purpose
    self.range = range
  }
}

/// A guest that lies in memory, ready to start.
public struct GuestImage: Sendable {
  public enum Format: String, CaseIterable, Sendable {
    case flat, rom, elf, multiboot, linux
  }

  public var format: Format
  public var entry: EntryState
  /// What was placed, in ascending order.
  public var segments: [PlacedSegment]
  public var symbols: SymbolTable
  /// One line for people: what it is, where it lies, where it starts.
  public var description: String
  /// What was wrong with the file but doesn't keep it from running, a sentence each.
  public var warnings: [String]

  public init(
    format: Format, entry: EntryState, segments: [PlacedSegment], symbols: SymbolTable = .empty, description: String,
    warnings: [String] = []
  ) {
    self.format = format
    self.entry = entry
    self.segments = segments
    self.symbols = symbols
    self.description = description
    self.warnings = warnings
  }
}
