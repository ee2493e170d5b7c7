// A trace that `trapline diff` records itself: in a file of the temporary folder, because it may be longer than memory, gone
// when nobody compares it any more.

import Platforms
import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// `--between`'s platforms.
struct BetweenArgument: Equatable {
  var platforms: [PlatformKind]

  init(parsing text: String) throws(QuantityError) {
    platforms = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let platform = PlatformKind(rawValue: String(word)) else {
        let names = PlatformKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw QuantityError(description: "there is no platform '\(shown(String(word)))': there are \(names)")
      }
      platforms.append(platform)
    }
    guard platforms.count >= 2 else { throw QuantityError(description: "write two platforms or more, as in workstation,esx") }
  }
}

/// A guest's run on one platform.
final class RecordedRun {
  let name: String
  let path: String
  let summary: RunSummary

  init(_ recording: RecordingArguments, on platform: PlatformKind, _ console: Console) throws {
    name = platform.rawValue
    var template = Array("\(Self.folder)/trapline-trace-XXXXXX.jsonl".utf8CString)
    let descriptor = mkstemps(&template, 6)
    guard descriptor >= 0 else { throw Refusal("can't write a trace in \(Self.folder): \(hostError(errno))") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { _ = close(descriptor) }
    let output = ByteSink(fileDescriptor: descriptor)
    do {
      summary = try recording.record(
        on: console, to: JSONLinesSink(output, guest: recording.guest.file)
      ) { $0.platform = platform }.summary
    } catch {
      _ = unlink(path)
      throw error
    }
    output.flush()
    if let error = output.error {
      _ = unlink(path)
      throw Refusal("can't write a trace in \(Self.folder): \(hostError(error.code))")
    }
  }

  deinit { _ = unlink(path) }

  private static var folder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }
}
