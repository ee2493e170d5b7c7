// The code in a file, without a machine to load it into: what a disassembler lists. Addresses are those that the file
// was linked for.

/// Bytes of code and where they belong.
public struct CodeRegion: Sendable, Equatable {
  /// A section's name, or what else there is to say.
  public var name: String
  public var address: UInt32
  public var bytes: [UInt8]
}

/// What a file holds for a disassembler.
public struct CodeFile: Sendable {
  public var format: GuestImage.Format
  /// Ascending.
  public var regions: [CodeRegion]
  public var symbols: SymbolTable
  public var warnings: [String]

  /// Finds the code of a multiboot kernel, an ELF executable, or, when `request` says so, a flat binary or a ROM.
  /// Of the request, `mode`, `loadAddress` and `isROM` count.
  public init(_ bytes: [UInt8], _ request: LoadRequest = LoadRequest()) throws(LoadingError) {
    let result: Result<CodeFile, LoadingError> = bytes.withUnsafeBytes { buffer in
      do throws(LoadingError) {
        return .success(try CodeFile(ByteView(bytes: buffer), request))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  private init(format: GuestImage.Format, regions: [CodeRegion], symbols: SymbolTable = .empty, warnings: [String] = []) {
    self.format = format
    self.regions = regions
    self.symbols = symbols
    self.warnings = warnings
  }

  private init(_ view: ByteView, _ request: LoadRequest) throws(LoadingError) {
    if view.count == 0 { throw LoadingError("the image file is empty") }
    if request.isROM {
      guard view.count <= UInt64(GuestLoader.largestROM) else {
        throw LoadingError("the ROM has \(sizeForPeople(view.count)), and at most "
          + "\(sizeForPeople(UInt64(GuestLoader.largestROM))) fit below 4 GiB")
      }
      let address = UInt32(truncatingIfNeeded: UInt64(1) << 32 - view.count)
      self.init(format: .rom, regions: [CodeRegion(name: "ROM", address: address, bytes: Array(view.bytes))])
      return
    }
    if let mode = request.mode {
      let address = request.loadAddress ?? (mode == .real ? 0x7c00 : 0x10_0000)
      guard address < 1 << 32, view.count <= 1 << 32 - address else {
        throw LoadingError("the flat binary reaches past the 4 GiB that a 32-bit guest can address")
      }
      self.init(
        format: .flat,
        regions: [
          CodeRegion(name: "flat binary", address: UInt32(truncatingIfNeeded: address), bytes: Array(view.bytes))
        ])
      return
    }
    if request.loadAddress != nil {
      throw LoadingError("--load-address makes the file a flat binary: say --mode real or --mode protected, too")
    }
    var format = GuestImage.Format.elf
    if case .found(let header) = try MultibootHeader.search(view) {
      format = .multiboot
      if let addresses = header.addresses, !ELF32.hasMagic(view) {
        try self.init(addresses, header, view)
        return
      }
    }
    guard ELF32.hasMagic(view) else { throw GuestLoader.unrecognized(view) }
    let elf = try ELF32(view)
    let (symbols, problem) = elf.symbols()
    let sections = elf.codeSections()
    let regions = sections.isEmpty
      ? elf.segments.enumerated().compactMap { index, segment in
        view.slice(segment.offset, segment.fileSize).map {
          CodeRegion(
            name: "segment \(index)", address: UInt32(truncatingIfNeeded: segment.virtualAddress), bytes: Array($0))
        }
      } : sections
    self.init(
      format: format, regions: regions.sorted { $0.address < $1.address }, symbols: symbols,
      warnings: problem.map { [$0] } ?? [])
  }

  /// A multiboot kernel that isn't ELF.
  private init(_ addresses: MultibootHeader.Addresses, _ header: MultibootHeader, _ view: ByteView) throws(LoadingError) {
    guard addresses.load <= addresses.header, addresses.header - addresses.load <= header.offset else {
      throw LoadingError("the multiboot header at \(header.offset.hex) gives load addresses that the file doesn't have")
    }
    let start = header.offset - (addresses.header - addresses.load)
    let available = view.count - start
    let wanted = addresses.loadEnd > addresses.load ? addresses.loadEnd - addresses.load : available
    guard let bytes = view.slice(start, min(wanted, available)) else {
      throw LoadingError("the multiboot kernel's file is cut short")
    }
    self.init(
      format: .multiboot,
      regions: [
        CodeRegion(name: "kernel", address: UInt32(truncatingIfNeeded: addresses.load), bytes: Array(bytes))
      ])
  }
}

extension ELF32 {
  /// Sections that hold instructions (SHF_EXECINSTR), as far as they lie in the file.
  fileprivate func codeSections() -> [CodeRegion] {
    guard let offset = view.u32(32), let entrySize = view.u16(46), let count = view.u16(48), offset != 0,
      entrySize == 40, view.holds(UInt64(offset), 40 * UInt64(count))
    else { return [] }
    func word(_ section: UInt64, _ at: UInt64) -> UInt64 {
      UInt64(view.u32(UInt64(offset) + section * 40 + at) ?? 0)
    }
    let names = UInt64(view.u16(50) ?? 0)
    return (0..<UInt64(count)).compactMap { section in
      // SHT_PROGBITS, and both SHF_ALLOC and SHF_EXECINSTR.
      guard word(section, 4) == 1, word(section, 8) & 6 == 6, word(section, 20) > 0,
        let bytes = view.slice(word(section, 16), word(section, 20))
      else { return nil }
      var name = ""
      if names < UInt64(count), let strings = view.slice(word(names, 16), word(names, 20)) {
        let start = Int(word(section, 0))
        if start < strings.count {
          name = printable(String(decoding: strings[start...].prefix(64).prefix { $0 != 0 }, as: UTF8.self))
        }
      }
      return CodeRegion(name: name, address: UInt32(truncatingIfNeeded: word(section, 12)), bytes: Array(bytes))
    }
  }
}
