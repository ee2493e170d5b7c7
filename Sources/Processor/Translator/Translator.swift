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
    /// Executions after which a block is worth a translation; lockstep lets every block have one.
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
    private let enterCode: @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> UInt32
    private let targets: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let keys: UnsafeMutablePointer<UInt64>
    /// Callouts by operation, then those for what was accessed, and for divide errors.
    private let calloutCounts: UnsafeMutablePointer<UInt64>
    private let reasonCounts: UnsafeMutablePointer<UInt64>
    /// Instructions that were seen to need the explicit path, by guest-physical address, and how often.
    private var strikes: [UInt32: UInt8] = [:]
    /// How often a block overwrote code, by its guest-physical address; and how often code was overwritten, by a hash of its
    /// own.
    private var modifications: [UInt32: UInt8] = [:]
    private let rewrites: UnsafeMutablePointer<UInt8>
    private var lastFault: (place: UInt64, budget: Int64, times: Int) = (0, 0, 0)
    /// Entries of `strikes` and `modifications` at most: a hostile guest could make many.
    private static let mostPlaces = 1 << 16
    private static let rewriteCount = 4096

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
      enterCode = unsafeBitCast(cache.executable + cache.stubs.enter, to: type(of: enterCode))
      targets = (cpu.raw + StateRegion.indirectTargets).bindMemory(
        to: UnsafeMutableRawPointer.self, capacity: StateRegion.indirectTargetCount)
      keys = (cpu.raw + StateRegion.keys).bindMemory(to: UInt64.self, capacity: StateRegion.fragmentCapacity)
      rewrites = .allocate(capacity: Self.rewriteCount)
      rewrites.initialize(repeating: 0, count: Self.rewriteCount)
      calloutCounts = .allocate(capacity: Operation.allCases.count + 2)
      calloutCounts.initialize(repeating: 0, count: Operation.allCases.count + 2)
      reasonCounts = calloutCounts + Operation.allCases.count
      forgetTargets()
    }

    deinit {
      calloutCounts.deallocate()
      rewrites.deallocate()
      cache.deallocate()
      host.deallocate()
    }

    /// The statistics, with those that are counted elsewhere.
    var report: TranslatorStatistics {
      var report = statistics
      for number in report.callouts.indices { report.callouts[number] = calloutCounts[number] }
      report.accessCallouts = reasonCounts[0]
      report.divideCallouts = reasonCounts[1]
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
      if rewrites[Self.rewriteSlot(block)] >= Self.modificationPatience { return }
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

    private static func rewriteSlot(_ block: UnsafeMutablePointer<BlockHeader>) -> Int {
      Int((block.pointee.physical &* 0x9e37_79b1) >> 20)
    }

    /// A block's bytes were overwritten.
    func noteRewrite(_ block: UnsafeMutablePointer<BlockHeader>) {
      let slot = Self.rewriteSlot(block)
      rewrites[slot] = min(rewrites[slot], 254) + 1
      if block.pointee.fragment != 0 { remove(block) }
    }

    /// Takes all fragments of a block away.
    private func remove(_ block: UnsafeMutablePointer<BlockHeader>) {
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
        // The next fragment of this number starts from nothing.
        if countsHits { (cpu.raw + StateRegion.hits).storeBytes(of: 0, toByteOffset: number * 8, as: UInt64.self) }
      }
      cache.removeAll()
      forgetTargets()
      // What was rewritten in this generation needn't be in the next.
      rewrites.update(repeating: 0, count: Self.rewriteCount)
      modifications = [:]
      strikes = [:]
    }

    // MARK: Running

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
      let before = cpu.s.pointee.remaining
      let outcome = run(number)
      if outcome == .interpret { noteVisit(of: block, instructions: before &- cpu.s.pointee.remaining) }
      return outcome
    }

    /// Going into translated code and out again takes as long as the interpreter takes for some instructions. A block that
    /// keeps doing nothing else stays with the interpreter for a while: its neighbours may be warm by then.
    @inline(__always)
    private func noteVisit(of block: UnsafeMutablePointer<BlockHeader>, instructions: Int64) {
      if instructions >= Self.shortestVisit {
        block.pointee.shortVisits = 0
        return
      }
      block.pointee.shortVisits &+= 1
      if block.pointee.shortVisits < Self.shortVisitPatience { return }
      block.pointee.shortVisits = 0
      demote(block, for: Self.shortVisitPenalty)
    }

    private static let shortestVisit: Int64 = 12
    private static let shortVisitPatience: UInt32 = 256
    private static let shortVisitPenalty: UInt32 = 4096

    /// Runs from a fragment whose block may run now.
    func run(_ first: UInt32) -> Outcome {
      let s = cpu.s
      s.pointee.vectorsInHost = 0
      setKey(first)
      var target = UnsafeRawPointer(cache.address(cache.fragments[Int(first)].entry))
      s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags)
      var isWindowed = s.pointee.context & EngineMode.window != 0
      while true {
        if isWindowed { windows.prepare(cpu) }
        let exit = enterCode(cpu.raw, target)
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
          let number = UInt32(truncatingIfNeeded: s.pointee.exitDetail >> 7)
          let instruction = Int(s.pointee.exitDetail & 127)
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
        isWindowed = s.pointee.context & EngineMode.window != 0
      }
    }

    @inline(__always) private func setKey(_ number: UInt32) {
      keys[Int(number)] = 0 &- (UInt64(cache.fragments[Int(number)].eip) | cpu.s.pointee.context)
    }

    @inline(__always) private func finish(_ outcome: Outcome) -> Outcome {
      unpackFlags()
      cpu.s.pointee.vectorsInHost = 0
      return outcome
    }

    /// The fragment at EIP, if its block may run to its end.
    @inline(__always) private func findNext() -> UInt32? {
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
    @inline(never) private func findBlock(_ eip: UInt32) -> UnsafeMutablePointer<BlockHeader>? {
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
    @inline(__always) private func findNext(after fragment: UnsafeMutablePointer<Fragment>) -> UInt32? {
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
    private func link(_ link: UInt32, to number: UInt32) {
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

    // MARK: What the monitor does

    /// Why an instruction is executed by the interpreter.
    enum Reason { case callout, access, divide }

    /// Executes one instruction of a fragment by the interpreter's general handler.
    /// - Returns: where translated code goes on; nil when it doesn't, with everything in place for the run loop.
    private func execute(
      _ number: UInt32, _ instruction: Int, _ reason: Reason, resumes: Bool = true
    ) -> UnsafeRawPointer? {
      let s = cpu.s
      let fragment = cache.fragments + Int(number)
      let record = cache.records + Int(fragment.pointee.firstRecord) + instruction
      let context = s.pointee.context
      let generation = cache.generation
      let count = Int64(fragment.pointee.count)
      let index = Int(fragment.pointee.firstStep) + instruction
      let step = s.pointee.steps.assumingMemoryBound(to: Step.self) + index
      let operation = s.pointee.instructions[index].operation
      calloutCounts[Int(operation.rawValue)] &+= 1
      if reason != .callout { reasonCounts[reason == .access ? 0 : 1] &+= 1 }
      s.pointee.hostFlags &= ~UInt32(record.pointee.undefinedFlags)
      // Most callouts have nothing to do with the arithmetic flags, which stay packed then.
      let isFlagless = Self.leavesFlagsAlone(operation)
      if !isFlagless { cpu.flags = LazyFlags(eflags: HostFlags.eflags(s.pointee.hostFlags)) }
      if record.pointee.lastX87 != 0 { noteX87(fragment, record.pointee) }
      let wasReady = s.pointee.fpu.obstacles == FloatingPointState.Obstacle.inHost
      if reason == .callout { s.pointee.vectorsInHost = 0 }
      s.pointee.remaining &+= count
      s.pointee.blockEIP = fragment.pointee.eip
      s.pointee.leave = .resolve
      s.pointee.attention |= Attention.callout
      s.pointee.repeatsTranslatedAccess = reason == .access
      s.pointee.generalHandlers[Int(operation.rawValue)](cpu.raw, UnsafeMutableRawPointer(step))
      s.pointee.attention &= ~Attention.callout
      s.pointee.repeatsTranslatedAccess = false
      guard s.pointee.leave == .resolve, s.pointee.attention == 0 else {
        if isFlagless { unpackFlags() }
        if s.pointee.attention & Attention.codeModified != 0 { noteModification(by: fragment.pointee.block) }
        return nil
      }
      let rest = count - Int64(instruction) - 1
      // Behind a callout the code looks at the units anew; behind an access it goes on with what it had.
      if resumes, rest > 0, reason == .callout || !wasReady || keepX87(wasReady), s.pointee.context == context, cache.generation == generation, fragment.pointee.isValid,
        s.pointee.eip == s.pointee.blockEIP &+ UInt32((step + 1).pointee.offset), s.pointee.remaining >= rest
      {
        s.pointee.remaining &-= rest
        if !isFlagless { s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags) }
        return UnsafeRawPointer(cache.address(fragment.pointee.checkedEntry)) + Int((record + 1).pointee.start)
      }
      guard let found = findNext(after: fragment) else {
        if isFlagless { unpackFlags() }
        return nil
      }
      if !isFlagless { s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags) }
      return UnsafeRawPointer(cache.address(cache.fragments[Int(found)].entry))
    }

    /// The registers are to be where an instruction wants them, if nothing stands in the way; else it is executed here.
    private func prepareUnit(_ isX87: Bool) -> UnsafeRawPointer? {
      let s = cpu.s
      let number = UInt32(truncatingIfNeeded: s.pointee.exitDetail >> 7), instruction = Int(s.pointee.exitDetail & 127)
      if isX87 {
        if cpu.fpu.pointee.obstacles & ~FloatingPointState.Obstacle.inHost == 0 {
          cpu.unparkX87()
          return start(of: number, instruction)
        }
      } else if cpu.allowsSSE, s.pointee.fpu.mxcsr & 0x1f80 == 0x1f80 {
        s.pointee.vectorsInHost = 1
        return start(of: number, instruction)
      }
      return execute(number, instruction, .callout, resumes: false)
    }

    private func start(of number: UInt32, _ instruction: Int) -> UnsafeRawPointer {
      let fragment = cache.fragments[Int(number)]
      return UnsafeRawPointer(cache.address(fragment.checkedEntry)) + Int(cache.record(fragment, instruction).start)
    }

    /// Puts the x87 state back into the host's unit, where translated code has left it.
    /// - Returns: false when something stands in the way now.
    private func keepX87(_ wasReady: Bool) -> Bool {
      guard wasReady, cpu.fpu.pointee.obstacles != FloatingPointState.Obstacle.inHost else { return true }
      if cpu.fpu.pointee.obstacles != 0 { return false }
      cpu.unparkX87()
      return true
    }

    /// What x87 instructions left to be noted.
    private func noteX87(_ fragment: UnsafeMutablePointer<Fragment>, _ record: InstructionRecord) {
      let fpu = cpu.fpu
      let instructions = cpu.s.pointee.instructions + Int(fragment.pointee.firstStep)
      let steps = cpu.s.pointee.steps.assumingMemoryBound(to: Step.self) + Int(fragment.pointee.firstStep)
      let last = Int(record.lastX87) - 1
      fpu.pointee.instructionPointer = fragment.pointee.eip &+ UInt32(steps[last].offset)
      fpu.pointee.instructionSelector = cpu.segment(.cs).pointee.selector
      fpu.pointee.opcode = X87Encoding.fop(instructions[last])
      if record.lastX87Data != 0 {
        let segment = instructions[Int(record.lastX87Data) - 1].segment
        fpu.pointee.dataSelector = cpu.segment(segment).pointee.selector
      }
    }

    @inline(__always) private func isPortAccess(_ number: UInt32, _ instruction: Int) -> Bool {
      let operation =
        cpu.s.pointee.instructions[Int(cache.fragments[Int(number)].firstStep) + instruction].operation
      return operation == .in || operation == .out
    }

    /// IN and OUT, which end their block: what `execute` would do, in fewer steps.
    private func accessPort(_ number: UInt32, _ instruction: Int) -> UnsafeRawPointer? {
      let s = cpu.s
      let fragment = cache.fragments + Int(number)
      let index = Int(fragment.pointee.firstStep) + instruction
      let i = UnsafePointer(s.pointee.instructions + index)
      do {
        if i.pointee.operation == .in { try cpu.preparePortRead(i) } else { try cpu.preparePortWrite(i) }
      } catch {
        return raise(error, number, instruction)
      }
      calloutCounts[Int(i.pointee.operation.rawValue)] &+= 1
      s.pointee.hostFlags &= ~UInt32(cache.record(fragment.pointee, instruction).undefinedFlags)
      s.pointee.vectorsInHost = 0
      s.pointee.remaining &+= Int64(fragment.pointee.count) - Int64(instruction) - 1
      let step = s.pointee.steps.assumingMemoryBound(to: Step.self) + index
      s.pointee.eip = fragment.pointee.eip &+ UInt32(step.pointee.offset) &+ UInt32(i.pointee.length)
      s.pointee.leave = .portAccess
      guard let served = cpu.withOwner({ $0.servePort() }) else {
        unpackFlags()
        return nil
      }
      if !served { s.pointee.leave = .served }
      let isInterrupted = s.pointee.interruptRequested && cpu.systemFlag(EFlags.if.rawValue)
      if served, !isInterrupted, s.pointee.pendingDebug == 0, let found = findNext(after: fragment) {
        return UnsafeRawPointer(cache.address(cache.fragments[Int(found)].entry))
      }
      unpackFlags()
      return nil
    }

    @inline(__always) private func unpackFlags() {
      cpu.flags = LazyFlags(eflags: HostFlags.eflags(cpu.s.pointee.hostFlags))
    }

    /// Neither reads nor writes CF PF AF ZF SF OF.
    @inline(__always) private static func leavesFlagsAlone(_ operation: Operation) -> Bool {
      switch operation {
      case .cli, .sti, .cld, .std, .clts, .cpuid, .rdtsc, .rdmsr, .wrmsr, .in, .out, .movFromControl, .movToControl,
        .movFromSegment, .movToSegment, .pushSegment, .popSegment, .movs, .stos, .lods, .invlpg, .hlt, .mov, .push, .pop,
        .call, .ret, .sysenter, .sysexit:
        true
      default: false
      }
    }

    /// The software TLB had nothing for an access.
    private func serveMiss(_ exit: UInt32) -> UnsafeRawPointer? {
      let s = cpu.s
      let linear = s.pointee.exitAddress
      let size = exit >> 8 & 0xff, write = exit >> 16 != 0
      let behindCall = s.pointee.exitDetail
      statistics.misses &+= 1
      let wasReady = s.pointee.fpu.obstacles == FloatingPointState.Obstacle.inHost
      if mayFaultBeforePaging(linear, size: size) {
        let (number, instruction) = place(of: behindCall)
        return execute(number, instruction, .access)
      }
      do {
        let route = try cpu.route(linear, write: write, user: cpu.isUser)
        if route.host != nil {
          let entry = s.pointee.tlb + TLB.set(of: linear)
          let tag = s.pointee.tlbGeneration | UInt64((linear &+ size &- 1) & ~0xfff)
          if (write ? entry.pointee.writeTag : entry.pointee.readTag) == tag, keepX87(wasReady) {
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

    /// An access that ends behind 4 GiB exceeds its segment's limit, and one of 16 bytes may have to be aligned: both are
    /// found out before a page table is looked at, and leave no mark in it.
    private func mayFaultBeforePaging(_ linear: UInt32, size: UInt32) -> Bool {
      linear &+ (size &- 1) < linear || size == 16 && linear & 15 != 0
    }

    /// The instruction whose look-up was called from before a host address.
    private func place(of behindCall: UInt64) -> (UInt32, Int) {
      guard let found = cache.find(behindCall - 1) else { preconditionFailure("a look-up from outside translated code") }
      return found
    }

    /// An access ends in a fault of the guest's.
    private func raise(_ fault: GuestFault, _ number: UInt32, _ instruction: Int) -> UnsafeRawPointer? {
      settle(number, before: instruction)
      cpu.s.pointee.pendingFault = fault
      cpu.s.pointee.leave = .fault
      return nil
    }

    /// Makes the state that of the guest before one of a fragment's instructions.
    private func settle(_ number: UInt32, before instruction: Int) {
      let s = cpu.s
      let fragment = cache.fragments[Int(number)]
      let record = cache.record(fragment, instruction)
      if record.lastX87 != 0 { noteX87(cache.fragments + Int(number), record) }
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
      // #GP: an operand of 16 bytes that isn't aligned.
      if host.pointee.fault_vector == 13 { return execute(number, instruction, .access) }
      let address = host.pointee.fault_address
      if paths.isThrashing(
        retired: cpu.retired, disturbances: cpu.translationDisturbances &+ windows.counters.refusals)
      {
        // No use in waiting for the end of the period.
        settle(number, before: instruction)
        reviewPaths()
        return nil
      }
      if address &- UInt64(UInt(bitPattern: cpu.raw)) &+ 8192 < 4096 {
        statistics.budgetsUsedUp &+= 1
        settle(number, before: 0)
        return nil
      }
      guard let place = windows.place(of: address, user: cpu.isUser) else {
        preconditionFailure("translated code touched \(String(address, radix: 16)), which is not the guest's")
      }
      settleString(fragment, instruction)
      guard case .page(let linear) = place, linear < Self.lastSafeAddress, !isRepeated(number, instruction) else {
        noteStrike(number, instruction)
        return execute(number, instruction, .access)
      }
      let wasReady = s.pointee.fpu.obstacles == FloatingPointState.Obstacle.inHost
      do {
        if try windows.fill(linear, write: host.pointee.fault_is_write, cpu), keepX87(wasReady) {
          return start(of: number, instruction)
        }
      } catch {
        return raise(error, number, instruction)
      }
      noteStrike(number, instruction)
      return execute(number, instruction, .access)
    }

    /// A repeated string instruction that faulted in the window: its registers become the guest's again, and what it did is
    /// counted.
    private func settleString(_ fragment: Fragment, _ instruction: Int) {
      let s = cpu.s
      let i = s.pointee.instructions[Int(fragment.firstStep) + instruction]
      guard i.operation == .movs || i.operation == .stos else { return }
      func setGuest(_ register: UInt8) {
        let host = cpu.raw.load(fromByteOffset: Int(register) * 8, as: UInt64.self)
        let linear = UInt32(truncatingIfNeeded: host &- s.pointee.windowBase)
        cpu.raw.storeBytes(of: UInt64(linear), toByteOffset: Int(register) * 8, as: UInt64.self)
      }
      if i.operation == .movs { setGuest(6) }
      setGuest(7)
      let done = Int64(bitPattern: s.pointee.stringCount) &- Int64(cpu.ecx)
      if done == 0 { return }
      s.pointee.remaining &-= done
      // RF is set between iterations, as the count will be when the instruction is looked at.
      s.pointee.resumeAt =
        s.pointee.sliceEnd &- (s.pointee.remaining &+ Int64(fragment.count) &- Int64(instruction))
    }

    /// From here on an access may end behind 4 GiB.
    private static let lastSafeAddress: UInt32 = 0xffff_fff0

    /// Whether an instruction faults again and again although it was served: it may need two pages of which the one takes
    /// the other's place. Then it is not made through the window.
    private func isRepeated(_ number: UInt32, _ instruction: Int) -> Bool {
      let place = UInt64(number) << 7 | UInt64(instruction)
      let isSame = lastFault.place == place && lastFault.budget == cpu.s.pointee.remaining
      lastFault = (place, cpu.s.pointee.remaining, isSame ? lastFault.times + 1 : 0)
      return lastFault.times > 4
    }

    /// Unserved faults of an instruction before it is translated with an explicit access.
    private static let patience: UInt8 = 2

    /// Times that a block overwrites code, or is overwritten, before it is left to the interpreter for good.
    private static let modificationPatience: UInt8 = 8

    /// Code that keeps changing code isn't worth translations: neither what it changes, which never gets warm, nor itself,
    /// which would only come and go.
    private func noteModification(by block: UnsafeMutablePointer<BlockHeader>) {
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
    private func abandon(_ block: UnsafeMutablePointer<BlockHeader>) {
      remove(block)
      guard let handler = block.pointee.firstHandler else { return }
      UnsafeMutableRawPointer(block + 1).assumingMemoryBound(to: Step.self).pointee.handler = handler
    }

    private func demote(_ block: UnsafeMutablePointer<BlockHeader>, for executions: UInt32) {
      block.pointee.coolness = executions
      remove(block)
    }

    /// Adaptive retranslation: an instruction that keeps hitting traces, code or devices gets the explicit path (Adams and
    /// Agesen 2006, 4.3).
    private func noteStrike(_ number: UInt32, _ instruction: Int) {
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

  /// The first handler of blocks that are watched or translated.
  let enterTranslation: Handler = { c, step in
    let cpu = CPU(c)
    let block = step.assumingMemoryBound(to: BlockHeader.self) - 1
    if block.pointee.fragment == 0, block.pointee.coolness > 1 {
      block.pointee.coolness &-= 1
      return block.pointee.firstHandler.unsafelyUnwrapped(c, step)
    }
    guard cpu.s.pointee.attention == 0, let translator = cpu.translator else {
      return block.pointee.firstHandler.unsafelyUnwrapped(c, step)
    }
    switch translator._withUnsafeGuaranteedRef({ $0.enter(block) }) {
    case .interpret: continueAtEIP(c)
    case .leave: break
    case nil: block.pointee.firstHandler.unsafelyUnwrapped(c, step)
    }
  }

#endif
