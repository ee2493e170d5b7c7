// String instructions (SDM 1, 5.1.8) and their repetition. A repeated instruction advances in chunks: as many elements
// as lie within one page at either end, moved at once when both ends are plain memory. Registers are committed after
// each chunk, so that a fault or an interrupt finds them at an element's boundary. Each iteration counts as a retired
// instruction: virtual time passes while a long move runs, and a timer can interrupt it.

import ISA
import Memory

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Executes a string instruction. `chunk` executes between 1 and `most` iterations, commits its index registers, and
/// says how many it did and whether a condition ended the repetition.
@inline(__always)
func string(
  _ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer,
  _ chunk: (CPU, UnsafePointer<Instruction>, UInt32) throws(GuestFault) -> (done: UInt32, ended: Bool)
) {
  let cpu = CPU(c)
  let i = cpu.instruction(of: step)
  if !i.pointee.isRepeated {
    ordinary(c, step) { cpu, i throws(GuestFault) in _ = try chunk(cpu, i, 1) }
    return
  }
  let here = step.assumingMemoryBound(to: Step.self)
  let mask: UInt32 = i.pointee.address16 ? 0xffff : 0xffff_ffff
  var left = cpu.ecx & mask
  var available = cpu.s.pointee.remaining &- Int64(here.pointee.position)
  // Single-stepping sees each iteration.
  if cpu.s.pointee.attention & Attention.single != 0 { available = min(available, 1) }
  var done: Int64 = 0
  do {
    while left != 0 {
      if available <= 0 {
        cpu.s.pointee.remaining &-= done
        cpu.leave(before: here, .resolve)
        cpu.resumes = true
        return
      }
      let (count, ended) = try chunk(cpu, i, UInt32(truncatingIfNeeded: min(Int64(left), available)))
      left &-= count
      cpu.ecx = cpu.ecx & ~mask | left
      available &-= Int64(count)
      done &+= Int64(count)
      if cpu.s.pointee.attention & Attention.deviceLog != 0 { cpu.forgetDeviceLog() }
      if ended { break }
      // It may have overwritten itself: the next iteration is fetched anew.
      if cpu.s.pointee.attention & Attention.codeModified != 0 { available = 0 }
    }
  } catch {
    cpu.s.pointee.remaining &-= done
    leaveFaulting(c, step, error)
    // RF is set between iterations, wherever the slice began.
    if done != 0 { cpu.resumes = true }
    return
  }
  if done > 1 {
    cpu.s.pointee.remaining &-= done &- 1
    // The block was entered on the promise of one count an instruction.
    if cpu.s.pointee.remaining < 2 * Int64(BlockCache.longestBlock) {
      cpu.s.pointee.attention |= Attention.sliceEnd
    }
  }
  if cpu.s.pointee.attention != 0 { return attend(c, step) }
  dispatch(c, step + MemoryLayout<Step>.stride)
}

/// One end of a string operation for a number of elements: where it is, and how many elements are within reach.
private struct StringEnd: BitwiseCopyable {
  /// Offset of the first element in its segment.
  var offset: UInt32
  /// Host address of the element that lies lowest, when all are plain memory.
  var host: UnsafeMutableRawPointer?
  /// Guest-physical address of that element.
  var physical: UInt64 = 0
  var count: UInt32
}

extension CPU {
  @inline(__always) private var isBackward: Bool { systemFlag(EFlags.df.rawValue) }

  @inline(__always) private func index(_ number: UInt8, _ i: UnsafePointer<Instruction>) -> UInt32 {
    i.pointee.address16 ? UInt32(register(number, as: UInt16.self)) : register(number, as: UInt32.self)
  }

  @inline(__always)
  private func advance(_ number: UInt8, _ i: UnsafePointer<Instruction>, bytes: UInt32) {
    let next = index(number, i) &+ (isBackward ? 0 &- bytes : bytes)
    if i.pointee.address16 {
      setRegister(number, UInt16(truncatingIfNeeded: next))
    } else {
      setRegister(number, next)
    }
  }

