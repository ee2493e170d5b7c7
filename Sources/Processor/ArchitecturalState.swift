// Everything that a guest could tell about its processor, as one value that can be compared and put back: for lockstep,
// fuzzing and debuggers. What only serves speed (TLBs, decoded blocks, lazy flags) is not in it.

import ISA
import Memory

/// The architectural state of a processor between two instructions.
package struct ArchitecturalState: BitwiseCopyable {
  /// EAX ECX EDX EBX ESP EBP ESI EDI.
  package var registers = InlineArray<8, UInt32>(repeating: 0)
  package var eip: UInt32 = 0
  package var eflags: UInt32 = 2
  package var cpl: UInt8 = 0
  /// ES CS SS DS FS GS, then LDTR and TR.
  package var segments = InlineArray<8, SegmentCache>(repeating: SegmentCache())
  package var gdtr = DescriptorTable()
  package var idtr = DescriptorTable()
  package var cr0: UInt32 = 0x10
  package var cr2: UInt32 = 0
  package var cr3: UInt32 = 0
  package var cr4: UInt32 = 0
  package var efer: UInt64 = 0
  /// Meaningful while PAE paging is on.
  package var pdptes = InlineArray<4, UInt64>(repeating: 0)
  /// DR0 to DR3.
  package var breakpoints = InlineArray<4, UInt32>(repeating: 0)
  package var dr6 = DR6.fixed.rawValue
  package var dr7 = DR7.fixed.rawValue
  package var sysenterCS: UInt64 = 0
  package var sysenterESP: UInt64 = 0
  package var sysenterEIP: UInt64 = 0
  package var timestamp: UInt64 = 0
  /// EFLAGS.RF, which is not kept with the other flags.
  package var resumes = false
  /// Interrupts are held off until the next instruction is over.
  package var isShadowed = false
  /// Debug traps that wait for the end of a shadow.
  package var pendingDebug: UInt32 = 0
  /// x87, MMX and SSE registers; `obstacles` in it means nothing here.
  package var fpu = FloatingPointState()
  /// FERR# and IGNNE#.
  package var numericError = false
  package var ignoresNumericErrors = false

  package init() {}

  /// Names of what differs, with both values; empty when nothing does.
  package func differences(from other: Self) -> [String] {
    var found: [String] = []
    func compare(_ name: String, _ a: UInt64, _ b: UInt64) {
      if a != b { found.append("\(name) \(String(a, radix: 16)) != \(String(b, radix: 16))") }
    }
    let names = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
    for n in 0..<8 { compare(names[n], UInt64(registers[n]), UInt64(other.registers[n])) }
    compare("eip", UInt64(eip), UInt64(other.eip))
    compare("eflags", UInt64(eflags), UInt64(other.eflags))
    compare("cpl", UInt64(cpl), UInt64(other.cpl))
    let segmentNames = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"]
    for n in 0..<8 {
      let a = segments[n], b = other.segments[n]
      compare(segmentNames[n], UInt64(a.selector), UInt64(b.selector))
      compare(segmentNames[n] + ".base", UInt64(a.base), UInt64(b.base))
      compare(segmentNames[n] + ".limit", UInt64(a.limit), UInt64(b.limit))
      compare(segmentNames[n] + ".attributes", UInt64(a.attributes), UInt64(b.attributes))
    }
    compare("gdtr.base", UInt64(gdtr.base), UInt64(other.gdtr.base))
    compare("gdtr.limit", UInt64(gdtr.limit), UInt64(other.gdtr.limit))
    compare("idtr.base", UInt64(idtr.base), UInt64(other.idtr.base))
    compare("idtr.limit", UInt64(idtr.limit), UInt64(other.idtr.limit))
    compare("cr0", UInt64(cr0), UInt64(other.cr0))
    compare("cr2", UInt64(cr2), UInt64(other.cr2))
    compare("cr3", UInt64(cr3), UInt64(other.cr3))
    compare("cr4", UInt64(cr4), UInt64(other.cr4))
    compare("efer", efer, other.efer)
    for n in 0..<4 {
      compare("pdpte\(n)", pdptes[n], other.pdptes[n])
      compare("dr\(n)", UInt64(breakpoints[n]), UInt64(other.breakpoints[n]))
    }
    compare("dr6", UInt64(dr6), UInt64(other.dr6))
    compare("dr7", UInt64(dr7), UInt64(other.dr7))
    compare("sysenter_cs", sysenterCS, other.sysenterCS)
    compare("sysenter_esp", sysenterESP, other.sysenterESP)
    compare("sysenter_eip", sysenterEIP, other.sysenterEIP)
    compare("timestamp", timestamp, other.timestamp)
    compare("rf", resumes ? 1 : 0, other.resumes ? 1 : 0)
    compare("shadow", isShadowed ? 1 : 0, other.isShadowed ? 1 : 0)
    compare("pending_debug", UInt64(pendingDebug), UInt64(other.pendingDebug))
    compare("fcw", UInt64(fpu.control), UInt64(other.fpu.control))
    compare("fsw", UInt64(fpu.statusWord), UInt64(other.fpu.statusWord))
    compare("ftag", UInt64(fpu.occupied), UInt64(other.fpu.occupied))
    compare("fop", UInt64(fpu.opcode), UInt64(other.fpu.opcode))
    compare("fip", UInt64(fpu.instructionPointer), UInt64(other.fpu.instructionPointer))
    compare("fcs", UInt64(fpu.instructionSelector), UInt64(other.fpu.instructionSelector))
    compare("fdp", UInt64(fpu.dataPointer), UInt64(other.fpu.dataPointer))
    compare("fds", UInt64(fpu.dataSelector), UInt64(other.fpu.dataSelector))
    compare("mxcsr", UInt64(fpu.mxcsr), UInt64(other.fpu.mxcsr))
    compare("ferr", numericError ? 1 : 0, other.numericError ? 1 : 0)
    compare("ignne", ignoresNumericErrors ? 1 : 0, other.ignoresNumericErrors ? 1 : 0)
    let mine = fpu.vectors, others = other.fpu.vectors
    for n in 0..<16 {
      let name = n < 8 ? "fpr\(n)" : "xmm\(n - 8)"
      compare(name + ".low", mine[n].x, others[n].x)
      compare(name + ".high", mine[n].y, others[n].y)
    }
    return found
  }
}

