// Decoded code, kept until its bytes are written. Found by guest-physical address and mode, so that it survives address
// space switches and serves every alias; entered by EIP through keys and links, so that the common transfer costs a
// compare.

import ISA
import Memory

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// The store of blocks of one processor.
final class BlockCache {
  /// Slots of 32 bytes; when they are used up everything is thrown away and decoded again.
  static let capacity = 1 << 19
  /// Instructions in one block at most.
  static let longestBlock = 64
  private static let bucketCount = 1 << 15

  let steps: UnsafeMutableRawPointer
  let instructions: UnsafeMutablePointer<Instruction>
  let jumpCache: UnsafeMutablePointer<UnsafeMutableRawPointer>
  private let buckets: UnsafeMutablePointer<UInt32>
  /// First block of each guest-physical page.
  private let pages: UnsafeMutablePointer<UInt32>
  private var used = 2
  private let decoder: Decoder
  private let handlers: HandlerTable
  /// Where bytes that cross into another page, or lie outside memory, are put together.
  private let scratch: UnsafeMutableRawPointer
  private let rewritten = RewrittenBlocks()

  /// The header in slot 0: a block that never matches, for links and jumps that lead nowhere yet.
  var nowhere: UnsafeMutableRawPointer { steps }

  init(handlers: HandlerTable) {
    self.handlers = handlers
    decoder = Decoder()
    // mmap'ed zero pages: the arenas cost memory only as far as they are used.
    steps = StateRegion.reserve(Self.capacity * MemoryLayout<Step>.stride)
    instructions = StateRegion.reserve(Self.capacity * MemoryLayout<Instruction>.stride)
      .bindMemory(to: Instruction.self, capacity: Self.capacity)
    buckets = StateRegion.reserve(Self.bucketCount * 4).bindMemory(to: UInt32.self, capacity: Self.bucketCount)
    pages = StateRegion.reserve(GuestPhysicalMemory.pageCount * 4)
      .bindMemory(to: UInt32.self, capacity: GuestPhysicalMemory.pageCount)
    jumpCache = .allocate(capacity: JumpCache.count)
    jumpCache.initialize(repeating: steps, count: JumpCache.count)
    scratch = .allocate(byteCount: 32, alignment: 16)
    precondition(MemoryLayout<Step>.stride == 32 && MemoryLayout<BlockHeader>.stride == 64)
  }

  deinit {
    StateRegion.release(steps, Self.capacity * MemoryLayout<Step>.stride)
    StateRegion.release(instructions, Self.capacity * MemoryLayout<Instruction>.stride)
    StateRegion.release(buckets, Self.bucketCount * 4)
    StateRegion.release(pages, GuestPhysicalMemory.pageCount * 4)
    jumpCache.deallocate()
    scratch.deallocate()
    rewritten.deallocate()
  }

  // MARK: Lookup

  @inline(__always) private func header(_ slot: UInt32) -> UnsafeMutablePointer<BlockHeader> {
    (steps + Int(slot) * MemoryLayout<Step>.stride).assumingMemoryBound(to: BlockHeader.self)
  }

  @inline(__always) private func slot(_ header: UnsafeMutablePointer<BlockHeader>) -> UInt32 {
    UInt32(truncatingIfNeeded: (UnsafeMutableRawPointer(header) - steps) / MemoryLayout<Step>.stride)
  }

  @inline(__always) private static func bucket(_ physical: UInt32, _ mode: UInt16) -> Int {
    Int((physical &* 0x9e37_79b1 ^ UInt32(mode) &* 0x85eb_ca6b) >> 17)
  }

  /// What a block's first instruction does.
  func operation(of block: UnsafeMutablePointer<BlockHeader>) -> Operation {
    instructions[Int(slot(block)) + MemoryLayout<BlockHeader>.stride / MemoryLayout<Step>.stride].operation
  }

