// A few instructions in a tiny machine, run in every way there is: by the interpreter with fast handlers, with the general
// ones, and one instruction a run; and by the translator. All must come to the same end.
//
//   0x7000 stack   0x8000 code, then HLT   0x9000 a HLT for each vector   0xc000 data (256 bytes)

import ISA
import Testing

@testable import Processor

/// What the registers and the data hold when the code begins.
struct Input: CustomStringConvertible {
  var eax: UInt32 = 0, ecx: UInt32 = 0, edx: UInt32 = 0, ebx: UInt32 = 0
  var esp: UInt32 = GuestCode.stack, ebp: UInt32 = 0, esi: UInt32 = GuestCode.data, edi: UInt32 = 0
  var flags: EFlags = []
  /// The first bytes of the data; the rest is zero.
  var data: [UInt8] = []

  var registers: [UInt32] { [eax, ecx, edx, ebx, esp, ebp, esi, edi] }
  var description: String {
    zip(["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"], registers)
      .map { "\($0)=\(String($1, radix: 16))" }.joined(separator: " ") + " [\(flags)] data \(data.prefix(16))"
  }
}

/// An exception, as its handler finds it.
struct Fault: Equatable {
  var vector: UInt8
  var errorCode: UInt32?
  /// From the code's first byte.
  var at: UInt32
}

/// The end of a run. After a fault, the registers are those of the instruction that faulted.
struct Outcome: Equatable {
  var registers: [UInt32]
  var flags: EFlags
  /// Of the instruction after the last one executed, from the code's first byte.
  var at: UInt32
  var fault: Fault?
  var data: [UInt8]
  /// The sixteen bytes below 0x7000 and the sixteen from it on; not compared after faults, whose frames lie there.
  var stack: [UInt8]
  var retired: UInt64

  var eax: UInt32 { registers[0] }
  var ecx: UInt32 { registers[1] }
  var edx: UInt32 { registers[2] }
  var ebx: UInt32 { registers[3] }
  var esp: UInt32 { registers[4] }
  var ebp: UInt32 { registers[5] }
  var esi: UInt32 { registers[6] }
  var edi: UInt32 { registers[7] }
  var status: EFlags { flags.intersection(.status) }

  /// A little-endian number among the data.
  func data(_ offset: Int, size: Int) -> UInt32 {
    (0..<size).reduce(0) { $0 | UInt32(data[offset + $1]) << UInt32($1 * 8) }
  }
  /// A doubleword at an address of the stack.
  func stack(_ address: UInt32) -> UInt32 {
    let offset = Int(address) - Int(GuestCode.stack) + 64
    return (0..<4).reduce(0) { $0 | UInt32(stack[offset + $1]) << UInt32($1 * 8) }
  }
}

/// The ways of running the same code.
enum Way: String {
  /// Flat segments: fast handlers, whole blocks.
  case fast
  /// DS ends a byte early: general handlers, whole blocks.
  case general
  /// Flat segments, but the slice ends after each instruction.
  case stepped
  /// As host code at the first execution, by either path to memory.
  case window, tlb

  /// Those that this host and build have.
  static let allCases: [Way] =
    [.fast, .general, .stepped] + (EngineKind.translator.isAvailable ? [.window, .tlb] : [])

  /// How translated code reaches memory; nil for the interpreter.
  var memoryPath: MemoryPathChoice? { MemoryPathChoice(rawValue: rawValue) }
}

/// Modes beside flat 32-bit protected mode.
enum Mode { case flat, code16, real, virtual8086 }

/// Code in one machine.
final class GuestCode {
  static let stack: UInt32 = ProtectedGuest.stack, code: UInt32 = ProtectedGuest.code, data: UInt32 = 0xc000
  let guest: ProtectedGuest
  let way: Way
  let mode: Mode
  private let end: UInt32

  init(_ code: [UInt8], way: Way = .fast, mode: Mode = .flat) throws {
    guest = try ProtectedGuest(code + [0xf4])
    self.way = way
    self.mode = mode
    end = Self.code + UInt32(code.count)
    let processor = guest.processor
    if let paths = way.memoryPath {
      processor.useEngine(.translator, paths: paths)
      processor.translate(fromExecution: 1)
    }
    switch mode {
    case .flat: break
    case .code16:
      processor[.cs] = SegmentCache(selector: 8, base: 0, limit: 0xffff, attributes: 0x9b)
      processor[.ss] = SegmentCache(selector: 16, base: 0, limit: 0xffff, attributes: 0x93)
    case .real:
      processor.enterRealMode(codeSelector: 0, codeBase: 0, dataSelector: 0, instructionPointer: Self.code)
      guest.cpu.s.pointee.idtr = DescriptorTable(base: 0, limit: 0x3ff)
      for vector in UInt32(0)..<256 {
        let handler = ProtectedGuest.handlers + vector * 16
        guest.put([UInt8(handler & 0xff), UInt8(handler >> 8), 0, 0], at: vector * 4)
      }
    case .virtual8086:
      processor.eflags |= EFlags.vm.rawValue
      for register in [SegmentRegister.cs, .ss, .ds, .es, .fs, .gs] {
        processor[register] = SegmentCache(selector: 0, base: 0, limit: 0xffff, attributes: 0xf3)
      }
      guest.cpu.s.pointee.cpl = 3
      processor.eflags |= EFlags.vm.rawValue
    }
    if way == .general, mode == .flat {
      processor[.ds] = SegmentCache(selector: 16, base: 0, limit: 0xffff_fffe, attributes: 0xc093)
    }
  }

