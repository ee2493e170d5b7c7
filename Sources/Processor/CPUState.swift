// The whole architectural state of one virtual processor, and the few words that its engines share, in one block
// behind one pointer: so that handlers address it directly, translated code can later, and a snapshot is a copy.
//
// General registers come first, 64 bits apart: register n is at byte 8 * n, AL..BL at 8 * n, AH..BH at 8 * n + 1.
// Slot 8 is always zero: it stands for "no base" and "no index", so that an effective address has no branches.

import ISA
import Memory
import Tracing

/// The part of a segment register that the processor keeps beside the selector (SDM 3A, 3.4.3).
public struct SegmentCache: BitwiseCopyable, Equatable, Sendable {
  public var selector: UInt16
  /// Bits 8-15 and 20-23 of the descriptor's second word, as `SegmentAttributes` has them; 0 means unusable.
  public var attributes: UInt16
  /// The limit in bytes: the last valid offset (expand-up), or the last invalid one (expand-down).
  public var limit: UInt32
  public var base: UInt32
  public var padding: UInt32 = 0

  public init(selector: UInt16 = 0, base: UInt32 = 0, limit: UInt32 = 0, attributes: UInt16 = 0) {
    self.selector = selector
    self.attributes = attributes
    self.limit = limit
    self.base = base
  }

  /// Type field: bits 0-3 (with S = 1: bit 3 code, bit 2 expand-down or conforming, bit 1 writable or readable,
  /// bit 0 accessed).
  @inlinable public var type: UInt8 { UInt8(truncatingIfNeeded: attributes & 0xf) }
  /// S: a code or data segment, not a system segment.
  @inlinable public var isCodeOrData: Bool { attributes & 0x10 != 0 }
  @inlinable public var privilege: UInt8 { UInt8(truncatingIfNeeded: attributes >> 5 & 3) }
  @inlinable public var isPresent: Bool { attributes & 0x80 != 0 }
  /// D/B: 32-bit code, stack pointer or expand-down bound.
  @inlinable public var isBig: Bool { attributes & 0x4000 != 0 }
  @inlinable public var isCode: Bool { attributes & 0x18 == 0x18 }
  @inlinable public var isExpandDown: Bool { attributes & 0x1c == 0x14 }
  /// A data segment that takes writes.
  @inlinable public var isWritable: Bool { attributes & 0x1a == 0x12 }
  /// Data, or code with R.
  @inlinable public var isReadable: Bool { attributes & 0x18 == 0x10 || attributes & 0x1a == 0x1a }
  /// Usable for memory access: loaded with a present code or data descriptor.
  @inlinable public var isUsable: Bool { attributes & 0x90 == 0x90 }
  /// Writable data up to 4 GiB, from any base: addresses wrap as 32-bit sums do, and nothing else can fault.
  @inlinable public var isOpenData: Bool { limit == 0xffff_ffff && attributes & 0x9e == 0x92 }
  /// The whole 4 GiB, from 0: no limit check can fail except by wrapping.
  @inlinable public var isFlat: Bool { base == 0 && limit == 0xffff_ffff && attributes & 0x9c != 0x94 && isUsable }
}

/// A descriptor table register.
public struct DescriptorTable: BitwiseCopyable, Equatable, Sendable {
  public var base: UInt32 = 0
  public var limit: UInt32 = 0
  public init(base: UInt32 = 0, limit: UInt32 = 0) {
    self.base = base
    self.limit = limit
  }
}

/// One device access of the instruction under way (`DeviceLog`).
struct DeviceAccess: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable { case portRead, portWrite, memoryRead, memoryWrite }
  var address: UInt64 = 0
  var value: UInt32 = 0
  var size: UInt8 = 0
  var kind: Kind = .portRead
}

/// Why the chain of handlers returned to the run loop.
enum Leave: UInt8, BitwiseCopyable {
  /// Go on at EIP: find the block there.
  case resolve
  /// `pendingFault` is to be delivered.
  case fault
  /// HLT was executed.
  case halt
  /// `exitAccess` holds a completed port access that the machine must carry out.
  case portAccess
  /// The machine has carried it out, and wants to be back.
  case served
}

/// The state block. Everything an engine needs without following a reference.
public struct CPUState {
  // General registers; must stay first (see above).
  var registers: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
  let zero: UInt64 = 0

