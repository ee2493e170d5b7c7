// Where translations are kept: one piece of code memory, seen at a writable and at an executable address, filled from one
// end, and thrown away whole when it is full (a generation). Fragments are found by number; by host address, when code
// faults; and from the block they belong to.

#if TRANSLATOR

  import CHost
  import Translation

  /// The store of fragments of one processor.
  struct TranslationCache {
    /// Bytes of code memory.
    static let capacity = 32 << 20
    private static let linkCapacity = 1 << 18
    private static let recordCapacity = 1 << 20

    let writable: UnsafeMutablePointer<UInt8>
    let executable: UnsafeMutableRawPointer
    let stubs: TranslatorStubs
    let fragments: UnsafeMutablePointer<Fragment>
    let links: UnsafeMutablePointer<Link>
    let records: UnsafeMutablePointer<InstructionRecord>
    /// Number 0 is nobody's, of fragments and of links.
    private(set) var fragmentCount = 1
    private(set) var linkCount = 1
    private(set) var recordCount = 0
    private(set) var position: Int
    private(set) var generation: UInt64 = 0

    /// Nil when the host gives no code memory.
    init?() {
      var code: UnsafeMutableRawPointer?
      guard let memory = chost_code_create(Self.capacity, &code), let code else { return nil }
      writable = memory.assumingMemoryBound(to: UInt8.self)
      executable = code
      var asm = Assembler(buffer: writable, capacity: Self.capacity)
      stubs = TranslatorStubs(&asm)
      position = stubs.end
      fragments = Self.array(StateRegion.fragmentCapacity)
      links = Self.array(Self.linkCapacity)
      records = Self.array(Self.recordCapacity)
    }

    private static func array<Element>(_ count: Int) -> UnsafeMutablePointer<Element> {
      StateRegion.reserve(count * MemoryLayout<Element>.stride).bindMemory(to: Element.self, capacity: count)
    }

    func deallocate() {
      chost_code_destroy(writable, executable, Self.capacity)
      StateRegion.release(fragments, StateRegion.fragmentCapacity * MemoryLayout<Fragment>.stride)
      StateRegion.release(links, Self.linkCapacity * MemoryLayout<Link>.stride)
      StateRegion.release(records, Self.recordCapacity * MemoryLayout<InstructionRecord>.stride)
    }

    /// Bytes of translated code.
    var codeBytes: Int { position - stubs.end }

    /// Whether another block surely fits.
    var hasRoom: Bool {
      position + BlockTranslator.mostBytes < Self.capacity && fragmentCount < StateRegion.fragmentCapacity
        && linkCount + 2 * BlockCache.longestBlock < Self.linkCapacity
        && recordCount + BlockCache.longestBlock + 1 < Self.recordCapacity
    }

    var assembler: Assembler { Assembler(buffer: writable, capacity: Self.capacity, position: position) }

    /// Takes in what a translator made.
    mutating func append(_ made: BlockTranslator, block: UnsafeMutablePointer<BlockHeader>, firstStep: Int) {
      let number = UInt32(fragmentCount)
      fragments[fragmentCount] = Fragment(
        block: block, eip: made.request.eip, mode: made.request.mode, checkedEntry: Int32(made.checkedEntry),
        entry: Int32(made.entry), end: Int32(made.asm.position), count: Int32(made.count), firstStep: Int32(firstStep),
        firstRecord: Int32(recordCount), nextOfBlock: block.pointee.fragment, firstLink: UInt32(linkCount),
        linkCount: UInt32(made.links.count), explicitAccesses: made.request.explicitAccesses)
      for record in made.records {
        records[recordCount] = record
        recordCount += 1
      }
      for link in made.links {
        links[linkCount] = link
        linkCount += 1
      }
      fragmentCount += 1
      position = made.asm.position
      block.pointee.fragment = number
    }

    mutating func removeAll() {
      fragmentCount = 1
      linkCount = 1
      recordCount = 0
      position = stubs.end
      generation &+= 1
    }

    // MARK: Finding

    @inline(__always) func address(_ offset: Int32) -> UnsafeMutableRawPointer { executable + Int(offset) }

    /// The fragment whose code has a host address, and the instruction there; nil for shared code.
    func find(_ host: UInt64) -> (fragment: UInt32, instruction: Int)? {
      let offset = Int32(truncatingIfNeeded: host &- UInt64(UInt(bitPattern: executable)))
      var low = 1, high = fragmentCount
      while low < high {
        let middle = (low + high) / 2
        if fragments[middle].checkedEntry <= offset { low = middle + 1 } else { high = middle }
      }
      guard low > 1 else { return nil }
      let fragment = fragments[low - 1]
      guard offset >= fragment.checkedEntry, offset < fragment.end else { return nil }
      let distance = UInt16(truncatingIfNeeded: offset - fragment.checkedEntry)
      var number = 0
      while number + 1 < fragment.count, record(fragment, number + 1).start <= distance { number += 1 }
      return (UInt32(low - 1), number)
    }

    @inline(__always) func record(_ fragment: Fragment, _ number: Int) -> InstructionRecord {
      records[Int(fragment.firstRecord) + number]
    }

    // MARK: Chains

    /// Lets a link's jump lead to a fragment.
    func connect(_ link: UInt32, to fragment: UInt32, _ target: Int32) {
      let known = links[Int(link)]
      assembler.setTarget(Int(known.jumpEnd), Int(target))
      links[Int(link)].to = fragment
      links[Int(link)].nextIncoming = fragments[Int(fragment)].firstIncoming
      fragments[Int(fragment)].firstIncoming = link
    }

    /// Takes back whatever leads to a fragment, and its own links from the lists of others.
    func disconnect(_ fragment: UInt32) {
      var at = fragments[Int(fragment)].firstIncoming
      while at != 0 {
        let link = links[Int(at)]
        assembler.setTarget(Int(link.jumpEnd), Int(link.stub))
        links[Int(at)].to = 0
        links[Int(at)].nextIncoming = 0
        at = link.nextIncoming
      }
      fragments[Int(fragment)].firstIncoming = 0
      let own = fragments[Int(fragment)]
      for number in own.firstLink..<own.firstLink + own.linkCount where links[Int(number)].to != 0 {
        forget(number)
      }
    }

    private func forget(_ number: UInt32) {
      let target = Int(links[Int(number)].to)
      links[Int(number)].to = 0
      let after = links[Int(number)].nextIncoming
      if fragments[target].firstIncoming == number {
        fragments[target].firstIncoming = after
        return
      }
      var at = fragments[target].firstIncoming
      while at != 0 {
        if links[Int(at)].nextIncoming == number {
          links[Int(at)].nextIncoming = after
          return
        }
        at = links[Int(at)].nextIncoming
      }
    }
  }

#endif
