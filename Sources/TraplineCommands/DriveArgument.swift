// A drive on the command line: `disk.img`, `disk.img,if=virtio`, `dos.img,if=floppy`, `cd.iso,media=cdrom`,
// `disk.img,readonly`, `disk.img,chs=1024/16/63`.

import Devices
import Loading

/// An image and how the guest is to see it.
package struct DriveArgument: Equatable, Sendable {
  package var path: String
  package var interface = Drive.Interface.ide
  package var medium = Drive.Medium.disk
  package var isReadOnly = false
  package var geometry: DiskGeometry?
  /// The image's size may make it a floppy.
  private var speaksForItself = false

  /// An image that speaks for itself: a CD's file system is a CD, what has a diskette's size is one, all else is a disk.
  init(image path: String) {
    self.path = path
    speaksForItself = true
    let beginning = (try? ImageFile(path: path, beginning: BootableImage.lookedAt).bytes) ?? []
    medium = BootableImage.isCD(beginning) ? .cdrom : .disk
  }

  package init(parsing text: String) throws(QuantityError) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    path = parts[0]
    if path.isEmpty {
      throw QuantityError(description: "the name of the image is missing: write FILE, as in disk.img,if=virtio")
    }
    for part in parts.dropFirst() {
      switch part {
      case "if=ide": interface = .ide
      case "if=virtio": interface = .virtio
      case "if=floppy": interface = .floppy
      case "media=disk": medium = .disk
      case "media=cdrom": medium = .cdrom
      case "readonly": isReadOnly = true
      case _ where part.hasPrefix("chs="): geometry = try Self.geometry(part.dropFirst(4))
      default:
        throw QuantityError(
          description:
            "a drive has no '\(shown(part))': there are if=ide, if=virtio, if=floppy, media=cdrom, readonly and chs=C/H/S"
        )
      }
    }
  }

  private static func geometry(_ text: Substring) throws(QuantityError) -> DiskGeometry {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 3, let cylinders = numbers[0], let heads = numbers[1], let sectors = numbers[2] else {
      throw QuantityError(description: "chs= takes cylinders, heads and sectors, as in chs=1024/16/63")
    }
    return DiskGeometry(cylinders: cylinders, heads: heads, sectors: sectors)
  }

  /// Opens the image.
  func open() throws(Refusal) -> Drive {
    do {
      let image = try RawDiskImage(path: path, isReadOnly: isReadOnly || medium == .cdrom)
      let isFloppy = speaksForItself && medium == .disk && Drive.isFloppy(sectorCount: image.sectorCount)
      return Drive(
        image: image, interface: isFloppy ? .floppy : interface, medium: medium, isReadOnly: isReadOnly,
        geometry: geometry)
    } catch {
      throw Refusal("\(error)")
    }
  }
}

extension DriveList {
  /// Opens a drive's image and adds it.
  mutating func take(_ argument: DriveArgument) throws(Refusal) {
    let drive = try argument.open()
    do { try add(drive) } catch { throw Refusal("\(error)") }
  }
}
