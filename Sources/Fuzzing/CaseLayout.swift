// Where things lie in a case's guest-physical memory. Everything is small, so that cases are cheap to set up and random
// addresses hit something.

/// The places of a case's memory.
enum CaseLayout {
  static let ramSize: UInt64 = 0x6_0000
  /// What the generator writes; beyond it RAM begins as zeros.
  static let imageSize = 0x3_0000
  static let vectors: UInt32 = 0
  static let gdt: UInt32 = 0x1000
  static let gdtEntries = 40
  static let ldt: UInt32 = 0x1400
  static let ldtEntries = 16
  static let idt: UInt32 = 0x1800
  static let tasks: UInt32 = 0x2000
  static let taskStride: UInt32 = 0x100
  static let taskCount = 6
  /// Six-byte operands for LGDT and LIDT.
  static let pseudoDescriptors: UInt32 = 0x2f00
  static let pointerTable: UInt32 = 0x3000
  static let directory: UInt32 = 0x4000
  static let lowTable: UInt32 = 0x5000
  static let highTable: UInt32 = 0x6000
  static let paeDirectory: UInt32 = 0x7000
  static let paeHighDirectory: UInt32 = 0x8000
  static let paeLowTable: UInt32 = 0x9000
  static let paeHighTable: UInt32 = 0xa000
  static let endOfTables: UInt32 = 0xb000
  static let handlers32: UInt32 = 0xc000
  static let handlers16: UInt32 = 0xd000
  static let code: UInt32 = 0x1_0000
  static let codeSize = 0x1800
  static let data: UInt32 = 0x2_0000
  static let rom: UInt32 = 0xf_0000
  static let romSize = 0x1_0000
  /// Linear address where paging shows low memory again.
  static let highHalf: UInt32 = 0xc000_0000
}

/// The first entries of a case's GDT, by index.
enum CaseDescriptor {
  static let code0 = 1, data0 = 2, code3 = 3, data3 = 4, task = 5, ldt = 6, code16 = 7, data16 = 8, smallData = 9,
    expandDown = 10, conforming = 11, callGate = 12, taskGate = 13, task16 = 14, nextTask = 15, code1 = 16, data1 = 17,
    callGate16 = 18, nonFlatCode = 19, nonFlatCode3 = 20, data16User = 21, code16User = 22, code2 = 23, data2 = 24,
    absent = 25, callGateInner = 26
  static let known = 27
}
