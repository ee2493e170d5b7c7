// What the user asked for, as far as loading goes.

/// A file that a multiboot kernel gets beside itself.
public struct GuestModule: Sendable {
  /// What the kernel sees as the module's string: by custom the file's name, a space and arguments.
  public var commandLine: String
  public var bytes: [UInt8]

  public init(commandLine: String, bytes: [UInt8]) {
    self.commandLine = commandLine
    self.bytes = bytes
  }
}

/// How an image is to be loaded. By default the file itself decides.
public struct LoadRequest: Sendable {
  /// The file's name as the user gave it: the first word of a multiboot kernel's command line.
  public var fileName: String
  /// Real or protected: makes the file a flat binary.
  public var mode: EntryState.Mode?
  /// Where a flat binary goes; 0x7c00 in real mode and 1 MiB in protected mode unless it is given.
  public var loadAddress: UInt64?
  /// The first instruction, instead of what the file says; a physical address.
  public var entry: UInt64?
  /// What is appended to the kernel's name on its command line.
  public var append: String
  public var modules: [GuestModule]
  /// The file is a ROM that ends at 4 GiB, and the processor starts from reset.
  public var isROM: Bool
  /// The file is a Linux kernel, started by its own protocol with this.
  public var linux: LinuxRequest?

  public init(
    fileName: String = "", mode: EntryState.Mode? = nil, loadAddress: UInt64? = nil, entry: UInt64? = nil,
    append: String = "", modules: [GuestModule] = [], isROM: Bool = false
  ) {
    self.fileName = fileName
    self.mode = mode
    self.loadAddress = loadAddress
    self.entry = entry
    self.append = append
    self.modules = modules
    self.isROM = isROM
  }
}
