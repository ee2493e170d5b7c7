// Which instructions a monitor that translates has to do itself (Adams and Agesen 2006, section 3.2), as events. Only a
// processor whose machine has a monitor tells them; the interpreter's single steps look the instruction up, so that
// nothing else pays.

import ISA
import Tracing

extension CalloutReason {
  /// Why an operation leaves translated code of the guest's kernel; nil where it runs as it is, or is done in place.
  static func inKernel(_ operation: Operation) -> CalloutReason? {
    switch operation {
    case .movToControl, .lmsw: .controlRegister
    case .movFromDebug, .movToDebug: .debugRegister
    case .lgdt, .lidt: .descriptorTable
    case .sgdt, .sidt, .sldt, .str, .smsw: .tableStore
    case .lldt, .ltr: .taskRegister
    case .rdmsr, .wrmsr: .modelSpecificRegister
    case .movToSegment, .popSegment, .lds, .les, .lss, .lfs, .lgs: .segmentLoad
    case .pushSegment: .segmentStore
    case .callFar, .callFarIndirect, .jmpFar, .jmpFarIndirect, .retFar: .farTransfer
    case .iret: .interruptReturn
    case .sysexit: .systemCallExit
    case .sysenter: .systemCallGate
    case .int, .int3, .into, .icebp: .softwareInterrupt
    case .rdtsc, .rdpmc: .timeStamp
    case .invlpg: .pageInvalidation
    case .invd, .wbinvd: .cacheControl
    case .hlt: .halt
    case .in, .out, .ins, .outs: .port
    case .lar, .lsl, .verr, .verw: .selectorInspection
    default: nil
    }
  }

}

extension CPU {
  /// Tells of a callout, if the instruction that comes next is one.
  /// User code runs directly: what it may not do traps, and that is an exception's or a system call's event.
  @inline(never) func recordCallout(_ operation: Operation) {
    guard isProtected, !isVirtual8086, !isUser else { return }
    if let reason = CalloutReason.inKernel(operation) {
      record(.callout, code: reason.rawValue)
    }
  }
}
