// ESC instructions the general way, right in every mode. What computes is executed by the host's unit; here is what the
// host can't do: memory operands, pointers to the last instruction, and when exceptions are looked at.

import CHost
import ISA

extension CPU {
  // MARK: Ordinary body

  /// Any ESC instruction. #UD comes before #NM, in the order in which SDM 3A, table 6-2 names them within their class.
  func x87(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let opcode = i.pointee.condition
    if i.pointee.hasMemory {
      let (access, size) = X87Encoding.memoryForm(opcode, i.pointee.reg)
      if access != .undefined {
        try checkX87Available()
        guard HostUnit.isAvailable else { return }
      }
      switch access {
      case .load: try x87Load(i, size: size)
      case .store: try x87Store(i, size: size)
      case .control: try x87ControlMemory(i)
      case .undefined: throw .invalidOpcode
      }
      return
    }
    let form = i.pointee.reg << 3 | i.pointee.rm
    guard X87Encoding.hasRegisterForm(opcode, form) else { throw .invalidOpcode }
    try checkX87Available()
    guard HostUnit.isAvailable else { return }
    if X87Encoding.isControl(opcode, form) { return x87Control(opcode, form) }
    try checkPendingX87Error()
    let stub = HostUnit.stub(opcode: opcode, registerForm: form)
    if X87Encoding.usesFlags(opcode, form), fpu.pointee.obstacles & FloatingPointState.Obstacle.pendingError == 0 {
      unparkX87()
      flags = LazyFlags(eflags: chost_x87_execute_with_flags(stub, flags.eflags))
    } else {
      x87Execute(stub, nil)
    }
    noteX87(i)
    noticeX87Error()
  }

  @inline(__always) private func checkX87Available() throws(GuestFault) {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.unavailable != 0 { throw .deviceNotAvailable }
  }

  /// Executes a host function with the state in the host's unit. Where IGNNE# lets instructions go on in spite of a pending
  /// exception, the exceptions are masked meanwhile.
  @inline(__always) private func x87Execute(_ stub: UInt32, _ operand: UnsafeMutableRawPointer?) {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.pendingError != 0 {
      let control = fpu.pointee.control
      fpu.pointee.control |= 0x3f
      fpu.pointee.status &= 0x7f7f
      unparkX87()
      chost_x87_execute(stub, operand)
      parkX87()
      fpu.pointee.control = control
      settleX87Status()
    } else {
      unparkX87()
      chost_x87_execute(stub, operand)
    }
  }

  // MARK: Memory operands

  /// The linear address of an operand. Eighty-bit operands are aligned to 8 bytes where that is checked.
  private func x87Address(
    _ i: UnsafePointer<Instruction>, size: UInt32, write: Bool
  ) throws(GuestFault) -> UInt32 {
    let address = try operandAddress(i, size: size, write: write)
    if size == 10, isAlignmentChecked, address & 7 != 0 { throw .alignmentCheck }
    return address
  }

  private func x87Load(_ i: UnsafePointer<Instruction>, size: UInt32) throws(GuestFault) {
    try checkPendingX87Error()
    let address = try x87Address(i, size: size, write: false)
    var operand: (UInt64, UInt64) = (0, 0)
    switch size {
    case 2: operand.0 = UInt64(try load(address, user: isUser, as: UInt16.self))
    case 4: operand.0 = UInt64(try load(address, user: isUser, as: UInt32.self))
    default:
      operand.0 = try x87LoadQuad(address)
      if size == 10 { operand.1 = UInt64(try load(address &+ 8, user: isUser, as: UInt16.self)) }
    }
    withUnsafeMutableBytes(of: &operand) {
      x87Execute(
        HostUnit.stub(opcode: i.pointee.condition, memoryForm: i.pointee.reg), $0.baseAddress)
    }
    noteX87(i)
    noteX87Data(i)
    noticeX87Error()
  }

  /// Eight bytes: at once where there is memory, and as two accesses to a device.
  private func x87LoadQuad(_ address: UInt32) throws(GuestFault) -> UInt64 {
    if try isPlain(address, size: 8, write: false) { return try load(address, user: isUser) }
    let low: UInt32 = try load(address, user: isUser)
    let high: UInt32 = try load(address &+ 4, user: isUser)
    return UInt64(high) << 32 | UInt64(low)
  }

