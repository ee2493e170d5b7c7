// The host's words for an errno, as part of a sentence.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

func hostError(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }
