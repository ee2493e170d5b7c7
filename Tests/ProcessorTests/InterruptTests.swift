import ISA
import Testing

@testable import Processor

@Suite("Interrupts, shadows and budgets")
struct InterruptTests {
  /// Steps until the window opens; the offset of the instruction that would be next.
  private func window(_ code: [UInt8], flags: EFlags = [], slice: UInt64 = 1000) throws -> UInt32? {
    let guest = try ProtectedGuest(code + [0xf4])
    guest.processor.eflags = flags.rawValue | 2
    guest.processor[register: 0] = 16
    guest.processor.interruptRequested = true
    var exit = Exit.budget
    for _ in 0..<100 where exit == .budget { exit = guest.run(slice) }
    return exit == .interruptWindow ? guest.processor.instructionPointer - ProtectedGuest.code : nil
  }

  @Test("a window opens at once with IF, after the instruction behind STI, and after POPF without any wait",
    arguments: [1, 2, 1000] as [UInt64])
  func windows(slice: UInt64) throws {
    #expect(try window([0x90], flags: .if, slice: slice) == 0)
    #expect(try window([0x90], slice: slice) == nil)
    #expect(try window([0xfb, 0x90, 0x90], slice: slice) == 2)
    #expect(try window([0xfb, 0xfb, 0x90], slice: slice) == 2, "the second STI opens nothing")
    #expect(try window([0xfb, 0xfa, 0x90], slice: slice) == nil, "CLI closes it in its shadow")
    // push 0x202; popf
    #expect(try window([0x68, 2, 2, 0, 0, 0x9d, 0x90], slice: slice) == 6)
    // sti; mov ss, ax; nop: the shadow of MOV SS begins in that of STI
    #expect(try window([0xfb, 0x8e, 0xd0, 0x90, 0x90], slice: slice) == 4)
  }

  @Test("MOV SS and POP SS hold interrupts off for one instruction", arguments: [1, 1000] as [UInt64])
  func stackShadow(slice: UInt64) throws {
    for (code, behind) in [([0x8e, 0xd0, 0x90, 0x90], UInt32(3)), ([0x8e, 0xd8, 0x90], 0)] as [([UInt8], UInt32)] {
      let guest = try ProtectedGuest(code + [0xf4])
      guest.processor[register: 0] = 16
      guest.processor.eflags = EFlags.if.rawValue | 2
      #expect(guest.run(1) == .budget)
      guest.processor.interruptRequested = true
      var exit = Exit.budget
      for _ in 0..<10 where exit == .budget { exit = guest.run(slice) }
      #expect(exit == .interruptWindow)
      #expect(guest.processor.instructionPointer == ProtectedGuest.code + max(behind, 2))
    }
  }

  @Test("TF traps after each instruction, with its own EIP, and not in its handler")
  func singleStep() throws {
    // push 0x102; popf; inc eax; inc eax; hlt. The handler: inc ecx; iret
    let guest = try ProtectedGuest([0x68, 2, 1, 0, 0, 0x9d, 0x40, 0x40, 0xf4])
    guest.put([0x41, 0xcf], at: ProtectedGuest.handlers + 16)
    // push, popf, and for each INC itself and its handler's two
    #expect(guest.run(8) == .budget)
    #expect(guest.processor[register: 0] == 2 && guest.processor[register: 1] == 2)
    #expect(guest.processor.instructionPointer == ProtectedGuest.code + 8)
    #expect(guest.processor.state.dr6 & DR6.bs.rawValue != 0)
  }

  @Test("TF sees each iteration of a REP")
  func singleStepsRepeat() throws {
    let guest = try ProtectedGuest([0x68, 2, 1, 0, 0, 0x9d, 0xf3, 0xaa, 0x90])
    // inc dword [0xc000]; iret
    guest.put([0xff, 0x05, 0, 0xc0, 0, 0, 0xcf], at: ProtectedGuest.handlers + 16)
    guest.processor[register: 1] = 5
    guest.processor[register: 7] = 0x2_0000
    while guest.processor.instructionPointer != ProtectedGuest.code + 8 { guard guest.run(1) == .budget else { break } }
    #expect(guest.processor[register: 1] == 0)
    #expect(guest.word(0xc000) >= 4)
  }

