// Where translated code finds what it needs: which host registers hold the guest's, and at what distances from R15 the
// rest of the processor lies.
//
//   EAX ECX EDX EBX EBP ESI EDI   their namesakes       guest flags   the host's own
//   ESP                           R12D                  R15           the state block
//   R8                            instruction budget    R10           shift counts: low six bits 52, low five 20
//   R9 R11 R13 R14                free between guest instructions (R14: EIP on the way to another fragment)

import ISA
import Translation

/// Registers and offsets.
enum HostState {
  static let state = HostRegister.r15
  static let budget = HostRegister.r8
  static let counts = HostRegister.r10
  static let address = HostRegister.r14
  static let value = HostRegister.r11
  static let addend = HostRegister.r13
  static let saved = HostRegister.r9

  /// 52: an arithmetic shift of the budget by it gives 0 or -1, and a 32-bit shift by it (20) leaves twelve bits.
  static let shiftCounts: UInt32 = 52

  /// The host register that holds a guest register.
  @inline(__always) static func register(_ number: UInt8) -> HostRegister {
    number == 4 ? .r12 : HostRegister(number)
  }

  static func field(_ offset: Int) -> HostMemory { HostMemory(base: state, displacement: Int32(offset)) }
  static func field<Value>(_ path: KeyPath<CPUState, Value>) -> HostMemory {
    field(MemoryLayout<CPUState>.offset(of: path)!)
  }
  static func register(slot number: Int) -> HostMemory { field(number * 8) }
  static func segment<Value>(_ register: SegmentRegister, _ path: KeyPath<SegmentCache, Value>) -> HostMemory {
    field(
      MemoryLayout<CPUState>.offset(of: \.segments)! + Int(register.rawValue) * MemoryLayout<SegmentCache>.stride
        + MemoryLayout<SegmentCache>.offset(of: path)!)
  }
  /// A field of the TLB entry whose set is in R13, times 4.
  static func tlb<Value>(user: Bool, _ path: KeyPath<TLBEntry, Value>) -> HostMemory {
    HostMemory(
      base: state, index: addend, scale: 3,
      displacement: Int32(
        (user ? StateRegion.userTLB : StateRegion.supervisorTLB) + MemoryLayout<TLBEntry>.offset(of: path)!))
  }
}
