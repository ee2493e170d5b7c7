// The judge is judged first: instructions whose effect nobody doubts, and the faults with all that comes with them.

import Oracle
import Testing

/// Where the oracle can't run, the tests that need it are skipped, and this line says so.
let oracleSkip: String? = {
  guard let reason = NativeCPU.unavailableReason else { return nil }
  print("SKIPPED: tests against the native processor: \(reason)")
  return reason
}()

private let data = OracleMachine.data

/// A case with everything at rest: flat segments, a stack in the middle of the window, zeroed memory.
private func makeCase(
  _ bytes: [UInt8], _ ending: OracleCase.Ending = .jump, change: (inout OracleCase) -> Void = { _ in }
)
  -> OracleCase
{
  var made = OracleCase(bytes: bytes)
  made.ending = ending
  made.registers = [0x1111_1111, 0x2222_2222, 0x3333_3333, 0x4444_4444, data + 0x1000, 0x5555_5555, data, data + 0x800]
  change(&made)
  return made
}

private func run(_ oracleCase: OracleCase) throws -> OracleOutcome {
  try NativeCPU.withSession { $0.run(oracleCase) }
}

@Suite("the native oracle", .enabled(if: oracleSkip == nil))
struct OracleSelfTests {
  @Test("an addition sets registers, flags and EIP")
  func addition() throws {
    let oracleCase = makeCase([0x01, 0xc8]) {  // add eax, ecx
      $0.registers[0] = 0x7fff_ffff
      $0.registers[1] = 1
    }
    let outcome = try run(oracleCase)
    #expect(outcome.ending == .completed)
    #expect(outcome.registers[0] == 0x8000_0000)
    #expect(outcome.eflags == 0xa96)  // OF SF AF PF
    #expect(outcome.eip == oracleCase.address + 2)
  }

  @Test("a division by zero is #DE at the instruction, with the registers as they were")
  func divisionByZero() throws {
    let oracleCase = makeCase([0xf7, 0xf1]) { $0.registers[1] = 0 }
    let outcome = try run(oracleCase)
    #expect(outcome.ending == .exception(vector: 0, errorCode: 0, address: 0))
    #expect(outcome.eip == oracleCase.address)
    #expect(outcome.registers == oracleCase.registers)
  }

  struct Access: Sendable {
    let bytes: [UInt8]
    let address, errorCode, cr2: UInt32
    static let load: [UInt8] = [0x8b, 0x07]  // mov eax, [edi]
    static let store: [UInt8] = [0x89, 0x07]  // mov [edi], eax
    static let all: [Access] = [
      Access(bytes: load, address: data + 0x3000, errorCode: 4, cr2: data + 0x3000),
      Access(bytes: store, address: data + 0x3004, errorCode: 6, cr2: data + 0x3004),
      // To the read-only page, and from a writable page into it.
      Access(bytes: store, address: data + 0x2000, errorCode: 7, cr2: data + 0x2000),
      Access(bytes: store, address: data + 0x1ffe, errorCode: 7, cr2: data + 0x2000),
      // Off the window's end, and from before its start.
      Access(bytes: load, address: data + 0x2ffe, errorCode: 4, cr2: data + 0x3000),
      Access(bytes: store, address: data - 2, errorCode: 6, cr2: data - 2),
      Access(bytes: store, address: OracleMachine.code, errorCode: 7, cr2: OracleMachine.code),
    ]
  }

  @Test("a page fault reports its address and its kind", arguments: Access.all)
  func pageFault(access: Access) throws {
    let oracleCase = makeCase(access.bytes) { $0.registers[7] = access.address }
    let outcome = try run(oracleCase)
    #expect(outcome.ending == .exception(vector: 14, errorCode: access.errorCode, address: access.cr2))
    #expect(outcome.registers == oracleCase.registers)
    #expect(outcome.memory == oracleCase.memory)
  }

  @Test("INTO traps after itself when OF is set and does nothing when it isn't")
  func into() throws {
    let set = makeCase([0xce]) { $0.eflags = 0xa02 }
    let trapped = try run(set)
    #expect(trapped.ending == .exception(vector: 4, errorCode: 0, address: 0))
    #expect(trapped.eip == set.address + 1)
    #expect(try run(makeCase([0xce])).ending == .completed)
  }

  @Test("BOUND faults at itself outside the bounds only", arguments: [5, 10, 4, 11, 0x8000_0000] as [UInt32])
  func bound(index: UInt32) throws {
    let inside = index == 5 || index == 10
    let oracleCase = makeCase([0x62, 0x07]) {  // bound eax, [edi]
      $0.registers[0] = index
      $0.poke(data + 0x800, 10 << 32 | 5, bytes: 8)
    }
    let outcome = try run(oracleCase)
    #expect(outcome.ending == (inside ? .completed : .exception(vector: 5, errorCode: 0, address: 0)))
    #expect(outcome.eip == oracleCase.address + (inside ? 2 : 0))
  }

