// What the numbers in host code stand for: the shared code that fragments jump to, and the fields of the processor that
// they address from R15 (HostState.swift).

/// Names for host addresses and fields, for listings of translated code.
public struct TranslationNames: Sendable {
  /// By distance from the start of the translation cache.
  private var code: [Int: String] = [:]
  /// By distance from R15.
  private var fields: [Int: String] = [:]
  private var regions: [(range: Range<Int>, name: String)] = []

  /// What lies at a distance from the start of the translation cache.
  public func code(at offset: Int) -> String? { code[offset] }

  /// What lies at a distance from the state block.
  public func field(at offset: Int) -> String? {
    fields[offset] ?? regions.first { $0.range.contains(offset) }?.name
  }
}

extension Processor {
  /// The names for this processor's translations, as they stand.
  public var translationNames: TranslationNames {
    #if TRANSLATOR
      translator.map { TranslationNames($0.cache) } ?? TranslationNames()
    #else
      TranslationNames()
    #endif
  }
}

#if TRANSLATOR

  import ISA

  extension TranslationNames {
    fileprivate init(_ cache: TranslationCache) {
      nameSharedCode(cache.stubs)
      for number in 1..<max(cache.fragmentCount, 1) where cache.fragments[number].isValid {
        let fragment = cache.fragments[number]
        code[Int(fragment.checkedEntry)] = "F\(number) key check"
        code[Int(fragment.entry)] = "F\(number)"
      }
      nameFields()
    }

    private mutating func nameSharedCode(_ stubs: TranslatorStubs) {
      code[stubs.direct] = "leave: link this exit"
      code[stubs.indirect] = "leave: find a computed target"
      code[stubs.callout] = "leave: callout"
      code[stubs.fault] = "leave: fault"
      for user in [false, true] {
        for write in [false, true] {
          for size in TranslatorStubs.sizes {
            code[stubs.lookup(user: user, write: write, size: size)] =
              "TLB: \(write ? "write" : "read") \(size), \(user ? "user" : "supervisor")"
          }
        }
      }
    }

    private mutating func nameFields() {
      func offset<Value>(_ path: KeyPath<CPUState, Value>) -> Int { MemoryLayout<CPUState>.offset(of: path)! }
      fields = [
        offset(\.context): "context", offset(\.hostFlags): "flags", offset(\.exitAddress): "exit address",
        offset(\.exitDetail): "exit detail", offset(\.remaining): "budget", offset(\.translatedScratch): "scratch",
        offset(\.tlbGeneration): "TLB generation", StateRegion.indirectTargets: "computed targets",
        StateRegion.pollPage: "poll page",
      ]
      for (register, name) in [
        (SegmentRegister.fs, "FS"), (.gs, "GS"), (.es, "ES"), (.cs, "CS"), (.ss, "SS"), (.ds, "DS"),
      ] {
        fields[Int(HostState.segment(register, \.base).displacement)] = "\(name) base"
        fields[Int(HostState.segment(register, \.selector).displacement)] = "\(name) selector"
      }
      regions = [
        (StateRegion.keys..<StateRegion.hits, "key"),
        (StateRegion.hits..<StateRegion.hits + StateRegion.fragmentCapacity * 8, "hits"),
      ]
    }
  }

#endif
