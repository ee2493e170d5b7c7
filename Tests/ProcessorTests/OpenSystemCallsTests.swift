import Testing

@testable import Processor

@Suite struct OpenSystemCallsTests {
  private func site(_ cr3: UInt32, _ address: UInt32, esp: UInt32 = 0x1000) -> SystemCallSite {
    SystemCallSite(cr3: cr3, returnAddress: address, esp: esp, eip: address, cpl: 3)
  }

  private func call(
    _ number: UInt32, cr3: UInt32, _ address: UInt32, esp: UInt32 = 0x1000, code: UInt32 = 0x80
  ) -> OpenSystemCalls.Entry {
    OpenSystemCalls.Entry(cr3: cr3, returnAddress: address, esp: esp, number: number, code: code)
  }

  @Test func `a call that waits is still known after hundreds of others`() {
    var calls = OpenSystemCalls()
    calls.add(call(114, cr3: 1, 0x100))
    for n in 0..<500 {
      calls.add(call(4, cr3: 2, 0x200 + UInt32(n)))
      #expect(calls.remove(returningTo: site(2, 0x200 + UInt32(n)))?.number == 4)
    }
    #expect(calls.remove(returningTo: site(1, 0x100))?.number == 114)
    #expect(calls.remove(returningTo: site(1, 0x100)) == nil)
  }

  @Test func `the oldest gives way when there is no place left`() {
    var calls = OpenSystemCalls()
    for n in 0...UInt32(OpenSystemCalls.capacity) { calls.add(call(n, cr3: n, 0x100)) }
    #expect(calls.remove(returningTo: site(0, 0x100)) == nil)
    #expect(calls.remove(returningTo: site(1, 0x100))?.number == 1)
  }

  @Test func `processes in one address space are told apart by their stacks`() {
    var calls = OpenSystemCalls()
    calls.add(call(190, cr3: 1, 0x100, esp: 0x2000))
    calls.add(call(3, cr3: 1, 0x100, esp: 0x3000))
    #expect(calls.remove(returningTo: site(1, 0x100, esp: 0x2000))?.number == 190)
    #expect(calls.remove(returningTo: site(1, 0x100, esp: 0x3000))?.number == 3)
  }

  @Test func `execve comes back as the program that began where CR3 went from its caller's`() {
    var calls = OpenSystemCalls()
    calls.add(call(11, cr3: 1, 0x100))
    calls.add(call(11, cr3: 5, 0x100))
    // Page-table isolation switches within a process; others run in between.
    for (old, new) in [(1, 2), (2, 3), (3, 9), (9, 2), (2, 4)] as [(UInt32, UInt32)] {
      calls.follow(from: old, to: new)
    }
    #expect(calls.remove(beginning: site(7, 0x100)) == nil)
    #expect(calls.remove(beginning: site(4, 0x8000))?.cr3 == 1)
    #expect(calls.remove(beginning: site(4, 0x8000)) == nil)
  }

  @Test func `only an execve begins a program`() {
    var calls = OpenSystemCalls()
    calls.add(call(120, cr3: 1, 0x100))
    calls.follow(from: 1, to: 2)
    #expect(calls.remove(beginning: site(2, 0x100)) == nil)
  }

  @Test func `a return from a signal's handler ends in its own address space, wherever that is`() {
    var calls = OpenSystemCalls()
    calls.add(call(173, cr3: 1, 0x100))
    #expect(calls.remove(resuming: site(2, 0x300)) == nil)
    #expect(calls.remove(resuming: site(1, 0x300))?.number == 173)
  }
}
