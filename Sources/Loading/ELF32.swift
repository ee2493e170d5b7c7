// Reads 32-bit ELF executables for the i386 (System V ABI, chapters 4 and 5; Intel386 supplement). Pure: bytes in,
// tables out. Whatever the file says, each offset and count is checked against its size before it is used.
//
//   file header (52 bytes)          program header (32)         section header (40)        symbol (16)
//    0 7f 45 4c 46                   0 type (1 = PT_LOAD)        0 name                     0 name
//    4 class, data, version          4 offset                    4 type                     4 value
//   16 type, machine                 8 vaddr                     8 flags                    8 size
//   20 version                      12 paddr                    12 addr                    12 info, other
//   24 entry                        16 filesz                   16 offset                  14 shndx
//   28 phoff, shoff                 20 memsz                    20 size
//   36 flags                        24 flags                    24 link, info
//   40 ehsize, phentsize, phnum     28 align                    32 addralign, entsize
//   46 shentsize, shnum, shstrndx

/// The parts of an executable that a loader needs.
struct ELF32 {
  struct Segment {
    /// Its place in the program header table, for messages.
    var index: Int
    var offset: UInt64
    var virtualAddress: UInt64
    var physicalAddress: UInt64
    var fileSize: UInt64
    var memorySize: UInt64

    var physicalRange: Range<UInt64> { physicalAddress..<physicalAddress + memorySize }
    var virtualRange: Range<UInt64> { virtualAddress..<virtualAddress + memorySize }
    var name: String { "ELF segment \(index)" }
  }

  struct Section {
    var type: UInt32
    var address: UInt32
    var offset: UInt64
    var size: UInt64
    var link: Int
    var entrySize: UInt32
  }

  let view: ByteView
  /// e_entry, which is a virtual address.
  let entry: UInt32
  /// Loaded segments that take memory, in the order of the file.
  let segments: [Segment]

  static func hasMagic(_ view: ByteView) -> Bool { view.u32(0) == 0x464c_457f }

  init(_ view: ByteView) throws(LoadingError) {
    self.view = view
    guard Self.hasMagic(view) else { throw LoadingError("the file isn't ELF: it doesn't start with 7f 45 4c 46") }
    guard let fileClass = view.u8(4), let data = view.u8(5), let version = view.u8(6) else {
      throw Self.truncated(view, "identification", at: 0, length: 16)
    }
    if fileClass == 2 {
      throw LoadingError("the ELF file is for 64-bit machines: build the guest for 32 bits (-m32, i386)")
    }
    guard fileClass == 1 else { throw LoadingError("the ELF file's class is \(fileClass), neither 32 nor 64 bits") }
    if data == 2 { throw LoadingError("the ELF file is big-endian, and an x86 guest is little-endian") }
    guard data == 1 else { throw LoadingError("the ELF file's byte order is \(data), which doesn't exist") }
    guard version == 1 else { throw LoadingError("the ELF file's version is \(version); only version 1 exists") }
    guard let type = view.u16(16), let machine = view.u16(18), let entry = view.u32(24),
      let tableOffset = view.u32(28), let entrySize = view.u16(42), let count = view.u16(44),
      view.holds(0, 52)
    else { throw Self.truncated(view, "file header", at: 0, length: 52) }
    guard machine == 3 else {
      let name = Self.machineNames[machine].map { " (\($0))" } ?? ""
      throw LoadingError("the ELF file is for machine \(machine)\(name), not for the i386 (3)")
    }
    switch type {
    case 2: break
    case 1: throw LoadingError("the ELF file is an object file: link it into an executable first")
    case 3:
      throw LoadingError(
        "the ELF file is position-independent or a shared library: link the guest to fixed addresses (-no-pie)")
    case 4: throw LoadingError("the ELF file is a core dump, which can't be started")
    default: throw LoadingError("the ELF file's type is \(type), not an executable (2)")
    }
    guard count > 0 else { throw LoadingError("the ELF file has no program headers, so nothing to load") }
    guard count != 0xffff else { throw LoadingError("the ELF file has 65535 or more program headers, which is absurd") }
    guard entrySize >= 32 else {
      throw LoadingError("the ELF file's program headers have \(entrySize) bytes each; 32 are needed")
    }
    guard view.holds(UInt64(tableOffset), UInt64(entrySize) * UInt64(count)) else {
      throw Self.truncated(
        view, "table of \(count) program headers", at: UInt64(tableOffset), length: UInt64(entrySize) * UInt64(count))
    }
    self.entry = entry
    var segments: [Segment] = []
    for index in 0..<Int(count) {
      let base = UInt64(tableOffset) + UInt64(index) * UInt64(entrySize)
      func word(_ offset: UInt64) -> UInt64 { UInt64(view.u32(base + offset) ?? 0) }
      guard word(0) == 1 else { continue }
      let segment = Segment(
        index: index, offset: word(4), virtualAddress: word(8), physicalAddress: word(12), fileSize: word(16),
        memorySize: word(20))
      guard segment.fileSize <= segment.memorySize else {
        throw LoadingError(
          "\(segment.name) has \(segment.fileSize.hex) bytes in the file but only \(segment.memorySize.hex) in memory")
      }
      if segment.memorySize == 0 { continue }
      guard segment.fileSize == 0 || view.holds(segment.offset, segment.fileSize) else {
        throw Self.truncated(view, segment.name, at: segment.offset, length: segment.fileSize)
      }
      segments.append(segment)
    }
    guard !segments.isEmpty else { throw LoadingError("the ELF file has no segment to load (PT_LOAD)") }
    self.segments = segments
  }