  /// The block at CS:EIP in the present mode, decoded if need be, with its key set: ready to be entered.
  /// - Parameter mode: `CPU.context` with the engine's wishes (single) added.
  func block(
    _ cpu: CPU, context: UInt64
  ) throws(GuestFault) -> UnsafeMutablePointer<BlockHeader> {
    let eip = cpu.s.pointee.eip
    let cs = cpu.segment(.cs)
    let linear = cs.pointee.base &+ eip
    let physical = try cpu.translateFetch(linear)
    let mode = UInt16(truncatingIfNeeded: (context & EngineMode.block) >> 32)
    let low = UInt32(truncatingIfNeeded: physical)
    var found: UnsafeMutablePointer<BlockHeader>?
    if physical >> 32 == 0 {
      var at = buckets[Self.bucket(low, mode)]
      while at != 0 {
        let candidate = header(at)
        if candidate.pointee.physical == low, candidate.pointee.mode == mode {
          found = candidate
          break
        }
        at = candidate.pointee.nextInBucket
      }
    }
    if let found, fits(found, cpu, eip: eip, linear: linear, limit: cs.pointee.limit) {
      return try entered(found, cpu, eip: eip, linear: linear, context: context)
    }
    let made = try decode(cpu, eip: eip, linear: linear, physical: physical, mode: mode)
    return try entered(made, cpu, eip: eip, linear: linear, context: context)
  }

  /// A known block may run at this EIP: all of it lies within the code segment.
  @inline(__always)
  private func fits(
    _ block: UnsafeMutablePointer<BlockHeader>, _ cpu: CPU, eip: UInt32, linear: UInt32, limit: UInt32
  ) -> Bool {
    let last = UInt64(eip) + UInt64(block.pointee.length) - 1
    return last <= UInt64(limit)
  }

  /// Notes that a block is good at this EIP, and checks the second page of one that crosses.
  private func entered(
    _ block: UnsafeMutablePointer<BlockHeader>, _ cpu: CPU, eip: UInt32, linear: UInt32, context: UInt64
  ) throws(GuestFault) -> UnsafeMutablePointer<BlockHeader> {
    cpu.noteExecuted(linear)
    if block.pointee.secondPage != BlockHeader.noPage, block.pointee.isValid {
      let next = (linear | 0xfff) &+ 1
      let second = try cpu.translateFetch(next)
      cpu.noteExecuted(next)
      if second != UInt64(block.pointee.secondPage) {
        // The neighbour is another page by now: the bytes are others.
        remove(block, cpu)
        return try self.block(cpu, context: context)
      }
    }
    if block.pointee.isValid {
      block.pointee.key = UInt64(eip) | context
      cpu.s.pointee.jumpCache[JumpCache.slot(eip)] = UnsafeMutableRawPointer(block)
    }
    return block
  }

  // MARK: Decoding

