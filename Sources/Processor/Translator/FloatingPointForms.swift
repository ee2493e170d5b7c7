// x87, SSE and SSE2 in translated code: the host's own instructions on the host's own registers, which hold the guest's from
// the first such instruction on. The x87 unit keeps them even while the monitor works (HostUnit.swift); XMM registers and
// MXCSR are saved and loaded at each exit and entry (TranslatorStubs.swift). A block asks once whether the registers are
// there, and nothing stands in the way: no #NM, no pending or unmasked exception. If not, the monitor sees to it.

import ISA
import Translation

extension BlockTranslator {
  // MARK: x87

  mutating func emitX87(_ i: Instruction) -> TranslationKind {
    guard HostUnit.isAvailable else { return .callout }
    return i.hasMemory ? emitX87Memory(i) : emitX87Register(i)
  }

  private mutating func emitX87Register(_ i: Instruction) -> TranslationKind {
    let form = i.reg << 3 | i.rm
    guard X87Encoding.hasRegisterForm(i.condition, form) else { return .callout }
    let isControl = X87Encoding.isControl(i.condition, form)
    // Of the control instructions only FNSTSW AX.
    if isControl, i.condition != 7 { return .callout }
    checkX87()
    asm.byte(0xd8 | i.condition)
    asm.byte(0xc0 | form)
    if !isControl { noteX87(i) }
    return .identical
  }

  private mutating func emitX87Memory(_ i: Instruction) -> TranslationKind {
    switch i.segment {
    case .ds, .es, .ss: break
    default: return .callout
    }
    let (access, size) = X87Encoding.memoryForm(i.condition, i.reg)
    switch access {
    case .load, .store:
      checkX87()
      var place = memory(i, size: UInt8(size), write: access == .store)
      if place.isInWindow {
        // FDP wants the address too.
        loadAddress(effectiveAddress(i))
        place = HostMemory(base: HostState.address, isInWindow: true)
      }
      asm.encode(0xd8 | UInt16(i.condition), reg: i.reg, .memory(place), width: .dword)
      asm.store(HostState.field(\.fpu.dataPointer), HostState.address)
      noteX87(i)
      return kind(.memory(place))
    case .control:
      if i.condition == 1, i.reg == 7 { return emitStoreControl(i) }
      if i.condition == 1, i.reg == 5 { return emitLoadControl(i) }
      return .callout
    case .undefined: return .callout
    }
  }

  /// FNSTCW: the control word is kept up to date in the state.
  private mutating func emitStoreControl(_ i: Instruction) -> TranslationKind {
    checkX87()
    let place = memory(i, size: 2, write: true)
    asm.zeroExtend(HostState.saved, .memory(HostState.field(\.fpu.control)), width: .word)
    asm.store(place, HostState.saved, width: .word)
    return .inline
  }

  /// FLDCW of a word that masks everything; of another the monitor takes note.
  private mutating func emitLoadControl(_ i: Instruction) -> TranslationKind {
    typealias H = HostState
    checkX87()
    let place = memory(i, size: 2, write: false)
    asm.zeroExtend(H.value, .memory(place), width: .word)
    asm.move(H.saved, .rcx, width: .qword)
    asm.move(H.addend, immediate: 0x3f)
    asm.extract(H.addend, H.value, mask: H.addend)
    asm.loadAddress(.rcx, HostMemory(base: H.addend, displacement: -0x3f))
    leaveUnlessZero()
    // Bits that are always 0, and bit 6, which is always 1.
    keepBits(0x1f3f, of: H.value)
    asm.loadAddress(H.value, HostMemory(base: H.value, displacement: 0x40))
    asm.store(H.field(\.fpu.control), H.value, width: .word)
    asm.encode(0xd9, reg: 5, .memory(H.field(\.fpu.control)), width: .dword)
    return .inline
  }

  /// FWAIT: nothing is pending in a unit that is ready.
  mutating func emitWait() -> TranslationKind {
    guard HostUnit.isAvailable else { return .callout }
    checkX87()
    return .inline
  }

  private mutating func checkX87() {
    if isX87Checked { return }
    isX87Checked = true
    checkByte(
      HostState.field(\.fpu.obstacles), is: Int32(FloatingPointState.Obstacle.inHost), else: stubs.x87)
  }

