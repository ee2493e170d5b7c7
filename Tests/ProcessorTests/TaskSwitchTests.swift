import ISA
import Testing

@testable import Processor

@Suite("Task switches")
struct TaskSwitchTests {
  static let first: UInt32 = 0xd000, second: UInt32 = 0xd100

  /// Two tasks of 32 bits: selectors 0x28 (running) and 0x30, and a task gate at 0x38.
  private func guest(_ code: [UInt8], task: [UInt8]) throws -> ProtectedGuest {
    let guest = try ProtectedGuest(code)
    guest.define(5, SegmentDescriptor(base: Self.first, limit: 0x67, type: 11, isCodeOrData: false, is32Bit: false))
    guest.define(6, SegmentDescriptor(base: Self.second, limit: 0x67, type: 9, isCodeOrData: false, is32Bit: false))
    guest.define(7, SegmentDescriptor(gate: .taskGate, selector: 0x30, offset: 0, dpl: 3))
    guest.cpu.s.pointee.tr = SegmentCache(selector: 0x28, base: Self.first, limit: 0x67, attributes: 0x8b)
    // EIP, EFLAGS, EAX to EDI, then ES CS SS DS FS GS.
    guest.put(
      [UInt8](words: 0xe000, 2, 0xa0, 0xa1, 0xa2, 0xa3, 0x6000, 0xa5, 0xa6, 0xa7, 0x10, 0x08, 0x10, 0x10, 0, 0),
      at: Self.second + 0x20)
    guest.put(task, at: 0xe000)
    return guest
  }

  private func isBusy(_ guest: ProtectedGuest, _ number: UInt32) -> Bool {
    guest.word(ProtectedGuest.gdt + number * 8 + 4) & 0x200 != 0
  }

  @Test("JMP to a task saves the old state, loads the new, and moves the busy bit", arguments: [UInt8(0x30), 0x38])
  func jump(selector: UInt8) throws {
    let guest = try guest([0xb8, 0x77, 0, 0, 0, 0xea, 0, 0, 0, 0, selector, 0], task: [0xf4])
    #expect(guest.run() == .halt)
    #expect((0..<8).map { guest.processor[register: $0] } == [0xa0, 0xa1, 0xa2, 0xa3, 0x6000, 0xa5, 0xa6, 0xa7])
    #expect(guest.processor.instructionPointer == 0xe001)
    #expect(guest.processor.state.tr.selector == 0x30)
    #expect(guest.processor.state.cr0 & CR0.ts.rawValue != 0)
    #expect(guest.word(Self.first + 0x20) == ProtectedGuest.code + 12, "the old EIP is the next instruction's")
    #expect(guest.word(Self.first + 0x28) == 0x77)
    #expect(!isBusy(guest, 5) && isBusy(guest, 6))
  }

  @Test("CALL nests: both tasks are busy, NT and the back link lead back, and IRET goes there")
  func call() throws {
    let guest = try guest([0x9a, 0, 0, 0, 0, 0x30, 0, 0x43, 0xf4], task: [0x40, 0xcf])
    #expect(guest.run(2) == .budget)
    #expect(guest.processor.eflags & EFlags.nt.rawValue != 0)
    #expect(guest.word(Self.second) & 0xffff == 0x28)
    #expect(isBusy(guest, 5) && isBusy(guest, 6))
    #expect(guest.run() == .halt)
    #expect(guest.processor[register: 3] == 1 && guest.processor.state.tr.selector == 0x28)
    #expect(isBusy(guest, 5) && !isBusy(guest, 6))
    #expect(guest.word(Self.second + 0x28) == 0xa1, "EAX as the task left it")
    #expect(guest.word(Self.second + 0x20) == 0xe002)
  }

  @Test("an exception through a task gate runs its task, with the error code on that task's stack")
  func exception() throws {
    // mov ax, 0x1234; mov ds, ax
    let guest = try guest([0x66, 0xb8, 0x34, 0x12, 0x8e, 0xd8, 0x43, 0xf4], task: [0x58, 0xf4])
    guest.put(SegmentDescriptor(gate: .taskGate, selector: 0x30, offset: 0).rawValue, at: ProtectedGuest.idt + 13 * 8)
    #expect(guest.run() == .halt)
    #expect(guest.processor[register: 0] == 0x1234 && guest.processor[register: 4] == 0x6000)
    #expect(guest.word(Self.first + 0x20) == ProtectedGuest.code + 4)
  }

  @Test("a busy task is #GP, an absent one #NP, a short one #TS, and the old task goes on unchanged")
  func refusals() throws {
    for (descriptor, vector) in [
      (SegmentDescriptor(base: Self.second, limit: 0x67, type: 11, isCodeOrData: false, is32Bit: false), UInt8(13)),
      (SegmentDescriptor(base: Self.second, limit: 0x67, type: 9, isCodeOrData: false, isPresent: false, is32Bit: false), 11),
      (SegmentDescriptor(base: Self.second, limit: 0x66, type: 9, isCodeOrData: false, is32Bit: false), 10),
    ] {
      let guest = try guest([0xea, 0, 0, 0, 0, 0x30, 0], task: [0xf4])
      guest.define(6, descriptor)
      #expect(guest.vectorOfHalt() == vector)
      #expect(guest.stack(0) == 0x30 && guest.stack(1) == ProtectedGuest.code)
      #expect(guest.processor.state.tr.selector == 0x28)
    }
  }
}
