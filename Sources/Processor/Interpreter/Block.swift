// Decoded code as the interpreter runs it. A block is a header and a row of steps; a step is the address of its handler
// and what a fast handler needs, in 32 bytes. The instruction behind a step lies at the same index of a second array,
// for the general handlers.
//
//   steps:         | header | header | step 0 | step 1 | ... | end step | header ...
//   instructions:  |        |        | ins. 0 | ins. 1 | ... |          |
//
// Blocks are found by guest-physical address and mode; a block runs only if its key says that the present EIP was
// last translated to it (Context.swift).

import ISA

/// A handler: executes one step, then calls the next step's handler in tail position.
typealias Handler = @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Void

/// One instruction, made ready (32 bytes).
struct Step: BitwiseCopyable {
  var handler: Handler
  /// For a direct branch or the end of a block: the header of the block it last led to.
  var link: UnsafeMutableRawPointer
  var displacement: UInt32
  /// Immediate operand; for direct branches the target's offset from the block's first byte.
  var immediate: UInt32
  /// Byte offsets of operands in the state block.
  var reg: UInt8
  var rm: UInt8
  var base: UInt8
  var index: UInt8
  /// log2 of the index's factor.
  var scale: UInt8
  /// Instructions of the block before this one.
  var position: UInt8
  /// Offset of the instruction from the block's first byte.
  var offset: UInt16
}

/// The header of a block (64 bytes, two slots of steps).
struct BlockHeader: BitwiseCopyable {
  /// EIP | context when it was last found good to run, else 0.
  var key: UInt64
  /// Guest-physical address of its first byte.
  var physical: UInt32
  /// Guest-physical page of the bytes past the end of the first page, if any (a single crossing instruction), else
  /// `BlockHeader.noPage`.
  var secondPage: UInt32
  /// The bits of `EngineMode.block` it was made for, shifted down.
  var mode: UInt16
  /// Instructions.
  var count: UInt16
  /// Length in bytes.
  var length: UInt16
  /// In the lists; cleared when its bytes are overwritten. Code outside memory is never in them.
  var isValid: Bool
  /// Slot numbers; 0 ends a list.
  var nextInBucket: UInt32
  var nextInPage: UInt32
  var nextInSecondPage: UInt32
  /// The first translation of the block, or 0; and how often it still runs before it gets one (Translator.swift).
  var fragment: UInt32 = 0
  var coolness: UInt32 = 0
  /// The first step's own handler, where the translator's stands in its place.
  var firstHandler: Handler?
  /// Visits of its translation in a row that were too short to be worth it.
  var shortVisits: UInt32 = 0
  /// Fills two slots of steps.
  var padding: UInt32 = 0

  static let noPage: UInt32 = ~0
}
