// Starts multiboot 1 kernels as the specification's boot loader does (Multiboot Specification 0.6.96, sections 3.2 and
// 3.3): the kernel where it is linked, modules on pages above it, the information structure in low memory.

import Memory

extension GuestLoader {
  static func loadMultiboot(
    _ view: ByteView, _ header: MultibootHeader, _ request: LoadRequest, into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    var plan = MemoryPlan(memory: memory)
    let kernel =
      if let addresses = header.addresses {
        try placeByAddresses(addresses, header, view, request, in: &plan)
      } else {
        try placeELF(view, header, request, in: &plan)
      }
    var warnings = kernel.warnings
    var segments = kernel.ranges.map { PlacedSegment(purpose: .image, range: $0) }
    let kernelEnd = kernel.ranges.map(\.upperBound).max() ?? 0

    var modules: [(range: Range<UInt64>, commandLine: String)] = []
    for (index, module) in request.modules.enumerated() {
      // An empty module takes no memory but still has an address.
      let size = max(UInt64(module.bytes.count), 1)
      let above = max(kernelEnd, 0x10_0000)
      guard
        let room = plan.place(size, alignment: 4096, in: above..<max(above, memory.ramSize))
          ?? plan.place(size, alignment: 4096, in: min(kernelEnd, memory.ramSize)..<memory.ramSize)
      else {
        let name = printable(String(module.commandLine.prefix { $0 != " " }))
        throw LoadingError(
          "module \(index + 1)\(name.isEmpty ? "" : " (\(name))") of \(sizeForPeople(UInt64(module.bytes.count))) "
            + "doesn't fit above the kernel in \(sizeForPeople(memory.ramSize)) of RAM: give more --memory")
      }
      let range = room.lowerBound..<room.lowerBound + UInt64(module.bytes.count)
      modules.append((range, module.commandLine))
      segments.append(PlacedSegment(purpose: .module, range: range))
    }

    var information = MultibootInformation(ramSize: memory.ramSize)
    information.commandLine = request.fileName + " " + request.append
    information.modules = modules
    if let elf = kernel.elf, let problem = information.addSections(of: elf) { warnings.append(problem) }
    let place: Range<UInt64>
    if let whole = room(for: information, in: &plan, memory) {
      place = whole
    } else {
      if information.removeSections() {
        warnings.append("the kernel gets no section headers: there is no room for them and the symbols")
      }
      guard let small = room(for: information, in: &plan, memory) else {
        throw LoadingError(
          "the multiboot information (\(sizeForPeople(UInt64(information.size)))) doesn't fit in memory beside the "
            + "kernel: give more --memory")
      }
      place = small
    }
    segments.append(PlacedSegment(purpose: .bootInformation, range: place))
    let blob = information.bytes(at: UInt32(truncatingIfNeeded: place.lowerBound))

    try commit(&plan, blob: blob, at: place.lowerBound, modules: zip(request.modules, modules.map(\.range)))
    let moduleCount = modules.isEmpty ? "" : modules.count == 1 ? ", 1 module" : ", \(modules.count) modules"
    return GuestImage(
      format: .multiboot,
      entry: .flat(
        entry: kernel.entry, eax: MultibootHeader.bootMagic, ebx: UInt32(truncatingIfNeeded: place.lowerBound)),
      segments: segments.sorted { $0.range.lowerBound < $1.range.lowerBound }, symbols: kernel.symbols,
      description:
        "multiboot kernel, \(kernel.summary), entry \(kernel.entry.hex)\(moduleCount)\(symbolCount(kernel.symbols))",
      warnings: warnings)
  }

  /// Low memory, where neither a kernel nor what it allocates after its end is in the way; else anywhere.
  private static func room(
    for information: MultibootInformation, in plan: inout MemoryPlan, _ memory: GuestPhysicalMemory
  ) -> Range<UInt64>? {
    let size = UInt64(information.size)
    return plan.place(size, alignment: 16, in: 0x9000..<GuestPhysicalMemory.legacyHole.lowerBound)
      ?? plan.place(size, alignment: 16, in: 0x1000..<max(0x1000, memory.ramSize))
  }

