// How an unmasked x87 exception reaches the guest (SDM 1, 8.7). The instruction that meets one only notes it in the status
// word; the next waiting x87 instruction, or WAIT, acts on it:
// - with CR0.NE it is #MF;
// - without, the processor raises FERR#, which a PC wires to IRQ 13, and stops until an interrupt comes. The handler
//   writes port F0h, which asserts IGNNE#: x87 instructions then go on until the exception is cleared.

import ISA

extension CPU {
  /// Before a waiting x87 or MMX instruction: acts on a pending exception.
  @inline(__always) func checkPendingX87Error() throws(GuestFault) {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.pendingError != 0 { try raiseX87Error() }
  }

  @inline(never) private func raiseX87Error() throws(GuestFault) {
    if s.pointee.cr0 & CR0.ne.rawValue != 0 { throw .exception(16) }
    if s.pointee.ignoresNumericErrors { return }
    s.pointee.numericError = true
    throw GuestFault(kind: .waitsForInterrupt)
  }

  /// Makes ES and B what the flags and masks say, after either was loaded. The state is parked.
  func settleX87Status() {
    let isPending = fpu.pointee.status & ~fpu.pointee.control & 0x3f != 0
    fpu.pointee.status = fpu.pointee.status & 0x477f | (isPending ? 0x8080 : 0)
    if !isPending {
      s.pointee.numericError = false
      s.pointee.ignoresNumericErrors = false
    }
    updateObstacles()
  }

  /// WAIT: #NM where a lazy switch of the x87 unit is to be noticed, then whatever is pending.
  func waitFPU(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let both = CR0([.mp, .ts]).rawValue
    if s.pointee.cr0 & both == both { throw .deviceNotAvailable }
    try checkPendingX87Error()
  }
}