  @Test("DAA adjusts as the manual's example does")
  func decimalAdjust() throws {
    // SDM volume 2, DAA: AL 79h + BL 35h = AEh, adjusted to 14h with CF and AF set.
    let outcome = try run(
      makeCase([0x00, 0xd8, 0x27]) {  // add al, bl; daa
        $0.registers[0] = 0x79
        $0.registers[3] = 0x35
      })
    #expect(outcome.registers[0] == 0x14)
    #expect(outcome.eflags & 0x11 == 0x11)
  }

  @Test("REP MOVSB that runs off the window stops at the page with its work so far done")
  func partialRepeat() throws {
    let oracleCase = makeCase([0xf3, 0xa4]) {
      $0.registers[1] = 100
      $0.registers[6] = data + 0x3000 - 10  // ten bytes to read
      $0.registers[7] = data + 0x100
      for i in 0..<10 { $0.poke(data + 0x2ff6 + UInt32(i), UInt64(i + 1), bytes: 1) }
    }
    let outcome = try run(oracleCase)
    #expect(outcome.ending == .exception(vector: 14, errorCode: 4, address: data + 0x3000))
    #expect(outcome.eip == oracleCase.address)
    #expect(outcome.registers[1] == 90)
    #expect(outcome.registers[6] == data + 0x3000)
    #expect(outcome.registers[7] == data + 0x10a)
    #expect(Array(outcome.memory[0x100..<0x10b]) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0])
  }

  struct Branch: Sendable {
    let bytes: [UInt8]
    let ending: OracleCase.Ending
    let target: UInt32
    static let all: [Branch] = [
      Branch(bytes: [0xe9, 0, 0, 0, 0x30], ending: .unmapped, target: 0x4000_1000),
      Branch(bytes: [0xeb, 0x80], ending: .unmapped, target: 0x1000_0f80),  // back into the code page
      Branch(bytes: [0xeb, 0xfe], ending: .step, target: 0x1000_0ffe),  // to itself
      Branch(bytes: [0x66, 0xe9, 0x34, 0x12], ending: .unmapped, target: 0x2234),  // cut to 16 bits
    ]
  }

  @Test("a branch's target is reported wherever it lies", arguments: Branch.all)
  func branch(branch: Branch) throws {
    let outcome = try run(makeCase(branch.bytes, branch.ending))
    #expect(outcome.ending == .completed)
    #expect(outcome.eip == branch.target)
  }

  @Test("an endless loop is ended")
  func endless() throws {
    #expect(try run(makeCase([0xeb, 0xfe], .unmapped)).ending == .endless)
  }

  struct Refusal: Sendable {
    let bytes: [UInt8]
    let vector: UInt8
    let errorCode: UInt32
    static let all: [Refusal] = [
      Refusal(bytes: [0xf4], vector: 13, errorCode: 0), Refusal(bytes: [0xfa], vector: 13, errorCode: 0),
      Refusal(bytes: [0xec], vector: 13, errorCode: 0), Refusal(bytes: [0x0f, 0x20, 0xc0], vector: 13, errorCode: 0),
      Refusal(bytes: [0xcd, 0x21], vector: 13, errorCode: 0x10a),
      Refusal(bytes: [0x0f, 0x0b], vector: 6, errorCode: 0),
      Refusal(bytes: [0xf0, 0x40], vector: 6, errorCode: 0), Refusal(bytes: [0xcc], vector: 3, errorCode: 0),
      Refusal(bytes: [0xcd, 0x04], vector: 4, errorCode: 0),
    ]
  }

  @Test("what ring 3 may not do is #GP, and what nobody may is #UD", arguments: Refusal.all)
  func refused(refusal: Refusal) throws {
    let expected = OracleOutcome.Ending.exception(vector: refusal.vector, errorCode: refusal.errorCode, address: 0)
    #expect(try run(makeCase(refusal.bytes)).ending == expected)
  }

  @Test("segment registers go in and come out")
  func segments() throws {
    let loaded = try run(makeCase([0x8e, 0xe0]) { $0.registers[0] = 0x2b })  // mov fs, ax
    #expect(loaded.selectors.fs == 0x2b)
    #expect(loaded.selectors.es == 0x2b)
    let bad = try run(makeCase([0x8e, 0xe0]) { $0.registers[0] = 0x1b })
    #expect(bad.ending == .exception(vector: 13, errorCode: 0x18, address: 0))
    let null = try run(makeCase([0x64, 0x8b, 0x07]))  // mov eax, fs:[edi]
    #expect(null.ending == .exception(vector: 13, errorCode: 0, address: 0))
  }

  @Test("the x87 and SSE state goes in and comes out")
  func floatingPoint() throws {
    let outcome = try run(
      makeCase([0xd9, 0xe8]) {  // fld1
        $0.fx = [UInt8](repeating: 0, count: 512)
        $0.fx.replaceSubrange(0..<2, with: [0x7f, 0x03])
        $0.fx.replaceSubrange(24..<26, with: [0x80, 0x1f])
      })
    #expect(outcome.ending == .completed)
    #expect(Array(outcome.fx[32..<42]) == [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f])
    #expect(outcome.fx[3] == 0x38)  // TOP is 7
  }