  /// Goes to a stub unless a byte of the state has a value.
  private mutating func checkByte(_ place: HostMemory, is value: Int32, else stub: Int) {
    asm.move(HostState.saved, .rcx, width: .qword)
    asm.zeroExtend(.rcx, .memory(place), width: .byte)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, displacement: -value))
    let right = asm.jumpIfCounterIsZero()
    asm.move(.rcx, HostState.saved, width: .qword)
    leave(to: stub)
    asm.setShortTarget(right, asm.position)
    asm.move(.rcx, HostState.saved, width: .qword)
  }

  /// FIP, FCS, FOP and FDS belong to the last instruction only: they are written before the block is left
  /// (`storeX87Notes`), or by the monitor when it is left in the middle.
  private mutating func noteX87(_ i: Instruction) {
    lastX87 = number + 1
    if i.hasMemory { lastX87Data = number + 1 }
  }

  mutating func storeX87Notes() {
    typealias H = HostState
    if lastX87Data != 0 {
      let segment = instructions[lastX87Data - 1].segment
      asm.zeroExtend(H.saved, .memory(H.segment(segment, \.selector)), width: .word)
      asm.store(H.field(\.fpu.dataSelector), H.saved, width: .word)
    }
    if lastX87 != 0 {
      let i = instructions[lastX87 - 1]
      asm.store(H.field(\.fpu.instructionPointer), immediate: request.eip &+ offset(of: lastX87 - 1))
      asm.zeroExtend(H.saved, .memory(H.segment(.cs, \.selector)), width: .word)
      asm.store(H.field(\.fpu.instructionSelector), H.saved, width: .word)
      asm.store(H.field(\.fpu.opcode), immediate: UInt32(X87Encoding.fop(i)), width: .word)
    }
    lastX87 = 0
    lastX87Data = 0
  }

  private func offset(of instruction: Int) -> UInt32 {
    (0..<instruction).reduce(0) { $0 + UInt32(instructions[$1].length) }
  }

  // MARK: SSE and SSE2

  mutating func emitVector(_ i: Instruction) -> TranslationKind {
    let row = SIMDTable.rows[Int(i.selector)]
    if row.operands == .fence { return .inline }
    guard SIMDUnit.isAvailable, row.operands.usesXmm, !row.operands.usesMM else { return .callout }
    var reg = i.reg
    var writes = false
    var isGeneral = false
    switch row.operands {
    case .xmmFromXmm128, .xmmFromXmm64, .xmmFromXmm32, .flagsFromXmm32, .flagsFromXmm64, .loadAligned, .loadUnaligned,
      .loadSingle, .loadDouble, .loadLow, .loadHigh, .loadQuadword:
      break
    case .storeAligned, .storeUnaligned, .storeSingle, .storeDouble, .storeLow, .storeHigh, .storeQuadword:
      writes = true
    case .xmmFromR32, .xmmFromR16, .xmmFromR32Move: isGeneral = true
    case .r32FromXmmMove:
      isGeneral = true
      writes = true
    case .r32FromXmm32, .r32FromXmm64, .r32FromXmm: reg = HostState.register(i.reg).number
    case .xmmCount: reg = row.digit ?? 0
    default: return .callout
    }
    checkVectors()
    let rm: HostOperand
    if i.hasMemory {
      rm = .memory(memory(i, size: UInt8(row.operands.memoryBytes), write: writes))
    } else {
      rm = .register(isGeneral ? HostState.register(i.rm) : HostRegister(i.rm))
    }
    asm.encode(
      0x0f00 | UInt16(row.opcode), reg: reg, rm, width: .dword, immediate: i.immediate,
      immediateBytes: row.hasImmediate ? 1 : 0, prefix: row.prefix.byte ?? 0)
    return kind(rm)
  }

  private mutating func checkVectors() {
    if areVectorsChecked { return }
    areVectorsChecked = true
    checkByte(HostState.field(\.vectorsInHost), is: 1, else: stubs.vectors)
  }
}

extension X87Encoding {
  /// The eleven opcode bits that FOP keeps.
  static func fop(_ i: Instruction) -> UInt16 {
    UInt16(i.condition) << 8 | UInt16(truncatingIfNeeded: i.immediate & 0xff)
  }
}
