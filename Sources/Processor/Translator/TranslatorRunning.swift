// From fragment to fragment: into translated code, out of it with a reason, and in again where it goes on.

#if TRANSLATOR

  import ISA

  extension Translator {
    /// What the caller does when translated code can't go on.
    enum Outcome {
      /// Goes on at EIP in the interpreter.
      case interpret
      /// Leaves the chain; `leave` says why.
      case leave
    }

    /// Runs from a block that may run now; nil when it has no translation yet.
    func enter(_ block: UnsafeMutablePointer<BlockHeader>) -> Outcome? {
      var number = fragment(of: block, cpu.s.pointee.blockEIP, cpu.s.pointee.context & EngineMode.fragment)
      if number == 0 {
        block.pointee.coolness &-= 1
        if block.pointee.coolness != 0 || !block.pointee.isValid { return nil }
        block.pointee.coolness = warmth
        number = translate(block)
      }
      let before = cpu.retired
      let outcome = run(number)
      if outcome == .interpret { noteVisit(of: block, instructions: cpu.retired &- before) }
      return outcome
    }

    /// Runs from a fragment whose block may run now.
    func run(_ first: UInt32) -> Outcome {
      let s = cpu.s
      s.pointee.vectorsInHost = 0
      setKey(first)
      var target = entry(of: first)
      s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags)
      while true {
        if s.pointee.context & EngineMode.window != 0 { windows.prepare(cpu) }
        let exit = enterCode(cpu.raw, target)
        switch TranslatorExit(rawValue: exit & 0xff) {
        case .direct:
          s.pointee.eip = s.pointee.exitAddress
          guard let next = findNext() else { return finish() }
          link(UInt32(truncatingIfNeeded: s.pointee.exitDetail), to: next)
          target = entry(of: next)
        case .indirect:
          s.pointee.eip = s.pointee.exitAddress
          statistics.indirectMisses &+= 1
          guard let next = findNext() else { return finish() }
          targets[Int(s.pointee.eip & 0xffff)] = cache.address(cache.fragments[Int(next)].checkedEntry)
          target = entry(of: next)
        case .callout:
          let (number, instruction) = leftInstruction
          guard
            let resumed = isPortAccess(number, instruction)
              ? accessPort(number, instruction) : execute(number, instruction, .callout)
          else { return .leave }
          target = resumed
        case .miss:
          guard let resumed = serveMiss(exit) else { return .leave }
          target = resumed
        case .fault:
          guard let resumed = serveFault() else { return .leave }
          target = resumed
        case .x87, .vectors:
          guard let resumed = prepareUnit(TranslatorExit(rawValue: exit & 0xff) == .x87) else { return .leave }
          target = resumed
        case nil: preconditionFailure("translated code came back with \(exit)")
        }
      }
    }

    @inline(__always) func setKey(_ number: UInt32) {
      keys[Int(number)] = 0 &- (UInt64(cache.fragments[Int(number)].eip) | cpu.s.pointee.context)
    }

    @inline(__always) func finish() -> Outcome {
      unpackFlags()
      cpu.s.pointee.vectorsInHost = 0
      return .interpret
    }

    /// The fragment at EIP, if its block may run to its end.
    @inline(__always) func findNext() -> UInt32? {
      let s = cpu.s
      let eip = s.pointee.eip
      var block = s.pointee.jumpCache[JumpCache.slot(eip)].assumingMemoryBound(to: BlockHeader.self)
      if block.pointee.key != UInt64(eip) | s.pointee.context {
        guard let found = findBlock(eip) else { return nil }
        block = found
      }
      guard block.pointee.fragment != 0, s.pointee.remaining >= Int64(block.pointee.count) else { return nil }
      let number = fragment(of: block, eip, s.pointee.context & EngineMode.fragment)
      if number == 0 { return nil }
      setKey(number)
      return number
    }

    /// The block at EIP by way of its page, where the TLB has that: after a flush most blocks are where they were.
    @inline(never) func findBlock(_ eip: UInt32) -> UnsafeMutablePointer<BlockHeader>? {
      let s = cpu.s
      let entry = s.pointee.tlb + TLB.set(of: eip)
      guard s.pointee.context & EngineMode.flat != 0, s.pointee.pendingDebug == 0, !s.pointee.interruptRequested,
        entry.pointee.readTag == s.pointee.tlbGeneration | UInt64(eip & ~0xfff),
        entry.pointee.info & TLBEntry.Info.executable != 0
      else { return nil }
      let block = cpu.withOwner { owner in try? owner.blocks.block(cpu, context: s.pointee.context) }
      guard let block, block.pointee.key == UInt64(eip) | s.pointee.context else { return nil }
      return block
    }

    /// The same, which is mostly where it went the last time.
    @inline(__always) func findNext(after fragment: UnsafeMutablePointer<Fragment>) -> UInt32? {
      let s = cpu.s
      let known = fragment.pointee.successor
      if known != 0, keys[Int(known)] == 0 &- (UInt64(s.pointee.eip) | s.pointee.context),
        s.pointee.remaining >= Int64(cache.fragments[Int(known)].count)
      {
        return known
      }
      guard let found = findNext() else { return nil }
      fragment.pointee.successor = found
      return found
    }

    /// Makes a branch lead to a fragment. Within a page both are there or neither; across pages the key is checked.
    func link(_ link: UInt32, to number: UInt32) {
      let from = cache.fragments[Int(cache.links[Int(link)].fragment)], to = cache.fragments[Int(number)]
      guard from.isValid, cache.links[Int(link)].to == 0 else { return }
      let isSamePage = (from.eip ^ to.eip) >> 12 == 0 && to.block.pointee.secondPage == BlockHeader.noPage
      cache.connect(link, to: number, isSamePage ? to.entry : to.checkedEntry)
      statistics.linksMade &+= 1
    }

    /// Chooses between windows and the software TLB by what was measured.
    func reviewPaths() {
      if paths.review(retired: cpu.retired, disturbances: cpu.translationDisturbances &+ windows.counters.refusals) {
        statistics.pathChanges &+= 1
        cpu.updateContext()
      }
    }
  }

#endif
