// What the network controller and its driver write for each other into machine memory: two rings of descriptors that
// change hands, as with the Am79C970A's and most adapters since.

import Memory

/// A descriptor, 16 bytes in the transmit or the receive ring.
///
///      7   6   5   4   3   2   1   0   byte
///     +-------------------------------+
///     |    buffer: machine address    |   0
///     +---------------+---------------+
///     |     state     |    length     |   8
///     +---------------+---------------+
///
/// The length is the frame's to send, or the buffer's to receive into; the controller writes the received frame's
/// there.
struct NetworkDescriptor: Equatable {
  enum State: UInt32 {
    /// The driver's; the controller doesn't touch it.
    case idle
    /// The controller's.
    case ready
    /// The driver's again.
    case done, failed
  }

  var buffer: MachineAddress
  var length: UInt32
  var state: UInt32

  static let size = 16

  init(buffer: MachineAddress, length: UInt32, state: State) {
    self.buffer = buffer
    self.length = length
    self.state = state.rawValue
  }

  /// - Parameter bytes: `size` of them.
  init(_ bytes: UnsafeMutableRawBufferPointer) {
    buffer = MachineAddress(bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    length = bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    state = bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
  }

  /// - Parameter bytes: `size` of them.
  func store(_ bytes: UnsafeMutableRawBufferPointer) {
    bytes.storeBytes(of: buffer.value, as: UInt64.self)
    bytes.storeBytes(of: length, toByteOffset: 8, as: UInt32.self)
    bytes.storeBytes(of: state, toByteOffset: 12, as: UInt32.self)
  }
}

/// Where the rings are: what the driver writes into the controller's registers before anything else.
struct NetworkRings: Equatable {
  var transmit: MachineAddress
  var receive: MachineAddress
  /// Of each ring: a power of two.
  var entries: UInt32
}