  private func x87Store(_ i: UnsafePointer<Instruction>, size: UInt32) throws(GuestFault) {
    try checkPendingX87Error()
    let address = try x87Address(i, size: size, write: true)
    try checkWritable(address, size: size, user: isUser)
    // A device must answer for its part, and the instruction then starts over: keep what it would find.
    let isPlain = try isPlain(address, size: size, write: true)
    if !isPlain { parkX87() }
    let before = fpu.pointee
    var operand: (UInt64, UInt64) = (0, 0)
    withUnsafeMutableBytes(of: &operand) {
      x87Execute(
        HostUnit.stub(opcode: i.pointee.condition, memoryForm: i.pointee.reg), $0.baseAddress)
    }
    noteX87(i)
    noteX87Data(i)
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.unmasked != 0 {
      let status = chost_x87_status()
      if status & 0x80 != 0 {
        parkX87()
        // Unmasked invalid operation, overflow and underflow store nothing; inexact results are stored.
        if status & ~fpu.pointee.control & 0x19 != 0 { return }
      }
    }
    do {
      switch size {
      case 2: try store(UInt16(truncatingIfNeeded: operand.0), address, user: isUser)
      case 4: try store(UInt32(truncatingIfNeeded: operand.0), address, user: isUser)
      default:
        if isPlain {
          try store(operand.0, address, user: isUser)
        } else {
          try store(UInt32(truncatingIfNeeded: operand.0), address, user: isUser)
          try store(UInt32(truncatingIfNeeded: operand.0 >> 32), address &+ 4, user: isUser)
        }
        if size == 10 { try store(UInt16(truncatingIfNeeded: operand.1), address &+ 8, user: isUser) }
      }
    } catch {
      parkX87()
      fpu.pointee = before
      throw error
    }
  }

  /// All of an access goes to memory or faults, and no device is asked.
  private func isPlain(_ address: UInt32, size: UInt32, write: Bool) throws(GuestFault) -> Bool {
    if try route(address, write: write, user: isUser).host == nil { return false }
    if address & 0xfff &+ size <= 0x1000 { return true }
    return try route((address &+ size &- 1) & ~0xfff, write: write, user: isUser).host != nil
  }

  // MARK: The last instruction

  /// Remembers an instruction that computes, as P6 processors do for each of them.
  @inline(__always) private func noteX87(_ i: UnsafePointer<Instruction>) {
    fpu.pointee.instructionPointer = instructionPointer(of: i)
    fpu.pointee.instructionSelector = segment(.cs).pointee.selector
    fpu.pointee.opcode = UInt16(i.pointee.condition) << 8 | UInt16(truncatingIfNeeded: i.pointee.immediate & 0xff)
  }

  @inline(__always) private func noteX87Data(_ i: UnsafePointer<Instruction>) {
    fpu.pointee.dataPointer = effectiveAddress(i)
    fpu.pointee.dataSelector = segment(i.pointee.segment).pointee.selector
  }

  // MARK: Control

  /// FNCLEX, FNINIT, FNSTSW AX; FENI, FDISI and FSETPM do nothing.
  private func x87Control(_ opcode: UInt8, _ form: UInt8) {
    switch (opcode, form) {
    case (7, _): ax = x87Status
    case (_, 0x22):
      parkX87()
      fpu.pointee.status &= 0x4700
      settleX87Status()
    case (_, 0x23):
      parkX87()
      initialiseX87()
    default: break
    }
  }

  /// The status word, wherever it is.
  var x87Status: UInt16 {
    fpu.pointee.obstacles & FloatingPointState.Obstacle.inHost != 0 ? chost_x87_status() : fpu.pointee.statusWord
  }

  /// FNINIT, and the end of FNSAVE. The registers keep what they hold, but are empty.
  func initialiseX87() {
    fpu.pointee.control = 0x37f
    fpu.pointee.statusWord = 0
    fpu.pointee.occupied = 0
    fpu.pointee.instructionPointer = 0
    fpu.pointee.instructionSelector = 0
    fpu.pointee.dataPointer = 0
    fpu.pointee.dataSelector = 0
    fpu.pointee.opcode = 0
    settleX87Status()
  }

  /// FLDENV, FLDCW, FNSTENV, FNSTCW, FRSTOR, FNSAVE, FNSTSW.
  private func x87ControlMemory(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch (i.pointee.condition, i.pointee.reg) {
    case (1, 4): try loadEnvironment(i, withRegisters: false)
    case (1, 5):
      try checkPendingX87Error()
      let value: UInt16 = try load(x87Address(i, size: 2, write: false), user: isUser)
      fpu.pointee.control = value & 0x1f7f | 0x40
      if fpu.pointee.obstacles & FloatingPointState.Obstacle.inHost != 0 {
        chost_x87_set_control(value)
        updateObstacles()
        noticeX87Error()
      } else {
        settleX87Status()
      }
    case (1, 6): try storeEnvironment(i, withRegisters: false)
    case (1, 7): try store(fpu.pointee.control, x87Address(i, size: 2, write: true), user: isUser)
    case (5, 4): try loadEnvironment(i, withRegisters: true)
    case (5, 6): try storeEnvironment(i, withRegisters: true)
    default: try store(x87Status, x87Address(i, size: 2, write: true), user: isUser)
    }
  }
}