  private func decode(
    _ cpu: CPU, eip: UInt32, linear: UInt32, physical: UInt64, mode: UInt16
  ) throws(GuestFault) -> UnsafeMutablePointer<BlockHeader> {
    if let block = revive(cpu, physical: physical, mode: mode, limit: cpu.segment(.cs).pointee.limit, eip: eip) {
      return block
    }
    if used + Self.longestBlock + 4 > Self.capacity { removeAll(cpu) }
    let size: CodeSize = UInt64(mode) << 32 & EngineMode.big != 0 ? .bits32 : .bits16
    let isFlat = UInt64(mode) << 32 & EngineMode.flat != 0
    let most = UInt64(mode) << 32 & EngineMode.single != 0 ? 1 : Self.longestBlock
    let limit = cpu.segment(.cs).pointee.limit
    let first = used
    var at = first + 2
    var offset = 0
    var secondPage = BlockHeader.noPage
    var isCacheable = true
    let pageRoom = 0x1000 - Int(physical & 0xfff)
    let bytes = cpu.physicalPointer(physical)

    decoding: while at - first - 2 < most, offset < pageRoom {
      let here = UInt64(eip) + UInt64(offset)
      let limitRoom = here > UInt64(limit) ? 0 : UInt64(limit) - here + 1
      var room = Int(min(UInt64(min(pageRoom - offset, 15)), limitRoom))
      var instruction: Instruction
      if let bytes, room > 0 {
        instruction = decoder.decode(bytes + offset, count: room, size: size)
      } else if room > 0 {
        // Nothing answers a fetch from outside memory: the bus floats high.
        memset(scratch, 0xff, 16)
        instruction = decoder.decode(scratch, count: room, size: size)
      } else {
        instruction = Instruction(operation: .truncated)
      }
      if instruction.operation == .truncated {
        // Past the page or past the limit; only a block's first instruction may go there.
        if offset > 0 { break decoding }
        let second = min(15 - room, Int(clamping: limitRoom) - room)
        if room == pageRoom, second > 0 {
          let next = (linear | 0xfff) &+ 1
          let secondPhysical = try cpu.translateFetch(next)
          memset(scratch, 0xff, 32)
          if let bytes { memcpy(scratch, bytes, room) }
          if let more = cpu.physicalPointer(secondPhysical) { memcpy(scratch + room, more, second) }
          room += second
          instruction = decoder.decode(scratch, count: room, size: size)
          secondPage = UInt32(truncatingIfNeeded: secondPhysical)
          // A header has no room for pages that lie past the first 4 GiB, where no memory is.
          if secondPhysical >> 32 != 0 { isCacheable = false }
          if instruction.operation == .truncated { throw .generalProtection(0) }
        } else {
          throw .generalProtection(0)
        }
      }
      instructions[at] = instruction
      let step = steps.assumingMemoryBound(to: Step.self) + at
      step.initialize(
        to: handlers.step(for: instruction, isFlat: isFlat, position: at - first - 2, offset: offset, nowhere: nowhere))
      offset += Int(instruction.length)
      at += 1
      cpu.s.pointee.counters.instructionsDecoded &+= 1
      if secondPage != BlockHeader.noPage || HandlerTable.endsBlock(instruction.operation, isFlat: isFlat) { break }
    }

    let count = at - first - 2
    if isFlat {
      handlers.optimize(
        steps.assumingMemoryBound(to: Step.self) + first + 2, instructions + first + 2, count: count)
    }
    // The end: reached when the last instruction goes on to its neighbour.
    (steps.assumingMemoryBound(to: Step.self) + at).initialize(
      to: handlers.end(isFlat: isFlat, position: count, offset: offset, nowhere: nowhere))
    instructions[at] = Instruction(operation: .nop, length: 0)
    used = at + 1

    let block = header(UInt32(first))
    block.initialize(
      to: BlockHeader(
        key: 0, physical: UInt32(truncatingIfNeeded: physical), secondPage: secondPage, mode: mode,
        count: UInt16(count), length: UInt16(offset), isValid: bytes != nil && isCacheable, nextInBucket: 0,
        nextInPage: 0, nextInSecondPage: 0))
    cpu.s.pointee.counters.blocksDecoded &+= 1
    #if TRANSLATOR
      if isFlat, block.pointee.isValid { cpu.translator?._withUnsafeGuaranteedRef { $0.watch(block) } }
    #endif
    if block.pointee.isValid {
      enter(block, cpu)
      if secondPage == BlockHeader.noPage, let bytes { rewritten.note(slot(block), block.pointee, bytes) }
    }
    return block
  }

