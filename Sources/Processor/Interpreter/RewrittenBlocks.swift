// Short blocks as they were last decoded, with their bytes: code that patches an immediate in front of each call (jump
// labels, trampolines, the classic self-modifying function) finds its block again, and only the immediate is new.

import ISA

/// A direct-mapped memory of decoded blocks.
struct RewrittenBlocks {
  /// Longest block that is kept, in bytes.
  static let longest = 32
  private static let count = 64

  private struct Entry {
    /// Slot number of the block's header; 0 for none.
    var slot: UInt32 = 0
    var physical: UInt32 = 0
    var mode: UInt16 = 0
    var bytes = InlineArray<32, UInt8>(repeating: 0)
  }

  private let entries: UnsafeMutablePointer<Entry>

  init() {
    entries = .allocate(capacity: Self.count)
    entries.initialize(repeating: Entry(), count: Self.count)
  }

  func deallocate() { entries.deallocate() }

  func removeAll() { entries.update(repeating: Entry(), count: Self.count) }

  private func entry(_ physical: UInt32) -> UnsafeMutablePointer<Entry> {
    entries + Int((physical &* 0x9e37_79b1) >> 26)
  }

  /// Remembers a block that lies in one page of memory.
  func note(_ slot: UInt32, _ block: BlockHeader, _ bytes: UnsafeRawPointer) {
    guard block.length <= Self.longest else { return }
    let place = entry(block.physical)
    place.pointee.slot = slot
    place.pointee.physical = block.physical
    place.pointee.mode = block.mode
    for n in 0..<Int(block.length) { place.pointee.bytes[n] = bytes.load(fromByteOffset: n, as: UInt8.self) }
  }

  /// The slot of a block that was decoded at this address, whatever its bytes are now.
  func slot(_ physical: UInt32, _ mode: UInt16) -> UInt32? {
    let place = entry(physical)
    guard place.pointee.slot != 0, place.pointee.physical == physical, place.pointee.mode == mode else { return nil }
    return place.pointee.slot
  }

  /// Whether a block is the same again, but for immediates of MOV r32, imm32, which are brought up to date in its
  /// instructions and steps.
  func isSame(
    _ block: BlockHeader, _ bytes: UnsafeRawPointer, _ instructions: UnsafeMutablePointer<Instruction>,
    _ steps: UnsafeMutablePointer<Step>
  ) -> Bool {
    let place = entry(block.physical)
    var offset = 0
    for n in 0..<Int(block.count) {
      let length = Int(instructions[n].length)
      // The opcode's byte must be the same; of this one instruction, the rest may differ.
      let fixed = Self.isMoveOfImmediate(instructions[n]) ? 1 : length
      for at in offset..<offset + fixed where place.pointee.bytes[at] != bytes.load(fromByteOffset: at, as: UInt8.self) {
        return false
      }
      offset += length
    }
    offset = 0
    for n in 0..<Int(block.count) {
      let length = Int(instructions[n].length)
      if Self.isMoveOfImmediate(instructions[n]) {
        let value = bytes.loadUnaligned(fromByteOffset: offset + 1, as: UInt32.self)
        instructions[n].immediate = value
        steps[n].immediate = value
        for at in offset + 1..<offset + length { place.pointee.bytes[at] = bytes.load(fromByteOffset: at, as: UInt8.self) }
      }
      offset += length
    }
    return true
  }

  /// B8+r imm32, without prefixes.
  private static func isMoveOfImmediate(_ i: Instruction) -> Bool {
    i.operation == .mov && i.form == .rmImm && i.operandSize == 4 && !i.hasMemory && i.length == 5
  }
}