  static let hostCalls: [[UInt8]] = [
    [0xcd, 0x80], [0x0f, 0x05], [0x0f, 0x34], [0x66, 0xf3, 0x0f, 0x05], [0x0f, 0x01, 0xc1],
    [0xea, 0, 0, 0, 0x40, 0x33, 0],
  ]

  @Test("system calls of the host are never run", arguments: hostCalls)
  func notRun(bytes: [UInt8]) throws {
    guard case .notRun = try run(makeCase(bytes)).ending else {
      Issue.record("it ran")
      return
    }
  }

  struct Probe: Sendable {
    let bytes: [UInt8]
    let length: NativeCPU.Length
    static let all: [Probe] = [
      Probe(bytes: [0x90], length: .bytes(1)),
      Probe(bytes: [0x81, 0x05, 0, 0, 0, 0x20, 1, 2, 3, 4], length: .bytes(10)),
      Probe(bytes: [0xf3, 0xa4], length: .bytes(2)), Probe(bytes: [0xc8, 8, 0, 1], length: .bytes(4)),
      Probe(bytes: [0x0f, 0x0b], length: .undefined(after: 2)), Probe(bytes: [0x66, 0x05, 1, 2], length: .bytes(4)),
      Probe(bytes: [0x8b, 0x84, 0x24, 1, 2, 3, 4], length: .bytes(7)), Probe(bytes: [0x05, 1, 2], length: .more),
    ]
  }

  @Test("the length probe measures, refuses and asks for more", arguments: Probe.all, [0, 1, 4])
  func length(example: Probe, guess: Int) throws {
    let padding: [UInt8] = example.length == .more ? [] : [0, 0, 0, 0, 0]
    let measured = try NativeCPU.withSession {
      $0.length(of: example.bytes + padding, from: makeCase([0x90]), guess: guess).0
    }
    #expect(measured == example.length)
  }

  @Test("two sessions on different threads take turns")
  func concurrency() async throws {
    let sums = try await withThrowingTaskGroup(of: UInt32.self) { group in
      for value in 0..<8 as Range<UInt32> {
        group.addTask { try run(makeCase([0x40]) { $0.registers[0] = value }).registers[0] }
      }
      return try await group.reduce(0, +)
    }
    #expect(sums == 36)
  }
}

@Suite("generated cases", .enabled(if: oracleSkip == nil))
struct CaseGeneratorTests {
  @Test("a case depends on nothing but the seed and its index")
  func deterministic() {
    let generator = CaseGenerator(seed: 7, lowMemory: false)
    let again = CaseGenerator(seed: 7, lowMemory: false)
    for index in [900, 3, 400] { #expect(generator.makeCase(at: index) == again.makeCase(at: index)) }
    #expect(CaseGenerator(seed: 8, lowMemory: false).makeCase(at: 3) != generator.makeCase(at: 3))
  }

  @Test("the processor agrees with itself on every row, and no case is endless or can't be run")
  func selfAgreement() throws {
    let generator = CaseGenerator(seed: 11, lowMemory: NativeCPU.hasLowMemory)
    let summary = try NativeCPU.withSession { native in
      var twin = native.twin()
      return DifferentialRunner(generator: generator).run(0..<generator.rows.count * 20, native: &native, guest: &twin)
    }
    #expect(summary.failed == 0)
    #expect(summary.classes.values.allSatisfy { $0.notRun == 0 })
    #expect(summary.classes.count == InstructionClass.allCases.count)
  }

  /// Wrong in one way: CF comes out inverted after every completed addition.
  struct Liar: GuestCPU, ~Copyable {
    var honest: NativeCPU
    mutating func run(_ oracleCase: OracleCase) -> OracleOutcome {
      var outcome = honest.run(oracleCase)
      if oracleCase.origin.hasPrefix("add "), outcome.ending == .completed { outcome.eflags ^= 1 }
      return outcome
    }
  }

  @Test("a guest with one wrong flag is found, reduced and described")
  func findsLiar() throws {
    let generator = CaseGenerator(seed: 5, classes: [.arithmetic], lowMemory: false)
    let summary = try NativeCPU.withSession { native in
      var liar = Liar(honest: native.twin())
      return DifferentialRunner(generator: generator).run(0..<generator.rows.count * 10, native: &native, guest: &liar)
    }
    #expect(summary.failed > 0)
    #expect(summary.failingRows.keys.allSatisfy { $0.hasPrefix("add ") })
    let failure = try #require(summary.failures.first)
    #expect(failure.differences.map(\.what) == ["EFLAGS"])
    #expect(failure.reduced.memory.allSatisfy { $0 == 0 })
    let text = OracleText.failure(failure, seed: 5)
    #expect(text.contains("add") && text.contains("--seed 5 --index \(failure.original.index)"))
  }

  @Test("undefined flags are masked by count", arguments: [0, 1, 2, 8])
  func undefinedFlags(count: Int) {
    let flags: [Int: UInt32] = [0: 0, 1: 0x10, 2: 0x810, 8: 0x811]
    let undefined = UndefinedFlags.results(
      of: .shl, size: 1, count: count, repeated: false, destination: 0, operand: nil, stack: 0x1000)
    #expect(undefined.flags == flags[count])
  }
}