  /// A block that was decoded here before and whose bytes have changed in an immediate only.
  private func revive(_ cpu: CPU, physical: UInt64, mode: UInt16, limit: UInt32, eip: UInt32)
    -> UnsafeMutablePointer<BlockHeader>?
  {
    let low = UInt32(truncatingIfNeeded: physical)
    guard physical >> 32 == 0, let number = rewritten.slot(low, mode), let bytes = cpu.physicalPointer(physical) else {
      return nil
    }
    let block = header(number)
    let first = Int(number) + 2
    guard !block.pointee.isValid, UInt64(eip) + UInt64(block.pointee.length) - 1 <= UInt64(limit),
      rewritten.isSame(
        block.pointee, bytes, instructions + first, steps.assumingMemoryBound(to: Step.self) + first)
    else { return nil }
    block.pointee.isValid = true
    enter(block, cpu)
    cpu.s.pointee.counters.blocksDecoded &+= 1
    return block
  }

  /// Puts a block into the bucket and page lists and marks its bytes as code.
  private func enter(_ block: UnsafeMutablePointer<BlockHeader>, _ cpu: CPU) {
    let number = slot(block)
    let bucket = Self.bucket(block.pointee.physical, block.pointee.mode)
    block.pointee.nextInBucket = buckets[bucket]
    buckets[bucket] = number
    let page = Int(block.pointee.physical >> 12)
    block.pointee.nextInPage = pages[page]
    pages[page] = number
    let offset = UInt64(block.pointee.physical & 0xfff)
    let inFirst = min(UInt64(block.pointee.length), 0x1000 - offset)
    cpu.markCode(page: page, first: offset, count: inFirst)
    if block.pointee.secondPage != BlockHeader.noPage {
      let second = Int(block.pointee.secondPage >> 12)
      block.pointee.nextInSecondPage = pages[second]
      pages[second] = number
      cpu.markCode(page: second, first: 0, count: UInt64(block.pointee.length) - inFirst)
    }
  }

  // MARK: Removal

  /// Throws away the blocks that contain any of `count` bytes from a guest-physical address, within one page.
  @inline(never)
  func invalidate(cpu: CPU, from address: UInt64, count: UInt64) {
    let page = Int(truncatingIfNeeded: address >> 12)
    var at = pages[page]
    var hit = false
    while at != 0 {
      let block = header(at)
      at = next(of: block, in: page)
      if overlaps(block, page: page, from: address & 0xfff, count: count) {
        remove(block, cpu)
        hit = true
        cpu.s.pointee.counters.blocksInvalidated &+= 1
      }
    }
    guard hit else { return }
    cpu.s.pointee.attention |= Attention.codeModified
    var granules: UInt64 = 0
    at = pages[page]
    while at != 0 {
      let block = header(at)
      at = next(of: block, in: page)
      forEachPart(of: block, in: page) { granules |= CPU.granuleMask(first: $0, count: $1) }
    }
    cpu.s.pointee.codeGranules[page] = granules
  }

  @inline(__always) private func next(of block: UnsafeMutablePointer<BlockHeader>, in page: Int) -> UInt32 {
    Int(block.pointee.physical >> 12) == page ? block.pointee.nextInPage : block.pointee.nextInSecondPage
  }

  /// Calls `body` with the first offset and the length of each part of a block in a page: two, if both of its pages are
  /// the same one.
  @inline(__always)
  private func forEachPart(
    of block: UnsafeMutablePointer<BlockHeader>, in page: Int, _ body: (_ first: UInt64, _ length: UInt64) -> Void
  ) {
    let offset = UInt64(block.pointee.physical & 0xfff)
    let length = UInt64(block.pointee.length)
    if Int(block.pointee.physical >> 12) == page { body(offset, min(length, 0x1000 - offset)) }
    if block.pointee.secondPage != BlockHeader.noPage, Int(block.pointee.secondPage >> 12) == page {
      body(0, length - (0x1000 - offset))
    }
  }

  @inline(__always)
  private func overlaps(
    _ block: UnsafeMutablePointer<BlockHeader>, page: Int, from first: UInt64, count: UInt64
  ) -> Bool {
    var result = false
    forEachPart(of: block, in: page) { start, length in
      if first < start + length, start < first + count { result = true }
    }
    return result
  }

