// One case: a memory image, a processor state, and a plan of what the outside world does to it. All of it follows from
// the seed and the case's number.

import ISA
import Processor

/// What the outside does at a retired count.
struct OutsideEvent {
  enum Action { case raiseInterrupt, lowerInterrupt, openA20, shutA20 }
  var at: UInt64
  var action: Action
}

/// Everything about a case but its memory image.
struct FuzzCase {
  enum Mode: Int, CaseIterable { case real, virtual8086, flat0, flat3, bits16, segmented }

  var mode: Mode
  var state = ArchitecturalState()
  /// Retired instructions after which the case ends.
  var limit: UInt64
  var events: [OutsideEvent] = []
  /// Answers of devices and interrupt vectors come from here, in the order they are asked for.
  var answers: UInt64
}

/// Makes cases. Owns the image that the case begins with.
struct CaseGenerator {
  let image: UnsafeMutableRawPointer

  init() {
    image = .allocate(byteCount: CaseLayout.imageSize, alignment: 4096)
    image.initializeMemory(as: UInt8.self, repeating: 0, count: CaseLayout.imageSize)
  }

  func deallocate() { image.deallocate() }

  /// Fills the image and returns the rest of the case.
  func make(seed: UInt64, number: UInt64) -> FuzzCase {
    var random = RandomSource(seed: seed, stream: number)
    image.initializeMemory(as: UInt8.self, repeating: 0, count: CaseLayout.imageSize)
    let mode: FuzzCase.Mode =
      switch random.below(100) {
      case 0..<10: .real
      case 10..<22: .virtual8086
      case 22..<52: .flat0
      case 52..<78: .flat3
      case 78..<88: .bits16
      default: .segmented
      }
    var made = FuzzCase(mode: mode, limit: UInt64(400 + random.below(3000)), answers: random.next())
    let user = mode == .flat3 || mode == .virtual8086 || (mode == .bits16 && random.chance(50))
    makeDescriptors(&random)
    makeTasks(&random)
    makeInterruptTable(&random)
    makeVectorTable(&random)
    makePseudoDescriptors(&random)
    makeHandlers(&random)
    makeState(&made, user: user, &random)
    damageDescriptors(&random)
    makePageTables(&made, user: user, &random)
    makeCode(made, &random)
    makeData(&random)
    for _ in 0..<random.below(5) {
      let at = UInt64(random.below(Int(made.limit)))
      made.events.append(
        OutsideEvent(
          at: at, action: random.pick([.raiseInterrupt, .raiseInterrupt, .raiseInterrupt, .lowerInterrupt, .shutA20])))
      if random.chance(10) { made.events.append(OutsideEvent(at: at + 50, action: .openA20)) }
    }
    made.events.sort { $0.at < $1.at }
    return made
  }

  // MARK: Tables

  private func store<T>(_ value: T, _ at: UInt32) { image.storeBytes(of: value, toByteOffset: Int(at), as: T.self) }

  static func segment(base: UInt32, limit: UInt32, access: UInt32, flags: UInt32) -> UInt64 {
    let low = base << 16 | limit & 0xffff
    let high = base & 0xff00_0000 | flags << 20 | limit & 0xf_0000 | access << 8 | base >> 16 & 0xff
    return UInt64(high) << 32 | UInt64(low)
  }

  static func gate(selector: Int, offset: UInt32, type: UInt32, dpl: UInt32, count: UInt32 = 0) -> UInt64 {
    let low = UInt32(selector) << 16 | offset & 0xffff
    let high = offset & 0xffff_0000 | 0x8000 | dpl << 13 | type << 8 | count & 31
    return UInt64(high) << 32 | UInt64(low)
  }

  private static func codeTarget(_ random: inout RandomSource) -> UInt32 {
    CaseLayout.code + UInt32(random.below(CaseLayout.codeSize))
  }

