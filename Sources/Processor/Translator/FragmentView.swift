// Translations as data, for people to look at (`trapline translate`): guest code beside the host code that was made of it.
// Host addresses are distances from the start of the translation cache, so that they repeat from run to run.

import ISA
import Memory

/// One translated block, as it stood when it was asked for.
public struct FragmentView: Sendable {
  /// From 1, in the order of translation.
  public var number: Int
  public var eip: UInt32
  /// Guest-physical address of the first byte.
  public var physical: UInt64
  public var isUser: Bool
  /// Memory is reached through a linear window, except where an instruction says otherwise; else by the software TLB.
  public var usesWindow: Bool
  public var instructions: [TranslatedInstruction]
  /// The host code in pieces that follow each other without a gap.
  public var parts: [HostCodePart]
  /// Direct branches out of it, in the order of their code.
  public var exits: [FragmentExit]
  /// Times that it was entered since it was made; nil unless they were counted (`countsTranslationHits`).
  public var hits: UInt64?

  /// Guest addresses; the end is 64 bits wide to be able to lie past the last.
  public var range: Range<UInt64> {
    UInt64(eip)..<UInt64(eip) + instructions.reduce(0) { $0 + UInt64($1.bytes.count) }
  }
  /// Host bytes, those left out that only count entries.
  public var hostByteCount: Int { parts.reduce(0) { $0 + ($1.role == .hitCounter ? 0 : $1.bytes.count) } }

  public init(
    number: Int, eip: UInt32, physical: UInt64, isUser: Bool, usesWindow: Bool,
    instructions: [TranslatedInstruction] = [], parts: [HostCodePart] = [], exits: [FragmentExit] = [],
    hits: UInt64? = nil
  ) {
    self.number = number
    self.eip = eip
    self.physical = physical
    self.isUser = isUser
    self.usesWindow = usesWindow
    self.instructions = instructions
    self.parts = parts
    self.exits = exits
    self.hits = hits
  }
}

/// A guest instruction of a fragment.
public struct TranslatedInstruction: Sendable {
  public var address: UInt32
  /// What memory holds there now.
  public var bytes: [UInt8]
  public var instruction: Instruction
  public var kind: TranslationKind
  /// It was seen to hit what a window can't show, and looks its accesses up in the software TLB.
  public var isExplicit: Bool
}

/// A piece of a fragment's host code.
public struct HostCodePart: Sendable {
  public enum Role: Sendable, Equatable {
    /// Whether the EIP that is wanted is still this code, for transfers from other pages.
    case keyCheck
    /// Counts entries, where that was asked for.
    case hitCounter
    /// Takes the instructions off the budget, and faults when it is used up.
    case budget
    /// By its index in `instructions`.
    case instruction(Int)
    /// The way to an exit's target, by its index in `exits`.
    case exit(Int)
    /// Where an exit's jump leads until it is linked: asks the monitor.
    case stub(Int)
  }

  public var role: Role
  /// Distance from the start of the translation cache.
  public var offset: Int
  public var bytes: [UInt8]
}

/// A direct branch out of a fragment.
public struct FragmentExit: Sendable {
  public var target: UInt32
  /// The fragment that its jump leads to; nil while it isn't linked.
  public var fragment: Int?
  /// The target's key is checked on the way: it lies on another page.
  public var isChecked: Bool
  /// Behind its jump, from the start of the translation cache.
  public var jumpEnd: Int
}

extension Processor {
  /// Whether translations count how often they are entered. To be set before running: a change throws them all away.
  public var countsTranslationHits: Bool {
    get {
      #if TRANSLATOR
        translator?.countsHits ?? false
      #else
        false
      #endif
    }
    set {
      #if TRANSLATOR
        guard let translator, translator.countsHits != newValue else { return }
        translator.removeAll()
        translator.countsHits = newValue
      #endif
    }
  }

  /// All translations there are, in the order in which they were made; none while the engine is another.
  public var fragments: [FragmentView] {
    #if TRANSLATOR
      guard let translator else { return [] }
      return (1..<max(translator.cache.fragmentCount, 1)).filter { translator.cache.fragments[$0].isValid }
        .map { view(of: $0, translator) }
    #else
      []
    #endif
  }
}

