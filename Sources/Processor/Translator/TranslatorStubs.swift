// The code that every fragment shares, made once at the start of the translation cache: the way in, the ways out, and the
// look-up of an address in the software TLB. Nothing here changes a flag of the guest's: comparisons are subtractions
// by LEA, and the branch that sees their result is JRCXZ.

import Memory
import Translation

/// Why translated code came back.
enum TranslatorExit: UInt32 {
  /// To `exitAddress`, by the link in `exitDetail`.
  case direct = 1
  /// To `exitAddress`, computed.
  case indirect
  /// The instruction in `exitDetail` (fragment << 7 | number) is the monitor's.
  case callout
  /// The TLB has nothing for `exitAddress`; `exitDetail` is the host address behind the call.
  case miss
  /// A host fault (`chost_translator`).
  case fault
  /// The x87 unit, or the XMM registers, aren't ready for the instruction in `exitDetail`.
  case x87, vectors
}

/// Offsets of the shared code.
struct TranslatorStubs {
  private(set) var enter = 0
  private(set) var direct = 0
  private(set) var indirect = 0
  private(set) var callout = 0
  private(set) var fault = 0
  private(set) var x87 = 0
  private(set) var vectors = 0
  /// By user << 4 | write << 3 | log2-like index of the size.
  private var lookups = InlineArray<32, Int>(repeating: 0)
  private(set) var end = 0

  /// Sizes of accesses that have a look-up of their own.
  static let sizes: [UInt8] = [1, 2, 4, 8, 10, 16]

  private static func index(user: Bool, write: Bool, size: UInt8) -> Int {
    let sizeIndex = sizes.firstIndex(of: size) ?? 2
    return (user ? 16 : 0) | (write ? 8 : 0) | sizeIndex
  }

  /// Where an access of a kind looks its address up: in with the linear address in R14D, out with the addend in R13.
  func lookup(user: Bool, write: Bool, size: UInt8) -> Int { lookups[Self.index(user: user, write: write, size: size)] }

  init(_ asm: inout Assembler) {
    makeEntry(&asm)
    let exit = makeExit(&asm)
    direct = makeExit(&asm, .direct, exit)
    indirect = makeExit(&asm, .indirect, exit)
    callout = makeExit(&asm, .callout, exit)
    fault = makeExit(&asm, .fault, exit)
    x87 = makeExit(&asm, .x87, exit)
    vectors = makeExit(&asm, .vectors, exit)
    for user in [false, true] {
      for write in [false, true] {
        for size in Self.sizes {
          while asm.position & 15 != 0 { asm.byte(0xcc) }
          lookups[Self.index(user: user, write: write, size: size)] = asm.position
          makeLookup(&asm, user: user, write: write, size: size, exit: exit)
        }
      }
    }
    end = asm.position
  }

  private static let callee: [HostRegister] = [.rbx, .rbp, .r12, .r13, .r14, .r15]
  /// Guest registers but EAX, whose host register the flags go through.
  private static let others = 1..<8

  /// `UInt32 enter(state, target)`, by the C calling convention.
  private mutating func makeEntry(_ asm: inout Assembler) {
    enter = asm.position
    for register in Self.callee { asm.push(register) }
    asm.move(HostState.state, .rdi, width: .qword)
    asm.move(HostState.value, .rsi, width: .qword)
    asm.move(HostState.counts, immediate: HostState.shiftCounts)
    asm.load(HostState.budget, HostState.field(\.remaining), width: .qword)
    asm.load(HostState.address, HostState.field(\.exitAddress))
    let withoutVectors = jumpWithoutVectors(&asm)
    for number in UInt8(0)..<8 {
      // MOVAPS xmm, m128.
      asm.encode(0x0f28, reg: number, .memory(HostState.vector(number)), width: .dword)
    }
    asm.loadVectorControl(HostState.field(\.fpu.mxcsr))
    asm.setTarget(withoutVectors, asm.position)
    asm.load(.rax, HostState.field(\.hostFlags))
    asm.restoreFlags()
    asm.load(.rax, HostState.register(slot: 0), width: .qword)
    for number in Self.others {
      asm.load(HostState.register(UInt8(number)), HostState.register(slot: number), width: .qword)
    }
    asm.jump(to: HostState.value)
  }

