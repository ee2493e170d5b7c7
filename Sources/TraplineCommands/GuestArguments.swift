// What a guest is made of: the options that every command that runs one understands.

import ArgumentParser
import Loading
import Memory
import Trapline

package struct GuestArguments: ParsableArguments {
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
  package var memory = ByteSize(bytes: 64 << 20)

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

  @Option(
    help: ArgumentHelp(
      "What to append to a multiboot kernel's command line; with --linux, all of it.", valueName: "text"))
  var append = ""

  @Option(
    name: .customLong("module"), parsing: .singleValue,
    help: ArgumentHelp(
      "A module for a multiboot kernel, with arguments behind a space; may be repeated.", valueName: "file"))
  var modules: [String] = []

  package enum EntryMode: String, ExpressibleByArgument, CaseIterable { case real, protected }

  package init() {}

  /// The guest's file.
  package var file: String { linux ?? image ?? "" }

  package func validate() throws {
    if let image, linux != nil {
      throw ValidationError("there are two guests, '\(shown(image))' and --linux: leave one out")
    }
    if linux == nil {
      if initrd != nil { throw ValidationError("--initrd goes with a kernel: add --linux") }
      if packed { throw ValidationError("--packed goes with a kernel: add --linux") }
    }
    if memory.bytes == 0 || memory.bytes % 4096 != 0 || memory.bytes > GuestPhysicalMemory.largestRAM {
      throw ValidationError(
        "--memory must be a multiple of 4K, at least 4K and at most \(GuestPhysicalMemory.largestRAM >> 20)M")
    }
  }

  /// Says that there must be a guest; for commands that have no other place to start one from.
  package func requireGuest() throws {
    if image == nil, linux == nil { throw ValidationError("missing expected argument '<guest>'") }
  }

  /// The image.
  package func bytes() throws(Refusal) -> [UInt8] { try contents(of: file) }

  /// Whether firmware is to start the image: it is a disk or a CD, and nothing that we start ourselves.
  func looksBootable() throws(Refusal) -> Bool {
    guard linux == nil, mode == nil, loadAddress == nil, !rom, modules.isEmpty, let image else { return false }
    do {
      return BootableImage.isBootable(try ImageFile(path: image, beginning: BootableImage.lookedAt).bytes)
    } catch {
      throw Refusal(error.description)
    }
  }

  package func loadRequest() throws(Refusal) -> LoadRequest {
    var request = LoadRequest(
      fileName: file, mode: mode.map { $0 == .real ? .real : .protected }, loadAddress: loadAddress?.value,
      entry: entry?.value, append: append, isROM: rom)
    if linux != nil {
      request.linux = LinuxRequest(
        initrd: try initrd.map { path throws(Refusal) in try contents(of: path) }, commandLine: append, unpacks: !packed
      )
    }
    for module in modules {
      let path = String(module.prefix { $0 != " " })
      request.modules.append(GuestModule(commandLine: module, bytes: try contents(of: path)))
    }
    return request
  }
}
