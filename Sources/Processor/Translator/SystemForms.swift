// Privileged and sensitive instructions that are cheap enough to be done in place, exactly: those that read and write the
// flags and registers that interrupts and task switches hang on, at level 0. What they look at and change is the virtual
// processor's state; the guest's arithmetic flags stay in the host's, so everything here is done with instructions that
// touch no flag. Whatever is out of the ordinary is left to the monitor.

import ISA
import Translation

extension BlockTranslator {
  private var isKernel: Bool { request.mode & EngineMode.kernel != 0 }
  private static let interruptFlag: UInt32 = 0x200
  static let directionFlag: UInt32 = 0x400
  /// What POPF changes in place; if it would change more, the mode may change.
  private static let plainFlags: UInt32 = interruptFlag | directionFlag
  /// TF, IOPL, NT, AC, ID.
  private static let otherFlags: UInt32 = 0x24_7100

  mutating func emitSystem(_ i: Instruction) -> TranslationKind {
    if request.trapsSensitive, isKernel, i.operation.property == .privileged || i.operation.property == .sensitive {
      return .callout
    }
    switch i.operation {
    case .cli where isKernel: changeFlag(Self.interruptFlag, to: false)
    case .sti where isKernel: emitSetInterrupts()
    case .cld: changeFlag(Self.directionFlag, to: false)
    case .std: changeFlag(Self.directionFlag, to: true)
    case .pushf where i.operandSize == 4: emitPushFlags()
    case .popf where isKernel && i.operandSize == 4: emitPopFlags()
    case .cpuid: emitIdentification()
    case .clts where isKernel: emitClearTaskSwitched()
    case .movFromControl where isKernel: return emitReadControl(i)
    case .movFromSegment where !i.hasMemory && i.operandSize == 4 && i.reg < 6:
      asm.zeroExtend(
        HostState.register(i.rm), .memory(HostState.segment(SegmentRegister.allCases[Int(i.reg)], \.selector)), width: .word)
    default: return .callout
    }
    return .inline
  }

  /// register &= mask, by way of PEXT and PDEP. R13 is destroyed.
  mutating func keepBits(_ mask: UInt32, of register: HostRegister) {
    asm.move(HostState.addend, immediate: mask)
    asm.extract(register, register, mask: HostState.addend)
    asm.deposit(register, register, mask: HostState.addend)
  }

  /// RCX, saved in R9, goes on being tested: the monitor takes the instruction unless it is zero. RCX is back afterwards.
  mutating func leaveUnlessZero(width: HostWidth = .dword) {
    let zero = asm.jumpIfCounterIsZero(width: width)
    asm.move(.rcx, HostState.saved, width: .qword)
    leave(to: stubs.callout)
    asm.setShortTarget(zero, asm.position)
    asm.move(.rcx, HostState.saved, width: .qword)
    // The monitor may have come this way: it can have unmasked exceptions (FLDCW), and it saves the vectors.
    isX87Checked = false
    areVectorsChecked = false
  }

  private mutating func changeFlag(_ flag: UInt32, to isSet: Bool) {
    typealias H = HostState
    asm.load(H.value, H.field(\.systemFlags))
    keepBits(~flag, of: H.value)
    if isSet { asm.loadAddress(H.value, HostMemory(base: H.value, displacement: Int32(flag))) }
    asm.store(H.field(\.systemFlags), H.value)
  }

  /// STI: interrupts are held off for one instruction if IF was clear. One that waits is the monitor's.
  private mutating func emitSetInterrupts() {
    typealias H = HostState
    asm.move(H.saved, .rcx, width: .qword)
    asm.zeroExtend(.rcx, .memory(H.field(\.interruptRequested)), width: .byte)
    leaveUnlessZero()
    asm.load(H.value, H.field(\.systemFlags))
    asm.move(.rcx, immediate: Self.interruptFlag)
    asm.extract(.rcx, H.value, mask: .rcx)
    let wasClear = asm.jumpIfCounterIsZero(width: .dword)
    let done = asm.jump()
    asm.setShortTarget(wasClear, asm.position)
    asm.loadAddress(H.value, HostMemory(base: H.value, displacement: Int32(Self.interruptFlag)))
    asm.store(H.field(\.systemFlags), H.value)
    // shadowAt = the count after this instruction = sliceEnd - (budget + what the block has left).
    asm.move(H.addend, H.budget, width: .qword)
    asm.complement(H.addend, width: .qword)
    asm.load(H.value, H.field(\.sliceEnd), width: .qword)
    asm.loadAddress(
      H.value,
      HostMemory(base: H.value, index: H.addend, displacement: 1 - Int32(count - number - 1)), width: .qword)
    asm.store(H.field(\.shadowAt), H.value, width: .qword)
    asm.store(H.field(\.shadowsDebug), immediate: 0, width: .byte)
    asm.setTarget(done, asm.position)
    asm.move(.rcx, H.saved, width: .qword)
  }

