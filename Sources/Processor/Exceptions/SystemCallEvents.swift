// System calls as the event trace has them: an entry when INT n or SYSENTER takes the guest from level 3 to level 0, a
// return when IRET or SYSEXIT brings the same address space back to the place it came from. Nothing here changes what
// the guest sees; with nobody recording, each instruction pays one test.
//
// SYSENTER saves nothing, so its return address is the kernel's secret: such a call is known by its stack pointer, which
// the kernel must give back.
//
// Two kinds of Linux calls come back somewhere else. sigreturn goes to where a signal struck. A successful execve begins
// a new program, with all registers zero (System V ABI, Intel386 supplement, and start_thread), in a new address space: one
// to which CR3 went, by whatever stops, from the caller's.

import ISA
import Tracing

/// Where level 3 was when it called.
struct SystemCallSite: BitwiseCopyable {
  var cr3: UInt32
  /// Linear address of the instruction after the call.
  var returnAddress: UInt32
  var esp: UInt32
  /// EIP as events have it.
  var eip: UInt32
  var cpl: UInt8
}

extension SystemCallSite {
  /// Where the processor is now.
  @inline(__always) init(_ cpu: CPU) {
    cr3 = cpu.s.pointee.cr3
    eip = cpu.s.pointee.eip
    returnAddress = cpu.segment(.cs).pointee.base &+ eip
    esp = cpu.esp
    cpl = cpu.cpl
  }
}

/// Numbers of the i386 calls that don't return to their site.
private enum LinuxNumber {
  static let execve: UInt32 = 11
  static let sigreturn: UInt32 = 119
  static let rtSigreturn: UInt32 = 173
  static let execveat: UInt32 = 358
}

/// The system calls that have not returned yet, as far as a small table remembers: the oldest give way.
struct OpenSystemCalls: BitwiseCopyable {
  struct Entry: BitwiseCopyable {
    var cr3: UInt32 = 0
    var returnAddress: UInt32 = 0
    var esp: UInt32 = 0
    var number: UInt32 = 0
    /// Vector, 0xffff for SYSENTER, 0 for an empty place.
    var code: UInt32 = 0
    /// Which came later.
    var order: UInt64 = 0
    /// For execve: the last address spaces to which the processor went from the caller's.
    var successors = SIMD8<UInt32>()
    var successorCount = 0

    var replacesProgram: Bool { number == LinuxNumber.execve || number == LinuxNumber.execveat }

    func returns(to site: SystemCallSite) -> Bool {
      code != 0 && cr3 == site.cr3
        && (code == OpenSystemCalls.sysenter ? esp == site.esp : returnAddress == site.returnAddress)
    }
  }

  static let capacity = 64
  static let sysenter: UInt32 = 0xffff

  private var entries = InlineArray<64, Entry>(repeating: Entry())
  private var lastOrder: UInt64 = 0

  mutating func add(_ entry: Entry) {
    // A call that was interrupted and begun again replaces itself; else a free place is taken, or the oldest's.
    var place = 0
    for n in 0..<Self.capacity {
      if entries[n].code == entry.code, entries[n].cr3 == entry.cr3, entries[n].esp == entry.esp,
        entries[n].returnAddress == entry.returnAddress
      {
        place = n
        break
      }
      if entries[n].order < entries[place].order { place = n }
    }
    entries[place] = entry
    lastOrder += 1
    entries[place].order = lastOrder
  }

  /// Takes out the youngest call that would return to `site`: rather one with the same stack pointer, for processes that
  /// share an address space and a call's address.
  mutating func remove(returningTo site: SystemCallSite) -> Entry? {
    remove { $0.esp == site.esp && $0.returns(to: site) } ?? remove { $0.returns(to: site) }
  }

  /// Takes out the call that began the program that is to run at `site`.
  mutating func remove(beginning site: SystemCallSite) -> Entry? {
    remove { $0.code != 0 && $0.replacesProgram && ($0.cr3 == site.cr3 || any($0.successors .== site.cr3)) }
  }

  /// Takes out a return from a signal handler in this address space.
  mutating func remove(resuming site: SystemCallSite) -> Entry? {
    remove {
      $0.code != 0 && $0.cr3 == site.cr3
        && ($0.number == LinuxNumber.sigreturn || $0.number == LinuxNumber.rtSigreturn)
    }
  }

