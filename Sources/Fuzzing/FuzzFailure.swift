// What a case can find, as an error.

/// A broken promise.
package struct FuzzFailure: Error, CustomStringConvertible, Sendable {
  package enum Kind: String, Sendable {
    /// The retired count went back, or past its target.
    case count
    /// A state that no guest can bring about.
    case invariant
    /// Memory that isn't the guest's was written.
    case containment
    /// The same case ended differently when it was cut differently.
    case determinism
    /// A case took absurdly long.
    case time
  }
  package var kind: Kind
  package var detail: String

  init(_ kind: Kind, _ detail: String) {
    self.kind = kind
    self.detail = detail
  }

  package var description: String { "\(kind.rawValue): \(detail)" }
}