  /// The common end: the reason in R11D, detail in R13, address in R14D.
  private func makeExit(_ asm: inout Assembler) -> Int {
    let start = asm.position
    asm.store(HostState.register(slot: 0), .rax, width: .qword)
    asm.saveFlags()
    asm.store(HostState.field(\.hostFlags), .rax)
    let withoutVectors = jumpWithoutVectors(&asm)
    for number in UInt8(0)..<8 {
      asm.encode(0x0f29, reg: number, .memory(HostState.vector(number)), width: .dword)
    }
    // STMXCSR; and the monitor's own.
    asm.encode(0x0fae, reg: 3, .memory(HostState.field(\.fpu.mxcsr)), width: .dword)
    asm.loadVectorControl(HostState.field(\.hostVectorControl))
    asm.setTarget(withoutVectors, asm.position)
    for number in Self.others {
      asm.store(HostState.register(slot: number), HostState.register(UInt8(number)), width: .qword)
    }
    asm.store(HostState.field(\.remaining), HostState.budget, width: .qword)
    asm.store(HostState.field(\.exitAddress), HostState.address)
    asm.store(HostState.field(\.exitDetail), HostState.addend, width: .qword)
    asm.move(.rax, HostState.value)
    for register in Self.callee.reversed() { asm.pop(register) }
    asm.return()
    return start
  }

