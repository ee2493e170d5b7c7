// Runs one of the host's programs and waits for it: packages are fetched and unpacked by the tools that are made for it.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// A program of the host's with its arguments; found on PATH.
struct HostProgram {
  var name: String
  var arguments: [String]

  init(_ name: String, _ arguments: [String]) {
    self.name = name
    self.arguments = arguments
  }

  /// What it did.
  struct Result {
    /// Its exit status; 127 when there is no such program, 128 and the signal when it was killed.
    var status: Int32
    /// What it wrote to standard output, and to standard error behind it.
    var output: String
  }

  /// Runs it to its end.
  func run() throws(Refusal) -> Result {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else {
      throw Refusal("the host gives no pipe: \(hostError(errno))", status: ExitStatus.inputOutput)
    }
    for descriptor in pipes { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1)
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2)
    var words: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) }
    words.append(nil)
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let problem = posix_spawnp(&process, name, &actions, nil, words, environ)
    close(pipes[1])
    defer { close(pipes[0]) }
    if problem != 0 { return Result(status: 127, output: "\(name): \(hostError(problem))") }

    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(pipes[0], &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      bytes += chunk[..<count]
    }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    return Result(status: code, output: String(decoding: bytes, as: UTF8.self))
  }
}
