// A bounded first-in first-out queue of bytes: the UART's receiver and the line in front of it.

struct ByteQueue {
  private var bytes: [UInt8]
  private var head = 0
  private(set) var count = 0

  init(capacity: Int) { bytes = Array(repeating: 0, count: capacity) }

  var isEmpty: Bool { count == 0 }
  var capacity: Int { bytes.count }

  /// - Returns: false when the queue is full; the byte is dropped then.
  mutating func append(_ byte: UInt8) -> Bool {
    guard count < bytes.count else { return false }
    bytes[(head + count) % bytes.count] = byte
    count += 1
    return true
  }

  mutating func takeFirst() -> UInt8? {
    guard count > 0 else { return nil }
    defer {
      head = (head + 1) % bytes.count
      count -= 1
    }
    return bytes[head]
  }

  mutating func removeAll() {
    head = 0
    count = 0
  }

  mutating func transferState(_ archive: inout StateArchive) {
    var content = (0..<count).map { bytes[(head + $0) % bytes.count] }
    archive.field(&content, limit: bytes.count)
    guard archive.isRestoring else { return }
    removeAll()
    for byte in content { _ = append(byte) }
  }
}