  // Lazy arithmetic flags (LazyFlags.swift).
  var flagResult: UInt32 = 1
  var flagAuxiliary: UInt32 = 0
  /// EFLAGS without the six arithmetic flags; bit 1 is always set.
  /// RF is never kept here: see `resumeAt`.
  var systemFlags: UInt32 = 2
  /// Address of the next instruction to execute; while a block runs, `blockEIP` counts instead.
  public var eip: UInt32 = 0
  /// EIP at which the running block was entered.
  var blockEIP: UInt32 = 0
  var leave: Leave = .resolve
  /// Something the end of the present instruction must look at: bits of `Attention`.
  var attention: UInt8 = 0
  /// Current privilege level, 0 to 3.
  public var cpl: UInt8 = 0
  /// An external interrupt waits for the guest to accept it.
  var interruptRequested: Bool = false
  /// FERR# and IGNNE# (X87Errors.swift).
  var numericError: Bool = false
  var ignoresNumericErrors: Bool = false

  // What translated code leaves behind when it exits (TranslatorStubs.swift).
  /// LAHF's AH in bits 8 to 15, OF in bit 0.
  var hostFlags: UInt32 = 0
  /// EIP where execution goes on, or the linear address of an access.
  var exitAddress: UInt32 = 0
  /// Which link, which instruction, or which host address.
  var exitDetail: UInt64 = 0
  /// The `Translator`, unretained; nil while the engine is another.
  var translator: UnsafeMutableRawPointer?
  /// XMM registers and MXCSR are in the host's while translated code runs; here at any other time.
  var vectorsInHost: UInt8 = 0
  /// MXCSR for everybody else: all exceptions masked.
  var hostVectorControl: UInt32 = 0x1f80
  /// The access under way is one that translated code began, and its exit has been counted.
  var repeatsTranslatedAccess = false
  /// What CPUID said last, and for which EAX; no number of a leaf while it isn't known.
  var cpuidLeaf = CPUIDTable.Leaf(eax: 0, ebx: 0, ecx: 0, edx: 0)
  var cpuidNumber = CPUIDTable.noLeaf
  /// The base of the window in use; of a repeated string instruction ECX when it began, and the budget when it is over.
  var windowBase: UInt64 = 0
  var stringCount: UInt64 = 0
  var stringBudget: Int64 = 0
  /// An address while a look-up has another use for its register.
  var lookupScratch: UInt64 = 0
  /// Changes between privilege level 3 and the others.
  var privilegeChanges: UInt64 = 0
  /// Room for a value while translated code looks up another address.
  var translatedScratch: UInt64 = 0

  /// Instructions left of the present slice; the retired count is `sliceEnd - remaining`.
  var remaining: Int64 = 0
  var sliceEnd: Int64 = 0
  /// High half of the keys of blocks that may run now: mode and code generation (BlockCache.swift).
  var context: UInt64 = 0
  /// High half of the tags of valid entries of the data TLB.
  var tlbGeneration: UInt64 = 1 << 32
  /// Translations for the current privilege: `supervisorTLB` or `userTLB`.
  var tlb: UnsafeMutablePointer<TLBEntry>
  var jumpCache: UnsafeMutablePointer<UnsafeMutableRawPointer>
  /// The branch that the chain was left at, whose link is to be set; nil if none.
  var linkFrom: UnsafeMutableRawPointer?
  /// The interpreter's step arena and, index for index, the instructions behind the steps.
  var steps: UnsafeMutableRawPointer
  var instructions: UnsafeMutablePointer<Instruction>
  /// Where fast handlers go when the fast path doesn't apply: the general handler of the same instruction.
  var general: @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void

  /// By `Operation.rawValue`.
  var generalHandlers: UnsafeMutablePointer<Handler>
  var supervisorTLB: UnsafeMutablePointer<TLBEntry>
  var userTLB: UnsafeMutablePointer<TLBEntry>
  /// Generations at or above this one are good for global pages.
  var globalGeneration: UInt64 = 1 << 32
  /// Page entries of guest-physical memory, and where machine memory is mapped.
  var pageEntries: UnsafeMutablePointer<UInt64>
  var codeGranules: UnsafeMutablePointer<UInt64>
  var machineBase: UnsafeMutableRawPointer
  /// By guest-physical page (`WriteHolder`).
  var writeHolders: UnsafeMutablePointer<UInt32>
  var pager = ActivePager.native(NativePager())
  /// The TLB that is counted, where one is modelled.
  var tlbModel: TLBModel?

  // Segments, in the encoding's order: ES CS SS DS FS GS.
  var segments:
    (SegmentCache, SegmentCache, SegmentCache, SegmentCache, SegmentCache, SegmentCache) = (
      SegmentCache(), SegmentCache(), SegmentCache(), SegmentCache(), SegmentCache(), SegmentCache()
    )
  public var ldtr = SegmentCache()
  public var tr = SegmentCache()
  public var gdtr = DescriptorTable()
  public var idtr = DescriptorTable()

