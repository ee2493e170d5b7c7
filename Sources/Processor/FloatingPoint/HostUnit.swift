// Where the x87 state is while x87 instructions run: in the x87 unit of the host. A guest's instruction is then the host's
// own (CHost, x87.h), and nothing about results, rounding, NaNs, stack faults or flags is imitated. The state goes there
// with the first x87 instruction and comes back ("is parked") when the run ends, or when something else wants to see it.
//
// On a host without an x87 unit CPUID says that the guest has none either, and ESC instructions do what they do on a
// 486SX: #NM with CR0.EM or CR0.TS, else nothing.

import CHost
import ISA

/// The host's x87 unit.
enum HostUnit {
  @inline(__always) static var isAvailable: Bool { chost_x87_available() }

  /// The number of the host function for a register form, by ESC opcode (0 to 7) and the low six bits of ModRM.
  @inline(__always) static func stub(opcode: UInt8, registerForm: UInt8) -> UInt32 {
    UInt32(opcode) << 6 | UInt32(registerForm)
  }

  /// The same for a memory form, by ESC opcode and ModRM.reg.
  @inline(__always) static func stub(opcode: UInt8, memoryForm: UInt8) -> UInt32 {
    512 + (UInt32(opcode) << 3 | UInt32(memoryForm))
  }
}

extension CPU {
  /// The x87 state is in the host's unit and nothing stands in the way: the instruction may be the host's.
  @inline(__always) var isX87Ready: Bool { fpu.pointee.obstacles == FloatingPointState.Obstacle.inHost }

  /// Brings the x87 state back from the host's unit into `fpu`, if it is there.
  @inline(__always) func parkX87() {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.inHost != 0 { parkX87Slowly() }
  }

  @inline(never) private func parkX87Slowly() {
    fpu.pointee.obstacles &= ~FloatingPointState.Obstacle.inHost
    var state = chost_x87_state(registers: x87File, control: 0, status: 0, occupied: 0)
    chost_x87_save(&state)
    fpu.pointee.statusWord = state.status
    fpu.pointee.occupied = state.occupied
    if state.status & 0x80 != 0 { fpu.pointee.obstacles |= FloatingPointState.Obstacle.pendingError }
  }

  /// Puts the x87 state into the host's unit. No exception is pending.
  @inline(__always) func unparkX87() {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.inHost == 0 { unparkX87Slowly() }
  }

  @inline(never) private func unparkX87Slowly() {
    var state = chost_x87_state(
      registers: x87File, control: fpu.pointee.control, status: fpu.pointee.statusWord, occupied: fpu.pointee.occupied)
    chost_x87_load(&state)
    fpu.pointee.obstacles |= FloatingPointState.Obstacle.inHost
  }

  private var x87File: UnsafeMutablePointer<UInt64> {
    (raw + MemoryLayout<CPUState>.offset(of: \.fpu)!).assumingMemoryBound(to: UInt64.self)
  }

  /// After an instruction that ran with some exception unmasked: if it raised one, the state comes back, so that nothing
  /// waits for the exception in the host's unit.
  @inline(__always) func noticeX87Error() {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.unmasked != 0, chost_x87_status() & 0x80 != 0 { parkX87() }
  }
}
