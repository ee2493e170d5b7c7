// The task-state segment as it lies in memory (SDM 3A, 7.2.1 and 7.6): which register has its place where, in both
// layouts, once, for saving and for loading.

import ISA

/// What a task switch takes from a TSS.
struct TaskState: BitwiseCopyable {
  var cr3: UInt32 = 0
  var eip: UInt32 = 0
  var eflags: UInt32 = 0
  /// EAX ECX EDX EBX ESP EBP ESI EDI.
  var registers = InlineArray<8, UInt32>(repeating: 0)
  /// ES CS SS DS FS GS.
  var selectors = InlineArray<6, UInt16>(repeating: 0)
  var ldt: UInt16 = 0
  /// T: a debug trap greets the task.
  var traps = false
}

/// Offsets in a TSS.
struct TaskStateLayout: BitwiseCopyable {
  /// The smallest limit that a TSS may have.
  let minimumLimit: UInt32
  let eip: UInt32
  let eflags: UInt32
  /// The first of the eight general registers, which follow each other.
  let registers: UInt32
  /// ES; the others follow in the encoding's order.
  let selectors: UInt32
  let selectorCount: Int
  let ldt: UInt32
  /// Bytes of a register or selector slot.
  let slot: UInt32
  /// Bytes from `eip` to the end of the last selector: what a switch away writes.
  let savedSize: UInt32

  static let wide = TaskStateLayout(
    minimumLimit: 0x67, eip: 0x20, eflags: 0x24, registers: 0x28, selectors: 0x48, selectorCount: 6, ldt: 0x60, slot: 4,
    savedSize: 0x40)
  static let narrow = TaskStateLayout(
    minimumLimit: 0x2b, eip: 0x0e, eflags: 0x10, registers: 0x12, selectors: 0x22, selectorCount: 4, ldt: 0x2a, slot: 2,
    savedSize: 0x1c)

  static let cr3: UInt32 = 0x1c
  static let trap: UInt32 = 0x64
  static let ioMap: UInt32 = 0x66

  var isWide: Bool { slot == 4 }
}

extension CPU {
  /// Reads a task's state; nothing is changed.
  func readTask(_ base: UInt32, _ layout: TaskStateLayout) throws(GuestFault) -> TaskState {
    var task = TaskState()
    task.eip = try loadSlot(base &+ layout.eip, layout)
    task.eflags = try loadSlot(base &+ layout.eflags, layout)
    for n in 0..<8 {
      let value = try loadSlot(base &+ layout.registers &+ UInt32(n) &* layout.slot, layout)
      // A 16-bit TSS leaves ones above its registers.
      task.registers[n] = layout.isWide ? value : value | 0xffff_0000
    }
    for n in 0..<layout.selectorCount {
      task.selectors[n] = try loadSystem(base &+ layout.selectors &+ UInt32(n) &* layout.slot)
    }
    task.ldt = try loadSystem(base &+ layout.ldt)
    if layout.isWide {
      task.cr3 = try loadSystem(base &+ TaskStateLayout.cr3)
      task.traps = try loadSystem(base &+ TaskStateLayout.trap, as: UInt16.self) & 1 != 0
    }
    return task
  }

  /// Saves the running task's state, which the caller has found to be writable. CR3 and the LDT are never saved.
  func saveTask(_ base: UInt32, _ layout: TaskStateLayout, eflags: UInt32) throws(GuestFault) {
    try storeSlot(s.pointee.eip, base &+ layout.eip, layout)
    try storeSlot(eflags, base &+ layout.eflags, layout)
    for n in 0..<8 {
      try storeSlot(register(UInt8(n)), base &+ layout.registers &+ UInt32(n) &* layout.slot, layout)
    }
    for n in 0..<layout.selectorCount {
      try storeSystem(
        segment(Self.segmentRegister(UInt8(n))).pointee.selector,
        base &+ layout.selectors &+ UInt32(n) &* layout.slot)
    }
  }

  private func loadSlot(_ address: UInt32, _ layout: TaskStateLayout) throws(GuestFault) -> UInt32 {
    layout.isWide ? try loadSystem(address, as: UInt32.self) : UInt32(try loadSystem(address, as: UInt16.self))
  }

  private func storeSlot(_ value: UInt32, _ address: UInt32, _ layout: TaskStateLayout) throws(GuestFault) {
    if layout.isWide {
      try storeSystem(value, address)
    } else {
      try storeSystem(UInt16(truncatingIfNeeded: value), address)
    }
  }
}
