// What the fuzzer found, each as small as it could be made.

import ISA
import Memory
import Testing

@testable import Processor

@Suite("What the fuzzer found")
struct FuzzRegressionTests {
  /// Runs the same guest to `retired` in one run and one instruction at a time.
  private func bothWays(
    _ code: [UInt8], to retired: UInt64, _ prepare: (ProtectedGuest) -> Void = { _ in }
  ) throws -> (whole: ProtectedGuest, single: ProtectedGuest) {
    let whole = try ProtectedGuest(code), single = try ProtectedGuest(code)
    prepare(whole)
    prepare(single)
    _ = whole.run(retired)
    for _ in 0..<retired { _ = single.run(1) }
    return (whole, single)
  }

  @Test("a repeated store that overwrites its own instruction goes on with the new one, however the run is cut")
  func repeatedStoreOverItself() throws {
    // mov edi, here; mov ecx, 8; mov al, 0x40; here: rep stosb
    let here = ProtectedGuest.code + 12
    let code: [UInt8] = [0xbf, 0x0c, 0x80, 0, 0, 0xb9, 8, 0, 0, 0, 0xb0, 0x40, 0xf3, 0xaa, 0xf4, 0xf4, 0xf4, 0xf4]
    let (whole, single) = try bothWays(code, to: 6)
    #expect(whole.processor.architecturalState.differences(from: single.processor.architecturalState) == [])
    #expect(whole.word(here) == single.word(here))
    #expect(whole.processor[register: 1] == 7)
  }

  @Test("RF stands between the iterations of a repeated instruction, wherever a fault ends it")
  func resumeFlagAtFault() throws {
    // Two bytes are left below the segment's limit.
    let code: [UInt8] = [0xbf, 0xfe, 0xaf, 0, 0, 0xb9, 8, 0, 0, 0, 0xf3, 0xaa]
    let (whole, single) = try bothWays(code, to: 5) { guest in
      guest.processor[.es] = SegmentCache(selector: 16, base: 0, limit: 0xafff, attributes: 0xc093)
      guest.cpu.s.pointee.idtr.limit = 0
    }
    #expect(whole.processor.architecturalState.differences(from: single.processor.architecturalState) == [])
    #expect(whole.processor.architecturalState.resumes)
  }

  @Test("an IRET that sets TF traps after the next instruction, though that has been executed before")
  func trapAfterReturn() throws {
    // The block at `next` is known with TF by the time that IRET goes there again.
    // again: pushf; or dword [esp], 0x100; push cs; push next; iret; next: inc ecx; pushf; ...
    let next = UInt8(0x0f)
    let code: [UInt8] = [
      0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x0e, 0x68, next, 0x80, 0, 0, 0xcf, 0x41, 0xeb, 0xee,
    ]
    // The handler of #DB clears TF in the image and returns.
    let handler: [UInt8] = [0x81, 0x64, 0x24, 8, 0xff, 0xfe, 0xff, 0xff, 0xcf]
    let (whole, single) = try bothWays(code, to: 60) { $0.put(handler, at: ProtectedGuest.handlers + 16) }
    #expect(whole.processor.counters.exceptions >= 5)
    #expect(whole.processor.counters.exceptions == single.processor.counters.exceptions)
    #expect(whole.processor.architecturalState.differences(from: single.processor.architecturalState) == [])
  }

  @Test("an alignment check whose handler can't be reached but by another ends the run, not the host")
  func alignmentChecksWithoutEnd() throws {
    // At level 3 with a misaligned stack, the gate leading to level 3: each push is #AC again.
    let guest = try ProtectedGuest([0x01, 0x03], isUser: true)
    guest.cpu.s.pointee.cr0 |= CR0.am.rawValue
    guest.processor.eflags |= EFlags.ac.rawValue
    guest.processor[register: 3] = ProtectedGuest.userStack + 1
    guest.processor[register: 4] = ProtectedGuest.userStack + 1
    guest.put(
      SegmentDescriptor(gate: .interruptGate32, selector: ProtectedGuest.userCode, offset: ProtectedGuest.handlers, dpl: 3)
        .rawValue, at: ProtectedGuest.idt + 17 * 8)
    let before = guest.processor.retired
    #expect(guest.run() == .budget)
    #expect(guest.processor.retired == before)
  }

