// The machine that cases run on: a processor, a little RAM between guard frames, a ROM, and an outside world made of
// random answers. One machine serves any number of cases.

import ISA
import Memory
import Processor

/// How a case is cut into runs. The guest must not be able to tell.
package enum Slicing: Equatable, Sendable {
  /// To the next outside event.
  case whole
  /// One retired instruction a run.
  case single
  /// A few instructions a run.
  case random(UInt64)
}

/// How a case ended.
package enum CaseEnd: String, CaseIterable, Sendable {
  case limit, halted, shutdown
  /// Exceptions without end, retiring nothing.
  case stuck
  /// More exits than a case may have.
  case exits
}

/// What is left after a case, but for its memory.
struct CaseOutcome {
  var end: CaseEnd
  var retired: UInt64
  var exits: UInt64
  /// Over all exits, in order, with the counts at which they came.
  var exitHash: UInt64
  var state: ArchitecturalState
  var counters: Counters
  var exitKinds = InlineArray<8, UInt64>(repeating: 0)
}

final class FuzzMachine {
  let memory: GuestPhysicalMemory
  let processor: Processor
  private let machine: MachineMemory
  private let guards: [GuestPhysicalMemory]
  private let romContent: UnsafeMutableRawPointer
  /// Frames of RAM that lie behind the hole below 1 MiB don't exist here: RAM is smaller.
  private static let guardSize: UInt64 = 0x1_0000
  private static let guardByte: UInt8 = 0xa5
  static let mostExits: UInt64 = 3000

  /// - Parameter paths: how translated code reaches memory; nil for the interpreter.
  init(_ paging: PagingConfiguration = PagingConfiguration(), translatorPaths paths: MemoryPathChoice? = nil) throws {
    let size =
      Int(2 * Self.guardSize + CaseLayout.ramSize) + CaseLayout.romSize + Int(Self.guardSize) + paging.tableMemory
    machine = try MachineMemory(size: size)
    let before = try GuestPhysicalMemory(machine: machine, ramSize: Self.guardSize)
    memory = try GuestPhysicalMemory(machine: machine, ramSize: CaseLayout.ramSize)
    let between = try GuestPhysicalMemory(machine: machine, ramSize: Self.guardSize)
    romContent = .allocate(byteCount: CaseLayout.romSize, alignment: 4096)
    var random = RandomSource(seed: 0x726f6d)
    Self.fillROM(romContent, &random)
    try memory.addROM(
      at: GuestPhysicalAddress(UInt64(CaseLayout.rom)),
      image: UnsafeRawBufferPointer(start: romContent, count: CaseLayout.romSize))
    let after = try GuestPhysicalMemory(machine: machine, ramSize: Self.guardSize)
    guards = [before, between, after]
    processor = Processor(memory: memory)
    try processor.usePaging(paging)
    if let paths {
      processor.useEngine(.translator, paths: paths)
      processor.translate(fromExecution: 1)
    }
    for page in guards { pointer(page).initializeMemory(as: UInt8.self, repeating: Self.guardByte, count: Int(Self.guardSize)) }
  }

  deinit { romContent.deallocate() }

  /// Code, page tables and noise.
  private static func fillROM(_ rom: UnsafeMutableRawPointer, _ random: inout RandomSource) {
    let bytes = rom.assumingMemoryBound(to: UInt8.self)
    for n in stride(from: 0, to: CaseLayout.romSize, by: 8) {
      rom.storeBytes(of: random.next(), toByteOffset: n, as: UInt64.self)
    }
    for page in 0..<4 {
      var generator = CodeGenerator(
        bytes: bytes + page * 0x1000, at: 0, end: 0x1000, is32: page & 1 == 0, dataBase: 0)
      generator.fill(&random)
    }
    for n in 0..<1024 {
      rom.storeBytes(of: UInt32(n % 0x60) << 12 | 0x67, toByteOffset: 0x8000 + n * 4, as: UInt32.self)
    }
  }

  private func pointer(_ memory: GuestPhysicalMemory) -> UnsafeMutableRawPointer {
    guard let pointer = memory.pointer(to: GuestPhysicalAddress(UInt64(0))) else { preconditionFailure("RAM begins at 0") }
    return pointer
  }