  /// A store to a page that holds decoded code finds no write tag. It may go ahead all the same if the guest and the pager
  /// allow it and none of its bytes lie in a granule of code: found out here, since data beside code is stored to all the
  /// time. R11 has the complement of the wanted tag. Falls through when the monitor must see to the store, with R14D saved.
  private func makeStoreBesideCode(_ asm: inout Assembler, user: Bool, size: UInt8) {
    typealias H = HostState
    asm.store(H.field(\.lookupScratch), H.address, width: .qword)
    var misses: [Int] = []
    func unlessZero(_ asm: inout Assembler) {
      let zero = asm.jumpIfCounterIsZero()
      misses.append(asm.jump())
      asm.setShortTarget(zero, asm.position)
    }
    // The page is known, its info says writable memory and no ROM.
    asm.load(.rcx, H.tlb(user: user, \.readTag), width: .qword)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, index: H.value, displacement: 1), width: .qword)
    unlessZero(&asm)
    asm.load(H.value, H.tlb(user: user, \.info), width: .qword)
    typealias Info = TLBEntry.Info
    asm.move(.rcx, immediate: UInt32(Info.writable | Info.memory | Info.rom))
    asm.extract(.rcx, H.value, mask: .rcx)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, displacement: -3))
    unlessZero(&asm)
    // No trace. R11 = the page's number.
    asm.load(H.addend, H.tlb(user: user, \.addend), width: .qword)
    asm.move(.rcx, immediate: 12)
    asm.shift(.right, H.value, H.value, by: .rcx, width: .qword)
    asm.load(.rcx, H.field(\.pageEntries), width: .qword)
    asm.load(.rcx, HostMemory(base: .rcx, index: H.value, scale: 3))
    asm.move(H.address, immediate: UInt32(GuestPhysicalMemory.entryTraced))
    asm.extract(.rcx, .rcx, mask: H.address)
    unlessZero(&asm)
    // Neither the first byte's granule nor the last's: 64 bytes, a bit each.
    asm.load(.rcx, H.field(\.codeGranules), width: .qword)
    asm.load(H.value, HostMemory(base: .rcx, index: H.value, scale: 3), width: .qword)
    asm.load(H.address, H.field(\.lookupScratch))
    asm.rotateRight(.rcx, H.address, by: 6)
    asm.shift(.right, .rcx, H.value, by: .rcx, width: .qword)
    asm.loadAddress(H.address, HostMemory(base: H.address, displacement: Int32(size) - 1))
    asm.rotateRight(H.address, H.address, by: 6)
    asm.shift(.right, H.value, H.value, by: H.address, width: .qword)
    asm.move(H.address, immediate: 1)
    asm.extract(.rcx, .rcx, mask: H.address)
    asm.extract(H.value, H.value, mask: H.address)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, index: H.value))
    unlessZero(&asm)
    asm.load(H.address, H.field(\.lookupScratch))
    asm.move(.rcx, H.saved, width: .qword)
    asm.return()
    for miss in misses { asm.setTarget(miss, asm.position) }
  }

  /// Where flags are free: skips what follows unless the XMM registers are the guest's.
  private func jumpWithoutVectors(_ asm: inout Assembler) -> Int {
    asm.encode(0x80, reg: 7, .memory(HostState.field(\.vectorsInHost)), width: .byte, immediate: 0, immediateBytes: 1)
    return asm.jump(if: 4)
  }

  private func makeExit(_ asm: inout Assembler, _ reason: TranslatorExit, _ exit: Int) -> Int {
    let start = asm.position
    asm.move(HostState.value, immediate: reason.rawValue)
    asm.jump(to: exit)
    return start
  }

  /// The software TLB's first way (TLB.swift has the layout): found when the tag equals generation | page of the last byte.
  private func makeLookup(_ asm: inout Assembler, user: Bool, write: Bool, size: UInt8, exit: Int) {
    typealias H = HostState
    // R13 = 4 * set.
    asm.rotateRight(H.addend, H.address, by: 24)
    asm.shift(.right, H.addend, H.addend, by: H.counts)
    asm.loadAddress(H.addend, HostMemory(index: H.addend, scale: 2), width: .qword)
    // R11 = generation | page of the last byte.
    asm.move(H.saved, immediate: 12)
    if size == 1 {
      asm.shift(.right, H.value, H.address, by: H.saved)
    } else {
      asm.loadAddress(H.value, HostMemory(base: H.address, displacement: Int32(size) - 1))
      asm.shift(.right, H.value, H.value, by: H.saved)
    }
    asm.shift(.left, H.value, H.value, by: H.saved)
    asm.load(H.saved, H.field(\.tlbGeneration), width: .qword)
    asm.loadAddress(H.value, HostMemory(base: H.value, index: H.saved), width: .qword)
    // RCX = tag - R11.
    asm.complement(H.value, width: .qword)
    asm.move(H.saved, .rcx, width: .qword)
    asm.load(.rcx, H.tlb(user: user, write ? \.writeTag : \.readTag), width: .qword)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, index: H.value, displacement: 1), width: .qword)
    let hit = asm.jumpIfCounterIsZero()
    let missed = asm.jump()
    asm.setShortTarget(hit, asm.position)
    asm.move(.rcx, H.saved, width: .qword)
    asm.load(H.addend, H.tlb(user: user, \.addend), width: .qword)
    asm.return()
    asm.setTarget(missed, asm.position)
    if write {
      makeStoreBesideCode(&asm, user: user, size: size)
      asm.load(H.address, H.field(\.lookupScratch))
    }
    asm.move(.rcx, H.saved, width: .qword)
    asm.pop(H.addend)
    asm.move(H.value, immediate: TranslatorExit.miss.rawValue | UInt32(size) << 8 | (write ? 1 << 16 : 0))
    asm.jump(to: exit)
  }
}

extension HostState {
  fileprivate static func vector(_ number: UInt8) -> HostMemory {
    field(MemoryLayout<CPUState>.offset(of: \.fpu.xmm)! + Int(number) * 16)
  }
}

extension Assembler {
  /// EAX = flags as `HostFlags` packs them.
  mutating func saveFlags() {
    byte(0x9f)  // lahf
    encode(0x0f90, reg: 0, .register(.rax), width: .byte)  // seto al
  }

  fileprivate mutating func loadVectorControl(_ from: HostMemory) {
    encode(0x0fae, reg: 2, .memory(from), width: .dword)
  }

  /// The reverse; EAX is destroyed.
  mutating func restoreFlags() {
    byte(0x04)  // add al, 7f: overflows when al is 1
    byte(0x7f)
    byte(0x9e)  // sahf
  }
}
