// Starts Linux by its 32-bit boot protocol (Documentation/arch/x86/boot.rst): the kernel where it wants to be, the initrd
// as high as it may be, boot_params and command line in low memory, flat segments behind a GDT.

import Memory

/// A Linux kernel and what it is started with.
public struct LinuxRequest: Sendable {
  /// An initial RAM disk; nil for none.
  public var initrd: [UInt8]?
  public var commandLine: String
  /// Unpack a bzImage here instead of letting the guest do it: some hundred times less work for an interpreter.
  public var unpacks: Bool

  public init(initrd: [UInt8]? = nil, commandLine: String = "", unpacks: Bool = true) {
    self.initrd = initrd
    self.commandLine = commandLine
    self.unpacks = unpacks
  }
}

extension GuestLoader {
  /// Loads a bzImage or a vmlinux.
  static func loadLinux(
    _ view: ByteView, _ request: LinuxRequest, into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    guard LinuxSetupHeader.isPresent(in: view) else {
      guard ELF32.hasMagic(view) else {
        throw LoadingError("the file is no Linux kernel: neither a bzImage nor an ELF vmlinux")
      }
      return try loadVmlinux(view, header: nil, request, what: "Linux vmlinux", into: memory)
    }
    let header = try LinuxSetupHeader(view)
    if request.unpacks, let payload = header.payload,
      let packed = view.slice(header.kernelOffset + payload.lowerBound, UInt64(payload.count)),
      let format = PackedPayload.Format(packed)
    {
      let unpacked = try PackedPayload.unpack(packed, format)
      return try unpacked.withLoadingErrors { buffer throws(LoadingError) in
        try loadVmlinux(
          ByteView(bytes: buffer), header: header, request,
          what: "Linux bzImage (\(format.rawValue), unpacked by Trapline)", into: memory)
      }
    }
    return try loadPacked(view, header, request, into: memory)
  }

  /// The kernel as it is: it unpacks itself.
  private static func loadPacked(
    _ view: ByteView, _ header: LinuxSetupHeader, _ request: LinuxRequest, into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    var plan = MemoryPlan(memory: memory)
    let size = view.count - header.kernelOffset
    let start = header.isRelocatable ? max(header.preferredAddress, 0x10_0000) : 0x10_0000
    let needed = max(size, header.initSize)
    try plan.take([(start..<start + needed, "the kernel, while it unpacks itself,")])
    if let kernel = view.slice(header.kernelOffset, size) { plan.write(kernel, at: start) }
    return try start32(
      UInt32(truncatingIfNeeded: start), header: header, request, kernels: [start..<start + size], plan: &plan,
      description: "Linux bzImage, \(sizeForPeople(size)) at \(start.hex), unpacks itself", symbols: .empty,
      memory: memory)
  }

  /// An unpacked kernel: its ELF says where it belongs.
  private static func loadVmlinux(
    _ view: ByteView, header: LinuxSetupHeader?, _ request: LinuxRequest, what: String, into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    let elf = try ELF32(view)
    var plan = MemoryPlan(memory: memory)
    try place(elf, in: &plan)
    // (Its entry point is a physical address already.)
    let entry = try elf.physicalEntry()
    let (symbols, _) = elf.symbols()
    return try start32(
      entry, header: header, request, kernels: elf.segments.map(\.physicalRange), plan: &plan,
      description: "\(what), \(elf.summary), entry \(entry.hex)\(symbolCount(symbols))", symbols: symbols,
      memory: memory)
  }