  private struct Kernel {
    var ranges: [Range<UInt64>]
    var entry: UInt32
    var symbols: SymbolTable
    var elf: ELF32?
    var summary: String
    var warnings: [String]
  }

  private static func placeELF(
    _ view: ByteView, _ header: MultibootHeader, _ request: LoadRequest, in plan: inout MemoryPlan
  ) throws(LoadingError) -> Kernel {
    guard ELF32.hasMagic(view) else {
      throw LoadingError(
        "the multiboot header at \(header.offset.hex) gives no load addresses (flag 16), and the file isn't ELF")
    }
    let elf = try ELF32(view)
    try place(elf, in: &plan)
    let entry = try entry(of: elf, request)
    let (symbols, problem) = elf.symbols()
    return Kernel(
      ranges: elf.segments.map(\.physicalRange), entry: entry, symbols: symbols, elf: elf,
      summary: "ELF, \(elf.summary)", warnings: problem.map { [$0] } ?? [])
  }

  /// The load addresses in the header: the file from where load_addr is, to load_end_addr, zeros to bss_end_addr.
  private static func placeByAddresses(
    _ addresses: MultibootHeader.Addresses, _ header: MultibootHeader, _ view: ByteView, _ request: LoadRequest,
    in plan: inout MemoryPlan
  ) throws(LoadingError) -> Kernel {
    let what = "the multiboot header at \(header.offset.hex)"
    guard addresses.load <= addresses.header else {
      throw LoadingError(
        "\(what) loads from \(addresses.load.hex), above its own address \(addresses.header.hex)")
    }
    let before = addresses.header - addresses.load
    guard before <= header.offset else {
      throw LoadingError("\(what) loads from \((before - header.offset).hex) bytes before the start of the file")
    }
    let fileStart = header.offset - before
    // 0 for the end: all of the file.
    let loadEnd = addresses.loadEnd == 0 ? addresses.load + (view.count - fileStart) : addresses.loadEnd
    guard loadEnd > addresses.header else {
      throw LoadingError("\(what) ends the load at \(loadEnd.hex), before the header itself")
    }
    guard let bytes = view.slice(fileStart, loadEnd - addresses.load) else {
      throw LoadingError(
        "\(what) loads \((loadEnd - addresses.load).hex) bytes from \(fileStart.hex) on, and the file ends at "
          + "\(view.count.hex): it is cut short or damaged")
    }
    let end = addresses.bssEnd == 0 ? loadEnd : addresses.bssEnd
    guard end >= loadEnd else {
      throw LoadingError("\(what) ends its bss at \(end.hex), before the end of what it loads (\(loadEnd.hex))")
    }
    let range = addresses.load..<end
    try plan.take([(range, "the multiboot kernel")])
    guard range.contains(UInt64(addresses.entry)) || request.entry != nil else {
      throw LoadingError("\(what) starts at \(addresses.entry.hex), outside what it loads")
    }
    plan.write(bytes, at: addresses.load)
    plan.clear(loadEnd..<end)
    // An ELF file that is loaded this way may still bring symbols.
    let symbols = ELF32.hasMagic(view) ? (try? ELF32(view))?.symbols().table : nil
    return Kernel(
      ranges: [range], entry: try chosenEntry(request, [range]) ?? addresses.entry, symbols: symbols ?? .empty,
      elf: nil, summary: "\(sizeForPeople(UInt64(range.count))) at \(addresses.load.hex)", warnings: [])
  }

  /// Writes everything while the buffers are alive.
  private static func commit(
    _ plan: inout MemoryPlan, blob: [UInt8], at address: UInt64,
    modules: Zip2Sequence<[GuestModule], [Range<UInt64>]>
  ) throws(LoadingError) {
    try plan.commit()
    try commit(blob, at: address, plan)
    for (module, range) in modules { try commit(module.bytes, at: range.lowerBound, plan) }
  }

  private static func commit(_ bytes: [UInt8], at address: UInt64, _ plan: MemoryPlan) throws(LoadingError) {
    guard bytes.withUnsafeBytes({ plan.writeNow($0, at: address) }) else {
      throw LoadingError("there is no RAM at \(address.hex)")
    }
  }
}
