// Which handler executes which instruction. `general` has one line for each operation and is right in every mode;
// `fast` picks the handlers of flat 32-bit code where the form has one.

import ISA

/// The choice of handlers, made once for each processor.
struct HandlerTable {
  /// By `Operation.rawValue`.
  let general: UnsafeMutablePointer<Handler>
  let fast = FastHandlers()
  let fused = FusedHandlers()
  let simd = SIMDFastHandlers()

  init() {
    general = .allocate(capacity: Operation.allCases.count)
    general.initialize(repeating: { ordinary($0, $1) { cpu, _ throws(GuestFault) in throw .invalidOpcode } },
      count: Operation.allCases.count)
    fillData()
    fillArithmetic()
    fillControl()
    fillSystem()
  }

  private func set(_ operation: Operation, _ handler: @escaping Handler) { general[Int(operation.rawValue)] = handler }

  // MARK: The general handlers

  private func fillData() {
    set(.mov) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.mov(i) } }
    set(.movzx8) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movzx8(i) } }
    set(.movzx16) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movzx16(i) } }
    set(.movsx8) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movsx8(i) } }
    set(.movsx16) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movsx16(i) } }
    set(.xchg) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.xchg(i) } }
    set(.bswap) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bswap(i) } }
    set(.cmovcc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cmovcc(i) } }
    set(.setcc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.setcc(i) } }
    set(.lea) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.lea(i) } }
    set(.xlat) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.xlat(i) } }
    set(.push) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.push(i) } }
    set(.pop) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.pop(i) } }
    set(.pusha) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.pusha(i) } }
    set(.popa) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.popa(i) } }
    set(.enter) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.enter(i) } }
    set(.leave) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.leave(i) } }
    set(.lahf) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.lahf(i) } }
    set(.sahf) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.sahf(i) } }
    set(.cbw) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cbw(i) } }
    set(.cwd) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cwd(i) } }
    set(.cmpxchg) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cmpxchg(i) } }
    set(.cmpxchg8b) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cmpxchg8b(i) } }
    set(.xadd) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.xadd(i) } }
    set(.nop) { ordinary($0, $1) { _, _ throws(GuestFault) in } }

    set(.movs) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.movs(i, most, UInt8.self)
        case 2: try cpu.movs(i, most, UInt16.self)
        default: try cpu.movs(i, most, UInt32.self)
        }
      }
    }
    set(.stos) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.stos(i, most, UInt8.self)
        case 2: try cpu.stos(i, most, UInt16.self)
        default: try cpu.stos(i, most, UInt32.self)
        }
      }
    }
    set(.lods) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.lods(i, most, UInt8.self)
        case 2: try cpu.lods(i, most, UInt16.self)
        default: try cpu.lods(i, most, UInt32.self)
        }
      }
    }
    set(.scas) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.scas(i, most, UInt8.self)
        case 2: try cpu.scas(i, most, UInt16.self)
        default: try cpu.scas(i, most, UInt32.self)
        }
      }
    }
    set(.cmps) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.cmps(i, most, UInt8.self)
        case 2: try cpu.cmps(i, most, UInt16.self)
        default: try cpu.cmps(i, most, UInt32.self)
        }
      }
    }
    set(.ins) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.ins(i, most, UInt8.self)
        case 2: try cpu.ins(i, most, UInt16.self)
        default: try cpu.ins(i, most, UInt32.self)
        }
      }
    }
    set(.outs) { c, step in
      string(c, step) { cpu, i, most throws(GuestFault) in
        switch i.pointee.operandSize {
        case 1: try cpu.outs(i, most, UInt8.self)
        case 2: try cpu.outs(i, most, UInt16.self)
        default: try cpu.outs(i, most, UInt32.self)
        }
      }
    }
  }

  private func fillArithmetic() {
    set(.add) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Add.self) } }
    set(.or) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Or.self) } }
    set(.adc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Adc.self) } }
    set(.sbb) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Sbb.self) } }
    set(.and) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, And.self) } }
    set(.sub) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Sub.self) } }
    set(.xor) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Xor.self) } }
    set(.cmp) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Cmp.self) } }
    set(.test) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.binary(i, Test.self) } }
    set(.inc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.unary(i, Inc.self) } }
    set(.dec) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.unary(i, Dec.self) } }
    set(.neg) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.unary(i, Neg.self) } }
    set(.not) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.unary(i, Not.self) } }
    set(.mul) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.mul(i) } }
    set(.imul) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.imul(i) } }
    set(.imulTruncating) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.imulTruncating(i) } }
    set(.div) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.div(i) } }
    set(.idiv) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.idiv(i) } }
    set(.daa) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.daa(i) } }
    set(.das) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.das(i) } }
    set(.aaa) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.aaa(i) } }
    set(.aas) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.aas(i) } }
    set(.aam) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.aam(i) } }
    set(.aad) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.aad(i) } }
    set(.rol) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Rol.self) } }
    set(.ror) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Ror.self) } }
    set(.rcl) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Rcl.self) } }
    set(.rcr) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Rcr.self) } }
    set(.shl) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Shl.self) } }
    set(.shr) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Shr.self) } }
    set(.sar) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shift(i, Sar.self) } }
    set(.shld) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shld(i) } }
    set(.shrd) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.shrd(i) } }
    set(.bt) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bit(i, BitTest.self) } }
    set(.bts) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bit(i, BitSet.self) } }
    set(.btr) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bit(i, BitReset.self) } }
    set(.btc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bit(i, BitComplement.self) } }
    set(.bsf) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bsf(i) } }
    set(.bsr) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bsr(i) } }
    set(.clc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.clc(i) } }
    set(.stc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.stc(i) } }
    set(.cmc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cmc(i) } }
    set(.cld) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cld(i) } }
    set(.std) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.std(i) } }
    set(.salc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.salc(i) } }
  }

  private func fillControl() {
    set(.jcc) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.jcc(i) } }
    set(.jmp) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.jmp(i) } }
    set(.jmpIndirect) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.jmpIndirect(i) } }
    set(.call) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.call(i) } }
    set(.callIndirect) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.callIndirect(i) } }
    set(.ret) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.ret(i) } }
    for operation in [Operation.loop, .loope, .loopne] {
      set(operation) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.loop(i) } }
    }
    set(.jcxz) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.jcxz(i) } }
    set(.jmpFar) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.jmpFar(i) } }
    set(.jmpFarIndirect) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.jmpFarIndirect(i) } }
    set(.callFar) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.callFar(i) } }
    set(.callFarIndirect) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.callFarIndirect(i) } }
    set(.retFar) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.retFar(i) } }
    set(.int) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.intN(i) } }
    set(.int3) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.int3(i) } }
    set(.into) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.into(i) } }
    set(.icebp) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.icebp(i) } }
    set(.iret) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.iret(i) } }
    set(.bound) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.bound(i) } }
    set(.sysenter) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.sysenter(i) } }
    set(.sysexit) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.sysexit(i) } }
  }

  private func fillSystem() {
    set(.pushf) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.pushf(i) } }
    set(.popf) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.popf(i) } }
    set(.cli) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cli(i) } }
    set(.sti) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.sti(i) } }
    set(.movFromSegment) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movFromSegment(i) } }
    set(.movToSegment) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movToSegment(i) } }
    set(.pushSegment) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.pushSegment(i) } }
    set(.popSegment) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.popSegment(i) } }
    for operation in [Operation.lds, .les, .lss, .lfs, .lgs] {
      set(operation) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.loadFarPointer(i) } }
    }
    set(.lar) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.lar(i) } }
    set(.lsl) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.lsl(i) } }
    set(.verr) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.verr(i) } }
    set(.verw) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.verw(i) } }
    set(.arpl) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.arpl(i) } }
    set(.sldt) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.sldt(i) } }
    set(.str) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.str(i) } }
    set(.sgdt) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.sgdt(i) } }
    set(.sidt) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.sidt(i) } }
    set(.smsw) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.smsw(i) } }
    set(.lldt) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.lldt(i) } }
    set(.ltr) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.ltr(i) } }
    set(.lgdt) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.lgdt(i) } }
    set(.lidt) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.lidt(i) } }
    set(.lmsw) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.lmsw(i) } }
    set(.clts) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.clts(i) } }
    set(.movFromControl) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.movFromControl(i) } }
    set(.movToControl) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.movToControl(i) } }
    set(.movFromDebug) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.movFromDebug(i) } }
    set(.movToDebug) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.movToDebug(i) } }
    set(.invlpg) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.invlpg(i) } }
    set(.invd) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.invd(i) } }
    set(.wbinvd) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.wbinvd(i) } }
    set(.rdtsc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.rdtsc(i) } }
    set(.rdpmc) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.rdpmc(i) } }
    set(.rdmsr) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.rdmsr(i) } }
    set(.wrmsr) { transfer($0, $1) { cpu, i throws(GuestFault) in try cpu.wrmsr(i) } }
    set(.cpuid) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.cpuid(i) } }
    set(.wait) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.waitFPU(i) } }
    set(.x87) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.x87(i) } }
    set(.simd) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.simd(i) } }
    set(.fxsave) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.fxsave(i) } }
    set(.fxrstor) { ordinary($0, $1) { cpu, i throws(GuestFault) in try cpu.fxrstor(i) } }
    set(.tooLong) { ordinary($0, $1) { _, _ throws(GuestFault) in throw .generalProtection(0) } }
    set(.hlt) { leaving($0, $1, .halt) { cpu, i throws(GuestFault) in try cpu.checkHalt() } }
    set(.in) { leaving($0, $1, .portAccess) { cpu, i throws(GuestFault) in try cpu.preparePortRead(i) } }
    set(.out) { leaving($0, $1, .portAccess) { cpu, i throws(GuestFault) in try cpu.preparePortWrite(i) } }
  }

  /// The end of a block in any mode.
  private let generalEnd: Handler = { c, step in
    let cpu = CPU(c)
    let o = operands(step)
    // EIP is not cut in 16-bit code: past FFFF it meets the limit, or runs on where the limit is beyond.
    cpu.s.pointee.eip = cpu.s.pointee.blockEIP &+ o.pointee.immediate
    cpu.s.pointee.remaining &-= Int64(o.pointee.position)
    continueAtEIP(c)
  }

  // MARK: Blocks

  /// Whether an instruction is a block's last.
  static func endsBlock(_ operation: Operation, isFlat: Bool) -> Bool {
    switch operation {
    case .jcc: !isFlat
    case .jmp, .jmpIndirect, .call, .callIndirect, .ret, .loop, .loope, .loopne, .jcxz, .jmpFar, .jmpFarIndirect,
      .callFar, .callFarIndirect, .retFar, .int, .int3, .into, .icebp, .iret, .sysenter, .sysexit, .hlt, .in, .out,
      .lldt, .ltr, .lgdt, .lidt, .lmsw, .movToControl, .movFromDebug, .movToDebug, .wrmsr, .undefined, .tooLong:
      true
    default: false
    }
  }

  /// The step that ends a block.
  func end(isFlat: Bool, position: Int, offset: Int, nowhere: UnsafeMutableRawPointer) -> Step {
    Step(
      handler: isFlat ? fast.end : generalEnd, link: nowhere, displacement: 0,
      immediate: UInt32(truncatingIfNeeded: offset), reg: 0, rm: 0, base: 64, index: 64, scale: 0,
      position: UInt8(truncatingIfNeeded: position), offset: UInt16(truncatingIfNeeded: offset))
  }

  /// Makes an instruction ready.
  func step(
    for i: Instruction, isFlat: Bool, position: Int, offset: Int, nowhere: UnsafeMutableRawPointer
  ) -> Step {
    let isByte = i.operandSize == 1
    func place(_ register: UInt8, byte: Bool) -> UInt8 {
      byte ? (register & 3) << 3 | register >> 2 & 1 : (register & 15) << 3
    }
    var step = Step(
      handler: general[Int(i.operation.rawValue)], link: nowhere, displacement: i.displacement,
      immediate: i.immediate, reg: place(i.reg, byte: isByte), rm: place(i.rm, byte: isByte),
      base: i.base << 3, index: i.index << 3, scale: i.scale, position: UInt8(truncatingIfNeeded: position),
      offset: UInt16(truncatingIfNeeded: offset))
    if isFlat { specialise(&step, i, offset: offset, place: place) }
    return step
  }

  /// Gives a step its fast handler, if the instruction has one.
  private func specialise(
    _ step: inout Step, _ i: Instruction, offset: Int, place: (UInt8, Bool) -> UInt8
  ) {
    // Addresses of 16 bits and the segments that are not known to be flat go the general way.
    if i.hasMemory {
      if i.address16 { return }
      switch i.segment {
      case .ds, .es, .ss: break
      default: return
      }
    }
    let after = UInt32(truncatingIfNeeded: offset) &+ UInt32(i.length)
    switch i.operation {
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp, .test:
      let handlers = i.operandSize == 1 ? fast.binary8[i.operation] : i.operandSize == 4 ? fast.binary32[i.operation] : nil
      guard let handlers else { return }
      switch (i.form, i.hasMemory) {
      case (.rmReg, false): step.handler = handlers.registerRegister
      case (.regRM, false):
        swap(&step.reg, &step.rm)
        step.handler = handlers.registerRegister
      case (.rmReg, true): step.handler = handlers.memoryRegister.handler(i)
      case (.regRM, true): step.handler = handlers.registerMemory.handler(i)
      case (.rmImm, false): step.handler = handlers.registerImmediate
      case (.rmImm, true): step.handler = handlers.memoryImmediate.handler(i)
      default: break
      }
    case .inc, .dec, .neg, .not:
      guard i.operandSize == 4, let handlers = fast.unary32[i.operation] else { return }
      step.handler = i.hasMemory ? handlers.memory : handlers.register
    case .rol, .ror, .shl, .shr, .sar:
      guard i.operandSize == 4, !i.hasMemory, let handlers = fast.shift32[i.operation] else { return }
      if i.form == .rmCL {
        step.handler = handlers.cl
      } else {
        step.immediate = i.immediate & 31
        step.handler = step.immediate == 0 ? fast.nop : handlers.immediate
      }
    case .mov: specialiseMove(&step, i)
    case .movzx8, .movzx16, .movsx8, .movsx16:
      guard i.operandSize == 4, let handlers = fast.extend[i.operation] else { return }
      step.rm = place(i.rm, i.operation == .movzx8 || i.operation == .movsx8)
      step.handler = i.hasMemory ? handlers.memory.handler(i) : handlers.register
    case .lea where i.operandSize == 4 && !i.address16: 
      step.handler = i.index == Instruction.noRegister ? fast.leaBased : fast.lea
    case .push where i.operandSize == 4:
      step.handler = i.form != .rm ? fast.pushImmediate : i.hasMemory ? fast.pushMemory : fast.pushRegister
    case .pop where i.operandSize == 4 && !i.hasMemory: step.handler = fast.popRegister
    case .leave where i.operandSize == 4: step.handler = fast.leave
    case .cwd where i.operandSize == 4: step.handler = fast.cdq
    case .nop: step.handler = fast.nop
    case .simd: simd.specialise(&step, i)
    case .x87: fast.x87.specialise(&step, i)
    case .setcc where !i.hasMemory:
      step.rm = place(i.rm, true)
      step.immediate = UInt32(i.condition)
      step.handler = fast.setccRegister
    case .cmovcc where !i.hasMemory && i.operandSize == 4:
      step.immediate = UInt32(i.condition)
      step.handler = fast.cmovRegister
    case .imulTruncating where i.operandSize == 4:
      if i.form == .regRMImm {
        step.handler = i.hasMemory ? fast.imulMemoryImmediate : fast.imulRegisterImmediate
      } else {
        step.handler = i.hasMemory ? fast.imulMemory : fast.imulRegister
      }
    case .jcc where i.operandSize == 4:
      step.immediate = after &+ i.immediate
      step.handler = fast.jcc[Int(i.condition & 15)]
    case .jmp where i.operandSize == 4:
      step.immediate = after &+ i.immediate
      step.handler = fast.jmp
    case .call where i.operandSize == 4:
      step.immediate = after &+ i.immediate
      step.displacement = after
      step.handler = fast.call
    case .ret where i.operandSize == 4:
      step.immediate = i.form == .imm ? i.immediate : 0
      step.handler = fast.ret
    case .jmpIndirect where i.operandSize == 4:
      step.handler = i.hasMemory ? fast.jmpMemory : fast.jmpRegister
    case .callIndirect where i.operandSize == 4:
      step.immediate = after
      step.handler = i.hasMemory ? fast.callMemory : fast.callRegister
    default: break
    }
  }

  private func specialiseMove(_ step: inout Step, _ i: Instruction) {
    switch (i.form, i.hasMemory, i.operandSize) {
    case (.rmReg, false, 1): step.handler = fast.movRegisterRegister8
    case (.rmReg, false, 4): step.handler = fast.movRegisterRegister32
    case (.regRM, false, 1), (.regRM, false, 4):
      swap(&step.reg, &step.rm)
      step.handler = i.operandSize == 1 ? fast.movRegisterRegister8 : fast.movRegisterRegister32
    case (.rmImm, false, 1): step.handler = fast.movRegisterImmediate8
    case (.rmImm, false, 4): step.handler = fast.movRegisterImmediate32
    case (.regRM, true, 1): step.handler = fast.load8.handler(i)
    case (.regRM, true, 2): step.handler = fast.load16.handler(i)
    case (.regRM, true, 4): step.handler = fast.load32.handler(i)
    case (.rmReg, true, 1): step.handler = fast.store8.handler(i)
    case (.rmReg, true, 2): step.handler = fast.store16.handler(i)
    case (.rmReg, true, 4): step.handler = fast.store32.handler(i)
    case (.rmImm, true, 1): step.handler = fast.storeImmediate8.handler(i)
    case (.rmImm, true, 2): step.handler = fast.storeImmediate16.handler(i)
    case (.rmImm, true, 4): step.handler = fast.storeImmediate32.handler(i)
    default: break
    }
  }
}

extension MemoryHandlers {
  fileprivate func handler(_ i: Instruction) -> Handler { i.index == Instruction.noRegister ? based : indexed }
}

/// Executes an instruction after which the machine must act: checks and preparation, then out of the chain.
@inline(__always)
private func leaving(
  _ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer, _ reason: Leave,
  _ body: (CPU, UnsafePointer<Instruction>) throws(GuestFault) -> Void
) {
  let cpu = CPU(c)
  let i = cpu.instruction(of: step)
  do {
    try body(cpu, i)
  } catch {
    return leaveFaulting(c, step, error)
  }
  cpu.commit(after: step.assumingMemoryBound(to: Step.self), i)
  cpu.s.pointee.leave = reason
}
