// The host's files and its words for an errno, as far as a command's sentences need them.

import Loading

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

func hostError(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }

/// A file that was named on the command line, read whole.
func contents(of path: String) throws(Refusal) -> [UInt8] {
  do { return try ImageFile(path: path).bytes } catch { throw Refusal(error.description) }
}

/// What a path calls the file itself; empty for the root.
func lastName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? "" }
