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
  package var apicBase: UInt64 = APICBase.reset
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
    var values: [UInt64] = []
    values.reserveCapacity(160)
    other.visit { values.append($1) }
    var found: [String] = []
    var index = 0
    visit { name, value in
      if value != values[index] {
        found.append("\(name) \(String(value, radix: 16)) != \(String(values[index], radix: 16))")
      }
      index += 1
    }
    return found
  }

  /// Hands over each part as a number, always in the same order.
  package func visit(_ body: (_ name: PartName, _ value: UInt64) -> Void) {
    func visit(_ whole: StaticString, _ value: UInt64) { body(PartName(whole: whole), value) }
    let names: [StaticString] = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
    for n in 0..<8 { visit(names[n], UInt64(registers[n])) }
    visit("eip", UInt64(eip))
    visit("eflags", UInt64(eflags))
    visit("cpl", UInt64(cpl))
    let segmentNames: [StaticString] = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"]
    for n in 0..<8 {
      let segment = segments[n]
      body(PartName(whole: segmentNames[n], part: ""), UInt64(segment.selector))
      body(PartName(whole: segmentNames[n], part: ".base"), UInt64(segment.base))
      body(PartName(whole: segmentNames[n], part: ".limit"), UInt64(segment.limit))
      body(PartName(whole: segmentNames[n], part: ".attributes"), UInt64(segment.attributes))
    }
    visit("gdtr.base", UInt64(gdtr.base))
    visit("gdtr.limit", UInt64(gdtr.limit))
    visit("idtr.base", UInt64(idtr.base))
    visit("idtr.limit", UInt64(idtr.limit))
    visit("cr0", UInt64(cr0))
    visit("cr2", UInt64(cr2))
    visit("cr3", UInt64(cr3))
    visit("cr4", UInt64(cr4))
    visit("efer", efer)
    for n in 0..<4 {
      body(PartName(whole: "pdpte", number: n), pdptes[n])
      body(PartName(whole: "dr", number: n), UInt64(breakpoints[n]))
    }
    visit("dr6", UInt64(dr6))
    visit("dr7", UInt64(dr7))
    visit("sysenter_cs", sysenterCS)
    visit("sysenter_esp", sysenterESP)
    visit("sysenter_eip", sysenterEIP)
    visit("timestamp", timestamp)
    visit("apic_base", apicBase)
    visit("rf", resumes ? 1 : 0)
    visit("shadow", isShadowed ? 1 : 0)
    visit("pending_debug", UInt64(pendingDebug))
    visit("fcw", UInt64(fpu.control))
    visit("fsw", UInt64(fpu.statusWord))
    visit("ftag", UInt64(fpu.occupied))
    visit("fop", UInt64(fpu.opcode))
    visit("fip", UInt64(fpu.instructionPointer))
    visit("fcs", UInt64(fpu.instructionSelector))
    visit("fdp", UInt64(fpu.dataPointer))
    visit("fds", UInt64(fpu.dataSelector))
    visit("mxcsr", UInt64(fpu.mxcsr))
    visit("ferr", numericError ? 1 : 0)
    visit("ignne", ignoresNumericErrors ? 1 : 0)
    let vectors = fpu.vectors
    for n in 0..<16 {
      let register: StaticString = n < 8 ? "fpr" : "xmm"
      body(PartName(whole: register, number: n & 7, part: ".low"), vectors[n].x)
      body(PartName(whole: register, number: n & 7, part: ".high"), vectors[n].y)
    }
  }
}

/// What a part of the state is called; made into text only where somebody reads it.
package struct PartName: CustomStringConvertible {
  var whole: StaticString
  var number: Int?
  var part: StaticString = ""

  package var description: String { "\(whole)\(number.map(String.init) ?? "")\(part)" }
}

extension FloatingPointState {
  /// R0 to R7, then XMM0 to XMM7.
  fileprivate var vectors: [Vector] {
    let r = registers
    let x = xmm
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
    let pdptes = s.pointee.pdptes
    let breakpoints = s.pointee.breakpoints
    state.pdptes = [pdptes.0, pdptes.1, pdptes.2, pdptes.3]
    state.breakpoints = [breakpoints.0, breakpoints.1, breakpoints.2, breakpoints.3]
    state.dr6 = s.pointee.dr6
    state.dr7 = s.pointee.dr7
    state.sysenterCS = s.pointee.sysenterCS
    state.sysenterESP = s.pointee.sysenterESP
    state.sysenterEIP = s.pointee.sysenterEIP
    state.timestamp = s.pointee.timestampOffset &+ retired
    state.apicBase = s.pointee.apicBase
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
    s.pointee.apicBase = state.apicBase
    s.pointee.cpuidNumber = CPUIDTable.noLeaf
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