  private func makeDescriptors(_ random: inout RandomSource) {
    var gdt = [UInt64](repeating: 0, count: CaseLayout.gdtEntries)
    func flat(_ access: UInt32, _ flags: UInt32 = 0xc) -> UInt64 {
      Self.segment(base: 0, limit: 0xf_ffff, access: access, flags: flags)
    }
    func task(_ n: UInt32, _ type: UInt32, limit: UInt32) -> UInt64 {
      Self.segment(base: CaseLayout.tasks + n * CaseLayout.taskStride, limit: limit, access: 0x80 | type, flags: 0)
    }
    gdt[CaseDescriptor.code0] = flat(0x9b)
    gdt[CaseDescriptor.data0] = flat(0x93)
    gdt[CaseDescriptor.code3] = flat(0xfb)
    gdt[CaseDescriptor.data3] = flat(0xf3)
    gdt[CaseDescriptor.task] = task(0, 11, limit: 0xff)
    gdt[CaseDescriptor.ldt] = Self.segment(base: CaseLayout.ldt, limit: 0x7f, access: 0x82, flags: 0)
    gdt[CaseDescriptor.code16] = Self.segment(base: CaseLayout.code, limit: 0xffff, access: 0x9b, flags: 0)
    gdt[CaseDescriptor.data16] = Self.segment(base: CaseLayout.data, limit: 0xffff, access: 0x93, flags: 0)
    gdt[CaseDescriptor.smallData] = Self.segment(base: CaseLayout.data, limit: 0xfff, access: 0xf3, flags: 4)
    gdt[CaseDescriptor.expandDown] = Self.segment(
      base: CaseLayout.data, limit: random.pick([0xf, 0xfff, 0x7fff]), access: 0x97, flags: random.pick([0, 4, 0xc]))
    gdt[CaseDescriptor.conforming] = flat(0x9f)
    gdt[CaseDescriptor.callGate] = Self.gate(
      selector: CaseDescriptor.code0 << 3, offset: Self.codeTarget(&random), type: 12, dpl: 3,
      count: UInt32(random.below(32)))
    gdt[CaseDescriptor.taskGate] = Self.gate(selector: CaseDescriptor.nextTask << 3, offset: 0, type: 5, dpl: 3)
    gdt[CaseDescriptor.task16] = task(2, random.pick([1, 1, 3]), limit: 0x2b)
    gdt[CaseDescriptor.nextTask] = task(1, random.pick([9, 9, 11]), limit: 0x67)
    gdt[CaseDescriptor.code1] = flat(0xbb)
    gdt[CaseDescriptor.data1] = flat(0xb3)
    gdt[CaseDescriptor.callGate16] = Self.gate(
      selector: CaseDescriptor.code0 << 3, offset: Self.codeTarget(&random), type: 4, dpl: 3,
      count: UInt32(random.below(8)))
    gdt[CaseDescriptor.nonFlatCode] = Self.segment(base: CaseLayout.code, limit: 0x1fff, access: 0x9b, flags: 4)
    gdt[CaseDescriptor.nonFlatCode3] = Self.segment(base: CaseLayout.code, limit: 0x1000, access: 0xfa, flags: 4)
    gdt[CaseDescriptor.data16User] = Self.segment(base: CaseLayout.data, limit: 0xffff, access: 0xf2, flags: 0)
    gdt[CaseDescriptor.code16User] = Self.segment(base: CaseLayout.code, limit: 0xffff, access: 0xfa, flags: 0)
    gdt[CaseDescriptor.code2] = flat(0xdb)
    gdt[CaseDescriptor.data2] = flat(0xd3)
    gdt[CaseDescriptor.absent] = flat(random.pick([0x1b, 0x13, 0x7b, 0x73]))
    gdt[CaseDescriptor.callGateInner] = Self.gate(
      selector: random.pick([CaseDescriptor.code1, CaseDescriptor.code2, CaseDescriptor.conforming]) << 3,
      offset: Self.codeTarget(&random), type: 12, dpl: 3, count: UInt32(random.below(4)))
    for n in CaseDescriptor.known..<CaseLayout.gdtEntries { gdt[n] = mixed(&random) }
    for n in 0..<CaseLayout.gdtEntries { store(gdt[n], CaseLayout.gdt + UInt32(n * 8)) }
    for n in 0..<CaseLayout.ldtEntries {
      store(random.chance(60) ? gdt[random.below(CaseDescriptor.known)] : mixed(&random), CaseLayout.ldt + UInt32(n * 8))
    }
  }

