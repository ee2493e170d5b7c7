// The interpreter as the one that is judged: a small machine built as `OracleMachine` says, through the processor's
// public face only. Exceptions are really delivered, through gates, to ring 0, and read from the stack there.

import ISA
import Memory
import Processor

/// An interpreting processor in ring 3 with the oracle's memory map. Only 32-bit paging is used.
package struct InterpreterCPU: GuestCPU, ~Copyable {
  // Guest-physical places. Supervisor pages are mapped where they are; no case has an operand there.
  private enum Place {
    static let directory: UInt32 = 0x10_0000
    static let tables: [(linear: UInt32, physical: UInt32)] = [
      (0, 0x10_1000), (OracleMachine.code, 0x10_2000), (OracleMachine.data, 0x10_3000),
    ]
    static let gdt: UInt32 = 0x10_6000
    static let tss: UInt32 = 0x10_6100
    static let start: UInt32 = 0x10_6200
    static let copier: UInt32 = 0x10_6280
    static let pointers: UInt32 = 0x10_6300
    static let staging: UInt32 = 0x10_6400
    static let idt: UInt32 = 0x10_7000
    static let handlers: UInt32 = 0x10_8000
    static let stackTop: UInt32 = 0x10_a000
    static let code: UInt32 = 0x10_a000
    static let data: UInt32 = 0x10_b000
    static let low: UInt32 = 0x10_e000
    static let supervisor: Range<UInt32> = gdt..<code + 0x1000
  }

  /// Bytes at the end of the code page that may differ from case to case.
  private static let codeTail = 256
  private static let handlerBytes: UInt32 = 8

  private let processor: Processor
  private let kernelCode: SegmentCache
  private let kernelData: SegmentCache

  /// - Parameters:
  ///   - lowMemory: map the low window, as the native side does where the host allows it.
  ///   - engine: the translator translates every block before it runs for the first time.
  package init(lowMemory: Bool, engine: EngineKind = .interpreter, paths: MemoryPathChoice = .measured) throws {
    let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 8 << 20), ramSize: 4 << 20)
    processor = Processor(memory: memory)
    let hasEngine = processor.useEngine(engine, paths: paths)
    precondition(hasEngine, "this host has no \(engine.rawValue)")
    processor.translate(fromExecution: 1)
    kernelCode = Self.cache(0x08)
    kernelData = Self.cache(0x18)
    buildTables(lowMemory: lowMemory)
    boot()
  }

  // MARK: Building

  private func store(_ bytes: [UInt8], at address: UInt32) {
    let stored = bytes.withUnsafeBytes { processor.memory.load($0, at: GuestPhysicalAddress(UInt64(address))) }
    precondition(stored, "the oracle's machine has RAM where its tables go")
  }

  private func store(_ word: UInt32, at address: UInt32) { store(Self.little(word), at: address) }

  private static func little(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
  }

  private func map(_ linear: UInt32, _ physical: UInt32, flags: UInt32) {
    let table = Place.tables.first { $0.linear >> 22 == linear >> 22 }!.physical
    store(physical | flags, at: table + (linear >> 12 & 0x3ff) * 4)
  }

  private func buildTables(lowMemory: Bool) {
    let present: UInt32 = 1
    let writable: UInt32 = 2
    let user: UInt32 = 4
    for table in Place.tables {
      store(table.physical | present | writable | user, at: Place.directory + (table.linear >> 22) * 4)
    }
    for page in stride(from: Place.supervisor.lowerBound, to: Place.supervisor.upperBound, by: 0x1000) {
      map(page, page, flags: present | writable)
    }
    map(OracleMachine.code, Place.code, flags: present | user)
    for offset in stride(from: 0, to: UInt32(OracleMachine.dataBytes), by: 0x1000) {
      let flags = offset < OracleMachine.dataWritableBytes ? present | user | writable : present | user
      map(OracleMachine.data + offset, Place.data + offset, flags: flags)
    }
    if lowMemory {
      for offset in stride(from: 0, to: UInt32(OracleMachine.lowBytes), by: 0x1000) {
        map(OracleMachine.low + offset, Place.low + offset, flags: present | user | writable)
      }
    }
    store([UInt8](repeating: 0xf4, count: OracleMachine.codeBytes), at: Place.code)

    for (number, descriptor) in OracleMachine.descriptors.enumerated() {
      store(UInt32(truncatingIfNeeded: descriptor), at: Place.gdt + UInt32(number) * 8)
      store(UInt32(truncatingIfNeeded: descriptor >> 32), at: Place.gdt + UInt32(number) * 8 + 4)
    }
    // A 32-bit TSS at 40h, where the host has its own; SS0:ESP0 are all that is used, and no I/O map fits the limit.
    store((Place.tss & 0xffff) << 16 | 0x67, at: Place.gdt + 0x40)
    store(Place.tss & 0xff00_0000 | 0x8900 | (Place.tss >> 16 & 0xff), at: Place.gdt + 0x44)
    store(Place.stackTop, at: Place.tss + 4)
    store(0x18, at: Place.tss + 8)
    store(0x68 << 16, at: Place.tss + 100)
    // Every vector has its own HLT. The gates let ring 3 in at 3 and 4 only.
    for vector in 0..<256 as Range<UInt32> {
      let handler = Place.handlers + vector * Self.handlerBytes
      let privilege: UInt32 = OracleMachine.userVectors.contains(UInt8(vector)) ? 0xee00 : 0x8e00
      store(0x08 << 16 | handler & 0xffff, at: Place.idt + vector * 8)
      store(handler & 0xffff_0000 | privilege, at: Place.idt + vector * 8 + 4)
      store([0xf4, 0xf4], at: handler)
    }
    store([0x7f, 0] + Self.little(Place.gdt), at: Place.pointers)
    store([0xff, 7] + Self.little(Place.idt), at: Place.pointers + 8)
    // rep movsd; hlt: writes the code page as a guest does, so that decoded code is noticed to be stale.
    store([0xf3, 0xa5, 0xf4], at: Place.copier)
    let cr0: UInt32 = 0x8005_0031  // PG AM WP NE ET PE
    let cr4: UInt32 = 0x600  // OSXMMEXCPT OSFXSR
    let start: [UInt8] =
      [0x0f, 0x01, 0x15] + Self.little(Place.pointers)  // lgdt
      + [0x0f, 0x01, 0x1d] + Self.little(Place.pointers + 8)  // lidt
      + [0xb8, 0x40, 0, 0, 0, 0x0f, 0x00, 0xd8]  // mov eax, 40h; ltr ax
      + [0x31, 0xc0, 0x0f, 0x00, 0xd0]  // xor eax, eax; lldt ax
      + [0xb8] + Self.little(cr4) + [0x0f, 0x22, 0xe0]  // mov cr4, eax
      + [0xb8] + Self.little(Place.directory) + [0x0f, 0x22, 0xd8]  // mov cr3, eax
      + [0xb8] + Self.little(cr0) + [0x0f, 0x22, 0xc0, 0xf4]  // mov cr0, eax; hlt
    store(start, at: Place.start)
  }

  private func boot() {
    processor.enterFlatProtectedMode()
    processor.instructionPointer = Place.start
    let exit = processor.run(until: processor.retired + 100)
    precondition(exit == .halt, "the oracle's machine did not start: \(exit)")
  }

  /// What loading a selector of `OracleMachine.descriptors` leaves in the hidden part.
  private static func cache(_ selector: UInt16) -> SegmentCache {
    let descriptor = OracleMachine.descriptors[Int(selector >> 3)]
    if descriptor == 0 { return SegmentCache(selector: selector) }
    return SegmentCache(
      selector: selector, base: 0, limit: 0xffff_ffff, attributes: UInt16(truncatingIfNeeded: descriptor >> 40) & 0xf0ff
    )
  }

  // MARK: Running

  /// What its translator did.
  package var translatorStatistics: TranslatorStatistics? { processor.translatorStatistics }

  /// Runs a case twice where that is possible: by itself, which takes the general handlers, and together with the far
  /// jump behind it, as a block for the fast ones or the translator. They must agree.
  package mutating func run(_ oracleCase: OracleCase) -> OracleOutcome {
    let general = runAlone(oracleCase)
    guard oracleCase.ending == .jump else { return general }
    let fast = runAsBlock(oracleCase)
    if fast == general { return general }
    return OracleOutcome(notRun: "as a block it left \(fast.registers) \(fast.eflags) \(fast.ending)", of: oracleCase)
  }

  /// The exit jump leads nowhere here: that its fetch faults there says that the instruction completed.
  private func runAsBlock(_ oracleCase: OracleCase) -> OracleOutcome {
    place(oracleCase)
    // Fast x87 handlers want the state where instructions before them would have put it.
    if !oracleCase.fx.isEmpty { processor.prepareFloatingPoint() }
    let exit = processor.run(until: processor.retired + 1 << 40)
    guard exit == .halt else { return OracleOutcome(notRun: "the block left with \(exit)", of: oracleCase) }
    var result = outcome(of: oracleCase)
    if result.selectors.cs == OracleCase.exitSelector {
      result.ending = .completed
      result.eip = oracleCase.address &+ UInt32(oracleCase.bytes.count)
      result.selectors.cs = OracleMachine.codeSelector
    }
    return result
  }

  private func runAlone(_ oracleCase: OracleCase) -> OracleOutcome {
    place(oracleCase)
    let repeats = Self.isRepeated(oracleCase.bytes)
    repeat {
      switch processor.run(until: processor.retired + 1) {
      case .budget, .halt: break
      case let exit: return OracleOutcome(notRun: "the interpreter left with \(exit)", of: oracleCase)
      }
    } while repeats && processor.privilegeLevel == 3 && processor.instructionPointer == oracleCase.address
    return outcome(of: oracleCase)
  }

  private func place(_ oracleCase: OracleCase) {
    placeCode(oracleCase)
    copyIn(oracleCase.memory, at: Place.data)
    copyIn(oracleCase.lowMemory, at: Place.low)
    for i in 0..<8 { processor[register: i] = oracleCase.registers[i] }
    processor[.cs] = Self.cache(OracleMachine.codeSelector)
    processor[.ss] = Self.cache(OracleMachine.dataSelector)
    processor[.es] = Self.cache(oracleCase.selectors.es)
    processor[.ds] = Self.cache(oracleCase.selectors.ds)
    processor[.fs] = Self.cache(oracleCase.selectors.fs)
    processor[.gs] = Self.cache(oracleCase.selectors.gs)
    processor.eflags = oracleCase.eflags
    processor.instructionPointer = oracleCase.address
    processor.floatingPoint = oracleCase.fx.isEmpty ? Self.idle : FloatingPointState(fxsave: oracleCase.fx)
  }

  private func outcome(of oracleCase: OracleCase) -> OracleOutcome {
    var registers = SIMD8<UInt32>()
    for i in 0..<8 { registers[i] = processor[register: i] }
    var selectors = Selectors()
    selectors.es = processor[.es].selector
    selectors.cs = processor[.cs].selector
    selectors.ss = processor[.ss].selector
    selectors.ds = processor[.ds].selector
    selectors.fs = processor[.fs].selector
    selectors.gs = processor[.gs].selector
    var result = OracleOutcome(
      ending: .completed, registers: registers, eflags: processor.eflags & ~EFlags.rf.rawValue,
      eip: processor.instructionPointer, selectors: selectors, memory: copyOut(oracleCase.memory, at: Place.data),
      lowMemory: copyOut(oracleCase.lowMemory, at: Place.low), fx: fx(of: oracleCase))
    if processor.privilegeLevel == 3 { return result }
    // In a handler: the rest is in the frame.
    let vector = UInt8(truncatingIfNeeded: (processor.instructionPointer - Place.handlers) / Self.handlerBytes)
    let hasErrorCode = processor[register: 4] == Place.stackTop - 24
    result.eip = word(Place.stackTop - 20)
    result.selectors.cs = UInt16(truncatingIfNeeded: word(Place.stackTop - 16))
    result.eflags = word(Place.stackTop - 12) & ~EFlags.rf.rawValue
    result.registers[4] = word(Place.stackTop - 8)
    result.selectors.ss = UInt16(truncatingIfNeeded: word(Place.stackTop - 4))
    let address = vector == 14 ? processor.state.cr2 : 0
    var errorCode = hasErrorCode ? word(Place.stackTop - 24) : 0
    // A stray access into our own tables: nothing is there on the other side.
    if vector == 14 && Place.supervisor.contains(address) { errorCode &= ~1 }
    result.ending = .exception(vector: vector, errorCode: errorCode, address: address)
    return result
  }

  /// As a process has it that computes with integers: no exception of another case is pending.
  private static let idle = {
    var state = FloatingPointState()
    state.control = 0x37f
    state.occupied = 0
    return state
  }()

  private func fx(of oracleCase: OracleCase) -> [UInt8] {
    if oracleCase.fx.isEmpty { return [] }
    return FXUndefined.masked(processor.floatingPoint.fxsave + oracleCase.fx[288...])
  }

  private func placeCode(_ oracleCase: OracleCase) {
    let tail = Array(oracleCase.codePage.suffix(Self.codeTail))
    store(tail, at: Place.staging)
    processor[.cs] = kernelCode
    for segment in [SegmentRegister.ss, .ds, .es] { processor[segment] = kernelData }
    processor.eflags = 2
    processor[register: 1] = UInt32(Self.codeTail / 4)
    processor[register: 6] = Place.staging
    processor[register: 7] = Place.code + UInt32(OracleMachine.codeBytes - Self.codeTail)
    processor.instructionPointer = Place.copier
    let exit = processor.run(until: processor.retired + UInt64(Self.codeTail))
    precondition(exit == .halt, "the oracle's machine can't copy code: \(exit)")
  }

  private func copyIn(_ bytes: [UInt8], at address: UInt32) {
    guard !bytes.isEmpty else { return }
    store(bytes, at: address)
  }

  private func copyOut(_ old: [UInt8], at address: UInt32) -> [UInt8] {
    if old.isEmpty { return old }
    return processor.memory.bytes(at: GuestPhysicalAddress(UInt64(address)), count: old.count) ?? []
  }

  private func word(_ address: UInt32) -> UInt32 {
    processor.memory.pointer(to: GuestPhysicalAddress(UInt64(address)))!.loadUnaligned(as: UInt32.self)
  }

  /// A string instruction with F2 or F3: it retires once an iteration.
  private static func isRepeated(_ bytes: [UInt8]) -> Bool {
    let prefixes = bytes.prefix { DecodeSweep.prefixBytes.contains($0) }
    guard prefixes.contains(0xf2) || prefixes.contains(0xf3), prefixes.count < bytes.count else { return false }
    return [0x6c...0x6f, 0xa4...0xa7, 0xaa...0xaf].contains { $0.contains(bytes[prefixes.count]) }
  }
}