  /// Looks how many of `most` elements from an index register can be reached in plain memory within one page. A count
  /// of 0 means that the first element must go the exact way (crossing, faulting, a device, decoded code).
  @inline(__always)
  private func end(
    _ segment: SegmentRegister, _ number: UInt8, _ i: UnsafePointer<Instruction>, size: UInt32, most: UInt32,
    write: Bool
  ) throws(GuestFault) -> StringEnd {
    let offset = index(number, i)
    let nothing = StringEnd(offset: offset, host: nil, count: 0)
    let cache = self.segment(segment).pointee
    // Only where a whole run is known to be within the segment: a plain expand-up segment.
    guard write ? cache.attributes & 0x9e == 0x92 : cache.attributes & 0x9c == 0x90 || cache.attributes & 0x9a == 0x9a,
      !hasAccessChecks, offset <= cache.limit
    else { return nothing }
    let linear = cache.base &+ offset
    let inPage = linear & 0xfff
    var count: UInt32
    if isBackward {
      if inPage &+ size > 0x1000 { return nothing }
      count = min(most, inPage / size &+ 1)
      let top = offset &+ (size &- 1)
      if top < offset || top > cache.limit { return nothing }
      // (With offset FFFFFFFFh and bytes, one more than the quotient would be 0.)
      count = min(count &- 1, offset / size) &+ 1
      // The first element is asked for: a fault must name its address. The others lie below it in the same page.
      let below = (count &- 1) &* size
      let way = try route(linear, write: write, user: isUser)
      guard let host = way.host, !(write && way.isROM) else { return nothing }
      let physical = way.physical &- UInt64(below)
      if write, isWatched(physical, count: UInt64(count &* size)) { return nothing }
      return StringEnd(offset: offset, host: host - Int(below), physical: physical, count: count)
    }
    count = min(most, (0x1000 &- inPage) / size)
    let room = (UInt64(min(cache.limit, i.pointee.address16 ? 0xffff : 0xffff_ffff)) &- UInt64(offset) &+ 1) / UInt64(size)
    count = UInt32(truncatingIfNeeded: min(UInt64(count), room))
    if count == 0 { return nothing }
    let way = try route(linear, write: write, user: isUser)
    guard let host = way.host, !(write && way.isROM) else { return nothing }
    if write, isWatched(way.physical, count: UInt64(count &* size)) { return nothing }
    return StringEnd(offset: offset, host: host, physical: way.physical, count: count)
  }

  /// Decoded code is there, or the page has a trace: each element goes the exact way.
  @inline(__always) private func isWatched(_ physical: UInt64, count: UInt64) -> Bool {
    let page = Int(truncatingIfNeeded: physical >> 12)
    if s.pointee.pageEntries[page] & GuestPhysicalMemory.entryTraced != 0 { return true }
    let granules = s.pointee.codeGranules[page]
    return granules != 0 && granules & Self.granuleMask(first: physical & 0xfff, count: count) != 0
  }

  // MARK: MOVS