  /// Damage, mostly away from what the case stands on.
  private func damageDescriptors(_ random: inout RandomSource) {
    for n in 1..<CaseLayout.gdtEntries where random.chance(n <= 6 ? 1 : 6) {
      let at = CaseLayout.gdt + UInt32(n * 8)
      let entry = image.load(fromByteOffset: Int(at), as: UInt64.self)
      store(random.chance(20) ? mixed(&random) : entry ^ 1 << UInt64(random.below(64)), at)
    }
  }

  /// A descriptor that was thrown together: plausible fields, or none.
  private func mixed(_ random: inout RandomSource) -> UInt64 {
    if random.chance(25) { return random.next() }
    return Self.segment(
      base: random.chance(70) ? CodeGenerator.address(&random) : random.word(),
      limit: random.chance(50) ? UInt32(random.below(0x1_0000)) : random.word() & 0xf_ffff,
      access: UInt32(random.byte()) | 0x80, flags: UInt32(random.byte() & 0xf))
  }

  private func makeTasks(_ random: inout RandomSource) {
    for n in 0..<UInt32(CaseLayout.taskCount) {
      let base = CaseLayout.tasks + n * CaseLayout.taskStride
      if n == 2 {
        // 16-bit.
        for slot in 0..<22 { store(UInt16(truncatingIfNeeded: random.word()), base + UInt32(slot * 2)) }
        for level in 0..<UInt32(3) {
          store(UInt16(0x7000), base + 2 + level * 4)
          store(UInt16(CaseDescriptor.data16 << 3) | UInt16(level), base + 4 + level * 4)
        }
        store(UInt16(random.below(CaseLayout.codeSize)), base + 0x0e)
        store(UInt16(0x202), base + 0x10)
        store(UInt16(CaseDescriptor.data16 << 3), base + 0x22)
        store(UInt16(CaseDescriptor.code16 << 3), base + 0x24)
        store(UInt16(CaseDescriptor.data16 << 3), base + 0x26)
        store(UInt16(CaseDescriptor.data16 << 3), base + 0x28)
        store(UInt16(random.chance(50) ? 0 : CaseDescriptor.ldt << 3), base + 0x2a)
        continue
      }
      store(UInt32(CodeGenerator.selector(&random)), base)
      for level in 0..<UInt32(3) {
        let good = [CaseDescriptor.data0, CaseDescriptor.data1, CaseDescriptor.data2][Int(level)]
        store(random.chance(95) ? CaseLayout.data + 0x8000 + level * 0x800 : random.word(), base + 4 + level * 8)
        store(
          random.chance(95) ? UInt32(good << 3) | level : UInt32(CodeGenerator.selector(&random)), base + 8 + level * 8)
      }
      store(random.chance(80) ? CaseLayout.directory : CodeGenerator.address(&random) & ~0x1f, base + 0x1c)
      store(Self.codeTarget(&random), base + 0x20)
      store(
        UInt32(random.pick([2, 2, 0x202, 0x3202, 0x102, 0x2_3202, random.word()])), base + 0x24)
      for n in 0..<UInt32(8) { store(CodeGenerator.value(&random), base + 0x28 + n * 4) }
      store(CaseLayout.data + 0x6000, base + 0x38)
      let level = random.pick([0, 0, 3])
      let code = level == 0 ? CaseDescriptor.code0 : CaseDescriptor.code3
      let data = level == 0 ? CaseDescriptor.data0 : CaseDescriptor.data3
      let selectors = [data, code, data, data, data, 0]
      for n in 0..<6 {
        store(
          random.chance(95) ? UInt32(selectors[n] << 3 | level) : UInt32(CodeGenerator.selector(&random)),
          base + 0x48 + UInt32(n) * 4)
      }
      store(UInt32(random.chance(50) ? 0 : CaseDescriptor.ldt << 3), base + 0x60)
      store(UInt32(random.chance(90) ? 0 : 1) | (random.chance(80) ? 0x68 : random.word()) << 16, base + 0x64)
      for n in 0..<UInt32(0x98 / 4) { store(random.chance(40) ? 0 : random.word(), base + 0x68 + n * 4) }
    }
  }

  /// Vectors that push an error code.
  private static func pushesErrorCode(_ vector: Int) -> Bool { vector == 8 || (10...14).contains(vector) || vector == 17 }