  /// Runs the code from its beginning.
  func run(_ input: Input) -> Outcome {
    let processor = guest.processor
    for (number, value) in input.registers.enumerated() { processor[register: number] = value }
    processor.eflags = input.flags.rawValue | 2 | (mode == .virtual8086 ? EFlags.vm.rawValue : 0)
    processor.instructionPointer = Self.code
    _ = guest.memory.clear(at: .init(Self.data), count: 256)
    _ = guest.memory.clear(at: .init(Self.stack - 64), count: 128)
    if !input.data.isEmpty { guest.put(input.data, at: Self.data) }
    let before = processor.retired
    let limit = before + 1_000_000
    var exit = Exit.budget
    while exit == .budget, processor.retired < limit {
      let last = processor.retired
      exit = processor.run(until: way == .stepped ? last + 1 : limit)
      // Exceptions without end retire nothing.
      if processor.retired == last { break }
    }
    #expect(exit == .halt, "the code left by \(exit) at \(String(processor.instructionPointer, radix: 16))")
    return outcome(retired: processor.retired - before - 1)
  }

  private func outcome(retired: UInt64) -> Outcome {
    let processor = guest.processor
    var registers = (0..<8).map { processor[register: $0] }
    var flags = EFlags(rawValue: processor.eflags)
    var at = processor.instructionPointer &- 1
    var fault: Fault?
    if at &- ProtectedGuest.handlers < 0x1000 {
      let vector = UInt8((at - ProtectedGuest.handlers) / 16)
      let hasErrorCode = mode != .real && [8, 10, 11, 12, 13, 14, 17].contains(vector)
      let slot: UInt32 = mode == .real ? 2 : 4
      let top = registers[4] &+ (hasErrorCode ? 4 : 0)
      at = guest.word(top) & (mode == .real ? 0xffff : ~0)
      fault = Fault(vector: vector, errorCode: hasErrorCode ? guest.word(registers[4]) : nil, at: at &- Self.code)
      let image = EFlags(rawValue: guest.word(top + 2 * slot) & (mode == .real ? 0xffff : ~0))
      flags = image.subtracting(.rf)
      registers[4] = top &+ 3 * slot
    }
    return Outcome(
      registers: registers, flags: flags.subtracting(.fixed), at: at &- Self.code, fault: fault,
      data: bytes(Self.data, 256), stack: fault == nil ? bytes(Self.stack - 64, 128) : [], retired: retired)
  }

  func bytes(_ address: UInt32, _ count: Int) -> [UInt8] {
    guest.memory.bytes(at: .init(address), count: count) ?? []
  }
}

/// The same code in all ways at once.
struct AllWays {
  private let runs: [GuestCode]
  private let code: [UInt8]

  init(_ code: [UInt8]) throws {
    self.code = code
    runs = try Way.allCases.map { try GuestCode(code, way: $0) }
  }

  /// Runs it; the ends of all ways must be equal.
  func run(_ input: Input = Input(), sourceLocation: SourceLocation = #_sourceLocation) -> Outcome {
    let outcomes = runs.map { $0.run(input) }
    for (run, outcome) in zip(runs, outcomes).dropFirst() where outcome != outcomes[0] {
      #expect(
        outcome == outcomes[0], "\(run.way) is not \(runs[0].way): \(code.hex) with \(input)",
        sourceLocation: sourceLocation)
    }
    return outcomes[0]
  }
}

/// Runs code once, in all ways.
func run(
  _ code: [UInt8], _ input: Input = Input(), sourceLocation: SourceLocation = #_sourceLocation
) throws -> Outcome {
  try AllWays(code).run(input, sourceLocation: sourceLocation)
}

/// Runs code once in a mode of 16-bit code, in whole blocks and in steps.
func run(
  _ code: [UInt8], mode: Mode, _ input: Input = Input(), sourceLocation: SourceLocation = #_sourceLocation
) throws -> Outcome {
  let whole = try GuestCode(code, way: .general, mode: mode).run(input)
  let stepped = try GuestCode(code, way: .stepped, mode: mode).run(input)
  #expect(whole == stepped, "\(code.hex) with \(input)", sourceLocation: sourceLocation)
  return whole
}

extension [UInt8] {
  var hex: String { map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ") }
  /// Doublewords as the bytes that memory holds.
  init(words: UInt32...) { self = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } }
}
