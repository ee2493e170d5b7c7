// How a command says no: one sentence and an exit status.

/// Something that the user can put right, or a host that can't.
package struct Refusal: Error, CustomStringConvertible {
  /// What was wrong, where, and what to do: one sentence, in small letters, without a full stop.
  package let description: String
  let status: Int32

  init(_ description: String, status: Int32 = ExitStatus.usage) {
    self.description = description
    self.status = status
  }
}

/// Exit statuses that aren't a guest's (`RunOutcome.exitStatus` has those).
enum ExitStatus {
  static let success: Int32 = 0
  static let usage: Int32 = 2
  static let inputOutput: Int32 = 8
  /// EX_SOFTWARE: a bug of ours.
  static let bug: Int32 = 70
}