  private func makeInterruptTable(_ random: inout RandomSource) {
    for vector in 0..<256 {
      let entry: UInt64
      switch random.below(100) {
      case 0..<82:
        let kind = UInt32(random.below(8)) * 0x40 + (Self.pushesErrorCode(vector) ? 0x200 : 0)
        entry = Self.gate(
          selector: (random.chance(92) ? CaseDescriptor.code0 : random.pick([
            CaseDescriptor.code1, CaseDescriptor.conforming, CaseDescriptor.code3,
          ])) << 3, offset: CaseLayout.handlers32 + kind, type: random.pick([14, 15]), dpl: random.pick([0, 3, 3]))
      case 82..<86:
        entry = Self.gate(
          selector: CaseDescriptor.code0 << 3, offset: CaseLayout.handlers32, type: random.pick([6, 7]),
          dpl: random.pick([0, 3]))
      case 86..<90:
        entry = Self.gate(
          selector: CaseDescriptor.code0 << 3, offset: Self.codeTarget(&random), type: random.pick([14, 15]), dpl: 3)
      case 90..<94:
        entry = Self.gate(
          selector: random.pick([CaseDescriptor.nextTask, CaseDescriptor.task16, CaseDescriptor.task]) << 3, offset: 0,
          type: 5, dpl: random.pick([0, 3]))
      case 94..<96: entry = mixed(&random)
      case 96..<98: entry = 0
      default: entry = random.next()
      }
      store(entry, CaseLayout.idt + UInt32(vector * 8))
    }
  }

  private func makeVectorTable(_ random: inout RandomSource) {
    for vector in 0..<256 {
      var entry = UInt32(CaseLayout.handlers16 >> 4) << 16 | UInt32(random.below(8) * 0x40)
      if random.chance(8) { entry = 0x1000_0000 | UInt32(random.below(CaseLayout.codeSize)) }
      if random.chance(2) { entry = random.word() }
      store(entry, UInt32(vector * 4))
    }
  }

  private func makePseudoDescriptors(_ random: inout RandomSource) {
    for n in 0..<UInt32(8) {
      let at = CaseLayout.pseudoDescriptors + n * 8
      let isGDT = random.chance(50)
      store(
        random.chance(70)
          ? UInt16(isGDT ? CaseLayout.gdtEntries * 8 - 1 : 0x7ff) : UInt16(truncatingIfNeeded: random.word()), at)
      store(
        random.chance(85) ? (isGDT ? CaseLayout.gdt : CaseLayout.idt) : CodeGenerator.address(&random), at + 2)
    }
  }

  /// Small handlers, 64 bytes each: eight for traps, eight for exceptions with error codes; and eight of 16 bits.
  private func makeHandlers(_ random: inout RandomSource) {
    for n in 0..<16 {
      var bytes: [UInt8] = []
      if n >= 8 { bytes += [0x83, 0xc4, 4] }
      switch n & 7 {
      case 0, 1, 2: bytes += [0x83, 0x04, 0x24, UInt8(1 + random.below(6)), 0xcf]
      case 3, 4:
        // Somewhere else in the code.
        let target = Self.codeTarget(&random)
        bytes += [0xc7, 0x04, 0x24] + (0..<4).map { UInt8(truncatingIfNeeded: target >> ($0 * 8)) } + [0xcf]
      case 5:
        // With EFLAGS that mostly let things go on.
        bytes += [0x81, 0x64, 0x24, 8, 0xff, 0xbe, 0xfe, 0xff, 0x83, 0x04, 0x24, 2, 0xcf]
      case 6: bytes += [0xfb, 0x60, 0x0f, 0x20, 0xd0, 0x61, 0x83, 0x04, 0x24, 3, 0xcf]
      default: bytes += [UInt8(0x40 | random.below(4)), 0xcf]
      }
      for (offset, byte) in bytes.enumerated() { store(byte, CaseLayout.handlers32 + UInt32(n * 0x40 + offset)) }
    }
    for n in 0..<8 {
      // push bp; mov bp, sp; add word [bp + 2], k; pop bp; iret
      var bytes: [UInt8] = [0x55, 0x89, 0xe5, 0x83, 0x46, 2, UInt8(1 + random.below(6)), 0x5d, 0xcf]
      if n == 7 { bytes = [0xfb, 0xcf] }
      if n == 6 {
        bytes = [0x55, 0x89, 0xe5, 0xc7, 0x46, 2, random.byte(), random.byte() & 0xf, 0xc7, 0x46, 4, 0, 0x10, 0x5d, 0xcf]
      }
      for (offset, byte) in bytes.enumerated() { store(byte, CaseLayout.handlers16 + UInt32(n * 0x40 + offset)) }
    }
  }

