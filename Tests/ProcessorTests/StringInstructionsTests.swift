import ISA
import Testing

@testable import Processor

@Suite("String instructions")
struct StringInstructionsTests {
  static let data = GuestCode.data
  private let bytes = (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }

  /// What a row of single moves does to the data.
  private func moved(_ data: [UInt8], from: Int, to: Int, count: Int, size: Int, backward: Bool) -> [UInt8] {
    var data = data
    for n in 0..<count {
      let step = (backward ? -n : n) * size
      for byte in Array(data[(from + step)..<(from + step + size)]).enumerated() { data[to + step + byte.offset] = byte.element }
    }
    return data
  }

  @Test("REP MOVS is a row of single moves, also where the ends overlap", arguments: [1, 2, 4], [false, true])
  func movs(size: Int, backward: Bool) throws {
    let code = try AllWays((size == 2 ? [0x66] : []) + [0xf3, size == 1 ? 0xa4 : 0xa5])
    for (from, to) in [(0, 128), (128, 0), (64, 65), (65, 64), (64, 64 + size), (64 + size, 64), (64, 64 + 3 * size), (64, 64)] {
      for count in [0, 1, 2, 3, 10] {
        let start = backward ? (count - 1) * size : 0
        let end = code.run(
          Input(
            ecx: UInt32(count), esi: Self.data &+ UInt32(truncatingIfNeeded: from + start),
            edi: Self.data &+ UInt32(truncatingIfNeeded: to + start), flags: backward ? [.df, .cf] : .cf, data: bytes))
        #expect(
          end.data == moved(bytes, from: from + start, to: to + start, count: count, size: size, backward: backward),
          "\(count) of \(size) from \(from) to \(to)")
        let distance = UInt32(bitPattern: Int32(backward ? -count * size : count * size))
        #expect(end.ecx == 0)
        #expect(end.esi == Self.data &+ UInt32(truncatingIfNeeded: from + start) &+ distance)
        #expect(end.edi == Self.data &+ UInt32(truncatingIfNeeded: to + start) &+ distance)
        #expect(end.retired == UInt64(max(count, 1)))
        #expect(end.flags.contains(.cf))
      }
    }
  }

  @Test("long moves cross pages in either direction", arguments: [1, 2, 4] as [UInt32], [false, true])
  func longMoves(size: UInt32, backward: Bool) throws {
    for way in Way.allCases {
      let guest = try GuestCode((size == 2 ? [0x66] : []) + [0xf3, size == 1 ? 0xa4 : 0xa5], way: way)
      let source: UInt32 = 0x2_0ff3, target: UInt32 = 0x3_0ff9, count: UInt32 = 3000
      let pattern = (0..<Int(count * size)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      guest.guest.put(pattern, at: source)
      let start = backward ? (count - 1) * size : 0
      let end = guest.run(
        Input(ecx: count, esi: source + start, edi: target + start, flags: backward ? .df : []))
      #expect(guest.bytes(target, pattern.count) == pattern, "\(way)")
      #expect(guest.bytes(target - 1, 1) == [0] && guest.bytes(target + count * size, 1) == [0])
      #expect(end.retired == UInt64(count), "\(way)")
      #expect(end.edi == (backward ? target &- size : target + count * size))
    }
  }

  @Test("REP STOS fills, LODS loads, in both directions", arguments: [1, 2, 4], [false, true])
  func stosAndLods(size: Int, backward: Bool) throws {
    let prefix: [UInt8] = size == 2 ? [0x66] : []
    let flags: EFlags = backward ? .df : []
    let fill = try run(
      prefix + [0xf3, size == 1 ? 0xaa : 0xab],
      Input(eax: 0x8899_aabb, ecx: 5, edi: Self.data + (backward ? UInt32(4 * size) : 0), flags: flags, data: bytes))
    let value: [UInt8] = [0xbb, 0xaa, 0x99, 0x88]
    #expect(Array(fill.data.prefix(5 * size)) == Array((0..<5).map { _ in value.prefix(size) }.joined()))
    #expect(fill.data[5 * size] == bytes[5 * size])
    let load = try run(
      prefix + [0xf3, size == 1 ? 0xac : 0xad], Input(ecx: 3, esi: Self.data + 8, flags: flags, data: bytes))
    let last = 8 + (backward ? -2 : 2) * size
    #expect(load.eax == (0..<size).reduce(0) { $0 | UInt32(bytes[last + $1]) << UInt32($1 * 8) })
    #expect(load.retired == 3)
  }

  @Test("REPNE SCAS stops behind what it looked for, REPE CMPS behind the first difference; the flags are its SUB's",
    arguments: [1, 2, 4], [false, true])
  func searches(size: Int, backward: Bool) throws {
    let prefix: [UInt8] = size == 2 ? [0x66] : [], step = backward ? -size : size
    let mask: UInt32 = size == 4 ? ~0 : 1 << UInt32(size * 8) - 1
    let reference = ReferenceALU(width: Width(bits: UInt64(size * 8)))
    func element(_ data: [UInt8], _ at: Int) -> UInt32 { (0..<size).reduce(0) { $0 | UInt32(data[at + $1]) << UInt32($1 * 8) } }
    let scan = try AllWays(prefix + [0xf2, size == 1 ? 0xae : 0xaf]), compare = try AllWays(prefix + [0xf3, size == 1 ? 0xa6 : 0xa7])
    let start = 64
    for n in 0..<12 {
      let wanted = element(bytes, start + n * step)
      let found = scan.run(
        Input(eax: wanted, ecx: 10, edi: Self.data + UInt32(start), flags: backward ? .df : [], data: bytes))
      let looked = min(n + 1, 10)
      let last = element(bytes, start + (looked - 1) * step)
      #expect(found.ecx == UInt32(10 - looked) && found.retired == UInt64(looked))
      #expect(found.edi == Self.data &+ UInt32(truncatingIfNeeded: start + looked * step))
      #expect(found.status == reference.subtract(UInt64(wanted & mask), UInt64(last)).1)

      // The upper half is a copy of the lower, but for element n.
      var copy = Array(bytes[0..<128]) + Array(bytes[0..<128])
      copy[128 + start + n * step] ^= 0x80
      let different = compare.run(
        Input(
          ecx: 10, esi: Self.data + UInt32(start), edi: Self.data + 128 + UInt32(start), flags: backward ? .df : [],
          data: copy))
      #expect(different.ecx == UInt32(10 - looked) && different.retired == UInt64(looked))
      #expect(different.flags.contains(.zf) == (n >= 10))
      let (a, b) = (element(copy, start + (looked - 1) * step), element(copy, 128 + start + (looked - 1) * step))
      #expect(different.status == reference.subtract(UInt64(a), UInt64(b)).1)
    }
  }

  @Test("with ECX = 0 nothing is touched, no flag and no memory that would fault")
  func nothing() throws {
    for code in [[0xf3, 0xa4], [0xf3, 0xab], [0xf2, 0xae], [0xf3, 0xa6], [0xf3, 0x6c]] as [[UInt8]] {
      let end = try run(code, Input(edx: 0x80, esi: 0xffff_fff0, edi: 0xffff_fff0, flags: [.cf, .sf]))
      #expect(end.fault == nil && end.flags == [.cf, .sf] && end.esi == 0xffff_fff0 && end.retired == 1)
    }
  }

  @Test("16-bit addresses wrap within 64 KiB and leave the registers' upper halves")
  func wrapping() throws {
    for way in Way.allCases {
      // An address-size prefix: rep stosb through DI, cx counted
      let guest = try GuestCode([0x67, 0xf3, 0xaa], way: way)
      let end = guest.run(Input(eax: 0x5a, ecx: 0x1_0020, edi: 0xabcd_fff0))
      #expect(end.ecx == 0x1_0000 && end.edi == 0xabcd_0010)
      #expect(guest.bytes(0xfff0, 16) == [UInt8](repeating: 0x5a, count: 16))
      #expect(guest.bytes(0, 17) == [UInt8](repeating: 0x5a, count: 16) + [0])
      let back = guest.run(Input(eax: 0x6b, ecx: 0x20, edi: 0xabcd_000f, flags: .df))
      #expect(back.edi == 0xabcd_ffef)
      #expect(guest.bytes(0, 17) == [UInt8](repeating: 0x6b, count: 16) + [0])
      #expect(guest.bytes(0xfff0, 16) == [UInt8](repeating: 0x6b, count: 16))
    }
  }

  /// A move from a mapped page into one whose end is not mapped, or the other way round.
  @Test("a page fault in the middle leaves ECX, ESI and EDI at the element that failed, and CR2 at its address",
    arguments: [1, 2, 4] as [UInt32], [false, true])
  func faultInTheMiddle(size: UInt32, backward: Bool) throws {
    let here: UInt32 = 0x4000_1000
    for sourceFails in [false, true] {
      let guest = try PagedGuest([])
      // One mapped page with unmapped ones on both sides.
      guest.map(here, to: 0x18_0000)
      let edge = backward ? here + 5 * size : here + 0x1000 - 6 * size
      let other: UInt32 = 0x8_0000
      let code: [UInt8] = (backward ? [0xfd] : [0xfc]) + [0xbf] + [UInt8](words: sourceFails ? other : edge)
        + (size == 2 ? [0x66] : []) + [0xf3, size == 1 ? 0xa4 : 0xa5]
      let before = guest.processor.retired
      #expect(guest.run(code, ecx: 100, esi: sourceFails ? edge : other) == 14)
      let distance = UInt32(bitPattern: Int32(backward ? -6 : 6) * Int32(size))
      #expect(guest.processor[register: 1] == 94)
      #expect(guest.processor[register: sourceFails ? 6 : 7] == edge &+ distance)
      #expect(guest.processor[register: sourceFails ? 7 : 6] == other &+ distance)
      #expect(guest.cpu.s.pointee.cr2 == edge &+ distance)
      #expect(guest.errorCode == (sourceFails ? 0 : 2))
      // CLD or STD, MOV, six iterations, and the handler's HLT.
      #expect(guest.processor.retired - before == 9)
    }
  }

  @Test("a REP is interrupted by any budget, and goes on as if nothing had been", arguments: [1, 2, 3, 7, 63, 64, 65] as [UInt64])
  func budgets(slice: UInt64) throws {
    for (opcode, wide) in [(UInt8(0xa4), false), (0xa5, true), (0xaa, false), (0xab, true)] {
      let guest = try GuestCode([0x40, 0xf3, opcode, 0x40])
      let whole = guest.run(Input(eax: 5, ecx: 200, esi: 0x2_0f80, edi: 0x3_0f90))
      let memory = guest.bytes(0x3_0f90, 1000)
      guest.guest.put([UInt8](repeating: 0, count: 1000), at: 0x3_0f90)
      let processor = guest.guest.processor
      for (n, value) in Input(eax: 5, ecx: 200, esi: 0x2_0f80, edi: 0x3_0f90).registers.enumerated() { processor[register: n] = value }
      processor.instructionPointer = GuestCode.code
      processor.eflags = 2
      let before = processor.retired
      var exit = Exit.budget
      while exit == .budget {
        let target = processor.retired + slice
        exit = processor.run(until: target)
        if exit == .budget {
          #expect(processor.retired == target)
          let done = processor.retired - before
          if done > 0, done < 201 {
            #expect(processor[register: 1] == 200 - UInt32(done - 1))
            #expect(processor[register: 7] == 0x3_0f90 + UInt32(done - 1) * (wide ? 4 : 1))
            #expect(processor.instructionPointer == GuestCode.code + 1)
          }
        }
      }
      #expect(processor.retired - before - 1 == whole.retired && whole.retired == 202)
      #expect((0..<8).map { processor[register: $0] } == whole.registers)
      #expect(guest.bytes(0x3_0f90, 1000) == memory)
    }
  }

  @Test("an interrupt in the middle of a REP returns to it, with the registers at the next element")
  func interrupted() throws {
    // sti; rep stosb; hlt, with the window requested after 50 instructions
    let guest = try ProtectedGuest([0xfb, 0x90, 0xf3, 0xaa, 0xf4])
    guest.put([0xcf], at: ProtectedGuest.handlers + 0x20 * 16)
    let processor = guest.processor
    processor[register: 1] = 1000
    processor[register: 7] = 0x2_0000
    #expect(guest.run(52) == .budget)
    #expect(processor[register: 1] == 950 && processor.instructionPointer == ProtectedGuest.code + 2)
    processor.interruptRequested = true
    #expect(guest.run() == .interruptWindow)
    #expect(processor[register: 1] == 950)
    processor.interruptRequested = false
    processor.inject(vector: 0x20)
    #expect(guest.run(1) == .budget)
    #expect(guest.word(ProtectedGuest.stack - 12) == ProtectedGuest.code + 2)
    #expect(guest.word(ProtectedGuest.stack - 4) & EFlags.rf.rawValue != 0, "RF keeps breakpoints off the rest")
    #expect(guest.run(2000) == .halt)
    #expect(processor[register: 7] == 0x2_0000 + 1000 && processor[register: 1] == 0)
  }

  @Test("a string store over the code that follows is seen by it")
  func overCode() throws {
    for way in Way.allCases {
      // mov al, 0x40 (inc eax is 0x40); mov edi, code + 10...; rep stosb over four NOPs behind it
      let guest = try GuestCode([0xf3, 0xaa, 0x90, 0x90, 0x90, 0x90], way: way)
      let end = guest.run(Input(eax: 0x43, ecx: 4, edi: GuestCode.code + 2))
      #expect(end.ebx == 4, "\(way)")
    }
  }
}
