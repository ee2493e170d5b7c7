// What the storage controller and its driver write for each other into machine memory. The shape is NVMe's, cut down
// (NVM Express base specification 1.4, sections 4.1 to 4.6): a ring of commands, a ring of completions with a phase.

import Memory

/// A command, 32 bytes in the command ring.
///
///      7   6   5   4   3   2   1   0   byte
///     +---------------+-------+---+---+
///     |    sectors    |target | 0 |op |   0
///     +---------------+-------+---+---+
///     |         first sector          |   8
///     +-------------------------------+
///     |     buffer: machine address   |  16
///     +---------------+---------------+
///     |       0       |      tag      |  24
///     +---------------+---------------+
struct StorageCommand: Equatable {
  /// None is 0: memory that nobody wrote to is no command.
  enum Operation: UInt8 {
    case read = 1
    case write, flush
  }

  var operation: UInt8
  var target: UInt16
  var sectors: UInt32
  var sector: UInt64
  var buffer: MachineAddress
  /// The controller gives it back with the completion.
  var tag: UInt32

  static let size = 32

  init(_ operation: Operation, target: UInt16, sector: UInt64, sectors: UInt32, buffer: MachineAddress, tag: UInt32) {
    self.operation = operation.rawValue
    self.target = target
    self.sector = sector
    self.sectors = sectors
    self.buffer = buffer
    self.tag = tag
  }

  /// - Parameter bytes: `size` of them.
  init(_ bytes: UnsafeMutableRawBufferPointer) {
    operation = bytes[0]
    target = bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
    sectors = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    sector = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    buffer = MachineAddress(bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    tag = bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
  }

  /// - Parameter bytes: `size` of them.
  func store(_ bytes: UnsafeMutableRawBufferPointer) {
    bytes.storeBytes(of: UInt16(operation), as: UInt16.self)
    bytes.storeBytes(of: target, toByteOffset: 2, as: UInt16.self)
    bytes.storeBytes(of: sectors, toByteOffset: 4, as: UInt32.self)
    bytes.storeBytes(of: sector, toByteOffset: 8, as: UInt64.self)
    bytes.storeBytes(of: buffer.value, toByteOffset: 16, as: UInt64.self)
    bytes.storeBytes(of: UInt64(tag), toByteOffset: 24, as: UInt64.self)
  }
}

/// A completion, 16 bytes in the completion ring.
///
///      7   6   5   4   3   2   1   0   byte
///     +---------------+---------------+
///     |    status     |      tag      |   0
///     +---------------+---------------+
///     |     phase     | consumer index|   8
///     +---------------+---------------+
///
/// The phase is 1 in the first lap of the ring, 0 in the second, and so on: the driver sees by it what is new.
struct StorageCompletion: Equatable {
  var tag: UInt32
  var status: UInt32
  /// The controller's index in the command ring: slots before it are free.
  var consumer: UInt32
  var phase: UInt32

  static let size = 16

  init(tag: UInt32, status: StorageStatus, consumer: UInt32, phase: UInt32) {
    self.tag = tag
    self.status = status.rawValue
    self.consumer = consumer
    self.phase = phase
  }

  /// - Parameter bytes: `size` of them.
  init(_ bytes: UnsafeMutableRawBufferPointer) {
    tag = bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)
    status = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
    consumer = bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    phase = bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
  }

  /// - Parameter bytes: `size` of them.
  func store(_ bytes: UnsafeMutableRawBufferPointer) {
    bytes.storeBytes(of: tag, as: UInt32.self)
    bytes.storeBytes(of: status, toByteOffset: 4, as: UInt32.self)
    bytes.storeBytes(of: consumer, toByteOffset: 8, as: UInt32.self)
    bytes.storeBytes(of: phase, toByteOffset: 12, as: UInt32.self)
  }

  /// The phase of the `index`-th completion of all, from 0.
  static func phase(ofIndex index: UInt32, entries: UInt32) -> UInt32 { 1 - (index / entries) & 1 }
}

/// How a command ended.
package enum StorageStatus: UInt32, Sendable {
  case good
  /// The medium refused; the controller keeps the error as sense data.
  case mediumError
  case badCommand, badTarget, outOfRange, badAddress, writeProtected
}

/// Where the rings are: what the driver writes into the controller's registers before anything else.
struct StorageRings: Equatable {
  var commands: MachineAddress
  var completions: MachineAddress
  /// Of each ring: a power of two.
  var entries: UInt32
}