  private func makeData(_ random: inout RandomSource) {
    for page in [0, 1, 2, 6, 8] {
      for n in stride(from: 0, to: 0x1000, by: 8) {
        store(random.next(), CaseLayout.data + UInt32(page * 0x1000 + n))
      }
    }
    // Far pointers and operands of LGDT that code may find.
    for _ in 0..<64 {
      let at = CaseLayout.data + UInt32(random.below(0x2ff0))
      store(Self.codeTarget(&random), at & ~3)
      store(CodeGenerator.selector(&random), (at & ~3) + 4)
    }
  }

  private func makeCode(_ made: FuzzCase, _ random: inout RandomSource) {
    let code = (image + Int(CaseLayout.code)).assumingMemoryBound(to: UInt8.self)
    let is32 = made.state.segments[1].isBig
    var generator = CodeGenerator(
      bytes: code, at: 0, end: CaseLayout.codeSize, is32: is32, dataBase: made.state.segments[3].base)
    generator.fill(&random)
    if random.chance(10) {
      // Nothing but noise.
      for n in 0..<CaseLayout.codeSize { code[n] = random.byte() }
    }
  }

  // MARK: State

  private func cache(_ index: Int, rpl: UInt16) -> SegmentCache {
    let raw = image.load(fromByteOffset: Int(CaseLayout.gdt) + index * 8, as: UInt64.self)
    let low = UInt32(truncatingIfNeeded: raw), high = UInt32(truncatingIfNeeded: raw >> 32)
    var limit = low & 0xffff | high & 0xf_0000
    if high & 0x80_0000 != 0 { limit = limit << 12 | 0xfff }
    return SegmentCache(
      selector: UInt16(index << 3) | rpl, base: high & 0xff00_0000 | (high & 0xff) << 16 | low >> 16, limit: limit,
      attributes: UInt16(truncatingIfNeeded: high >> 8) & 0xf0ff)
  }

  private func paragraph(_ selector: UInt32, user: Bool) -> SegmentCache {
    SegmentCache(
      selector: UInt16(truncatingIfNeeded: selector), base: selector << 4, limit: 0xffff, attributes: user ? 0xf3 : 0x93)
  }

