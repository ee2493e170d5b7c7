// The translator as an engine (`--engine translator`). It works inside the interpreter: cold code is interpreted, and a
// block that has run often enough gets a translation, whose entry takes the place of the block's first handler. From there
// execution goes from fragment to fragment, and comes back here for what only the monitor can do: finding the next
// fragment, filling a TLB or a window, executing one instruction by the interpreter's own hand. All that holds a processor
// between two instructions stays with the run loop (Run.swift); so both engines stop at the same instructions.

#if TRANSLATOR

  import CHost
  import ISA
  import Translation

  /// Translations of one processor's code, and the way in and out of them.
  final class Translator {
    /// Executions after which a block is worth a translation.
    var warmth: UInt32 = 40

    @exclusivity(unchecked) var cache: TranslationCache
    @exclusivity(unchecked) var paths = MemoryPaths()
    let windows = LinearWindows()
    @exclusivity(unchecked) var statistics = TranslatorStatistics()
    /// Entries of fragments are counted (`trapline translate`).
    var countsHits = false
    /// What the signal handler reads and writes.
    let host: UnsafeMutablePointer<chost_translator>
    private let cpu: CPU
    private let enter: @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> UInt32
    private let targets: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let keys: UnsafeMutablePointer<UInt64>
    /// Instructions that were seen to need the explicit path, by guest-physical address, and how often.
    private var strikes: [UInt32: UInt8] = [:]

    static var isSupported: Bool { chost_translator_supported() }

    /// Nil when this host can't run translated code.
    init?(_ cpu: CPU) {
      guard Self.isSupported, let cache = TranslationCache() else { return nil }
      self.cache = cache
      self.cpu = cpu
      host = .allocate(capacity: 1)
      let start = UInt64(UInt(bitPattern: cache.executable))
      host.initialize(to: chost_translator())
      host.pointee.code_start = start
      host.pointee.code_end = start + UInt64(TranslationCache.capacity)
      host.pointee.fault_entry = start + UInt64(cache.stubs.fault)
      enter = unsafeBitCast(cache.executable + cache.stubs.enter, to: type(of: enter))
      targets = (cpu.raw + StateRegion.indirectTargets).bindMemory(
        to: UnsafeMutableRawPointer.self, capacity: StateRegion.indirectTargetCount)
      keys = (cpu.raw + StateRegion.keys).bindMemory(to: UInt64.self, capacity: StateRegion.fragmentCapacity)
      forgetTargets()
    }

    deinit {
      cache.deallocate()
      host.deallocate()
    }

    /// The statistics, with those that are counted elsewhere.
    var report: TranslatorStatistics {
      var report = statistics
      report.windowFaults = windows.counters.faults
      report.windowPages = windows.counters.pages
      report.windowRefusals = windows.counters.refusals
      report.windowDrops = windows.counters.drops
      return report
    }

    private func forgetTargets() {
      targets.update(repeating: cache.executable + cache.stubs.indirect, count: StateRegion.indirectTargetCount)
    }

    // MARK: Blocks

    /// Puts the translator's entry in front of a new block.
    func watch(_ block: UnsafeMutablePointer<BlockHeader>) {
      let step = UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: Step.self)
      block.pointee.firstHandler = step.pointee.handler
      block.pointee.coolness = warmth
      step.pointee.handler = enterTranslation
    }

    /// The fragment of a block for an EIP and a mode, or 0.
    @inline(__always)
    func fragment(of block: UnsafeMutablePointer<BlockHeader>, _ eip: UInt32, _ mode: UInt64) -> UInt32 {
      var number = block.pointee.fragment
      while number != 0 {
        let fragment = cache.fragments + Int(number)
        if fragment.pointee.eip == eip, fragment.pointee.mode == mode { return number }
        number = fragment.pointee.nextOfBlock
      }
      return 0
    }

    /// Translates a block for where it is running now; 0 if that isn't worth it.
    func translate(_ block: UnsafeMutablePointer<BlockHeader>, explicitAccesses: UInt64 = 0) -> UInt32 {
      if !cache.hasRoom {
        removeAll()
        statistics.generations &+= 1
      }
      let clock = statistics.begin()
      let firstStep = (UnsafeMutableRawPointer(block + 1) - cpu.s.pointee.steps) / MemoryLayout<Step>.stride
      let number = UInt32(cache.fragmentCount)
      let request = FragmentRequest(
        eip: cpu.s.pointee.blockEIP, mode: cpu.s.pointee.context & EngineMode.fragment, number: number,
        firstLink: UInt32(cache.linkCount), explicitAccesses: explicitAccesses | knownExplicitAccesses(block),
        hitCounter: countsHits ? Int32(StateRegion.hits + Int(number) * 8) : nil)
      var translator = BlockTranslator(
        cache.assembler, cache.stubs, request, UnsafePointer(cpu.s.pointee.instructions + firstStep),
        count: Int(block.pointee.count))
      translator.translate()
      _ = cache.append(translator, block: block, firstStep: firstStep)
      statistics.note(translator, guestBytes: Int(block.pointee.length), since: clock)
      return number
    }

    /// Instructions of a block that struck before it was decoded anew.
    private func knownExplicitAccesses(_ block: UnsafeMutablePointer<BlockHeader>) -> UInt64 {
      if strikes.isEmpty { return 0 }
      var mask: UInt64 = 0
      let first = UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: Step.self)
      for n in 0..<Int(block.pointee.count) {
        if strikes[block.pointee.physical &+ UInt32(first[n].offset), default: 0] >= Self.patience { mask |= 1 << UInt64(n) }
      }
      return mask
    }

    /// A block's bytes were overwritten: its fragments go.
    func remove(_ block: UnsafeMutablePointer<BlockHeader>) {
      var number = block.pointee.fragment
      while number != 0 {
        invalidate(number)
        number = cache.fragments[Int(number)].nextOfBlock
      }
      block.pointee.fragment = 0
    }

    private func invalidate(_ number: UInt32) {
      statistics.invalidations &+= 1
      cache.disconnect(number)
      keys[Int(number)] = 0
      cache.fragments[Int(number)].isValid = false
    }

    /// Takes one of a block's fragments away, so that it is translated anew.
    private func drop(_ number: UInt32) {
      invalidate(number)
      let fragment = cache.fragments[Int(number)]
      if fragment.block.pointee.fragment == number {
        fragment.block.pointee.fragment = fragment.nextOfBlock
        return
      }
      var at = fragment.block.pointee.fragment
      while at != 0 {
        if cache.fragments[Int(at)].nextOfBlock == number {
          cache.fragments[Int(at)].nextOfBlock = fragment.nextOfBlock
          return
        }
        at = cache.fragments[Int(at)].nextOfBlock
      }
    }

    /// Throws all translations away; the blocks stay.
    func removeAll() {
      for number in 1..<max(cache.fragmentCount, 1) {
        cache.fragments[number].block.pointee.fragment = 0
        keys[number] = 0
      }
      cache.removeAll()
      forgetTargets()
    }

    // MARK: Running

    /// What the caller does when translated code can't go on.
    enum Outcome {
      /// Goes on at EIP in the interpreter.
      case interpret
      /// Leaves the chain; `leave` says why.
      case leave
    }

    /// Runs from a fragment whose block may run now.
    func run(_ first: UInt32) -> Outcome {
      let s = cpu.s
      setKey(first)
      var target = UnsafeRawPointer(cache.address(cache.fragments[Int(first)].entry))
      s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags)
      var isWindowed = s.pointee.context & EngineMode.window != 0
      while true {
        if isWindowed { windows.prepare(cpu) }
        let exit = enter(cpu.raw, target)
        switch TranslatorExit(rawValue: exit & 0xff) {
        case .direct:
          s.pointee.eip = s.pointee.exitAddress
          guard let next = findNext() else { return finish(.interpret) }
          link(UInt32(truncatingIfNeeded: s.pointee.exitDetail), to: next)
          target = UnsafeRawPointer(cache.address(cache.fragments[Int(next)].entry))
        case .indirect:
          s.pointee.eip = s.pointee.exitAddress
          statistics.indirectMisses &+= 1
          guard let next = findNext() else { return finish(.interpret) }
          let fragment = cache.fragments[Int(next)]
          targets[Int(fragment.eip & 0xffff)] = cache.address(fragment.checkedEntry)
          target = UnsafeRawPointer(cache.address(fragment.entry))
        case .callout:
          let detail = s.pointee.exitDetail
          guard
            let resumed = execute(
              UInt32(truncatingIfNeeded: detail >> 7), Int(detail & 127), .callout)
          else { return .leave }
          target = resumed
        case .miss:
          guard let resumed = serveMiss(exit) else { return .leave }
          target = resumed
        case .fault:
          guard let resumed = serveFault() else { return .leave }
          target = resumed
        case nil: preconditionFailure("translated code came back with \(exit)")
        }
        isWindowed = s.pointee.context & EngineMode.window != 0
      }
    }

    private func setKey(_ number: UInt32) {
      keys[Int(number)] = 0 &- (UInt64(cache.fragments[Int(number)].eip) | cpu.s.pointee.context)
    }

    @inline(__always) private func finish(_ outcome: Outcome) -> Outcome {
      cpu.flags = LazyFlags(eflags: HostFlags.eflags(cpu.s.pointee.hostFlags))
      return outcome
    }

    /// The fragment at EIP, if its block was lately entered there and it may run to its end.
    @inline(__always) private func findNext() -> UInt32? {
      let s = cpu.s
      let eip = s.pointee.eip
      let block = s.pointee.jumpCache[JumpCache.slot(eip)].assumingMemoryBound(to: BlockHeader.self)
      guard block.pointee.key == UInt64(eip) | s.pointee.context, block.pointee.fragment != 0,
        s.pointee.remaining >= Int64(block.pointee.count)
      else { return nil }
      let number = fragment(of: block, eip, s.pointee.context & EngineMode.fragment)
      if number == 0 { return nil }
      setKey(number)
      return number
    }

    /// Makes a branch lead to a fragment. Within a page both are there or neither; across pages the key is checked.
    private func link(_ link: UInt32, to number: UInt32) {
      let from = cache.fragments[Int(cache.links[Int(link)].fragment)], to = cache.fragments[Int(number)]
      guard from.isValid, cache.links[Int(link)].to == 0 else { return }
      let isSamePage = (from.eip ^ to.eip) >> 12 == 0 && to.block.pointee.secondPage == BlockHeader.noPage
      cache.connect(link, to: number, isSamePage ? to.entry : to.checkedEntry)
      statistics.linksMade &+= 1
    }

    // MARK: What the monitor does

    /// Why an instruction is executed by the interpreter.
    enum Reason { case callout, access, divide }

    /// Executes one instruction of a fragment by the interpreter's general handler.
    /// - Returns: where translated code goes on; nil when it doesn't, with everything in place for the run loop.
    private func execute(_ number: UInt32, _ instruction: Int, _ reason: Reason) -> UnsafeRawPointer? {
      let s = cpu.s
      let fragment = cache.fragments[Int(number)]
      let record = cache.record(fragment, instruction)
      let context = s.pointee.context
      let generation = cache.generation
      let flags = s.pointee.hostFlags & ~UInt32(record.undefinedFlags)
      cpu.flags = LazyFlags(eflags: HostFlags.eflags(flags))
      s.pointee.remaining &+= Int64(fragment.count)
      s.pointee.blockEIP = fragment.eip
      s.pointee.leave = .resolve
      let index = Int(fragment.firstStep) + instruction
      let step = s.pointee.steps + index * MemoryLayout<Step>.stride
      let operation = s.pointee.instructions[index].operation
      statistics.note(callout: operation, reason)
      s.pointee.attention |= Attention.callout
      s.pointee.repeatsTranslatedAccess = reason == .access
      s.pointee.generalHandlers[Int(operation.rawValue)](cpu.raw, step)
      s.pointee.attention &= ~Attention.callout
      s.pointee.repeatsTranslatedAccess = false
      guard s.pointee.leave == .resolve, s.pointee.attention == 0 else { return nil }

      let next = instruction + 1
      let nextStep = step.assumingMemoryBound(to: Step.self) + 1
      if next < fragment.count, s.pointee.context == context, cache.generation == generation,
        cache.fragments[Int(number)].isValid, s.pointee.eip == fragment.eip &+ UInt32(nextStep.pointee.offset),
        s.pointee.remaining >= Int64(fragment.count) - Int64(next)
      {
        s.pointee.remaining &-= Int64(fragment.count) - Int64(next)
        s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags)
        return UnsafeRawPointer(cache.address(fragment.checkedEntry)) + Int(cache.record(fragment, next).start)
      }
      guard let found = findNext() else { return nil }
      s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags)
      return UnsafeRawPointer(cache.address(cache.fragments[Int(found)].entry))
    }

    /// The software TLB had nothing for an access.
    private func serveMiss(_ exit: UInt32) -> UnsafeRawPointer? {
      let s = cpu.s
      let linear = s.pointee.exitAddress
      let size = exit >> 8 & 0xff, write = exit >> 16 != 0
      let behindCall = s.pointee.exitDetail
      statistics.misses &+= 1
      do {
        let route = try cpu.route(linear, write: write, user: cpu.isUser)
        if route.host != nil {
          let entry = s.pointee.tlb + TLB.set(of: linear)
          let tag = s.pointee.tlbGeneration | UInt64((linear &+ size &- 1) & ~0xfff)
          if (write ? entry.pointee.writeTag : entry.pointee.readTag) == tag {
            // The call of the look-up, again.
            return UnsafeRawPointer(bitPattern: UInt(behindCall) - 5)
          }
        }
      } catch {
        let (number, instruction) = place(of: behindCall)
        return raise(error, number, instruction)
      }
      let (number, instruction) = place(of: behindCall)
      return execute(number, instruction, .access)
    }

    /// The instruction whose look-up was called from before a host address.
    private func place(of behindCall: UInt64) -> (UInt32, Int) {
      guard let found = cache.find(behindCall - 1) else { preconditionFailure("a look-up from outside translated code") }
      return found
    }

    /// An access ends in a fault of the guest's.
    private func raise(_ fault: GuestFault, _ number: UInt32, _ instruction: Int) -> UnsafeRawPointer? {
      settle(cache.fragments[Int(number)], before: instruction)
      cpu.s.pointee.pendingFault = fault
      cpu.s.pointee.leave = .fault
      return nil
    }

    /// Makes the state that of the guest before one of a fragment's instructions.
    private func settle(_ fragment: Fragment, before instruction: Int) {
      let s = cpu.s
      let record = cache.record(fragment, instruction)
      let step = s.pointee.steps.assumingMemoryBound(to: Step.self) + (Int(fragment.firstStep) + instruction)
      cpu.flags = LazyFlags(eflags: HostFlags.eflags(s.pointee.hostFlags & ~UInt32(record.undefinedFlags)))
      s.pointee.remaining &+= Int64(fragment.count) - Int64(instruction)
      s.pointee.eip = fragment.eip &+ UInt32(step.pointee.offset)
      s.pointee.leave = .resolve
    }

    /// The host's processor faulted: a budget used up, a page that the window lacks, or a division.
    private func serveFault() -> UnsafeRawPointer? {
      let s = cpu.s
      guard let (number, instruction) = cache.find(host.pointee.fault_pc) else {
        preconditionFailure("a fault in the translator's shared code")
      }
      let fragment = cache.fragments[Int(number)]
      if host.pointee.fault_vector == 0 { return execute(number, instruction, .divide) }
      let address = host.pointee.fault_address
      if address &- UInt64(UInt(bitPattern: cpu.raw)) &+ 8192 < 4096 {
        statistics.budgetsUsedUp &+= 1
        settle(fragment, before: 0)
        return nil
      }
      guard let linear = windows.linear(of: address, user: cpu.isUser) else {
        preconditionFailure("translated code touched \(String(address, radix: 16)), which is not the guest's")
      }
      do {
        if try windows.fill(linear, write: host.pointee.fault_is_write, cpu) {
          return UnsafeRawPointer(cache.address(fragment.checkedEntry))
            + Int(cache.record(fragment, instruction).start)
        }
      } catch {
        return raise(error, number, instruction)
      }
      noteStrike(number, instruction)
      return execute(number, instruction, .access)
    }

    /// Unserved faults of an instruction before it is translated with an explicit access.
    private static let patience: UInt8 = 2

    /// Adaptive retranslation: an instruction that keeps hitting traces, code or devices gets the explicit path (Adams and
    /// Agesen 2006, 4.3).
    private func noteStrike(_ number: UInt32, _ instruction: Int) {
      let fragment = cache.fragments[Int(number)]
      let step = UnsafeMutableRawPointer(fragment.block + 1).assumingMemoryBound(to: Step.self) + instruction
      let place = fragment.block.pointee.physical &+ UInt32(step.pointee.offset)
      let count = min(strikes[place, default: 0] + 1, 255)
      strikes[place] = count
      if count >= Self.patience, fragment.isValid {
        statistics.retranslations &+= 1
        drop(number)
        fragment.block.pointee.coolness = 1
      }
    }
  }

  /// The first handler of blocks that are watched or translated.
  let enterTranslation: Handler = { c, step in
    let cpu = CPU(c)
    let block = step.assumingMemoryBound(to: BlockHeader.self) - 1
    guard cpu.s.pointee.attention == 0, let translator = cpu.owner.translator else {
      return block.pointee.firstHandler.unsafelyUnwrapped(c, step)
    }
    var number = translator.fragment(of: block, cpu.s.pointee.blockEIP, cpu.s.pointee.context & EngineMode.fragment)
    if number == 0 {
      block.pointee.coolness &-= 1
      if block.pointee.coolness != 0 || !block.pointee.isValid {
        return block.pointee.firstHandler.unsafelyUnwrapped(c, step)
      }
      block.pointee.coolness = translator.warmth
      number = translator.translate(block)
    }
    switch translator.run(number) {
    case .interpret: continueAtEIP(c)
    case .leave: break
    }
  }

#endif
