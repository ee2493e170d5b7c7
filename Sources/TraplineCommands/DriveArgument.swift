// A drive on the command line: `disk.img`, `disk.img,if=virtio`, `cd.iso,media=cdrom`, `disk.img,readonly`,
// `dos.img,if=floppy`.

import Devices
import Loading

/// An image and how the guest is to see it.
package struct DriveArgument: Equatable, Sendable {
  package var path: String
  package var interface = Drive.Interface.ide
  package var medium = Drive.Medium.disk
  package var isReadOnly = false

  /// An image that speaks for itself: a CD's file system is a CD, all else is a disk.
  init(image path: String) {
    self.path = path
    let beginning = (try? ImageFile(path: path, beginning: BootableImage.lookedAt).bytes) ?? []
    medium = BootableImage.isCD(beginning) ? .cdrom : .disk
  }

  package init(parsing text: String) throws(QuantityError) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    path = parts[0]
    if path.isEmpty { throw QuantityError(description: "the name of the image is missing: write FILE, as in disk.img,if=virtio") }
    for part in parts.dropFirst() {
      switch part {
      case "if=ide": interface = .ide
      case "if=virtio": interface = .virtio
      case "if=floppy": interface = .floppy
      case "media=disk": medium = .disk
      case "media=cdrom": medium = .cdrom
      case "readonly": isReadOnly = true
      default:
        throw QuantityError(
          description: "a drive has no '\(shown(part))': there are if=ide, if=virtio, if=floppy, media=cdrom and readonly")
      }
    }
  }

  /// Opens the image.
  func open() throws(Refusal) -> Drive {
    do {
      let image = try RawDiskImage(path: path, isReadOnly: isReadOnly || medium == .cdrom)
      return Drive(image: image, interface: interface, medium: medium, isReadOnly: isReadOnly)
    } catch {
      throw Refusal("\(error)")
    }
  }
}
