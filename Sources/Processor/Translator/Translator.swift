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
    let cpu: CPU
    let enterCode: @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> UInt32
    let targets: UnsafeMutablePointer<UnsafeMutableRawPointer>
    let keys: UnsafeMutablePointer<UInt64>
    /// Callouts by operation, then those for what was accessed, and for divide errors.
    let calloutCounts: UnsafeMutablePointer<UInt64>
    let reasonCounts: UnsafeMutablePointer<UInt64>
    /// Instructions that were seen to need the explicit path, by guest-physical address, and how often.
    var strikes = PlaceCounts()
    /// How often a block overwrote code, by its guest-physical address; and how often code was overwritten, by a hash of its
    /// own.
    var modifications = PlaceCounts()
    let rewrites: UnsafeMutablePointer<UInt8>
    /// What `FragmentRequest.trapsSensitive` says of each; never changed once something is translated.
    var trapsSensitive = false
    var lastFault: (place: UInt64, budget: Int64, times: Int) = (0, 0, 0)
    static let rewriteCount = 4096

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

    func forgetTargets() {
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

    /// Translates a block for where it is running now.
    func translate(_ block: UnsafeMutablePointer<BlockHeader>) -> UInt32 {
      if !cache.hasRoom {
        removeAll()
        statistics.generations &+= 1
      }
      let clock = statistics.begin()
      let firstStep = (UnsafeMutableRawPointer(block + 1) - cpu.s.pointee.steps) / MemoryLayout<Step>.stride
      let number = UInt32(cache.fragmentCount)
      let request = FragmentRequest(
        eip: cpu.s.pointee.blockEIP, mode: cpu.s.pointee.context & EngineMode.fragment, number: number,
        firstLink: UInt32(cache.linkCount), explicitAccesses: explicitAccesses(of: block),
        hitCounter: countsHits ? Int32(StateRegion.hits + Int(number) * 8) : nil, trapsSensitive: trapsSensitive)
      var translator = BlockTranslator(
        cache.assembler, cache.stubs, request, UnsafePointer(cpu.s.pointee.instructions + firstStep),
        count: Int(block.pointee.count))
      translator.translate()
      cache.append(translator, block: block, firstStep: firstStep)
      statistics.note(translator, guestBytes: Int(block.pointee.length), since: clock)
      return number
    }

    /// Takes all fragments of a block away.
    func remove(_ block: UnsafeMutablePointer<BlockHeader>) {
      var number = block.pointee.fragment
      while number != 0 {
        invalidate(number)
        number = cache.fragments[Int(number)].nextOfBlock
      }
      block.pointee.fragment = 0
    }

    func invalidate(_ number: UInt32) {
      statistics.invalidations &+= 1
      cache.disconnect(number)
      keys[Int(number)] = 0
      cache.fragments[Int(number)].isValid = false
    }

    /// Takes one of a block's fragments away, so that it is translated anew.
    func drop(_ number: UInt32) {
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
      modifications = PlaceCounts()
      strikes = PlaceCounts()
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
