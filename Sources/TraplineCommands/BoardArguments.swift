// What the guest's PC has in it beside memory: drives, firmware, interrupt controllers.

import ArgumentParser
import Devices
import Loading
import Trapline

struct BoardArguments: ParsableArguments {
  @Option(
    name: .customLong("drive"), parsing: .singleValue,
    help: ArgumentHelp(
      "A disk in a raw image file, on IDE; behind it ,if=virtio or ,if=floppy or ,media=cdrom, and ,readonly or ,chs=C/H/S; may be repeated.",
      valueName: "file"),
    transform: { try DriveArgument(parsing: $0) })
  var drives: [DriveArgument] = []

  @Option(
    help: ArgumentHelp(
      "Start from this firmware; GUEST is then the first drive (default for boot disks: Debian's SeaBIOS).",
      valueName: "file"))
  var bios: String?

  @Option(
    help: ArgumentHelp("The display's option ROM (default: vgabios-isavga.bin beside the firmware).", valueName: "file")
  )
  var videoBios: String?

  @Option(help: "What firmware boots from first: disk, cd or floppy (default: what the first drive is).")
  var boot: BootMedium?

  @Option(
    help: ArgumentHelp(
      "A network adapter: pcnet, with ,net=loop (a peer that echoes), ,net=FILE.pcap or ,net=unix:PATH[,peer=PATH] (datagrams), ,mac=ADDRESS.",
      valueName: "adapter"),
    transform: { try NetworkArgument(parsing: $0) })
  var nic: NetworkArgument?

  @Flag(help: "Leave out the local and the I/O APIC.")
  var noApic = false

  enum BootMedium: String, ExpressibleByArgument, CaseIterable { case disk, cd, floppy }

  /// Where Debian's seabios package puts firmware.
  private static let usualFirmware = ["/usr/share/seabios/bios-256k.bin", "/usr/share/seabios/bios.bin"]
  private static let usualVideoBIOS = "vgabios-isavga.bin"

  /// The drives, with their images open.
  /// - Parameter first: an image that comes before them.
  func openDrives(first: String? = nil) throws(Refusal) -> DriveList {
    var list = DriveList()
    for argument in first.map({ [DriveArgument(image: $0)] + drives }) ?? drives { try list.take(argument) }
    return list
  }

  func configure(_ configuration: inout MachineConfiguration, _ drives: DriveList) throws(Refusal) {
    configuration.network = try nic?.open()
    configuration.drives = drives
    configuration.hasAPIC = !noApic
    configuration.bootMedium =
      switch boot {
      case .disk: .disk
      case .cd: .cdrom
      case .floppy: .floppy
      case nil: drives.drives.first?.medium ?? .disk
      }
  }

  /// The firmware's file: as given, or Debian's.
  func firmware(toStart what: String) throws(Refusal) -> String {
    if let bios { return bios }
    for path in Self.usualFirmware where (try? ImageFile(path: path, beginning: 1)) != nil { return path }
    throw Refusal(
      "\(what) needs firmware: install Debian's seabios, or name some with --bios; "
        + "a boot sector alone also starts with --mode real")
  }

  /// The display's ROM; nil when the firmware has none beside it.
  func videoROM(for firmware: String) throws(Refusal) -> [UInt8]? {
    let folder = firmware.lastIndex(of: "/").map { String(firmware[...$0]) } ?? ""
    guard let videoBios else { return try? ImageFile(path: folder + Self.usualVideoBIOS).bytes }
    return try contents(of: videoBios)
  }
}