  /// Where the first instruction lies in physical memory: the entry point is virtual where a segment has it, and
  /// physical already in kernels that are linked high but say where they start.
  func physicalEntry() throws(LoadingError) -> UInt32 {
    let entry = UInt64(entry)
    for segment in segments where segment.virtualRange.contains(entry) {
      return UInt32(truncatingIfNeeded: segment.physicalAddress + (entry - segment.virtualAddress))
    }
    for segment in segments where segment.physicalRange.contains(entry) { return self.entry }
    throw LoadingError("the ELF entry point \(entry.hex) lies in none of the loaded segments")
  }

  /// The section headers; nil when there are none, or when they are unsound: then with a reason.
  func sections() -> (sections: [Section], problem: String?) {
    guard let offset = view.u32(32), let entrySize = view.u16(46), let count = view.u16(48) else { return ([], nil) }
    if offset == 0 || count == 0 { return ([], nil) }
    guard entrySize == 40, view.holds(UInt64(offset), 40 * UInt64(count)) else {
      return ([], "the ELF section headers lie outside the file, so there are no symbols")
    }
    let sections = (0..<UInt64(count)).map { index in
      func word(_ at: UInt64) -> UInt32 { view.u32(UInt64(offset) + index * 40 + at) ?? 0 }
      return Section(
        type: word(4), address: word(12), offset: UInt64(word(16)), size: UInt64(word(20)), link: Int(word(24)),
        entrySize: word(36))
    }
    return (sections, nil)
  }

  /// The symbols, when the file has sound ones; else none, and what is wrong with them.
  func symbols() -> (table: SymbolTable, problem: String?) {
    let (sections, problem) = sections()
    if let problem { return (.empty, problem) }
    guard let table = sections.first(where: { $0.type == 2 }) else { return (.empty, nil) }
    func unsound(_ what: String) -> (SymbolTable, String?) {
      (.empty, "the ELF symbol table is unsound (\(what)) and was ignored")
    }
    guard table.entrySize == 16, table.size % 16 == 0 else { return unsound("its entries don't have 16 bytes") }
    guard view.holds(table.offset, table.size) else { return unsound("it lies outside the file") }
    guard table.link < sections.count, sections[table.link].type == 3 else {
      return unsound("its string table is missing")
    }
    let strings = sections[table.link]
    guard let names = view.slice(strings.offset, strings.size) else {
      return unsound("its string table lies outside the file")
    }
    guard names.last == 0 else { return unsound("its last name doesn't end") }
    var entries: [SymbolTable.Entry] = []
    for index in 0..<table.size / 16 {
      let base = table.offset + index * 16
      guard let name = view.u32(base), let value = view.u32(base + 4), let size = view.u32(base + 8),
        let info = view.u8(base + 12), let section = view.u16(base + 14)
      else { break }
      // Functions, objects and plain labels that are defined here; constants (SHN_ABS) aren't places.
      guard info & 15 <= 2, section != 0, section < 0xff00, name != 0 else { continue }
      guard Int(name) < names.count else { return unsound("symbol \(index) has no name") }
      if names[Int(name)] == 0 { continue }
      let kindRank: UInt8 = info & 15 == 2 ? 0 : info & 15 == 1 ? 2 : 4
      let isLocal: UInt8 = info >> 4 == 0 ? 1 : 0
      entries.append(SymbolTable.Entry(address: value, size: size, name: name, rank: kindRank + isLocal))
    }
    return (SymbolTable(entries: entries, names: Array(names)), nil)
  }

  private static func truncated(_ view: ByteView, _ what: String, at offset: UInt64, length: UInt64) -> LoadingError {
    LoadingError(
      "the ELF file is cut short or damaged: its \(what) should be at \(offset.hex) to \((offset + length).hex), "
        + "and the file ends at \(view.count.hex)")
  }

  private static let machineNames: [UInt16: String] = [
    2: "SPARC", 4: "68000", 6: "Intel MCU", 8: "MIPS", 20: "PowerPC", 21: "64-bit PowerPC", 22: "S/390", 40: "ARM",
    42: "SuperH", 43: "SPARC V9", 50: "Itanium", 62: "x86-64", 183: "AArch64", 243: "RISC-V", 258: "LoongArch",
  ]
}
