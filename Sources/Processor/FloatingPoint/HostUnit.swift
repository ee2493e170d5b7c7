// Where the x87 state is while x87 instructions run.

import ISA

extension CPU {
  /// Brings the x87 state back from the host's unit into `fpu`, if it is there.
  @inline(__always) func parkX87() {
    if fpu.pointee.obstacles & FloatingPointState.Obstacle.inHost != 0 { parkX87Slowly() }
  }

  @inline(never) private func parkX87Slowly() {
    fpu.pointee.obstacles &= ~FloatingPointState.Obstacle.inHost
  }

  /// Before a waiting x87 or MMX instruction: #MF while an unmasked exception is pending.
  func checkPendingX87Error() throws(GuestFault) {
    if fpu.pointee.status & 0x80 != 0 { throw .exception(16) }
  }
}