extension FloatingPointState {
  /// R0 to R7, then XMM0 to XMM7.
  fileprivate var vectors: [Vector] {
    let r = registers, x = xmm
    return [r.0, r.1, r.2, r.3, r.4, r.5, r.6, r.7, x.0, x.1, x.2, x.3, x.4, x.5, x.6, x.7]
  }
}

extension Processor {
  /// The state now. Only between runs, when no device access is open.
  package var architecturalState: ArchitecturalState {
    cpu.parkX87()
    let s = cpu.s
    var state = ArchitecturalState()
    for n in 0..<8 { state.registers[n] = cpu.register(UInt8(n)) }
    state.eip = s.pointee.eip
    state.eflags = cpu.eflags
    state.cpl = cpu.cpl
    for register in SegmentRegister.allCases { state.segments[Int(register.rawValue)] = cpu.segment(register).pointee }
    state.segments[6] = s.pointee.ldtr
    state.segments[7] = s.pointee.tr
    state.gdtr = s.pointee.gdtr
    state.idtr = s.pointee.idtr
    state.cr0 = s.pointee.cr0
    state.cr2 = s.pointee.cr2
    state.cr3 = s.pointee.cr3
    state.cr4 = s.pointee.cr4
    state.efer = s.pointee.efer
    let pdptes = s.pointee.pdptes, breakpoints = s.pointee.breakpoints
    state.pdptes = [pdptes.0, pdptes.1, pdptes.2, pdptes.3]
    state.breakpoints = [breakpoints.0, breakpoints.1, breakpoints.2, breakpoints.3]
    state.dr6 = s.pointee.dr6
    state.dr7 = s.pointee.dr7
    state.sysenterCS = s.pointee.sysenterCS
    state.sysenterESP = s.pointee.sysenterESP
    state.sysenterEIP = s.pointee.sysenterEIP
    state.timestamp = s.pointee.timestampOffset &+ retired
    state.resumes = cpu.resumes
    state.isShadowed = s.pointee.shadowAt == cpu.retired
    state.pendingDebug = s.pointee.pendingDebug
    state.fpu = s.pointee.fpu
    state.numericError = s.pointee.numericError
    state.ignoresNumericErrors = s.pointee.ignoresNumericErrors
    return state
  }

  /// Puts a state in place of the present one, as after a reset: nothing is pending, nothing is cached. Checks nothing;
  /// privilege is the state's own.
  package func restore(_ state: ArchitecturalState) {
    reset()
    let s = cpu.s
    for n in 0..<8 { cpu.setRegister(UInt8(n), state.registers[n]) }
    s.pointee.eip = state.eip
    cpu.eflags = state.eflags
    s.pointee.cpl = state.cpl
    for register in SegmentRegister.allCases { cpu.segment(register).pointee = state.segments[Int(register.rawValue)] }
    s.pointee.ldtr = state.segments[6]
    s.pointee.tr = state.segments[7]
    s.pointee.gdtr = state.gdtr
    s.pointee.idtr = state.idtr
    s.pointee.cr0 = state.cr0
    s.pointee.cr2 = state.cr2
    s.pointee.cr3 = state.cr3
    s.pointee.cr4 = state.cr4
    s.pointee.efer = state.efer
    s.pointee.pdptes = (state.pdptes[0], state.pdptes[1], state.pdptes[2], state.pdptes[3])
    s.pointee.breakpoints = (
      state.breakpoints[0], state.breakpoints[1], state.breakpoints[2], state.breakpoints[3]
    )
    s.pointee.dr6 = state.dr6
    s.pointee.dr7 = state.dr7
    s.pointee.sysenterCS = state.sysenterCS
    s.pointee.sysenterESP = state.sysenterESP
    s.pointee.sysenterEIP = state.sysenterEIP
    s.pointee.timestampOffset = state.timestamp &- retired
    cpu.resumes = state.resumes
    s.pointee.shadowAt = state.isShadowed ? cpu.retired : -1
    s.pointee.pendingDebug = state.pendingDebug
    s.pointee.fpu = state.fpu
    s.pointee.numericError = state.numericError
    s.pointee.ignoresNumericErrors = state.ignoresNumericErrors
    cpu.updateObstacles()
    cpu.updateContext()
  }

  /// Must follow every write to RAM that the processor didn't make itself: throws away decoded code that was hit.
  package func noteWrite(at address: GuestPhysicalAddress, count: UInt64) {
    var at = address.value
    let end = min(at &+ count, UInt64(GuestPhysicalMemory.pageCount) << 12)
    while at < end {
      let length = min(end - at, 0x1000 - at & 0xfff)
      cpu.noteWrite(at, count: length)
      at += length
    }
  }
}
