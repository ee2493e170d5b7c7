// What a guest is made of: the options that every command that runs one understands.

import ArgumentParser
import Loading
import Memory
import Trapline

struct GuestArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("The guest's image.", valueName: "guest"))
  var file: String

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

  @Option(help: ArgumentHelp("What to append to a multiboot kernel's command line.", valueName: "text"))
  var append = ""

  @Option(
    name: .customLong("module"), parsing: .singleValue,
    help: ArgumentHelp(
      "A module for a multiboot kernel, with arguments behind a space; may be repeated.", valueName: "file"))
  var modules: [String] = []

  enum EntryMode: String, ExpressibleByArgument, CaseIterable { case real, protected }

  func validate() throws {
    if memory.bytes == 0 || memory.bytes % 4096 != 0 || memory.bytes > GuestPhysicalMemory.largestRAM {
      throw ValidationError(
        "--memory must be a multiple of 4K, at least 4K and at most \(GuestPhysicalMemory.largestRAM >> 20)M")
    }
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
    for module in modules {
      let path = String(module.prefix { $0 != " " })
      request.modules.append(GuestModule(commandLine: module, bytes: try read(path)))
    }
    return request
  }
}
