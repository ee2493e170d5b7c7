// Loads 32-bit ELF executables: each PT_LOAD segment at its physical address, the rest of its memory zeroed.

import Memory

extension GuestLoader {
  /// A plain ELF file starts in flat protected mode at its entry point.
  static func loadELF(
    _ view: ByteView, _ request: LoadRequest, _ warnings: [String], into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    let elf = try ELF32(view)
    var plan = MemoryPlan(memory: memory)
    try place(elf, in: &plan)
    let entry = try entry(of: elf, request)
    try plan.commit()
    let (symbols, problem) = elf.symbols()
    return GuestImage(
      format: .elf, entry: .flat(entry: entry), segments: elf.placedSegments, symbols: symbols,
      description: "ELF executable, \(elf.summary), entry \(entry.hex)\(symbolCount(symbols))",
      warnings: warnings + (problem.map { [$0] } ?? []))
  }

  /// Plans an executable's segments.
  static func place(_ elf: ELF32, in plan: inout MemoryPlan) throws(LoadingError) {
    try plan.take(elf.segments.map { ($0.physicalRange, $0.name) })
    for segment in elf.segments {
      let start = segment.physicalAddress
      if segment.fileSize > 0, let bytes = elf.view.slice(segment.offset, segment.fileSize) {
        plan.write(bytes, at: start)
      }
      plan.clear(start + segment.fileSize..<start + segment.memorySize)
    }
  }

  static func entry(of elf: ELF32, _ request: LoadRequest) throws(LoadingError) -> UInt32 {
    if let entry = try chosenEntry(request, elf.segments.map(\.physicalRange)) { return entry }
    return try elf.physicalEntry()
  }

  /// The entry point that the user demands, if any.
  static func chosenEntry(_ request: LoadRequest, _ ranges: [Range<UInt64>]) throws(LoadingError) -> UInt32? {
    guard let entry = request.entry else { return nil }
    guard ranges.contains(where: { $0.contains(entry) }) else {
      throw LoadingError("the entry point \(entry.hex) given with --entry lies in nothing that was loaded")
    }
    return UInt32(truncatingIfNeeded: entry)
  }

  static func symbolCount(_ symbols: SymbolTable) -> String {
    symbols.isEmpty ? "" : symbols.count == 1 ? ", 1 symbol" : ", \(symbols.count) symbols"
  }
}

extension ELF32 {
  /// Ascending.
  var placedSegments: [PlacedSegment] {
    segments.map { PlacedSegment(purpose: .image, range: $0.physicalRange) }
      .sorted { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// `2 segments, 24 KiB at 0x100000`.
  var summary: String {
    let total = segments.reduce(0) { $0 + $1.memorySize }
    let lowest = segments.map(\.physicalAddress).min() ?? 0
    let count = segments.count == 1 ? "1 segment" : "\(segments.count) segments"
    return "\(count), \(sizeForPeople(total)) at \(lowest.hex)"
  }
}
