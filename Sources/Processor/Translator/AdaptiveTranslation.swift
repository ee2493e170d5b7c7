// What was translated is innocent until proven guilty (Adams and Agesen 2006, 4.3): instructions that keep hitting traces,
// code or devices are translated anew with an explicit path, and code that keeps changing code is left to the interpreter.

#if TRANSLATOR

  import ISA

  extension Translator {
    /// Unserved faults of an instruction before it is translated with an explicit access.
    static let patience: UInt8 = 2

    /// Times that a block overwrites code, or is overwritten, before it is left to the interpreter for good.
    static let modificationPatience: UInt8 = 8

    /// Code that keeps changing code isn't worth translations: neither what it changes, which never gets warm, nor itself,
    /// which would only come and go.
    func noteModification(by block: UnsafeMutablePointer<BlockHeader>) {
      let known = modifications[block.pointee.physical, default: 0]
      let count = max(known, known &+ 1)
      if modifications.count >= Self.mostPlaces { modifications = [:] }
      modifications[block.pointee.physical] = count
      if count < Self.modificationPatience { return }
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

    /// Adaptive retranslation: an instruction that keeps hitting traces, code or devices gets the explicit path (Adams and
    /// Agesen 2006, 4.3).
    func noteStrike(_ number: UInt32, _ instruction: Int) {
      let fragment = cache.fragments[Int(number)]
      let step = UnsafeMutableRawPointer(fragment.block + 1).assumingMemoryBound(to: Step.self) + instruction
      let place = fragment.block.pointee.physical &+ UInt32(step.pointee.offset)
      let known = strikes[place, default: 0]
      let count = max(known, known &+ 1)
      if strikes.count >= Self.mostPlaces { strikes = [:] }
      strikes[place] = count
      if count >= Self.patience, fragment.isValid {
        statistics.retranslations &+= 1
        drop(number)
        fragment.block.pointee.coolness = 1
      }
    }
  }

#endif