  private func makeState(_ made: inout FuzzCase, user: Bool, _ random: inout RandomSource) {
    var state = ArchitecturalState()
    for n in 0..<8 { state.registers[n] = CodeGenerator.value(&random) }
    state.eip = UInt32(random.below(CaseLayout.codeSize / 2))
    state.eflags = random.word() & 0x8d5 | 2
    if random.chance(70) { state.eflags |= 0x200 }
    if random.chance(20) { state.eflags |= 0x400 }
    if random.chance(5) { state.eflags |= 0x100 }
    if random.chance(5) { state.eflags |= 0x4000 }
    if random.chance(10) { state.eflags |= 0x4_0000 }
    state.eflags |= UInt32(random.pick([0, 0, 1, 2, 3, 3])) << 12
    if random.chance(6) { state.resumes = true }
    state.cr0 = 0x10 | (random.chance(50) ? 0x1_0000 : 0) | (random.chance(10) ? random.word() & 0x4_002e : 0)
    state.cr4 = random.chance(50) ? 0 : random.word() & 0x8c
    state.gdtr = DescriptorTable(base: CaseLayout.gdt, limit: UInt32(CaseLayout.gdtEntries * 8 - 1))
    state.idtr = DescriptorTable(base: CaseLayout.idt, limit: random.chance(95) ? 0x7ff : UInt32(random.below(0x800)))
    state.ldtr = cache(CaseDescriptor.ldt, rpl: 0)
    state.tr = cache(CaseDescriptor.task, rpl: 0)
    if random.chance(8) { state.tr = cache(CaseDescriptor.task16, rpl: 0) }
    state.sysenterCS = random.chance(70) ? 8 : 0
    state.sysenterEIP = UInt64(Self.codeTarget(&random))
    state.sysenterESP = UInt64(CaseLayout.data + 0x7000)
    if random.chance(6) {
      for n in 0..<4 { state.breakpoints[n] = random.chance(60) ? Self.codeTarget(&random) : CodeGenerator.address(&random) }
      state.dr7 = random.word() & 0xffff_23ff | 0x400
    }
    switch made.mode {
    case .real, .virtual8086:
      let user = made.mode == .virtual8086
      state.cpl = user ? 3 : 0
      if user {
        state.eflags |= 0x2_0000
        state.cr0 |= 1
      } else {
        state.idtr = DescriptorTable(base: 0, limit: 0x3ff)
      }
      state.segments[1] = paragraph(CaseLayout.code >> 4, user: user)
      for n in [0, 2, 3, 4, 5] { state.segments[n] = paragraph(CaseLayout.data >> 4, user: user) }
      state.registers[4] = UInt32(random.below(0x1_0000)) & ~1 | (random.chance(20) ? random.word() & 0xffff_0000 : 0)
    case .flat0, .flat3:
      state.cr0 |= 1
      state.cpl = user ? 3 : 0
      state.segments[1] = cache(user ? CaseDescriptor.code3 : CaseDescriptor.code0, rpl: user ? 3 : 0)
      for n in [0, 2, 3, 4, 5] {
        state.segments[n] = cache(user ? CaseDescriptor.data3 : CaseDescriptor.data0, rpl: user ? 3 : 0)
      }
      state.eip += CaseLayout.code
      state.registers[4] = CaseLayout.data + UInt32(random.below(0x5000))
    case .bits16:
      state.cr0 |= 1
      state.cpl = user ? 3 : 0
      state.segments[1] = cache(user ? CaseDescriptor.code16User : CaseDescriptor.code16, rpl: user ? 3 : 0)
      for n in [0, 2, 3, 4, 5] {
        state.segments[n] = cache(user ? CaseDescriptor.data16User : CaseDescriptor.data16, rpl: user ? 3 : 0)
      }
      state.registers[4] = UInt32(random.below(0x1_0000))
    case .segmented:
      state.cr0 |= 1
      let level = random.below(4)
      state.cpl = UInt8(level)
      let rpl = UInt16(level)
      let flatCode = [CaseDescriptor.code0, CaseDescriptor.code1, CaseDescriptor.code2, CaseDescriptor.code3][level]
      let stack = [CaseDescriptor.data0, CaseDescriptor.data1, CaseDescriptor.data2, CaseDescriptor.data3][level]
      let nonFlat = level == 0 ? CaseDescriptor.nonFlatCode : level == 3 ? CaseDescriptor.nonFlatCode3 : flatCode
      let code = random.chance(60) ? nonFlat : flatCode
      state.segments[1] = cache(code, rpl: rpl)
      if state.segments[1].base == 0 { state.eip += CaseLayout.code }
      state.segments[2] = cache(stack, rpl: rpl)
      for n in [0, 3, 4, 5] {
        state.segments[n] = cache(
          random.pick([
            stack, CaseDescriptor.smallData, CaseDescriptor.expandDown, CaseDescriptor.data16, CaseDescriptor.conforming,
            code, CaseLayout.gdtEntries - 1,
          ]), rpl: rpl)
      }
      // Only what a load would have let in.
      for n in [0, 3, 4, 5] where !state.segments[n].isUsable || !state.segments[n].isReadable {
        state.segments[n] = SegmentCache()
      }
      if random.chance(20) { state.segments[5] = SegmentCache() }
      state.registers[4] = CaseLayout.data + UInt32(random.below(0x5000))
    }
    made.state = state
  }

  // MARK: Page tables