  /// x87, MMX and SSE registers.
  public var fpu = FloatingPointState()
  /// Room for operands of the SIMD instruction under way, and what each of them does.
  var simdScratch: (SIMD2<UInt64>, SIMD2<UInt64>) = (SIMD2(), SIMD2())
  var simdActions = SIMDUnit.actions

  public var cr0: UInt32 = 0
  public var cr2: UInt32 = 0
  public var cr3: UInt32 = 0
  public var cr4: UInt32 = 0
  public var efer: UInt64 = 0
  /// The four page-directory pointers that PAE paging loads with CR3 (SDM 3A, 4.4.1).
  var pdptes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
  /// DR0 to DR3.
  var breakpoints: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
  public var dr6: UInt32 = 0xffff_0ff0
  public var dr7: UInt32 = 0x400
  public var sysenterCS: UInt64 = 0
  public var sysenterESP: UInt64 = 0
  public var sysenterEIP: UInt64 = 0
  /// CPUID offers a local APIC, and IA32_APIC_BASE is there.
  var hasLocalAPIC: Bool = false
  public var apicBase: UInt64 = 0
  /// Added to the retired count to give the time-stamp counter.
  var timestampOffset: UInt64 = 0
  /// Physical addresses are ANDed with this: bit 20 is clear while the A20 gate is shut.
  var addressMask: UInt64 = ~0

  /// Conditions found by the present instruction that raise #DB after it: bits as in DR6.
  var pendingDebug: UInt32 = 0
  /// Retired count at which interrupts are held off (STI, MOV SS, POP SS), or -1.
  var shadowAt: Int64 = -1
  /// The shadow is that of a stack-segment load: debug traps are held off too.
  var shadowsDebug: Bool = false
  /// Alignment checks or data breakpoints are on (`updateContext`).
  var accessChecks: Bool = false
  /// Bloom filter of linear pages that code was fetched from since the last invalidation.
  var executedPages: (UInt64, UInt64) = (0, 0)
  /// Translations of large pages exist: bit per 4 MiB region modulo 64, to make INVLPG exact.
  var largePageRegions: UInt64 = 0
  var pendingFault = GuestFault(kind: .exception)
  var exitAccess = DeviceAccess()
  /// Accesses of the present instruction that devices have already answered, in order.
  var deviceLogCount: Int = 0
  var deviceLogCursor: Int = 0

  #if DEBUG
    /// The step to go on with, where handlers return to a loop.
    var nextStep: UnsafeMutableRawPointer?
  #endif
  /// Retired count at which EFLAGS.RF counts as set: RF lasts for one instruction.
  var resumeAt: Int64 = -1
  /// The `Processor` that owns this block, unretained.
  var owner: UnsafeMutableRawPointer
  /// Kinds of events that are recorded; 0 when nobody records.
  var eventMask: UInt64 = 0
  /// Some of them happen in the middle of instructions.
  var tellsWithinInstructions = false
  /// What CPUID says of the monitor if that is one of VMware's.
  var vmware: VMwareFrequencies?

  /// Translations filled after a page walk, walks in all, flushes: for statistics.
  public var counters = Counters()
  public var paging = PagingCounters()
}

/// Conditions that end a block after the instruction that found them.
enum Attention {
  /// Decoded code was overwritten: the rest of the block may be stale.
  static let codeModified: UInt8 = 1
  /// The device log has entries to forget.
  static let deviceLog: UInt8 = 2
  /// Mode, privilege or address translation changed: the block may not go on.
  static let contextChanged: UInt8 = 4
  /// Interrupts have become acceptable and one is waiting.
  static let interruptWindow: UInt8 = 8
  /// The slice ends too soon for the block to be promised to the end.
  static let sliceEnd: UInt8 = 32
  /// The engine is single-stepping.
  static let single: UInt8 = 16
  /// Translated code wants one instruction executed, and no more.
  static let callout: UInt8 = 64
}

/// Work the processor counts, in one place.
public struct Counters: BitwiseCopyable, Sendable, Equatable {
  public var blocksDecoded: UInt64 = 0
  public var blocksInvalidated: UInt64 = 0
  public var instructionsDecoded: UInt64 = 0
  public var pageWalks: UInt64 = 0
  public var tlbFlushes: UInt64 = 0
  public var exceptions: UInt64 = 0
  public var interrupts: UInt64 = 0
}
