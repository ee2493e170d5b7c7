// A stack that is being prepared for another place: the frame that an interrupt, a call gate or a task switch leaves.
// It may belong to a segment that isn't in SS yet, so it carries its own; nothing of the processor changes before the
// caller takes over the pointer (SDM 3A, 5.8.5 and 6.12.1).

import ISA

struct FrameCursor: BitwiseCopyable {
  let cpu: CPU
  let segment: SegmentCache
  /// The part of ESP that counts.
  private(set) var pointer: UInt32
  private let mask: UInt32
  private let upper: UInt32
  /// Nothing about an access can fail but paging.
  private let isFlat: Bool
  /// Accesses are made with user privilege: the frame of a transfer within level 3.
  private let isUser: Bool
  /// Thrown when the frame doesn't fit.
  private let fault: GuestFault

  @inline(__always)
  init(_ cpu: CPU, _ segment: SegmentCache, esp: UInt32, isUser: Bool, fault: GuestFault) {
    self.cpu = cpu
    self.segment = segment
    self.isUser = isUser
    self.fault = fault
    mask = segment.isBig ? 0xffff_ffff : 0xffff
    pointer = esp & mask
    upper = esp & ~mask
    isFlat = segment.isFlat && segment.isWritable && segment.isBig && !cpu.hasAccessChecks
  }

  /// ESP after the pushes.
  @inline(__always) var esp: UInt32 { upper | pointer }

  @inline(__always)
  mutating func push<W: OperandWidth>(_ value: W) throws(GuestFault) {
    let size = UInt32(W.bitWidth / 8)
    let next = (pointer &- size) & mask
    if isFlat, next <= 0xffff_ffff &- (size &- 1) {
      try cpu.store(value, next, user: isUser)
    } else {
      try cpu.store(value, checked(next, size: size), user: isUser)
    }
    pointer = next
  }

  /// Makes room for `count` bytes that can be written at once; nil, with nothing done, where pushes must go one by one:
  /// a page boundary, a segment that isn't flat, a page that needs a closer look.
  @inline(__always)
  mutating func reserve(_ count: UInt32) -> UnsafeMutableRawPointer? {
    let next = pointer &- count
    guard isFlat, let host = cpu.hostPointer(next, size: count, write: true, user: isUser) else { return nil }
    pointer = next
    return host
  }

  /// Pushes 4 bytes, or the low 2.
  @inline(__always)
  mutating func push(_ value: UInt32, wide: Bool) throws(GuestFault) {
    if wide { try push(value) } else { try push(UInt16(truncatingIfNeeded: value)) }
  }

  @inline(never)
  private func checked(_ offset: UInt32, size: UInt32) throws(GuestFault) -> UInt32 {
    let last = offset &+ (size &- 1)
    if !cpu.usesParagraphs, !segment.isUsable || !segment.isWritable { throw fault }
    if segment.isExpandDown {
      if offset <= segment.limit || last > mask || last < offset { throw fault }
    } else if last > segment.limit || last < offset {
      throw fault
    }
    let linear = segment.base &+ offset
    if isUser, cpu.isAlignmentChecked, linear & (size &- 1) != 0 { throw .exception(17, code: fault.errorCode & 1) }
    if cpu.hasAccessChecks { cpu.noteDataAccess(linear, size: size, write: true) }
    return linear
  }
}

extension CPU {
  /// Host address of `size` bytes that lie in one page and in the TLB, ready for the access; else nil, and the general
  /// way must do. One test for a whole frame.
  @inline(__always)
  func hostPointer(_ linear: UInt32, size: UInt32, write: Bool, user: Bool) -> UnsafeMutableRawPointer? {
    let entry = (user ? s.pointee.userTLB : s.pointee.supervisorTLB) + TLB.set(of: linear)
    let tag = s.pointee.tlbGeneration | UInt64((linear &+ (size &- 1)) & ~0xfff)
    guard (write ? entry.pointee.writeTag : entry.pointee.readTag) == tag else { return nil }
    return UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear))
  }

  /// The same for the top `size` bytes of the stack, if SS is flat.
  @inline(__always)
  func stackTop(_ size: UInt32) -> UnsafeMutableRawPointer? {
    let ss = segment(.ss).pointee
    guard ss.isFlat, ss.isBig, !hasAccessChecks else { return nil }
    return hostPointer(esp, size: size, write: false, user: isUser)
  }
}

/// The stack of an inner privilege level, as the TSS names it.
struct InnerStack: BitwiseCopyable {
  var segment: SegmentCache
  var esp: UInt32
}

extension CPU {
  /// Finds and checks the stack for a change to `privilege` (0 to 2).
  /// - Parameter external: 1 in the EXT bit of error codes when an event from outside the program causes the change.
  @inline(__always)
  func innerStack(privilege: UInt8, external: UInt32) throws(GuestFault) -> InnerStack {
    let tss = s.pointee.tr
    let selector: UInt16
    let esp: UInt32
    if tss.attributes & 8 != 0 {
      let offset = UInt32(privilege) << 3 &+ 4
      if offset &+ 5 > tss.limit { throw .invalidTSS(Self.errorCode(tss.selector) | external) }
      let address = tss.base &+ offset
      if address & 0xfff <= 0xff8 {
        let both: UInt64 = try loadSystem(address)
        esp = UInt32(truncatingIfNeeded: both)
        selector = UInt16(truncatingIfNeeded: both >> 32)
      } else {
        esp = try loadSystem(address)
        selector = try loadSystem(address &+ 4)
      }
    } else {
      let offset = UInt32(privilege) << 2 &+ 2
      if offset &+ 3 > tss.limit { throw .invalidTSS(Self.errorCode(tss.selector) | external) }
      esp = UInt32(try loadSystem(tss.base &+ offset, as: UInt16.self))
      selector = try loadSystem(tss.base &+ offset &+ 2)
    }

    let code = Self.errorCode(selector) | external
    if Self.isNull(selector) { throw .invalidTSS(external) }
    let descriptor = try readDescriptor(selector, else: .invalidTSS(code))
    guard selector & 3 == UInt16(privilege), descriptor.dpl == privilege, descriptor.isWritable else {
      throw .invalidTSS(code)
    }
    if !descriptor.isPresent { throw .stackFault(code) }
    return InnerStack(segment: SegmentCache(try markAccessed(descriptor, selector), selector: selector), esp: esp)
  }
}