  private func makePageTables(_ made: inout FuzzCase, user: Bool, _ random: inout RandomSource) {
    let damage = random.pick([0, 1, 3, 10])
    let hidesTables = random.chance(60)
    let everybody: UInt64 = user || random.chance(70) ? 4 : 0
    let hasNX = random.chance(60)
    for isPAE in [false, true] {
      func put(_ entry: UInt64, _ table: UInt32, _ index: Int) {
        if isPAE { store(entry, table + UInt32(index * 8)) } else { store(UInt32(truncatingIfNeeded: entry), table + UInt32(index * 4)) }
      }
      func leaf(_ page: Int, _ random: inout RandomSource) -> UInt64 {
        let address = UInt64(page) << 12
        let isTable = (Int(CaseLayout.pointerTable)..<Int(CaseLayout.endOfTables)).contains(page << 12)
        let isSystem = page < 3
        if isTable, hidesTables { return 0 }
        var entry = address | 3 | everybody
        if isSystem { entry &= ~(random.chance(60) ? 4 : 0) }
        if random.chance(50) { entry |= 0x60 }
        if random.chance(isSystem ? damage / 3 : damage) {
          switch random.below(8) {
          case 0: entry &= ~1
          case 1: entry &= ~2
          case 2: entry &= ~4
          case 3: entry = entry & 0xfff | UInt64(0xa0 + random.below(0x60)) << 12
          case 4: entry = entry & 0xfff | UInt64(random.below(0x60)) << 12
          case 5: entry ^= 1 << UInt64(random.below(isPAE ? 64 : 32))
          case 6: entry |= isPAE ? (hasNX || random.chance(20) ? 1 << 63 : 1 << 32) : 0x100
          default: entry = random.next()
          }
        }
        return entry
      }
      let low = isPAE ? CaseLayout.paeLowTable : CaseLayout.lowTable
      let high = isPAE ? CaseLayout.paeHighTable : CaseLayout.highTable
      for page in 0..<0x120 { put(leaf(page, &random), low, page) }
      for page in 0..<0x120 { put(leaf(page, &random), high, page) }
      let upper: UInt64 = 7
      if isPAE {
        store(UInt64(CaseLayout.paeDirectory) | 1, CaseLayout.pointerTable)
        if random.chance(30) { store(UInt64(CaseLayout.paeDirectory) | 1, CaseLayout.pointerTable + 8) }
        if random.chance(5) { store(random.next(), CaseLayout.pointerTable + 16) }
        store(UInt64(CaseLayout.paeHighDirectory) | 1, CaseLayout.pointerTable + 24)
        put(UInt64(low) | upper, CaseLayout.paeDirectory, 0)
        put(UInt64(high) | upper, CaseLayout.paeHighDirectory, 0)
        // Large pages: low memory again, and beyond 4 GiB.
        put(0 | 0x87, CaseLayout.paeDirectory, 2)
        put(1 << 32 | 0x87, CaseLayout.paeHighDirectory, 3)
        if !hidesTables { put(UInt64(CaseLayout.paeHighDirectory) | upper, CaseLayout.paeHighDirectory, 511) }
      } else {
        put(UInt64(low) | upper, CaseLayout.directory, 0)
        put(UInt64(high) | upper, CaseLayout.directory, Int(CaseLayout.highHalf >> 22))
        put(0x87, CaseLayout.directory, 2)
        put(0x2087, CaseLayout.directory, 3)
        if !hidesTables { put(UInt64(CaseLayout.directory) | upper, CaseLayout.directory, 1023) }
      }
      let directory = isPAE ? CaseLayout.paeDirectory : CaseLayout.directory
      for _ in 0..<random.below(6) {
        put(
          random.chance(50) ? random.next() : UInt64(CodeGenerator.address(&random)) & ~0xfff | UInt64(random.byte()) | 1,
          directory, 4 + random.below(500))
      }
    }
    guard made.mode != .real, random.chance(60) else { return }
    made.state.cr0 |= 0x8000_0000
    made.state.cr4 |= random.word() & 0x90
    if random.chance(50) {
      made.state.cr4 |= 0x20
      made.state.cr3 = CaseLayout.pointerTable
      for n in 0..<4 {
        made.state.pdptes[n] = image.load(fromByteOffset: Int(CaseLayout.pointerTable) + n * 8, as: UInt64.self)
      }
      if hasNX { made.state.efer = 0x800 }
      // A register may hold no invalid pointer.
      for n in 0..<4 where made.state.pdptes[n] & 1 != 0 { made.state.pdptes[n] &= 0xf_ffff_f000 | 1 }
    } else {
      made.state.cr3 = CaseLayout.directory
    }
    if !made.state.segments[1].isBig || made.state.segments[1].base != 0 { return }
    if random.chance(25) { made.state.eip |= CaseLayout.highHalf }
  }
}

extension ArchitecturalState {
  var ldtr: SegmentCache {
    get { segments[6] }
    set { segments[6] = newValue }
  }
  var tr: SegmentCache {
    get { segments[7] }
    set { segments[7] = newValue }
  }
}