  /// A program with everything that ends blocks: loops, calls, faults that are handled, REP, self-modification, flags.
  static let program: [UInt8] =
    [0xbe, 0, 0xc0, 0, 0, 0xbf, 0x80, 0xc0, 0, 0, 0xb9, 20, 0, 0, 0]  // mov esi, edi, ecx
    + [0x0f, 0x0b]  // 15: ud2, whose handler skips it
    + [0x01, 0xc8, 0x51, 0xb9, 7, 0, 0, 0, 0xf3, 0xa4, 0x59]  // 17: add eax, ecx; push; mov ecx, 7; rep movsb; pop
    + [0xe8, 0x0f, 0, 0, 0]  // 28: call +15 -> 48
    + [0x80, 0x05, 0x13, 0x80, 0, 0, 0]  // 33: add byte [code + 19], 0: a store into the block's own code
    + [0x49, 0x75, 0xe4]  // 40: dec ecx; jnz 15
    + [0xeb, 0x06, 0, 0, 0]  // 43: jmp 51
    + [0x31, 0xc3, 0xc3]  // 48: xor ebx, eax; ret
    + [0x90]

  private func programGuest() throws -> ProtectedGuest {
    let guest = try ProtectedGuest(Self.program + [0xf4])
    // #UD: add dword [esp], 2; iret
    guest.put([0x83, 0x04, 0x24, 2, 0xcf], at: ProtectedGuest.handlers + 6 * 16)
    return guest
  }

  private func state(_ guest: ProtectedGuest) -> [UInt64] {
    (0..<8).map { UInt64(guest.processor[register: $0]) }
      + [UInt64(guest.processor.instructionPointer), UInt64(guest.processor.eflags), guest.processor.retired]
  }

  @Test("a run that ends after n instructions is in the same state for every way of getting there")
  func everyBudget() throws {
    // One instruction at a time gives the states to compare with.
    let stepped = try programGuest()
    let start = stepped.processor.retired
    var states: [[UInt64]] = [state(stepped)]
    while stepped.run(1) == .budget { states.append(state(stepped)) }
    #expect(states.count > 200)
    #expect(states.enumerated().allSatisfy { $1[10] == start + UInt64($0) }, "each step retires one")

    for n in 1..<states.count {
      let guest = try programGuest()
      #expect(guest.processor.run(until: guest.processor.retired + UInt64(n)) == .budget)
      if state(guest) != states[n] { Issue.record("after \(n): \(state(guest)), not \(states[n])") }
    }
    for slice in [2, 3, 5, 64, 65, 127] {
      let guest = try programGuest()
      var n = 0
      while guest.run(UInt64(slice)) == .budget {
        n += slice
        if n < states.count, state(guest) != states[n] { Issue.record("in slices of \(slice), after \(n)") }
      }
    }
  }

  @Test("an interrupt injected at any instruction comes between it and the one before, and changes nothing else")
  func everyInjection() throws {
    let whole = try programGuest()
    _ = whole.run(10_000)
    for n in stride(from: UInt64(1), to: 200, by: 1) {
      let guest = try programGuest()
      guest.put([0xcf], at: ProtectedGuest.handlers + 0x20 * 16)
      #expect(guest.run(n) == .budget)
      let eip = guest.processor.instructionPointer
      let esp = guest.processor[register: 4]
      guest.processor.inject(vector: 0x20)
      #expect(guest.run(1) == .budget)
      #expect(guest.processor.instructionPointer == eip && guest.processor[register: 4] == esp)
      #expect(guest.run(10_000) == .halt)
      #expect((0..<8).map { guest.processor[register: $0] } == (0..<8).map { whole.processor[register: $0] })
    }
  }

  @Test("an exception without end gives the machine a chance to look at the clock")
  func endless() throws {
    // ud2, whose handler is itself, on a stack that wraps within 64 KiB: nothing is ever retired.
    let guest = try ProtectedGuest([0x0f, 0x0b])
    guest.put(guest.gate(to: ProtectedGuest.code).rawValue, at: ProtectedGuest.idt + 6 * 8)
    guest.processor[.ss] = SegmentCache(selector: 16, base: 0x10_0000, limit: 0xffff, attributes: 0x93)
    let before = guest.processor.retired
    #expect(guest.run(1_000_000) == .budget)
    #expect(guest.processor.retired == before)
    #expect(guest.processor.counters.exceptions >= UInt64(Processor.deliveriesPerRun))
  }

  @Test("HLT with the window open leaves, and goes on behind itself after an interrupt")
  func halt() throws {
    let guest = try ProtectedGuest([0xfb, 0xf4, 0x40, 0xfa, 0xf4])
    guest.put([0xcf], at: ProtectedGuest.handlers + 0x20 * 16)
    #expect(guest.run() == .halt)
    #expect(guest.processor.takesInterrupts)
    guest.processor.inject(vector: 0x20)
    #expect(guest.run() == .halt)
    #expect(guest.processor[register: 0] == 1)
    #expect(!guest.processor.takesInterrupts)
  }
}