  /// boot_params, command line, GDT and initrd around a kernel that is planned already.
  private static func start32(
    _ entry: UInt32, header: LinuxSetupHeader?, _ request: LinuxRequest, kernels: [Range<UInt64>],
    plan: inout MemoryPlan, description: String, symbols: SymbolTable, memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    var parameters = BootParameters(header: header?.raw)
    parameters.setMemoryMap(E820Entry.map(ramSize: memory.ramSize))
    var segments = kernels.map { PlacedSegment(purpose: .image, range: $0) }

    let longest = header.map { min($0.longestCommandLine == 0 ? 255 : $0.longestCommandLine, 65_535) } ?? 2047
    let line = Array(request.commandLine.utf8)
    guard UInt64(line.count) <= longest else {
      throw LoadingError("the command line has \(line.count) bytes, and the kernel takes \(longest)")
    }
    if line.contains(0) { throw LoadingError("the command line can't hold a NUL character") }
    // Low memory, clear of the first pages, which the kernel keeps for the BIOS.
    let low: Range<UInt64> = 0x1_0000..<0x9_f000
    guard let zeroPage = plan.place(4096, alignment: 4096, in: low),
      let lineRange = plan.place(UInt64(line.count) + 1, alignment: 16, in: low),
      let table = plan.place(32, alignment: 16, in: low)
    else { throw LoadingError("there is no room in low memory for what the kernel is told: give more --memory") }

    if let initrd = request.initrd {
      guard !initrd.isEmpty else {
        throw LoadingError("the initrd is empty: leave --initrd out, or give one with something in it")
      }
      let highest = header.map { $0.highestInitrd == 0 ? 0x37ff_ffff : $0.highestInitrd } ?? 0x37ff_ffff
      let top = min(memory.ramSize, highest + 1)
      guard let range = plan.placeHigh(UInt64(initrd.count), alignment: 4096, below: top) else {
        throw LoadingError(
          "the initrd of \(sizeForPeople(UInt64(initrd.count))) doesn't fit beside the kernel in "
            + "\(sizeForPeople(memory.ramSize)) of RAM: give more --memory")
      }
      parameters.setInitrd(range)
      segments.append(PlacedSegment(purpose: .module, range: range))
    }
    parameters.setCommandLine(at: lineRange.lowerBound)
    segments.append(PlacedSegment(purpose: .bootInformation, range: zeroPage))
    try plan.commit()

    var written =
      put(parameters.bytes, at: zeroPage.lowerBound, memory) && put(line + [0], at: lineRange.lowerBound, memory)
    // __BOOT_CS is 0x10 and __BOOT_DS 0x18: flat 4 GiB.
    let descriptors: [UInt64] = [0, 0, 0x00cf_9b00_0000_ffff, 0x00cf_9300_0000_ffff]
    written =
      written
      && put(
        descriptors.flatMap { entry in (0..<8).map { UInt8(truncatingIfNeeded: entry >> UInt64($0 * 8)) } },
        at: table.lowerBound, memory)
    if let initrd = request.initrd, let range = segments.first(where: { $0.purpose == .module })?.range {
      written = written && put(initrd, at: range.lowerBound, memory)
    }
    guard written else { throw LoadingError("there is no RAM where the kernel's parameters go") }

    var start = EntryState(
      mode: .protected, codeSelector: 0x10, codeBase: 0, dataSelector: 0x18, instructionPointer: entry)
    start.esi = UInt32(truncatingIfNeeded: zeroPage.lowerBound)
    start.descriptorTable = (UInt32(truncatingIfNeeded: table.lowerBound), 31)
    return GuestImage(
      format: .linux, entry: start, segments: segments.sorted { $0.range.lowerBound < $1.range.lowerBound },
      symbols: symbols, description: description)
  }

  private static func put(_ bytes: [UInt8], at address: UInt64, _ memory: GuestPhysicalMemory) -> Bool {
    bytes.withUnsafeBytes { memory.load($0, at: GuestPhysicalAddress(address)) }
  }
}

extension Array where Element == UInt8 {
  /// `withUnsafeBytes` for a body with typed errors.
  fileprivate func withLoadingErrors<T>(
    _ body: (UnsafeRawBufferPointer) throws(LoadingError) -> T
  ) throws(LoadingError) -> T {
    let result: Result<T, LoadingError> = withUnsafeBytes { buffer in
      do throws(LoadingError) {
        return .success(try body(buffer))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
