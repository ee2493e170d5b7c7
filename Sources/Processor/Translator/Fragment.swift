// A translation: the host code for one block of guest code at one EIP in one mode, and what must be known of it to chain
// it, to leave it in the middle, and to throw it away.

import ISA

/// How a guest instruction was translated.
public enum TranslationKind: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  /// The same operation, with its operands where they are on the host.
  case identical
  /// Several host instructions with the same effect.
  case inline
  /// Left to the monitor.
  case callout
  /// A control transfer, rewritten.
  case branch
}

/// What is kept for each guest instruction of a fragment.
struct InstructionRecord: BitwiseCopyable {
  /// Where its code begins, from the fragment's first byte.
  var start: UInt16
  /// Flags that are undefined before it (`FlagEffect`), packed by `HostFlags`.
  var undefinedFlags: UInt16
  var kind: TranslationKind
  /// Which x87 instruction of the fragment was the last before this one, and which with a memory operand, plus 1; 0 when
  /// the state has its FIP, FDS and so on already.
  var lastX87: UInt8
  var lastX87Data: UInt8
}

/// A translated block.
struct Fragment: BitwiseCopyable {
  /// The block it was made from (its header).
  var block: UnsafeMutablePointer<BlockHeader>
  var eip: UInt32
  /// Bits of `EngineMode.fragment`.
  var mode: UInt64
  /// Offsets into the translation cache: where its key is checked, where it isn't, and where its code ends.
  var checkedEntry: Int32
  var entry: Int32
  var end: Int32
  /// Guest instructions.
  var count: Int32
  /// Index of the first instruction's step in the interpreter's arena.
  var firstStep: Int32
  /// Index of the first `InstructionRecord`.
  var firstRecord: Int32
  /// The next fragment of the same block, or 0.
  var nextOfBlock: UInt32
  /// The first link that leads here, or 0.
  var firstIncoming: UInt32 = 0
  /// Links of its own: first, and how many.
  var firstLink: UInt32
  var linkCount: UInt32
  /// Instructions whose accesses take the explicit path.
  var explicitAccesses: UInt64
  var isValid = true
  /// Where execution went on after the callout at its end, the last time; or 0.
  var successor: UInt32 = 0
}

/// A direct branch out of a fragment.
struct Link: BitwiseCopyable {
  var fragment: UInt32
  var target: UInt32
  /// Behind the displacement of its jump.
  var jumpEnd: Int32
  /// Where the jump leads while nothing is linked.
  var stub: Int32
  /// The fragment that it leads to, or 0; and the next link that leads there.
  var to: UInt32 = 0
  var nextIncoming: UInt32 = 0
}