  /// A guest with 32-bit page tables: everything is itself, but for the page after the code's, which is `second`.
  private func paged(_ code: [UInt8], second: UInt32) throws -> ProtectedGuest {
    let guest = try ProtectedGuest(code)
    guest.put(UInt64(0x10_1003), at: 0x10_0000)
    for page in UInt32(0)..<256 {
      let target = page << 12 == ProtectedGuest.code + 0x1000 ? second : page << 12
      guest.put((0..<4).map { UInt8(truncatingIfNeeded: (target | 3) >> ($0 * 8)) }, at: 0x10_1000 + page * 4)
    }
    guest.cpu.s.pointee.cr3 = 0x10_0000
    guest.cpu.s.pointee.cr0 |= CR0.pg.rawValue
    guest.cpu.flushTLB(keepingGlobal: false)
    return guest
  }

  @Test("code that goes on in the same physical page is seen again when its tail is overwritten")
  func tailInTheSamePage() throws {
    // At the page's end: b8 | 11 11 11 11, mov eax, imm32, whose immediate lies at the same page's beginning.
    let code = ProtectedGuest.code
    let guest = try paged([0x11, 0x11, 0x11, 0x11, 0xf4], second: code)
    guest.put([0xb8], at: code + 0xfff)
    guest.processor.instructionPointer = code + 0xfff
    _ = guest.run(1)
    #expect(guest.processor[register: 0] == 0x1111_1111)
    // mov dword [code], 0x22222222
    guest.put([0xc7, 0x05, 0, 0x80, 0, 0, 0x22, 0x22, 0x22, 0x22], at: code + 0x100)
    guest.processor.instructionPointer = code + 0x100
    _ = guest.run(1)
    guest.processor.instructionPointer = code + 0xfff
    _ = guest.run(1)
    #expect(guest.processor[register: 0] == 0x2222_2222)
  }

  @Test("code that goes on past the first 4 GiB is fetched, from where nothing answers")
  func tailPastFourGiB() throws {
    let code = ProtectedGuest.code
    let guest = try ProtectedGuest([0xf4])
    guest.put([0xb8], at: code + 0xfff)
    // PAE: one table for the first 2 MiB.
    guest.put(UInt64(0x10_1001), at: 0x10_0000)
    guest.put(UInt64(0x10_2003), at: 0x10_1000)
    for page in UInt64(0)..<512 {
      let target = page << 12 == UInt64(code) + 0x1000 ? 1 << 32 : page << 12
      guest.put(target | 3, at: 0x10_2000 + UInt32(page) * 8)
    }
    let s = guest.cpu.s
    s.pointee.cr4 |= CR4.pae.rawValue
    s.pointee.cr3 = 0x10_0000
    s.pointee.pdptes.0 = 0x10_1001
    s.pointee.cr0 |= CR0.pg.rawValue
    guest.cpu.flushTLB(keepingGlobal: false)
    guest.processor.instructionPointer = code + 0xfff
    #expect(guest.run(1) == .budget)
    #expect(guest.processor[register: 0] == 0xffff_ffff)
  }

  @Test("a backward string of bytes from the last offset of all stays within the host's tables")
  func backwardFromTheEnd() throws {
    // std; mov edi, 0xffffffff; mov ecx, 4; rep stosb, the last linear page being RAM
    let guest = try paged([0xfd, 0xbf, 0xff, 0xff, 0xff, 0xff, 0xb9, 4, 0, 0, 0, 0xb0, 0x5a, 0xf3, 0xaa], second: 0)
    guest.put(UInt64(0x10_2003) << 32, at: 0x10_0000 + 1022 * 4)
    guest.put([0x03, 0xa0, 0, 0], at: 0x10_2000 + 1023 * 4)
    #expect(guest.run(8) == .budget)
    #expect(guest.processor[register: 7] == 0xffff_fffb)
    #expect(guest.word(0xaffc) == 0x5a5a_5a5a)
  }

  @Test("16-bit code that runs past offset FFFFh goes on in the same place, however the run is cut")
  func wrap() throws {
    // nops up to the boundary in a 16-bit segment of 128 KiB
    let (whole, single) = try bothWays([0x90], to: 6) { guest in
      guest.put([UInt8](repeating: 0x90, count: 64), at: 0x1_fff0)
      guest.put([0x41, 0x41, 0x41], at: 0x1_0000)
      guest.processor[.cs] = SegmentCache(selector: 8, base: 0x1_0000, limit: 0x1_ffff, attributes: 0x9b)
      guest.processor.instructionPointer = 0xfffc
    }
    #expect(whole.processor.architecturalState.differences(from: single.processor.architecturalState) == [])
  }
}
