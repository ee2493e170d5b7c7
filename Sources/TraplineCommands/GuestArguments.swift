// What a guest is made of: the options that every command that runs one understands.

import ArgumentParser
import Devices
import Loading
import Memory
import Trapline

struct GuestArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("The guest's image.", valueName: "guest"))
  var image: String?

  @Option(
    help: ArgumentHelp("The guest is this Linux kernel: a bzImage, or a vmlinux.", valueName: "file"))
  var linux: String?

  @Option(help: ArgumentHelp("The kernel's initial RAM disk.", valueName: "file"))
  var initrd: String?

  @Flag(help: "Let a bzImage unpack itself, instead of unpacking it here.")
  var packed = false

  @Option(
    help: ArgumentHelp("RAM: a multiple of 4K, with K, M or G behind it (default: 64M).", valueName: "size"),
    transform: { try ByteSize(parsing: $0) })
  var memory = ByteSize(bytes: 64 << 20)

  @Option(help: "The image is a flat binary that starts in this mode: real or protected.")
  var mode: EntryMode?

  @Option(
    help: ArgumentHelp(
      "Where a flat binary goes (default: 0x7c00 in real mode, 0x100000 in protected mode).", valueName: "address"),
    transform: { try AddressArgument(parsing: $0) })
  var loadAddress: AddressArgument?

  @Option(
    help: ArgumentHelp("The first instruction, instead of what the image says.", valueName: "address"),
    transform: { try AddressArgument(parsing: $0) })
  var entry: AddressArgument?

  @Flag(help: "The image is a ROM that ends at 4 GiB; the processor starts from reset.")
  var rom = false

  @Option(help: ArgumentHelp("What to append to a multiboot kernel's command line; with --linux, all of it.", valueName: "text"))
  var append = ""

  @Option(
    name: .customLong("module"), parsing: .singleValue,
    help: ArgumentHelp(
      "A module for a multiboot kernel, with arguments behind a space; may be repeated.", valueName: "file"))
  var modules: [String] = []

  @Option(
    name: .customLong("drive"), parsing: .singleValue,
    help: ArgumentHelp(
      "A disk in a raw image file, on IDE; behind it ,if=virtio or ,media=cdrom or ,readonly; may be repeated.",
      valueName: "file"),
    transform: { try DriveArgument(parsing: $0) })
  var drives: [DriveArgument] = []

  enum EntryMode: String, ExpressibleByArgument, CaseIterable { case real, protected }

  /// The guest's file.
  var file: String { linux ?? image ?? "" }

  func validate() throws {
    if image == nil, linux == nil { throw ValidationError("missing expected argument '<guest>'") }
    if let image, linux != nil { throw ValidationError("there are two guests, '\(shown(image))' and --linux: leave one out") }
    if linux == nil {
      if initrd != nil { throw ValidationError("--initrd goes with a kernel: add --linux") }
      if packed { throw ValidationError("--packed goes with a kernel: add --linux") }
    }
    if memory.bytes == 0 || memory.bytes % 4096 != 0 || memory.bytes > GuestPhysicalMemory.largestRAM {
      throw ValidationError(
        "--memory must be a multiple of 4K, at least 4K and at most \(GuestPhysicalMemory.largestRAM >> 20)M")
    }
  }

  /// The drives, with their images open.
  func openDrives() throws(Refusal) -> DriveList {
    var list = DriveList()
    for argument in drives {
      let drive = try argument.open()
      do { try list.add(drive) } catch { throw Refusal("\(error)") }
    }
    return list
  }

  /// The image.
  func bytes() throws(Refusal) -> [UInt8] { try read(file) }

  private func read(_ path: String) throws(Refusal) -> [UInt8] {
    do {
      return try ImageFile(path: path).bytes
    } catch {
      throw Refusal(error.description)
    }
  }

  func loadRequest() throws(Refusal) -> LoadRequest {
    var request = LoadRequest(
      fileName: file, mode: mode.map { $0 == .real ? .real : .protected }, loadAddress: loadAddress?.value,
      entry: entry?.value, append: append, isROM: rom)
    if linux != nil {
      request.linux = LinuxRequest(
        initrd: try initrd.map { path throws(Refusal) in try read(path) }, commandLine: append, unpacks: !packed)
    }
    for module in modules {
      let path = String(module.prefix { $0 != " " })
      request.modules.append(GuestModule(commandLine: module, bytes: try read(path)))
    }
    return request
  }
}
