// What the vmkernel schedules and accounts to: its word for a process.

/// A virtual machine's processor, a helper of the vmkernel, or the time that nobody wants.
public final class World {
  public enum Kind: Sendable, Equatable {
    /// A virtual processor of a virtual machine.
    case machine
    /// Work of the vmkernel itself.
    case helper
    case idle
  }

  /// In the vmkernel's events; counted from 0, in order of creation.
  public let identifier: UInt32
  public let name: String
  public let kind: Kind
  /// Its weight where several worlds want the storage adapter; at least 1, at most `World.mostShares`.
  public var diskShares: Int

  public static let mostShares = 1_000_000
  /// What a world has that nobody has given others.
  public static let normalShares = 1000

  init(identifier: UInt32, name: String, kind: Kind, diskShares: Int) {
    self.identifier = identifier
    self.name = name
    self.kind = kind
    self.diskShares = diskShares
  }

  /// Shares as a scheduler divides by them.
  static func weight(_ shares: Int) -> UInt64 { UInt64(min(max(shares, 1), mostShares)) }
}
