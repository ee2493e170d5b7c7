// The program itself, as a process: what has to do with other processes can't be tested inside this one.

import Foundation

/// Runs the `trapline` that was built with the tests.
enum TraplineProcess {
  struct Missing: Error, CustomStringConvertible { let description: String }

  static let executable: Result<String, Missing> = {
    // The products stand beside the tests' bundle, one of whose names is on this process's command line or in its maps.
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    var folders = CommandLine.arguments.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }
    folders.append(Bundle.main.bundlePath)
    folders += ["testing/release", "without/release", "release", "debug"].map { root + "/.build/" + $0 }
    let found = folders.map { $0 + "/trapline" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    return found.map { .success($0) } ?? .failure(Missing(description: "no trapline beside the tests: build the product first"))
  }()

  /// - Parameter wrapper: a command that runs it, with its own arguments.
  static func run(
    _ arguments: [String], wrapper: [String] = [], input: String = "", while body: (Process) -> Void = { _ in }
  ) throws -> CommandResult {
    let words = wrapper + [try executable.get()] + arguments
    let process = Process()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    let (output, errors, feed) = (Pipe(), Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = feed
    try process.run()
    feed.fileHandleForWriting.write(Data(input.utf8))
    feed.fileHandleForWriting.closeFile()
    body(process)
    // Nobody here writes more to the errors than a pipe holds.
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return CommandResult(
      status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: complaint, as: UTF8.self))
  }

  /// Whether strace is installed, and this host lets it trace.
  static let canTrace: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/strace")
    process.arguments = ["-o", "/dev/null", "/bin/true"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()
}