  /// Takes a block out of all lists. Its slots stay as they are until everything is thrown away: it may be running.
  private func remove(_ block: UnsafeMutablePointer<BlockHeader>, _ cpu: CPU) {
    let number = slot(block)
    block.pointee.key = 0
    block.pointee.isValid = false
    #if TRANSLATOR
      cpu.translator?._withUnsafeGuaranteedRef { $0.noteRewrite(block) }
    #endif
    let bucket = Self.bucket(block.pointee.physical, block.pointee.mode)
    if buckets[bucket] == number {
      buckets[bucket] = block.pointee.nextInBucket
    } else {
      var at = buckets[bucket]
      while at != 0, header(at).pointee.nextInBucket != number { at = header(at).pointee.nextInBucket }
      if at != 0 { header(at).pointee.nextInBucket = block.pointee.nextInBucket }
    }
    unlink(block, from: Int(block.pointee.physical >> 12))
    if block.pointee.secondPage != BlockHeader.noPage { unlink(block, from: Int(block.pointee.secondPage >> 12)) }
  }

  private func unlink(_ block: UnsafeMutablePointer<BlockHeader>, from page: Int) {
    let number = slot(block)
    let after = next(of: block, in: page)
    if pages[page] == number {
      pages[page] = after
      return
    }
    var at = pages[page]
    while at != 0 {
      let candidate = header(at)
      let following = next(of: candidate, in: page)
      if following == number {
        if Int(candidate.pointee.physical >> 12) == page {
          candidate.pointee.nextInPage = after
        } else {
          candidate.pointee.nextInSecondPage = after
        }
        return
      }
      at = following
    }
  }

  /// Throws everything away. No block may be running.
  func removeAll(_ cpu: CPU) {
    #if TRANSLATOR
      cpu.translator?._withUnsafeGuaranteedRef { $0.removeAll() }
    #endif
    memset(buckets, 0, Self.bucketCount * 4)
    for page in 0..<GuestPhysicalMemory.pageCount where pages[page] != 0 {
      pages[page] = 0
      cpu.s.pointee.codeGranules[page] = 0
    }
    jumpCache.update(repeating: nowhere, count: JumpCache.count)
    cpu.s.pointee.linkFrom = nil
    rewritten.removeAll()
    used = 2
  }

  /// Makes every block prove itself again: the generations in the keys have been used up.
  func forgetKeys() {
    for page in 0..<GuestPhysicalMemory.pageCount {
      var at = pages[page]
      while at != 0 {
        header(at).pointee.key = 0
        at = next(of: header(at), in: page)
      }
    }
  }
}

extension CPU {
  /// Guest-physical address of an instruction fetch; faults with #PF as fetches do.
  func translateFetch(_ linear: UInt32) throws(GuestFault) -> UInt64 {
    let user = isUser
    let entry = s.pointee.tlb + TLB.set(of: linear)
    if entry.pointee.readTag == s.pointee.tlbGeneration | UInt64(linear & ~0xfff),
      entry.pointee.info & TLBEntry.Info.executable != 0
    {
      return entry.pointee.info & ~0xfff | UInt64(linear & 0xfff)
    }
    let translation = try translate(
      linear, PageAccess(isWrite: false, isFetch: true, isUser: user), isKnown: false)
    _ = fill(linear, translation, user: user)
    return translation.page | UInt64(linear & 0xfff)
  }

  /// Notes that bytes of a page have been decoded. The first ones take the page's write tags away.
  func markCode(page: Int, first: UInt64, count: UInt64) {
    s.pointee.codeGranules[page] |= Self.granuleMask(first: first, count: count)
    if s.pointee.pageEntries[page] & GuestPhysicalMemory.entryCode == 0 {
      s.pointee.pageEntries[page] |= GuestPhysicalMemory.entryCode
      revokeWrites(page: UInt64(page))
    }
  }
}
