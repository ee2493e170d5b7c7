// The options that choose a pager and a TLB, the same for every command that runs a guest.

import ArgumentParser
import Processor

struct PagingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How the shadow pager follows guest page-table writes: eager (the default: each is carried over) or lazy (out of sync until INVLPG or a CR3 load).",
      valueName: "mode"))
  var shadowMode: ShadowOptions.Mode?

  @Option(help: ArgumentHelp("Large guest pages in the shadow: kept, or split into 4 KiB.", valueName: "way"))
  var shadowLargePages = ShadowOptions.LargePages.kept

  @Option(
    help: ArgumentHelp("The most that shadow tables may take: 64K or more (default: 8M).", valueName: "size"),
    transform: { try ByteSize(parsing: $0) })
  var shadowMemory = ByteSize(bytes: UInt64(ShadowOptions().memory))

  @Option(help: ArgumentHelp("Pages that EPT maps: 4k, or 2m where the memory allows it.", valueName: "size"))
  var eptPages = EPTPages.small

  @Option(help: ArgumentHelp("EPT's accessed and dirty flags: on or off.", valueName: "switch"))
  var eptAccessedDirty = Switch.on

  @Option(
    help: ArgumentHelp(
      "The TLB to model: any of 4k=ENTRIESxWAYS, 2m=…, 4m=…, global=on|off, tags=none|vpid|pcid, joined by commas; 'default' is 4k=512x4,2m=32x4,4m=32x4,global=on,tags=vpid.",
      valueName: "tlb"),
    transform: { try TLBArgument(parsing: $0) })
  var tlb: TLBArgument?

  enum EPTPages: String, ExpressibleByArgument, CaseIterable {
    case small = "4k"
    case large = "2m"
  }
  enum Switch: String, ExpressibleByArgument, CaseIterable { case on, off }

  /// The most that shadow tables can be told to take: more than all page tables of a 4 GiB guest, twice.
  private static let mostShadowMemory: UInt64 = 1 << 30

  func validate() throws {
    let least = UInt64(ShadowOptions.leastMemory)
    if shadowMemory.bytes < least || shadowMemory.bytes > Self.mostShadowMemory || shadowMemory.bytes % 4096 != 0 {
      throw ValidationError("--shadow-memory must be a multiple of 4K, at least \(least >> 10)K and at most 1G")
    }
  }

  func configuration(_ pager: PagerKind) -> PagingConfiguration {
    var paging = PagingConfiguration(pager: pager)
    paging.shadow.mode = shadowMode ?? .eager
    paging.shadow.largePages = shadowLargePages
    paging.shadow.memory = Int(shadowMemory.bytes)
    paging.nested.largePages = eptPages == .large ? .used : .none
    paging.nested.accessedDirty = eptAccessedDirty == .on
    paging.tlb = tlb?.options
    return paging
  }
}

extension PagerKind: ExpressibleByArgument {}
extension ShadowOptions.Mode: ExpressibleByArgument {}
extension ShadowOptions.LargePages: ExpressibleByArgument {}

/// A TLB on the command line: `default`, or `4k=64x4,2m=32x4,tags=none` with the rest as in the default.
package struct TLBArgument: Equatable, Sendable {
  package var options = TLBOptions()

  package init(parsing text: String) throws(QuantityError) {
    if text == "default" { return }
    var names: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2 else {
        throw QuantityError(description: "'\(shown(String(part)))' is no setting: write NAME=VALUE, as in 4k=512x4")
      }
      let name = sides[0].lowercased()
      guard !names.contains(name) else { throw QuantityError(description: "'\(shown(name))' is there twice") }
      names.append(name)
      switch name {
      case "4k": options.small = try Self.geometry(sides[1])
      case "2m": options.large2M = try Self.geometry(sides[1])
      case "4m": options.large4M = try Self.geometry(sides[1])
      case "global":
        guard let value = ["on": true, "off": false][sides[1]] else {
          throw QuantityError(description: "global is on or off, not '\(shown(sides[1]))'")
        }
        options.keepsGlobal = value
      case "tags":
        guard let value = TLBTags(rawValue: sides[1]) else {
          throw QuantityError(description: "tags are none, vpid or pcid, not '\(shown(sides[1]))'")
        }
        options.tags = value
      default: throw QuantityError(description: "a TLB has no '\(shown(sides[0]))': there are 4k, 2m, 4m, global and tags")
      }
    }
    guard options.isValid else { throw QuantityError(description: "there must be entries for 4 KiB pages") }
  }

  private static func geometry(_ text: String) throws(QuantityError) -> TLBGeometry {
    let numbers = text.split(separator: "x", omittingEmptySubsequences: false).map { digits($0).flatMap(Int.init(exactly:)) }
    if text == "0" { return TLBGeometry(entries: 0, ways: 1) }
    guard numbers.count == 2, let entries = numbers[0], let ways = numbers[1], ways > 0, entries > 0,
      TLBGeometry(entries: entries, ways: ways).isValid
    else {
      throw QuantityError(
        description: "'\(shown(text))' is no shape: write ENTRIESxWAYS, with a power of two of sets, as in 512x4; or 0")
    }
    return TLBGeometry(entries: entries, ways: ways)
  }
}
