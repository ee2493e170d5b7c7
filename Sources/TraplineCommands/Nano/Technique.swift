// What each technique of virtualization does about each instruction and event, in one place. After Adams and Agesen,
// "A Comparison of Software and Hardware Techniques for x86 Virtualization", ASPLOS 2006, sections 3, 4 and 6.

import ISA
import Processor

/// A way to run a guest's kernel.
enum Technique: String, CaseIterable, Sendable {
  /// No monitor.
  case bare
  /// A translator for the kernel, shadow page tables; user code runs as it is.
  case translation
  /// The kernel runs as it is at a lower level, and every privileged or sensitive instruction traps; shadow page tables.
  case trap
  /// Hardware runs the kernel, shadow page tables: what VT-x was at first.
  case hardwareShadow = "hardware-shadow"
  /// Hardware runs the kernel, and walks two tables.
  case hardwareNested = "hardware-nested"

  var hasShadow: Bool { self == .translation || self == .trap || self == .hardwareShadow }

  var pager: PagerKind { self == .bare ? .none : self == .hardwareNested ? .nested : .shadow }
}

/// How something comes to pass.
enum Handling: String, Hashable, Sendable {
  /// As on the machine itself.
  case direct
  /// The translation has a few instructions for it.
  case inPlace = "in place"
  /// A routine in the translation cache.
  case inCache = "in the cache"
  /// A return or an indirect jump of translated code.
  case lookup
  /// The translation leaves for the monitor.
  case callout
  /// The machine's exception brings the monitor.
  case trap
  /// User code ends in the monitor, by a call.
  case directEnd = "ends direct execution"
  /// The monitor goes back to user code, from the translation.
  case directBegin = "begins direct execution"
  /// The hardware leaves the guest, and enters it again.
  case exit
  /// The same, and the guest is given an exception.
  case exitInjecting = "exit and injection"

  /// The instruction itself isn't executed any more.
  var replacesInstruction: Bool {
    switch self {
    case .inPlace, .inCache, .callout, .trap, .directBegin, .exit, .exitInjecting: true
    case .direct, .lookup, .directEnd: false
    }
  }

  /// What it takes, in figures of the cost model, and how often each.
  var figures: [(name: String, times: Double)] {
    switch self {
    case .direct: []
    case .inPlace: [("in-place", 1)]
    case .inCache: [("in-cache", 1)]
    case .lookup: [("indirect", 1)]
    case .callout: [("callout", 1)]
    case .trap: [("trap", 1)]
    case .directEnd: [("direct-end", 1)]
    case .directBegin: [("direct-begin", 1)]
    // "About 10 reads a typical exit."
    case .exit: [("vm-exit", 1), ("vmcb-read", 10), ("vm-entry", 1)]
    // The event, its error code, and CR2 or the length.
    case .exitInjecting: [("vm-exit", 1), ("vmcb-read", 10), ("vmcb-write", 3), ("vm-entry", 1)]
    }
  }
}

/// An instruction as it was executed.
struct ExecutedInstruction: Hashable {
  var operation: Operation
  /// It began at level 3.
  var isUser: Bool
  /// It ended at level 3.
  var endsInUser: Bool
  /// The control register that it wrote.
  var control: UInt8?
  /// It wrote the value that was there.
  var isUnchanged: Bool

  /// What it costs the machine itself, beyond an instruction's own cycle; nil where nothing.
  var native: String? {
    switch operation {
    case .in, .ins: "port-read"
    case .out, .outs: "port-write"
    case .movToControl: control == 3 ? "space-switch" : "control-write"
    case .ret: "return"
    case .invlpg: "page-drop"
    // With the way back.
    case .sysenter: "system-call"
    case .int where isUser: "system-call"
    default: nil
    }
  }
}

extension Technique {
  /// What becomes of an instruction that retired.
  func handling(of i: ExecutedInstruction) -> Handling {
    switch self {
    case .bare: .direct
    case .translation: translated(i)
    case .trap:
      if i.isUser { i.endsInUser ? .direct : .directEnd } else { Self.isSensitive(i.operation) ? .trap : .direct }
    case .hardwareShadow, .hardwareNested: inHardware(i)
    }
  }

  private static func isSensitive(_ operation: Operation) -> Bool {
    operation.property == .privileged || operation.property == .sensitive
  }

  private func translated(_ i: ExecutedInstruction) -> Handling {
    if i.isUser { return i.endsInUser ? .direct : .directEnd }
    switch i.operation {
    case .cli, .sti, .pushf, .popf, .clts, .movFromControl, .movFromSegment, .pushSegment: return .inPlace
    // CR0 and CR4 are compared with what the guest has; only a change is for the monitor.
    case .movToControl where i.control != 3 && i.isUnchanged: return .inPlace
    case .in, .out, .rdtsc, .cpuid, .movToSegment, .popSegment: return .inCache
    case .ret, .jmpIndirect, .callIndirect: return .lookup
    case .sysexit: return .directBegin
    case .iret where i.endsInUser: return .directBegin
    default: return Self.isSensitive(i.operation) ? .callout : .direct
    }
  }

  private func inHardware(_ i: ExecutedInstruction) -> Handling {
    switch i.operation {
    case .in, .out, .ins, .outs, .cpuid, .hlt, .rdmsr, .wrmsr, .invd, .wbinvd: .exit
    // CR0 and CR4 have a mask, and exit when a bit of the monitor's changes.
    case .movToControl: i.control == 3 ? (hasShadow ? .exit : .direct) : i.isUnchanged ? .direct : .exit
    case .invlpg: hasShadow ? .exit : .direct
    default: .direct
    }
  }
}

/// An event that isn't an instruction.
enum Happening: String, CaseIterable, Hashable, Sendable {
  case pageFault = "page fault"
  case divideError = "divide error"
  case otherException = "exception"
  case interrupt
  case hiddenFault = "hidden fault"
  case traceHit = "trace hit"
  case violation = "EPT violation"

  /// What it costs the machine itself.
  private var native: String? {
    switch self {
    case .pageFault: "page-fault"
    case .divideError: "divide-error"
    case .otherException: "exception"
    case .interrupt: "interrupt"
    case .hiddenFault, .traceHit, .violation: nil
    }
  }

  /// What becomes of it, and what that takes besides.
  func outcome(_ technique: Technique) -> (handling: Handling, figures: [String]) {
    let own = native.map { [$0] } ?? []
    switch (self, technique) {
    case (.pageFault, .translation), (.pageFault, .trap): return (.trap, ["guest-walk"])
    case (.pageFault, .hardwareShadow): return (.exitInjecting, own + ["guest-walk"])
    case (.interrupt, .hardwareShadow), (.interrupt, .hardwareNested): return (.exitInjecting, own)
    case (.hiddenFault, .translation), (.hiddenFault, .trap): return (.trap, ["guest-walk", "shadow-update"])
    case (.hiddenFault, _): return (.exit, ["guest-walk", "shadow-update"])
    // "Innocent until proven guilty": once it has faulted, the instruction is one that calls a routine.
    case (.traceHit, .translation): return (.inCache, ["shadow-update"])
    case (.traceHit, .trap): return (.trap, ["shadow-update"])
    case (.traceHit, _): return (.exit, ["emulate", "shadow-update"])
    case (.violation, _): return (.exit, ["guest-walk"])
    case (_, .translation), (_, .trap): return (.trap, [])
    default: return (.direct, own)
    }
  }
}
