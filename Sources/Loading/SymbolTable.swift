// Names for addresses, for disassembly and backtraces. A kernel has a hundred thousand of them: names stay as bytes in
// one block, and only those that somebody looks at become strings.

/// A name and the addresses it stands for.
public struct Symbol: Sendable, Equatable {
  public var name: String
  public var address: UInt32
  /// Bytes; 0 where the file doesn't say.
  public var size: UInt32

  public init(name: String, address: UInt32, size: UInt32 = 0) {
    self.name = name
    self.address = address
    self.size = size
  }
}

/// Symbols by address and by name. Addresses are linear, as the image was linked.
public struct SymbolTable: Sendable {
  /// Says what an address stands for: `symbol` or `symbol+offset`.
  public struct Location: Sendable, Equatable, CustomStringConvertible {
    public var symbol: Symbol
    public var offset: UInt32
    /// As a disassembler writes it: `main`, `main+0x12`.
    public var description: String {
      offset == 0 ? symbol.name : "\(symbol.name)+0x\(String(offset, radix: 16))"
    }
  }

  struct Entry: Sendable {
    var address: UInt32
    var size: UInt32
    /// Where the name starts in `names`; it ends with a NUL or with the block.
    var name: UInt32
    /// Which name an address goes by when it has several: the least.
    var rank: UInt8
  }

  /// A label without a size stands for what follows it, up to the next one but no further than this.
  static let reach: UInt32 = 1 << 20
  /// Names are shown up to this many bytes.
  static let longestName = 4096

  private let entries: [Entry]
  private let names: [UInt8]

  public static let empty = SymbolTable([])

  public init(_ symbols: [Symbol]) {
    var names: [UInt8] = []
    var entries: [Entry] = []
    for symbol in symbols {
      entries.append(
        Entry(address: symbol.address, size: symbol.size, name: UInt32(truncatingIfNeeded: names.count), rank: 0))
      names += symbol.name.utf8
      names.append(0)
    }
    self.init(entries: entries, names: names)
  }

  /// - Parameter names: name offsets of entries must lie in it.
  init(entries: [Entry], names: [UInt8]) {
    self.entries = entries.sorted {
      ($0.address, $0.rank, $0.name) < ($1.address, $1.rank, $1.name)
    }
    self.names = names
  }

  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }
  /// All symbols by ascending address. Each access makes strings: meant for listings.
  public var symbols: [Symbol] { entries.map(symbol) }

  /// The symbol that `address` belongs to: one that contains it, else the nearest label before it.
  /// Logarithmic in the number of symbols.
  public func location(of address: UInt32) -> Location? {
    // The first entry beyond the address.
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    // A small object may lie inside a larger one: look back a little for one that still contains the address.
    var group = low
    for _ in 0..<8 {
      guard group > 0 else { return nil }
      let start = entries[group - 1].address
      let end = group
      group = firstIndex(at: start, before: end)
      let offset = address - start
      for entry in entries[group..<min(end, group + 64)] {
        let length = entry.size == 0 ? (end == low ? Self.reach : 0) : entry.size
        if offset < length { return Location(symbol: symbol(entry), offset: offset) }
      }
    }
    return nil
  }

  /// The address of a name; that of the lowest when several symbols share it. Linear in the number of symbols.
  public func address(of name: String) -> UInt32? {
    let wanted = Array(name.utf8)
    if wanted.isEmpty || wanted.contains(0) { return nil }
    return entries.first { entry in
      let start = Int(entry.name)
      let end = start + wanted.count
      guard end <= names.count, end == names.count || names[end] == 0 else { return false }
      return names[start..<end].elementsEqual(wanted)
    }?.address
  }

  private func firstIndex(at address: UInt32, before end: Int) -> Int {
    var low = 0
    var high = end
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address < address { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func symbol(_ entry: Entry) -> Symbol {
    let rest = names[Int(entry.name)...].prefix(Self.longestName)
    let bytes = rest.prefix { $0 != 0 }
    return Symbol(name: printable(String(decoding: bytes, as: UTF8.self)), address: entry.address, size: entry.size)
  }
}