  @inline(__always)
  func movs<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    if most > 1 {
      let source = try end(i.pointee.segment, 6, i, size: size, most: most, write: false)
      if source.count > 1 {
        let target = try end(.es, 7, i, size: size, most: source.count, write: true)
        // Going backward, the lowest element moves with the count: look again with the smaller one.
        if target.count > 1, !isBackward || target.count == source.count, let from = source.host, let to = target.host {
          copy(to, from, bytes: Int(target.count &* size), W.self)
          advance(6, i, bytes: target.count &* size)
          advance(7, i, bytes: target.count &* size)
          return (target.count, false)
        }
      }
    }
    let from = try linear(i.pointee.segment, index(6, i), size: size, write: false)
    let value: W = try load(from, user: isUser)
    let to = try linear(.es, index(7, i), size: size, write: true)
    try store(value, to, user: isUser)
    advance(6, i, bytes: size)
    advance(7, i, bytes: size)
    return (1, false)
  }

  /// Copies as a row of single moves would, overlap included.
  @inline(__always)
  private func copy<W: OperandWidth>(
    _ to: UnsafeMutableRawPointer, _ from: UnsafeMutableRawPointer, bytes: Int, _: W.Type
  ) {
    let distance = to - from
    if distance >= bytes || distance <= -bytes || (isBackward ? distance >= 0 : distance <= 0) {
      memmove(to, from, bytes)
      return
    }
    let size = W.bitWidth / 8
    if isBackward {
      for at in stride(from: bytes - size, through: 0, by: -size) {
        to.storeBytes(of: from.loadUnaligned(fromByteOffset: at, as: W.self), toByteOffset: at, as: W.self)
      }
    } else {
      for at in stride(from: 0, to: bytes, by: size) {
        to.storeBytes(of: from.loadUnaligned(fromByteOffset: at, as: W.self), toByteOffset: at, as: W.self)
      }
    }
  }

  // MARK: STOS, LODS

  @inline(__always)
  func stos<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    let value: W = register(0)
    if most > 1 {
      let target = try end(.es, 7, i, size: size, most: most, write: true)
      if target.count > 1, let to = target.host {
        if W.bitWidth == 8 {
          memset(to, Int32(truncatingIfNeeded: value), Int(target.count))
        } else {
          for n in 0..<Int(target.count) { to.storeBytes(of: value, toByteOffset: n &* Int(size), as: W.self) }
        }
        advance(7, i, bytes: target.count &* size)
        return (target.count, false)
      }
    }
    try store(value, linear(.es, index(7, i), size: size, write: true), user: isUser)
    advance(7, i, bytes: size)
    return (1, false)
  }

  @inline(__always)
  func lods<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    let value: W = try load(linear(i.pointee.segment, index(6, i), size: size, write: false), user: isUser)
    setRegister(0, value)
    advance(6, i, bytes: size)
    return (1, false)
  }

  // MARK: SCAS, CMPS: with REPE they go on while ZF is 1, with REPNE while it is 0

  @inline(__always)
  func scas<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    let value: W = register(0)
    let goesOn = i.pointee.flags.rawValue & Instruction.Flags.rep.rawValue != 0
    if most > 1, !isBackward {
      let target = try end(.es, 7, i, size: size, most: most, write: false)
      if target.count > 1, let host = target.host {
        var n: UInt32 = 0
        var element: W = 0
        repeat {
          element = host.loadUnaligned(fromByteOffset: Int(n &* size), as: W.self)
          n &+= 1
        } while n < target.count && (element == value) == goesOn
        flags = Arithmetic.sub(value, element).1
        advance(7, i, bytes: n &* size)
        return (n, (element == value) != goesOn)
      }
    }
    let element: W = try load(linear(.es, index(7, i), size: size, write: false), user: isUser)
    flags = Arithmetic.sub(value, element).1
    advance(7, i, bytes: size)
    return (1, (element == value) != goesOn)
  }

  @inline(__always)
  func cmps<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    let goesOn = i.pointee.flags.rawValue & Instruction.Flags.rep.rawValue != 0
    if most > 1, !isBackward {
      let source = try end(i.pointee.segment, 6, i, size: size, most: most, write: false)
      if source.count > 1 {
        let target = try end(.es, 7, i, size: size, most: source.count, write: false)
        if target.count > 1, let a = source.host, let b = target.host {
          var n: UInt32 = 0
          var x: W = 0, y: W = 0
          repeat {
            x = a.loadUnaligned(fromByteOffset: Int(n &* size), as: W.self)
            y = b.loadUnaligned(fromByteOffset: Int(n &* size), as: W.self)
            n &+= 1
          } while n < target.count && (x == y) == goesOn
          flags = Arithmetic.sub(x, y).1
          advance(6, i, bytes: n &* size)
          advance(7, i, bytes: n &* size)
          return (n, (x == y) != goesOn)
        }
      }
    }
    let x: W = try load(linear(i.pointee.segment, index(6, i), size: size, write: false), user: isUser)
    let y: W = try load(linear(.es, index(7, i), size: size, write: false), user: isUser)
    flags = Arithmetic.sub(x, y).1
    advance(6, i, bytes: size)
    advance(7, i, bytes: size)
    return (1, (x == y) != goesOn)
  }

  // MARK: INS, OUTS

  @inline(__always)
  func ins<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    let port: UInt16 = register(2)
    try checkPortAccess(port, size: UInt8(size))
    let to = try linear(.es, index(7, i), size: size, write: true)
    // The port is read only when the store can't fault any more.
    try checkWritable(to, size: size, user: isUser)
    let value = try portLoad(port, size: UInt8(size))
    try store(W(truncatingIfNeeded: value), to, user: isUser)
    advance(7, i, bytes: size)
    return (1, false)
  }

  @inline(__always)
  func outs<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ most: UInt32, _: W.Type
  ) throws(GuestFault) -> (done: UInt32, ended: Bool) {
    let size = UInt32(W.bitWidth / 8)
    let port: UInt16 = register(2)
    try checkPortAccess(port, size: UInt8(size))
    let value: W = try load(linear(i.pointee.segment, index(6, i), size: size, write: false), user: isUser)
    try portStore(port, UInt32(truncatingIfNeeded: value), size: UInt8(size))
    advance(6, i, bytes: size)
    return (1, false)
  }
}
