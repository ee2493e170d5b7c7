// What was translated is innocent until proven guilty (Adams and Agesen 2006, 4.3): instructions that keep hitting traces,
// code or devices are translated anew with an explicit path, and code that keeps changing code is left to the interpreter.

#if TRANSLATOR

  import ISA

  /// How often something happened at each of some guest-physical addresses: up to 255 times, and of so many addresses that a
  /// hostile guest can't make it large.
  struct PlaceCounts {
    private static let capacity = 1 << 16
    private var counts: [UInt32: UInt8] = [:]

    var isEmpty: Bool { counts.isEmpty }
    subscript(place: UInt32) -> UInt8 { counts[place, default: 0] }

    /// Counts once more.
    /// - Returns: how often by now.
    mutating func note(_ place: UInt32) -> UInt8 {
      if counts.count >= Self.capacity { counts = [:] }
      let count = min(self[place], 254) + 1
      counts[place] = count
      return count
    }
  }

  extension Translator {
    // MARK: Visits

    /// Going into translated code and out again takes as long as the interpreter takes for some instructions. A block that
    /// keeps doing nothing else stays with the interpreter for a while: its neighbours may be warm by then.
    @inline(__always)
    func noteVisit(of block: UnsafeMutablePointer<BlockHeader>, instructions: Int64) {
      if instructions >= Self.shortestVisit {
        block.pointee.shortVisits = 0
        return
      }
      block.pointee.shortVisits &+= 1
      if block.pointee.shortVisits < Self.shortVisitPatience { return }
      block.pointee.shortVisits = 0
      demote(block, for: Self.shortVisitPenalty)
    }

    static let shortestVisit: Int64 = 12
    static let shortVisitPatience: UInt32 = 256
    static let shortVisitPenalty: UInt32 = 4096

    // MARK: Modifications

    /// Times that a block overwrites code, or is overwritten, before it is left to the interpreter for good.
    static let modificationPatience: UInt8 = 8

    /// Code that keeps changing code isn't worth translations: neither what it changes, which never gets warm, nor itself,
    /// which would only come and go.
    func noteModification(by block: UnsafeMutablePointer<BlockHeader>) {
      if modifications.note(block.pointee.physical) < Self.modificationPatience { return }
      abandon(block)
      // The rest of the block, behind the store.
      let eip = cpu.s.pointee.eip
      let rest = cpu.s.pointee.jumpCache[JumpCache.slot(eip)].assumingMemoryBound(to: BlockHeader.self)
      if rest.pointee.key == UInt64(eip) | cpu.s.pointee.context { abandon(rest) }
    }

    /// Leaves a block to the interpreter until its bytes change.
    func abandon(_ block: UnsafeMutablePointer<BlockHeader>) {
      remove(block)
      guard let handler = block.pointee.firstHandler else { return }
      UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: Step.self).pointee.handler = handler
    }

    func demote(_ block: UnsafeMutablePointer<BlockHeader>, for executions: UInt32) {
      block.pointee.coolness = executions
      remove(block)
    }

    static func rewriteSlot(_ block: UnsafeMutablePointer<BlockHeader>) -> Int {
      Int((block.pointee.physical &* 0x9e37_79b1) >> 20)
    }

    /// A block's bytes were overwritten.
    func noteRewrite(_ block: UnsafeMutablePointer<BlockHeader>) {
      let slot = Self.rewriteSlot(block)
      rewrites[slot] = min(rewrites[slot], 254) + 1
      if block.pointee.fragment != 0 { remove(block) }
    }

    // MARK: Accesses

    /// Unserved faults of an instruction before it is translated with an explicit access.
    static let patience: UInt8 = 2

    /// Instructions of a block that struck before it was decoded anew.
    func explicitAccesses(of block: UnsafeMutablePointer<BlockHeader>) -> UInt64 {
      if strikes.isEmpty { return 0 }
      var mask: UInt64 = 0
      let first = UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: Step.self)
      for n in 0..<Int(block.pointee.count) {
        if strikes[block.pointee.physical &+ UInt32(first[n].offset)] >= Self.patience { mask |= 1 << UInt64(n) }
      }
      return mask
    }

    /// Adaptive retranslation: an instruction that keeps hitting traces, code or devices gets the explicit path (Adams and
    /// Agesen 2006, 4.3).
    func noteStrike(_ number: UInt32, _ instruction: Int) {
      let fragment = cache.fragments[Int(number)]
      let step = UnsafeMutableRawPointer(fragment.block + 1).assumingMemoryBound(to: Step.self) + instruction
      let place = fragment.block.pointee.physical &+ UInt32(step.pointee.offset)
      if strikes.note(place) >= Self.patience, fragment.isValid {
        statistics.retranslations &+= 1
        drop(number)
        fragment.block.pointee.coolness = 1
      }
    }
  }

#endif
