// Decides what a file is and has it loaded: what the user demands comes first, then a multiboot header, then ELF. A
// file that is none of these could be anything, so it is refused with advice.

import Memory

/// Puts guests into memory.
public enum GuestLoader {
  /// Loads `bytes`. Memory outside the guest's RAM is never written, and a refused file leaves it as it was.
  /// - Parameter bytes: an image of any kind; nothing in it is trusted.
  public static func load(
    _ bytes: UnsafeRawBufferPointer, _ request: LoadRequest = LoadRequest(), into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    guard bytes.count > 0 else { throw LoadingError("the image file is empty") }
    guard UInt64(bytes.count) <= ImageFile.largest else {
      throw LoadingError("the image file has more than \(sizeForPeople(ImageFile.largest))")
    }
    let view = ByteView(bytes: bytes)
    if let linux = request.linux {
      if request.mode != nil || request.loadAddress != nil || request.entry != nil || request.isROM {
        throw LoadingError(
          "a Linux kernel says itself where it goes: leave out --mode, --load-address, --entry and --rom")
      }
      try refuseModules(request, "a Linux kernel, whose files are in its initrd")
      return try loadLinux(view, linux, into: memory)
    }
    if request.isROM {
      if request.mode != nil || request.loadAddress != nil || request.entry != nil {
        throw LoadingError("a ROM starts from the reset vector: leave out --mode, --load-address and --entry")
      }
      try refuseModules(request, "a ROM")
      return try loadROM(bytes, into: memory)
    }
    if request.mode != nil || request.loadAddress != nil {
      guard let mode = request.mode else {
        throw LoadingError("--load-address makes the file a flat binary: say --mode real or --mode protected, too")
      }
      try refuseModules(request, "a flat binary")
      return try loadFlat(bytes, mode: mode, request, into: memory)
    }
    var warnings: [String] = []
    switch try MultibootHeader.search(view) {
    case .found(let header): return try loadMultiboot(view, header, request, into: memory)
    case .badChecksum(let offset):
      let problem = "the multiboot header at \(offset.hex) has a wrong checksum"
      guard ELF32.hasMagic(view) else {
        throw LoadingError("\(problem): magic number, flags and checksum must add up to 0")
      }
      warnings.append("\(problem), so the file is loaded as plain ELF")
    case .none: break
    }
    if ELF32.hasMagic(view) {
      try refuseModules(request, "a plain ELF file")
      return try loadELF(view, request, warnings, into: memory)
    }
    throw unrecognized(view)
  }

  /// Loads a file that was read with `ImageFile`.
  public static func load(
    _ bytes: [UInt8], _ request: LoadRequest = LoadRequest(), into memory: GuestPhysicalMemory
  ) throws(LoadingError) -> GuestImage {
    // Through Result: withUnsafeBytes hands typed errors on only as far as the compiler can infer them.
    let result: Result<GuestImage, LoadingError> = bytes.withUnsafeBytes { buffer in
      do throws(LoadingError) {
        return .success(try load(buffer, request, into: memory))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private static func refuseModules(_ request: LoadRequest, _ what: String) throws(LoadingError) {
    if !request.modules.isEmpty {
      throw LoadingError("only multiboot kernels take modules, and the image is \(what)")
    }
  }

  /// Says what the file looks like, and what it would need.
  static func unrecognized(_ view: ByteView) -> LoadingError {
    let advice = "; a flat binary needs --mode real or --mode protected"
    if view.u32(0x202) == 0x5372_6448 {
      return LoadingError("the image is a Linux kernel (bzImage): start it with --linux")
    }
    if view.u16(510) == 0xaa55 {
      return LoadingError("the image looks like a boot sector: start it with --mode real --load-address 0x7c00")
    }
    var offset: UInt64 = 0
    while offset + 16 <= min(32768, view.count) {
      if view.u32(offset) == 0xe852_50d6 {
        return LoadingError("the image has a multiboot 2 header and no other: give the kernel a multiboot 1 header")
      }
      offset += 8
    }
    let start = view.bytes.prefix(512)
    for (magic, name, what) in foreignMagics where start.starts(with: magic) {
      return LoadingError("the image is \(name), which can't be started: \(what)")
    }
    if start.allSatisfy({ (0x20..<0x7f).contains($0) || (0x09...0x0d).contains($0) || $0 >= 0x80 }) {
      return LoadingError("the image looks like a text file, not a multiboot kernel or an ELF executable\(advice)")
    }
    return LoadingError("the image is neither a multiboot kernel nor an ELF executable\(advice)")
  }

  private static let foreignMagics: [(magic: [UInt8], name: String, advice: String)] = [
    ([0x1f, 0x8b], "compressed with gzip", "unpack it first"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "compressed with xz", "unpack it first"),
    ([0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", "unpack it first"),
    ([0x42, 0x5a, 0x68], "compressed with bzip2", "unpack it first"),
    ([0x4d, 0x5a], "a DOS or Windows program", "guests are multiboot kernels, ELF executables or flat binaries"),
    ([0xcf, 0xfa, 0xed, 0xfe], "a Mach-O program", "build the guest as 32-bit ELF (-target i386-elf)"),
    ([0xca, 0xfe, 0xba, 0xbe], "a Mach-O or Java program", "build the guest as 32-bit ELF (-target i386-elf)"),
    (Array("!<arch>\n".utf8), "a library of object files", "link it into an executable first"),
    (Array("QFI".utf8) + [0xfb], "a disk image (qcow2)", "give a kernel here and the disk separately"),
  ]
}