  /// How it translates, in words.
  var name: String {
    let paging = processor.paging
    let mode = paging.pager == .shadow ? " \(paging.shadow.mode.rawValue)" : ""
    return "\(processor.engine.rawValue), pager \(paging.pager.rawValue)\(mode)" + (paging.tlb.map { ", TLB tags \($0.tags.rawValue)" } ?? "")
  }

  /// Host address of RAM, which is contiguous.
  var ram: UnsafeMutableRawPointer { pointer(memory) }

  /// What is wrong with memory that no guest may write, or nil.
  func containmentFailure() -> String? {
    for (n, region) in guards.enumerated() {
      let bytes = pointer(region).assumingMemoryBound(to: UInt64.self)
      for word in 0..<Int(Self.guardSize / 8) where bytes[word] != 0x0101_0101_0101_0101 &* UInt64(Self.guardByte) {
        return "guard frames \(n) were written at offset \(word * 8)"
      }
    }
    guard let rom = memory.pointer(to: GuestPhysicalAddress(UInt64(CaseLayout.rom))) else { return "the ROM is gone" }
    let now = rom.assumingMemoryBound(to: UInt64.self), then = romContent.assumingMemoryBound(to: UInt64.self)
    for word in 0..<CaseLayout.romSize / 8 where now[word] != then[word] { return "ROM was written at offset \(word * 8)" }
    return nil
  }

  /// Sees each boundary between runs; for traces.
  typealias Observer = (FuzzMachine, UInt64, Exit?) -> Void

  /// Runs a case to its end.
  /// - Parameters:
  ///   - image: the memory it begins with.
  ///   - limit: ends it earlier.
  func run(
    _ made: FuzzCase, image: UnsafeRawPointer, slicing: Slicing, limit: UInt64? = nil, observer: Observer? = nil
  ) throws(FuzzFailure) -> CaseOutcome {
    let ram = self.ram
    ram.copyMemory(from: image, byteCount: CaseLayout.imageSize)
    let rest = Int(CaseLayout.ramSize) - CaseLayout.imageSize
    (ram + CaseLayout.imageSize).initializeMemory(as: UInt8.self, repeating: 0, count: rest)
    processor.noteWrite(at: GuestPhysicalAddress(UInt64(0)), count: CaseLayout.ramSize)
    processor.a20Enabled = true
    processor.interruptRequested = false
    processor.restore(made.state)

    let start = processor.retired
    let before = processor.counters
    let limit = min(limit ?? made.limit, made.limit)
    var cuts = RandomSource(seed: 0)
    if case .random(let seed) = slicing { cuts = RandomSource(seed: seed) }
    var answers = RandomSource(seed: made.answers)
    var outcome = CaseOutcome(
      end: .limit, retired: 0, exits: 0, exitHash: 0, state: made.state, counters: before)
    var nextEvent = 0
    var done: UInt64 = 0

    loop: while true {
      while nextEvent < made.events.count, made.events[nextEvent].at <= done {
        switch made.events[nextEvent].action {
        case .raiseInterrupt: processor.interruptRequested = true
        case .lowerInterrupt: processor.interruptRequested = false
        case .openA20: processor.a20Enabled = true
        case .shutA20: processor.a20Enabled = false
        }
        nextEvent += 1
      }
      if done >= limit { break }
      var target = limit
      if nextEvent < made.events.count { target = min(target, made.events[nextEvent].at) }
      switch slicing {
      case .whole: break
      case .single: target = min(target, done + 1)
      case .random: target = min(target, done + 1 + UInt64(cuts.below(90)))
      }
      observer?(self, done, nil)
      let exit = processor.run(until: start + target)
      let now = processor.retired &- start
      if now < done || now > target { throw FuzzFailure(.count, "retired \(done), asked for \(target), got \(now)") }
      done = now
      if exit != .budget {
        outcome.exits += 1
        note(exit, at: done, &outcome)
        observer?(self, done, exit)
        if outcome.exits >= Self.mostExits {
          outcome.end = .exits
          break
        }
      }
      switch exit {
      case .budget:
        if done < target {
          outcome.end = .stuck
          break loop
        }
      case .interruptWindow:
        if !processor.takesInterrupts { throw FuzzFailure(.invariant, "an interrupt window while interrupts are off") }
        if answers.chance(70) { processor.interruptRequested = false }
        processor.inject(vector: answers.chance(90) ? UInt8(32 + answers.below(64)) : answers.byte())
      case .halt:
        if processor.eflags & 0x200 == 0 {
          outcome.end = .halted
          break loop
        }
        processor.inject(vector: answers.byte())
      case .portRead, .memoryRead:
        processor.answer(answer(&answers))
      case .portWrite, .memoryWrite:
        processor.answer(answer(&answers))
      case .served: preconditionFailure("nobody serves ports here")
      case .shutdown:
        outcome.end = .shutdown
        break loop
      }
    }
    outcome.retired = done
    outcome.state = processor.architecturalState
    outcome.counters = processor.counters
    outcome.counters.instructionsDecoded &-= before.instructionsDecoded
    outcome.counters.exceptions &-= before.exceptions
    outcome.counters.interrupts &-= before.interrupts
    outcome.counters.pageWalks &-= before.pageWalks
    outcome.counters.blocksInvalidated &-= before.blocksInvalidated
    if let wrong = Self.brokenInvariant(outcome.state) { throw FuzzFailure(.invariant, wrong) }
    return outcome
  }