  private mutating func emitPushFlags() {
    typealias H = HostState
    let place = top(below: -4, write: true)
    asm.move(H.saved, .rax)
    asm.saveFlags()
    // EAX has the flags as `HostFlags` packs them: a turn brings them to bits 0 to 7 and 24, in their order.
    asm.rotateRight(H.value, .rax, by: 8)
    asm.move(.rax, immediate: Self.turnedFlags)
    asm.extract(H.value, H.value, mask: .rax)
    asm.move(.rax, immediate: arithmeticFlags)
    asm.deposit(H.value, H.value, mask: .rax)
    asm.load(.rax, H.field(\.systemFlags))
    asm.loadAddress(H.value, HostMemory(base: H.value, index: .rax))
    asm.move(.rax, H.saved)
    asm.store(place, H.value)
    moveStack(by: -4)
  }

  private static let turnedFlags: UInt32 = 0x0100_00d5

  private mutating func emitPopFlags() {
    typealias H = HostState
    let place = top(below: 0, write: false)
    asm.load(H.value, place)
    asm.move(H.saved, .rcx, width: .qword)
    asm.zeroExtend(.rcx, .memory(H.field(\.interruptRequested)), width: .byte)
    leaveUnlessZero()
    // Nothing may change but IF, DF and the arithmetic flags.
    asm.move(H.addend, immediate: Self.otherFlags)
    asm.extract(.rcx, H.value, mask: H.addend)
    asm.load(H.address, H.field(\.systemFlags))
    asm.extract(H.addend, H.address, mask: H.addend)
    asm.complement(H.addend, width: .dword)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, index: H.addend, displacement: 1))
    leaveUnlessZero()
    keepBits(~Self.plainFlags, of: H.address)
    asm.move(H.saved, H.value)
    keepBits(Self.plainFlags, of: H.saved)
    asm.loadAddress(H.address, HostMemory(base: H.address, index: H.saved))
    asm.store(H.field(\.systemFlags), H.address)
    asm.move(H.addend, immediate: arithmeticFlags)
    asm.extract(H.value, H.value, mask: H.addend)
    asm.move(H.addend, immediate: Self.turnedFlags)
    asm.deposit(H.value, H.value, mask: H.addend)
    asm.rotateRight(H.value, H.value, by: 24)
    asm.move(H.saved, .rax)
    asm.move(.rax, H.value)
    asm.restoreFlags()
    asm.move(.rax, H.saved)
    moveStack(by: 4)
  }

  /// CLTS, when CR0.TS is clear already.
  private mutating func emitClearTaskSwitched() {
    typealias H = HostState
    asm.move(H.saved, .rcx, width: .qword)
    asm.load(.rcx, H.field(\.cr0))
    asm.move(H.addend, immediate: CR0.ts.rawValue)
    asm.extract(.rcx, .rcx, mask: H.addend)
    leaveUnlessZero()
  }

  /// CPUID of the leaf that was asked for last.
  private mutating func emitIdentification() {
    typealias H = HostState
    asm.move(H.saved, .rcx, width: .qword)
    asm.load(H.value, H.field(\.cpuidNumber), width: .qword)
    asm.complement(H.value, width: .qword)
    asm.loadAddress(.rcx, HostMemory(base: .rax, index: H.value, displacement: 1), width: .qword)
    leaveUnlessZero(width: .qword)
    asm.load(.rax, H.field(\.cpuidLeaf.eax))
    asm.load(.rbx, H.field(\.cpuidLeaf.ebx))
    asm.load(.rcx, H.field(\.cpuidLeaf.ecx))
    asm.load(.rdx, H.field(\.cpuidLeaf.edx))
  }

  private mutating func emitReadControl(_ i: Instruction) -> TranslationKind {
    let field: HostMemory
    switch i.reg {
    case 0: field = HostState.field(\.cr0)
    case 2: field = HostState.field(\.cr2)
    case 3: field = HostState.field(\.cr3)
    case 4: field = HostState.field(\.cr4)
    default: return .callout
    }
    asm.load(HostState.register(i.rm), field)
    return .inline
  }
}