#if TRANSLATOR

  extension Processor {
    private func view(of number: Int, _ translator: Translator) -> FragmentView {
      let cache = translator.cache
      let fragment = cache.fragments[number]
      let links = (fragment.firstLink..<fragment.firstLink + fragment.linkCount).map { cache.links[Int($0)] }
      return FragmentView(
        number: number, eip: fragment.eip, physical: UInt64(fragment.block.pointee.physical),
        isUser: fragment.mode & EngineMode.user != 0, usesWindow: fragment.mode & EngineMode.window != 0,
        instructions: instructions(of: fragment, cache), parts: parts(of: fragment, links, translator),
        exits: links.map { link in
          let to = cache.fragments[Int(link.to)]
          return FragmentExit(
            target: link.target, fragment: link.to == 0 ? nil : Int(link.to),
            isChecked: link.to != 0 && cache.target(of: link) == Int(to.checkedEntry),
            jumpEnd: Int(link.jumpEnd))
        } + loops(of: fragment, number, cache),
        hits: translator.countsHits
          ? (cpu.raw + StateRegion.hits).load(fromByteOffset: number * 8, as: UInt64.self) : nil)
    }

    /// Branches back to the fragment's own beginning, which are made in place.
    private func loops(of fragment: Fragment, _ number: Int, _ cache: TranslationCache) -> [FragmentExit] {
      (0..<Int(fragment.count)).compactMap { n in
        let index = Int(fragment.firstStep) + n
        let i = cpu.s.pointee.instructions[index]
        let step = cpu.s.pointee.steps.assumingMemoryBound(to: Step.self) + index
        let next = fragment.eip &+ UInt32(step.pointee.offset) &+ UInt32(i.length)
        guard i.operation == .jcc, i.operandSize == 4, next &+ i.immediate == fragment.eip else { return nil }
        return FragmentExit(
          target: fragment.eip, fragment: number, isChecked: false,
          jumpEnd: Int(fragment.checkedEntry) + Int(cache.record(fragment, n + 1).start))
      }
    }

    private func instructions(of fragment: Fragment, _ cache: TranslationCache) -> [TranslatedInstruction] {
      let code = bytes(of: fragment.block.pointee)
      var offset = 0
      return (0..<Int(fragment.count)).map { n in
        let instruction = cpu.s.pointee.instructions[Int(fragment.firstStep) + n]
        defer { offset += Int(instruction.length) }
        return TranslatedInstruction(
          address: fragment.eip &+ UInt32(offset),
          bytes: Array(code.dropFirst(offset).prefix(Int(instruction.length))), instruction: instruction,
          kind: cache.record(fragment, n).kind,
          isExplicit: fragment.mode & EngineMode.window != 0 && fragment.explicitAccesses >> UInt64(n) & 1 != 0)
      }
    }

    /// A block's guest code, the end of which may lie on another page.
    private func bytes(of block: BlockHeader) -> [UInt8] {
      func bytes(_ address: UInt64, _ count: Int) -> [UInt8] {
        memory.bytes(at: GuestPhysicalAddress(address), count: count) ?? []
      }
      let length = Int(block.length)
      let first = min(length, 4096 - Int(block.physical & 0xfff))
      let begin = bytes(UInt64(block.physical), first)
      return first == length || block.secondPage == BlockHeader.noPage
        ? begin : begin + bytes(UInt64(block.secondPage & ~0xfff), length - first)
    }

    private func parts(of fragment: Fragment, _ links: [Link], _ translator: Translator) -> [HostCodePart] {
      let cache = translator.cache
      var parts: [HostCodePart] = []
      var at = Int(fragment.checkedEntry)
      func take(_ role: HostCodePart.Role, to end: Int) {
        guard end > at else { return }
        parts.append(
          HostCodePart(
            role: role, offset: at, bytes: Array(UnsafeBufferPointer(start: cache.writable + at, count: end - at))))
        at = end
      }
      func start(_ n: Int) -> Int { Int(fragment.checkedEntry) + Int(cache.record(fragment, n).start) }

      take(.keyCheck, to: Int(fragment.entry))
      if translator.countsHits { take(.hitCounter, to: Int(fragment.entry) + BlockTranslator.hitCounterBytes) }
      take(.budget, to: start(0))
      for n in 0..<Int(fragment.count) { take(.instruction(n), to: start(n + 1)) }
      // Jumps that lie in an instruction's own code have been taken with it.
      for (n, link) in links.enumerated() where Int(link.jumpEnd) > at { take(.exit(n), to: Int(link.jumpEnd)) }
      for n in links.indices {
        take(.stub(n), to: n + 1 < links.count ? Int(links[n + 1].stub) : Int(fragment.end))
      }
      return parts
    }
  }

  extension BlockTranslator {
    /// What `makeEntries` spends on counting: a load, a LEA and a store.
    fileprivate static let hitCounterBytes = 18
  }

  extension TranslationCache {
    /// Where a link's jump leads now.
    fileprivate func target(of link: Link) -> Int {
      let displacement = UnsafeRawPointer(writable).loadUnaligned(
        fromByteOffset: Int(link.jumpEnd) - 4, as: Int32.self)
      return Int(link.jumpEnd) + Int(displacement)
    }
  }

#endif
