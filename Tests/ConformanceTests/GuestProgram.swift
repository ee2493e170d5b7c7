// A guest of TestPrograms with what its own header says of it (TestPrograms/README.md), and a run of it.

import Devices
import Foundation
import ISA
import Loading
import Memory
import Testing
import Trapline

/// What a guest's header or the build says wrongly.
struct GuestProblem: Error, CustomStringConvertible {
  let description: String
}

/// One way of running a guest, and what must come of it.
struct GuestProgram: Sendable, CustomTestStringConvertible {
  enum Kind: String, Sendable {
    case multiboot, flat, rom

    var fileEnding: String {
      switch self {
      case .multiboot: "elf"
      case .flat: "bin"
      case .rom: "rom"
      }
    }
  }

  /// How the output is held against the expectation.
  enum Comparison: Sendable {
    /// The lines and no others; without any line, everything goes.
    case exact
    /// Each is part of a line, in this order.
    case inOrder
  }

  var name: String
  var kind: Kind
  /// The image in the folder of built guests.
  var image: String
  var options: [String] = []
  var append = ""
  /// Command lines of modules; the first word is the file.
  var modules: [String] = []
  var input: [String] = []
  var exitStatus: Int32
  var serial: [String] = []
  var comparison: Comparison

  var testDescription: String { name }
}

extension GuestProgram {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// All guests of one file, the regressions included.
  static let all: [GuestProgram] = sources(["", "regressions"], endings: ["S", "c"]).compactMap { url in
    guard let header = Header(of: url, marks: ["#", "//"]) else { return nil }
    let name = url.deletingPathExtension().lastPathComponent
    guard let kind = Kind(rawValue: header.first("KIND") ?? ""),
      let status = header.first("EXPECT-EXIT").flatMap({ Int32($0) })
    else { preconditionFailure("\(url.path) has no KIND or no EXPECT-EXIT in its header") }
    return GuestProgram(
      name: name, kind: kind, image: "\(name).\(kind.fileEnding)",
      options: (header.first("RUN") ?? "").split(separator: " ").map(String.init), input: header.all("INPUT"),
      exitStatus: status, serial: header.all("EXPECT-SERIAL"), comparison: .exact)
  }

  /// The runs of pocket, one for each file of its folder `expect`.
  static let pocket: [GuestProgram] = sources(["pocket/expect"], endings: ["txt"]).compactMap { url in
    guard let header = Header(of: url, marks: [""]) else { return nil }
    guard let status = header.first("EXPECT-EXIT").flatMap({ Int32($0) }) else {
      preconditionFailure("\(url.path) has no EXPECT-EXIT")
    }
    return GuestProgram(
      name: "pocket " + url.deletingPathExtension().lastPathComponent, kind: .multiboot,
      image: header.first("KERNEL") ?? "", append: header.first("APPEND") ?? "", modules: header.all("MODULE"),
      input: header.all("INPUT"), exitStatus: status, serial: header.all("EXPECT-SERIAL"), comparison: .inOrder)
  }

  static func named(_ name: String) -> GuestProgram? { (all + pocket).first { $0.name == name } }

  private static func sources(_ folders: [String], endings: [String]) -> [URL] {
    let programs = root.appendingPathComponent("TestPrograms")
    return folders.flatMap { name -> [URL] in
      let folder = name.isEmpty ? programs : programs.appendingPathComponent(name)
      let files = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
      return files.filter { endings.contains($0.pathExtension) }.sorted { $0.path < $1.path }
    }
  }

  /// The lines `KEY: value` at the beginning of a file.
  private struct Header {
    private var lines: [(key: String, value: String)] = []

    /// - Parameter marks: what such a line begins with; the first line without one ends the header.
    init?(of url: URL, marks: [String]) {
      guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
      for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        guard let mark = marks.first(where: { line.hasPrefix($0) }) else { break }
        let body = line.dropFirst(mark.count).drop { $0 == " " }
        guard let colon = body.firstIndex(of: ":") else { continue }
        let key = body[..<colon]
        guard key.allSatisfy({ $0.isUppercase || $0 == "-" }) else { continue }
        let value = body[body.index(after: colon)...]
        lines.append((String(key), String(value.hasPrefix(" ") ? value.dropFirst() : value)))
      }
      if lines.isEmpty { return nil }
    }

    func all(_ key: String) -> [String] { lines.filter { $0.key == key }.map(\.value) }
    func first(_ key: String) -> String? { all(key).first }
  }
}

/// The built guests: made once in a test process, by the tool that people use.
enum BuiltGuests {
  static let folder: Result<URL, GuestProblem> = {
    let output = GuestProgram.root.appendingPathComponent(".build/guests")
    let process = Process()
    process.executableURL = GuestProgram.root.appendingPathComponent("Tools/build-guests")
    process.arguments = ["--output", output.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch { return .failure(GuestProblem(description: "Tools/build-guests: \(error)")) }
    let said = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      return .failure(GuestProblem(description: String(decoding: said, as: UTF8.self)))
    }
    return .success(output)
  }()

  static func bytes(_ name: String) throws -> [UInt8] {
    try ImageFile(path: folder.get().appendingPathComponent(name).path).bytes
  }
}
