// What one world has waiting for the adapter. Inside a world the way of the disk's arm decides (C-SCAN: always upwards,
// then back to the start), but never the order of requests that touch the same sectors, and nothing passes a flush.

/// Requests of one world, in pieces.
final class StorageQueue {
  let world: World
  /// When its next piece is due, in the scheduler's virtual time.
  var start: UInt64 = 0
  /// In order of arrival.
  private var pending: [StorageChunk] = []
  /// Pieces at the adapter.
  private(set) var inFlight = 0
  /// By target: pieces at the adapter, and flushes among them.
  private var underWay: [UInt16: (pieces: Int, flushes: Int)] = [:]
  /// How many later pieces went before the oldest.
  private var passedOver = 0

  /// The oldest piece is passed over this often at most, so that a stream of near requests can't starve a far one.
  private static let patience = 32
  /// How far the choice looks back into the queue.
  private static let window = 64

  init(world: World) { self.world = world }

  var count: Int { pending.count }
  var isIdle: Bool { pending.isEmpty && inFlight == 0 }

  func append(_ chunk: StorageChunk) { pending.append(chunk) }

  /// The piece that should go next; nil while a flush, or nothing at all, is in the way.
  /// - Parameter arm: where a target's last command ended.
  func choice(arm: (UInt16) -> UInt64) -> Int? {
    var best: (index: Int, distance: UInt64)?
    for index in pending.indices.prefix(Self.window) where mayGo(index) {
      if index == 0 && passedOver >= Self.patience { return 0 }
      let chunk = pending[index]
      // What lies behind the arm is a whole turn away.
      let distance = chunk.isFlush ? 0 : chunk.sector &- arm(chunk.target)
      if best.map({ distance < $0.distance }) ?? true { best = (index, distance) }
    }
    return best?.index
  }

  private func mayGo(_ index: Int) -> Bool {
    let chunk = pending[index]
    let ahead = underWay[chunk.target] ?? (0, 0)
    if chunk.isFlush {
      return ahead.pieces == 0 && !pending[..<index].contains { $0.target == chunk.target }
    }
    return ahead.flushes == 0
      && !pending[..<index].contains { ($0.isFlush && $0.target == chunk.target) || $0.conflicts(with: chunk) }
  }

  /// Takes a piece out: it goes to the adapter.
  func dispatch(_ index: Int) -> StorageChunk {
    passedOver = index == 0 ? 0 : passedOver + 1
    let chunk = pending.remove(at: index)
    inFlight += 1
    count(chunk, by: 1)
    return chunk
  }

  /// A piece has come back from the adapter.
  func complete(_ chunk: StorageChunk) {
    inFlight -= 1
    count(chunk, by: -1)
  }

  private func count(_ chunk: StorageChunk, by change: Int) {
    var ahead = underWay[chunk.target] ?? (0, 0)
    ahead.pieces += change
    if chunk.isFlush { ahead.flushes += change }
    underWay[chunk.target] = ahead.pieces == 0 ? nil : ahead
  }
}
