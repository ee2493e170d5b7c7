// The structure that a multiboot kernel finds at EBX (Multiboot Specification 0.6.96, section 3.3), with all that it
// points to in one block behind it.
//
//    0 flags          16 cmdline       28 num, size, addr, shndx (ELF sections)   52 drives, config (absent)
//    4 mem_lower      20 mods_count    44 mmap_length                             64 boot_loader_name
//    8 mem_upper      24 mods_addr     48 mmap_addr                               68 ..115 APM, VBE (absent)
//   12 boot_device (absent)

/// Builds the block. Its size is known before its address is.
struct MultibootInformation {
  static let headerSize = 116
  static let loaderName = "Trapline"
  /// Section contents beyond this are left out: debug information isn't worth the guest's memory.
  static let largestSections: UInt64 = 32 << 20

  let ramSize: UInt64
  var commandLine = ""
  var modules: [(range: Range<UInt64>, commandLine: String)] = []
  private var sectionHeaders: [UInt8] = []
  private var sectionCount: UInt32 = 0
  private var sectionNames: UInt32 = 0
  private var contents: [(section: Int, bytes: UnsafeRawBufferPointer)] = []

  init(ramSize: UInt64) { self.ramSize = ramSize }

  /// Has the kernel's section headers, and the sections that aren't loaded with it (symbols), passed on.
  /// - Returns: why not, when they can't be.
  mutating func addSections(of elf: ELF32) -> String? {
    let (sections, problem) = elf.sections()
    // `symbols()` reports the same problem to the user.
    if problem != nil || sections.isEmpty { return nil }
    guard let offset = elf.view.u32(32), let names = elf.view.u16(50),
      let table = elf.view.slice(UInt64(offset), UInt64(sections.count) * 40)
    else { return nil }
    var wanted: [(section: Int, bytes: UnsafeRawBufferPointer)] = []
    var total: UInt64 = 0
    for (index, section) in sections.enumerated() {
      // Neither unused (0) nor without contents (8), and not part of a segment.
      guard section.type != 0, section.type != 8, section.address == 0, section.size > 0 else { continue }
      guard let bytes = elf.view.slice(section.offset, section.size) else {
        return "ELF section \(index) lies outside the file, so the kernel gets no section headers"
      }
      total += section.size
      wanted.append((index, bytes))
      if total > Self.largestSections {
        return "the ELF sections beside the program have more than \(sizeForPeople(Self.largestSections)), so the "
          + "kernel gets no section headers"
      }
    }
    contents = wanted
    sectionHeaders = Array(table)
    sectionCount = UInt32(sections.count)
    sectionNames = UInt32(names)
    return nil
  }

  /// Leaves the section headers out again.
  /// - Returns: whether there were any.
  mutating func removeSections() -> Bool {
    defer {
      sectionHeaders = []
      contents = []
      sectionCount = 0
      sectionNames = 0
    }
    return sectionCount > 0
  }

  /// The BIOS's memory map: base, length, type (1 = RAM, 2 = reserved).
  private var memoryMap: [(base: UInt64, length: UInt64, type: UInt32)] {
    let low = min(ramSize, 0xa_0000)
    var map: [(base: UInt64, length: UInt64, type: UInt32)] = [(0, low, 1), (0xa_0000, 0x6_0000, 2)]
    if ramSize > 0x10_0000 { map.append((0x10_0000, ramSize - 0x10_0000, 1)) }
    return map
  }

  var size: Int { bytes(at: 0).count }

  /// The block for a certain address.
  func bytes(at address: UInt32) -> [UInt8] {
    var block = Block(address: address)
    block.bytes = [UInt8](repeating: 0, count: Self.headerSize)
    // Memory size, command line, memory map and loader name are always there.
    var flags: UInt32 = 1 << 0 | 1 << 2 | 1 << 6 | 1 << 9
    block.put(UInt32(min(ramSize, 0xa_0000) >> 10), at: 4)
    block.put(ramSize > 0x10_0000 ? UInt32((ramSize - 0x10_0000) >> 10) : 0, at: 8)
    block.put(block.append(string: commandLine), at: 16)
    block.put(block.append(string: Self.loaderName), at: 64)

    let map = memoryMap
    block.align(4)
    block.put(UInt32(map.count * 24), at: 44)
    block.put(block.end, at: 48)
    for entry in map {
      block.append(20)
      block.append(UInt32(truncatingIfNeeded: entry.base))
      block.append(UInt32(truncatingIfNeeded: entry.base >> 32))
      block.append(UInt32(truncatingIfNeeded: entry.length))
      block.append(UInt32(truncatingIfNeeded: entry.length >> 32))
      block.append(entry.type)
    }

    flags |= 1 << 3
    block.put(UInt32(modules.count), at: 20)
    if !modules.isEmpty {
      let strings = modules.map { block.append(string: $0.commandLine) }
      block.align(16)
      block.put(block.end, at: 24)
      for (module, string) in zip(modules, strings) {
        block.append(UInt32(truncatingIfNeeded: module.range.lowerBound))
        block.append(UInt32(truncatingIfNeeded: module.range.upperBound))
        block.append(string)
        block.append(0)
      }
    }

    if sectionCount > 0 {
      flags |= 1 << 5
      block.align(16)
      let start = block.bytes.count
      block.put(sectionCount, at: 28)
      block.put(40, at: 32)
      block.put(block.end, at: 36)
      block.put(sectionNames, at: 40)
      block.bytes += sectionHeaders
      for (section, bytes) in contents {
        block.align(16)
        // sh_addr
        block.put(block.end, at: start + section * 40 + 12)
        block.bytes += bytes
      }
    }
    block.put(flags, at: 0)
    return block.bytes
  }

  /// Bytes that know where they will lie.
  private struct Block {
    let address: UInt32
    var bytes: [UInt8] = []

    /// Address of the byte that comes next.
    var end: UInt32 { address &+ UInt32(truncatingIfNeeded: bytes.count) }

    mutating func put(_ value: UInt32, at offset: Int) {
      for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(index * 8)) }
    }

    mutating func append(_ value: UInt32) {
      for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(index * 8))) }
    }

    /// - Returns: the string's address. A NUL inside would end it: it ends there.
    mutating func append(string: String) -> UInt32 {
      let start = end
      bytes += string.utf8.prefix { $0 != 0 }
      bytes.append(0)
      return start
    }

    mutating func align(_ alignment: Int) {
      while bytes.count % alignment != 0 { bytes.append(0) }
    }
  }
}