  /// Takes out the youngest call that is meant.
  private mutating func remove(_ isMeant: (Entry) -> Bool) -> Entry? {
    var youngest: Int?
    for n in 0..<Self.capacity where isMeant(entries[n]) && entries[n].order > youngest.map({ entries[$0].order }) ?? 0
    {
      youngest = n
    }
    guard let youngest else { return nil }
    defer { entries[youngest] = Entry() }
    return entries[youngest]
  }

  /// CR3 changes.
  mutating func follow(from old: UInt32, to new: UInt32) {
    for n in 0..<Self.capacity where entries[n].code != 0 && entries[n].replacesProgram && old != new {
      guard entries[n].cr3 == old || any(entries[n].successors .== old) else { continue }
      entries[n].successors[entries[n].successorCount % 8] = new
      entries[n].successorCount &+= 1
    }
  }
}

extension CPU {
  static let softwareInterruptEvents: UInt64 =
    systemCallEvents | 1 << UInt64(EventKind.softwareInterrupt.rawValue)
  static let systemCallEvents: UInt64 =
    1 << UInt64(EventKind.systemCallEntry.rawValue) | 1 << UInt64(EventKind.systemCallReturn.rawValue)

  /// After INT n has reached its handler. A gate that level 3 may use and that leads to level 0 is a system call's,
  /// but for those of INT3 and INTO; that the gate allowed it is known, because the interrupt came through.
  @inline(never)
  func recordSoftwareInterrupt(_ vector: UInt8, from site: SystemCallSite) {
    if site.cpl == 3, cpl == 0, isProtected, vector != 3, vector != 4 {
      recordSystemCallEntry(code: UInt32(vector), from: site)
    } else {
      record(.softwareInterrupt, code: UInt32(vector), eip: site.eip)
    }
  }

  /// After the entry. The registers are still the caller's.
  @inline(never)
  func recordSystemCallEntry(code: UInt32, from site: SystemCallSite) {
    owner.systemCalls.add(
      OpenSystemCalls.Entry(
        cr3: site.cr3, returnAddress: site.returnAddress, esp: site.esp, number: eax, code: code))
    guard s.pointee.eventMask >> UInt64(EventKind.systemCallEntry.rawValue) & 1 != 0 else { return }
    owner.record(
      event: Event(
        kind: .systemCallEntry, context: .guestUser, retired: UInt64(bitPattern: retired), code: code, a: UInt64(eax),
        b: UInt64(site.returnAddress), arguments: (ebx, ecx, edx, esi, edi, ebp), instructionPointer: site.eip,
        addressSpace: site.cr3))
    // User code runs directly, and its call is a trap to the monitor, which goes on with the guest kernel's translation.
    record(.callout, code: CalloutReason.systemCallGate.rawValue, eip: site.eip)
  }

  /// After a transfer to level 3: is it the return of a system call?
  @inline(__always)
  func recordSystemCallReturn() {
    if s.pointee.eventMask & Self.systemCallEvents != 0 { recordReturn() }
  }

  @inline(never)
  private func recordReturn() {
    let site = SystemCallSite(self)
    // What a signal interrupted comes back by the handler's sigreturn, which so ends two calls.
    let resumed = owner.systemCalls.remove(resuming: site)
    if let entry = owner.systemCalls.remove(returningTo: site) {
      record(returnOf: entry, to: site)
    } else if eax | ebx | ecx | edx | esi | edi | ebp == 0, let entry = owner.systemCalls.remove(beginning: site) {
      record(returnOf: entry, to: site)
    }
    if let resumed { record(returnOf: resumed, to: site) }
  }

  private func record(returnOf entry: OpenSystemCalls.Entry, to site: SystemCallSite) {
    guard s.pointee.eventMask >> UInt64(EventKind.systemCallReturn.rawValue) & 1 != 0 else { return }
    owner.record(
      event: Event(
        kind: .systemCallReturn, context: .guestUser, retired: UInt64(bitPattern: retired), code: entry.code,
        a: UInt64(eax), b: UInt64(entry.number), arguments: (entry.cr3, 0, 0, 0, 0, 0), instructionPointer: site.eip,
        addressSpace: site.cr3))
  }
}
