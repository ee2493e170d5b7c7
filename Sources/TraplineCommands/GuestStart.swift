// What the processor begins with: the guest's own image, or firmware that starts it from a disk. The commands that run
// guests share this.

import Loading
import Trapline

/// A guest, ready to be loaded into a machine.
struct GuestStart {
  var file: String
  var bytes: [UInt8]
  var request: LoadRequest
  /// A disk image that the user gave as the guest.
  var drive: String?
  var videoROM: [UInt8]?
  var isFirmware = false

  init(_ guest: GuestArguments, _ board: BoardArguments) throws(Refusal) {
    let hasImage = guest.image != nil || guest.linux != nil
    // (Not joined by ||, which would lose the type of what is thrown.)
    let isBootable = try guest.looksBootable()
    if board.bios == nil, hasImage, !isBootable {
      (file, bytes, request) = (guest.file, try guest.bytes(), try guest.loadRequest())
      return
    }
    file = try board.firmware(toStart: guest.image.map { "the disk image \(shown($0))" } ?? "a disk")
    bytes = try contents(of: file)
    request = LoadRequest(fileName: file, isROM: true)
    drive = guest.image
    videoROM = try board.videoROM(for: file)
    isFirmware = true
  }

  /// Makes a machine and puts the guest into it.
  func makeMachine(_ configuration: MachineConfiguration) throws(Refusal) -> (VirtualMachine, GuestImage) {
    let machine: VirtualMachine
    do { machine = try VirtualMachine(configuration) } catch { throw Refusal(error.description) }
    do { try machine.load(bytes, request) } catch { throw Refusal("\(shown(file)): \(error.description)") }
    guard let image = machine.image else { throw Refusal("\(shown(file)): nothing was loaded", status: ExitStatus.bug) }
    return (machine, image)
  }
}