  private func answer(_ answers: inout RandomSource) -> UInt32 {
    switch answers.below(8) {
    case 0: return 0
    case 1, 2: return ~0
    case 3: return CodeGenerator.address(&answers) & ~0xfff | 0x67
    default: return answers.word()
    }
  }

  private func note(_ exit: Exit, at done: UInt64, _ outcome: inout CaseOutcome) {
    let word: UInt64
    let kind: Int
    switch exit {
    case .budget: (word, kind) = (0, 0)
    case .interruptWindow: (word, kind) = (1, 1)
    case .halt: (word, kind) = (2, 2)
    case .portRead(let port, let size): (word, kind) = (UInt64(port) << 8 | UInt64(size), 3)
    case .portWrite(let port, let size, let value):
      (word, kind) = (UInt64(value) << 24 | UInt64(port) << 8 | UInt64(size), 4)
    case .memoryRead(let address, let size): (word, kind) = (address << 8 | UInt64(size), 5)
    case .memoryWrite(let address, let size, let value):
      (word, kind) = (address << 8 ^ UInt64(value) << 32 | UInt64(size), 6)
    case .served: preconditionFailure("nobody serves ports here")
    case .shutdown: (word, kind) = (7, 7)
    }
    outcome.exitKinds[kind] += 1
    outcome.exitHash = (outcome.exitHash ^ word ^ UInt64(kind) << 60 ^ done << 40) &* 0x9e37_79b9_7f4a_7c15
    outcome.exitHash ^= outcome.exitHash >> 29
  }

  /// What no guest can bring about, if it came about.
  static func brokenInvariant(_ state: ArchitecturalState) -> String? {
    func text(_ value: UInt32) -> String { String(value, radix: 16) }
    if state.eflags & 2 == 0 || state.eflags & ~0x003f_7fd7 != 0 || state.eflags & 0x28 != 0 {
      return "EFLAGS \(text(state.eflags)) has bits that don't exist"
    }
    if state.cr0 & 0x10 == 0 || state.cr0 & 0x1ffa_ffc0 != 0 { return "CR0 is \(text(state.cr0))" }
    if state.cr0 & 0x8000_0001 == 0x8000_0000 { return "paging without protection" }
    if state.cr4 & ~0x6bc != 0 { return "CR4 is \(text(state.cr4))" }
    if state.efer & ~0x800 != 0 { return "EFER is \(String(state.efer, radix: 16))" }
    if state.cpl > 3 { return "CPL is \(state.cpl)" }
    let isProtected = state.cr0 & 1 != 0, isVirtual = state.eflags & 0x2_0000 != 0
    if !isProtected, state.cpl != 0 { return "CPL \(state.cpl) in real mode" }
    if isProtected, isVirtual, state.cpl != 3 { return "CPL \(state.cpl) in virtual-8086 mode" }
    if isProtected, !isVirtual {
      let ss = state.segments[2]
      if ss.isUsable, ss.privilege != state.cpl { return "SS.DPL \(ss.privilege) at CPL \(state.cpl)" }
    }
    if state.dr6 & ~0xe00f != 0xffff_0ff0 { return "DR6 is \(text(state.dr6))" }
    if state.dr7 & 0xd400 != 0x400 { return "DR7 is \(text(state.dr7))" }
    return nil
  }
}
