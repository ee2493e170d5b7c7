// Starting the VMX process, and noticing its end. It is this program again, by another subcommand, so that the two halves
// are always of one build; it is given the guest's memory, the files of the back ends, and nothing else.

import Devices
import Memory

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A running VMX process.
final class VMXProcess {
  let identifier: pid_t
  let doorbell: Doorbell
  private var hasEnded = false

  /// The subcommand that `trapline` becomes a VMX process by.
  static let subcommand = "vmx"

  /// - Parameters:
  ///   - executable: `trapline` itself.
  ///   - descriptors: what the process gets: here, there.
  init(executable: String, descriptors: [(here: Int32, there: Int32)]) throws(PlatformError) {
    guard let (mine, theirs) = Doorbell.pair() else {
      throw PlatformError("can't start the VMX process: \(hostError(errno))")
    }
    doorbell = mine
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // Moved out of the way first: a descriptor's place there may be another one's here.
    var copies: [Int32] = []
    for (here, there) in [(theirs.descriptor, VMXDescriptor.doorbell)] + descriptors {
      let copy = fcntl(here, F_DUPFD_CLOEXEC, 100)
      guard copy >= 0 else {
        let reason = hostError(errno)
        for copy in copies { _ = close(copy) }
        throw PlatformError("can't start the VMX process: \(reason)")
      }
      copies.append(copy)
      posix_spawn_file_actions_adddup2(&actions, copy, there)
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("trapline"), strdup(Self.subcommand), nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    let error = posix_spawn(&child, executable, &actions, nil, &arguments, environ)
    for copy in copies { _ = close(copy) }
    theirs.close()
    guard error == 0 else {
      mine.close()
      throw PlatformError("can't start the VMX process (\(executable)): \(hostError(error))")
    }
    identifier = child
  }

  deinit {
    doorbell.close()
    if !hasEnded { _ = waitForEnd() }
  }

  /// Waits until the process is gone.
  /// - Returns: how it ended.
  func waitForEnd() -> String {
    hasEnded = true
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7f
    return signal == 0 ? "exit status \(status >> 8 & 0xff)" : "signal \(signal)"
  }
}

/// The host's word for an error number.
func hostError(_ number: Int32) -> String { String(cString: strerror(number)).lowercased() }
