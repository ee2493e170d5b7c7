// System calls as the event trace has them: an entry when INT n or SYSENTER takes the guest from level 3 to level 0, a
// return when IRET or SYSEXIT brings the same address space back to the place it came from. Nothing here changes what
// the guest sees; with nobody recording, each instruction pays one test.
//
// SYSENTER saves nothing, so its return address is the kernel's secret: such a call is known by its stack pointer, which
// the kernel must give back.

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

  @inline(__always) init(_ cpu: CPU) {
    cr3 = cpu.s.pointee.cr3
    eip = cpu.s.pointee.eip
    returnAddress = cpu.segment(.cs).pointee.base &+ eip
    esp = cpu.esp
    cpl = cpu.cpl
  }
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

    func returns(to site: SystemCallSite) -> Bool {
      code != 0 && cr3 == site.cr3
        && (code == OpenSystemCalls.sysenter ? esp == site.esp : returnAddress == site.returnAddress)
    }
  }

  static let capacity = 64
  static let sysenter: UInt32 = 0xffff

  private var entries = InlineArray<64, Entry>(repeating: Entry())
  private var next = 0

  mutating func add(_ entry: Entry) {
    // A call that was interrupted and begun again replaces itself.
    for n in 0..<Self.capacity
    where entries[n].code == entry.code && entries[n].cr3 == entry.cr3 && entries[n].esp == entry.esp
      && entries[n].returnAddress == entry.returnAddress
    {
      entries[n] = entry
      return
    }
    entries[next] = entry
    next = (next + 1) % Self.capacity
  }

  /// Takes out the youngest call that would return to `site`.
  mutating func remove(returningTo site: SystemCallSite) -> Entry? {
    for age in 1...Self.capacity {
      let n = (next + Self.capacity - age) % Self.capacity
      if entries[n].returns(to: site) {
        let found = entries[n]
        entries[n] = Entry()
        return found
      }
    }
    return nil
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
  }

  /// After a transfer to level 3: is it the return of a system call?
  @inline(__always)
  func recordSystemCallReturn() {
    if s.pointee.eventMask & Self.systemCallEvents != 0 { recordReturn() }
  }

  @inline(never)
  private func recordReturn() {
    let site = SystemCallSite(self)
    guard let entry = owner.systemCalls.remove(returningTo: site) else { return }
    guard s.pointee.eventMask >> UInt64(EventKind.systemCallReturn.rawValue) & 1 != 0 else { return }
    owner.record(
      event: Event(
        kind: .systemCallReturn, context: .guestUser, retired: UInt64(bitPattern: retired), code: entry.code,
        a: UInt64(eax), b: UInt64(entry.number), instructionPointer: site.eip, addressSpace: site.cr3))
  }
}
