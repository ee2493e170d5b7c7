// swift-format-ignore-file: a table reads best with a handler on each line.
// ESC instructions in flat 32-bit code. One test says that the unit is there for the guest, holds its state, and that no
// exception is pending or unmasked; then the instruction is executed where its operand lies.
//
// Handlers are local functions and not closures, as in FastHandlers.swift.
//
// A step's `immediate` has the host function's number in its low half and FOP in its high one; `reg` is the number of the
// operand's segment.

import CHost
import ISA

@inline(__always) private func note(_ c: State, _ step: StepPointer) {
  let cpu = CPU(c), o = operands(step)
  cpu.fpu.pointee.instructionPointer = cpu.s.pointee.blockEIP &+ UInt32(o.pointee.offset)
  cpu.fpu.pointee.instructionSelector = cpu.segment(.cs).pointee.selector
  cpu.fpu.pointee.opcode = UInt16(truncatingIfNeeded: o.pointee.immediate >> 16)
}

@inline(__always) private func noteData(_ c: State, _ step: StepPointer, _ address: UInt32) {
  let cpu = CPU(c)
  cpu.fpu.pointee.dataPointer = address
  let segment = cpu.segment(.es) + Int(operands(step).pointee.reg)
  cpu.fpu.pointee.dataSelector = segment.pointee.selector
}

/// Where `size` bytes at a linear address are in memory, if the TLB knows and they lie in one page.
@inline(__always) private func host(
  _ c: State, _ linear: UInt32, size: UInt32, write: Bool
) -> UnsafeMutableRawPointer? {
  let s = CPU(c).s
  let entry = s.pointee.tlb + TLB.set(of: linear)
  let last = linear &+ (size &- 1)
  let tag = write ? entry.pointee.writeTag : entry.pointee.readTag
  guard tag == s.pointee.tlbGeneration | UInt64(last & ~0xfff) else { return nil }
  return UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear))
}

@inline(__always) private func fastMemory<A: AddressForm>(
  _ c: State, _ step: StepPointer, _: A.Type, size: UInt32, write: Bool
) {
  guard CPU(c).isX87Ready else { return slowly(c, step) }
  let address = A.address(c, step)
  guard let host = host(c, address, size: size, write: write) else { return slowly(c, step) }
  chost_x87_execute(operands(step).pointee.immediate & 0xffff, host)
  note(c, step)
  noteData(c, step, address)
  next(c, step)
}

struct X87Handlers {
  private let load: [UInt32: MemoryHandlers] = [
    2: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 2, write: false) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 2, write: false) }; return h }()),
    4: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 4, write: false) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 4, write: false) }; return h }()),
    8: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 8, write: false) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 8, write: false) }; return h }()),
    10: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 10, write: false) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 10, write: false) }; return h }()),
  ]
  private let store: [UInt32: MemoryHandlers] = [
    2: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 2, write: true) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 2, write: true) }; return h }()),
    4: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 4, write: true) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 4, write: true) }; return h }()),
    8: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 8, write: true) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 8, write: true) }; return h }()),
    10: MemoryHandlers(
      based: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Based.self, size: 10, write: true) }; return h }(),
      indexed: { @inline(__always) func h(_ c: State, _ s: StepPointer) { fastMemory(c, s, Indexed.self, size: 10, write: true) }; return h }()),
  ]
  private let register: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard CPU(c).isX87Ready else { return slowly(c, step) }
      chost_x87_execute(operands(step).pointee.immediate & 0xffff, nil)
      note(c, step)
      next(c, step)
    }
    return h
  }()
  private let registerWithFlags: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard CPU(c).isX87Ready else { return slowly(c, step) }
      let cpu = CPU(c)
      cpu.flags = LazyFlags(
        eflags: chost_x87_execute_with_flags(operands(step).pointee.immediate & 0xffff, cpu.flags.eflags))
      note(c, step)
      next(c, step)
    }
    return h
  }()
  private let storeStatus: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard CPU(c).isX87Ready else { return slowly(c, step) }
      CPU(c).ax = chost_x87_status()
      next(c, step)
    }
    return h
  }()

  /// FNSTCW and FLDCW: compilers put them around every conversion to an integer.
  private let storeControl: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard CPU(c).isX87Ready, let host = host(c, Indexed.address(c, step), size: 2, write: true) else { return slowly(c, step) }
      host.storeBytes(of: CPU(c).fpu.pointee.control, as: UInt16.self)
      next(c, step)
    }
    return h
  }()
  private let loadControl: Handler = {
    @inline(__always) func h(_ c: State, _ step: StepPointer) {
      guard CPU(c).isX87Ready, let host = host(c, Indexed.address(c, step), size: 2, write: false) else { return slowly(c, step) }
      let value = host.loadUnaligned(as: UInt16.self)
      // One that unmasks something changes what handlers may do.
      guard value & 0x3f == 0x3f else { return slowly(c, step) }
      CPU(c).fpu.pointee.control = value & 0x1f7f | 0x40
      chost_x87_set_control(value)
      next(c, step)
    }
    return h
  }()

  /// Gives an ESC instruction's step its fast handler, if the form has one.
  func specialise(_ step: inout Step, _ i: Instruction) {
    guard HostUnit.isAvailable else { return }
    let opcode = i.condition
    let fop = (UInt32(opcode) << 8 | i.immediate & 0xff) << 16
    if i.hasMemory {
      let (access, size) = X87Encoding.memoryForm(opcode, i.reg)
      let handlers: MemoryHandlers?
      switch access {
      case .load: handlers = load[size]
      case .store: handlers = store[size]
      case .control:
        if opcode == 1, i.reg == 5 { step.handler = loadControl }
        if opcode == 1, i.reg == 7 { step.handler = storeControl }
        handlers = nil
      case .undefined: handlers = nil
      }
      guard let handlers else { return }
      step.handler = i.index == Instruction.noRegister ? handlers.based : handlers.indexed
      step.immediate = HostUnit.stub(opcode: opcode, memoryForm: i.reg) | fop
      step.reg = i.segment.rawValue
      return
    }
    let form = i.reg << 3 | i.rm
    guard X87Encoding.hasRegisterForm(opcode, form) else { return }
    step.immediate = HostUnit.stub(opcode: opcode, registerForm: form) | fop
    if X87Encoding.isControl(opcode, form) {
      if opcode == 7 { step.handler = storeStatus }
    } else {
      step.handler = X87Encoding.usesFlags(opcode, form) ? registerWithFlags : register
    }
  }
}
