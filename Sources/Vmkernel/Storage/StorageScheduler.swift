// Who gets the adapter next when several worlds want it: start-time fair queueing with several requests at the device,
// SFQ(D) (Jin, Chase and Kaur, "Interposed proportional sharing for a storage service utility", 2004), by the worlds'
// disk shares. A world that had nothing to ask saves nothing up.

/// Divides the adapter between worlds.
struct StorageScheduler {
  /// In order of their first request.
  private var queues: [StorageQueue] = []
  /// The start tag of the last piece that went.
  private var virtualTime: UInt64 = 0

  /// What a command costs besides its sectors: the arm's way, in sectors.
  private static let commandCost: UInt64 = 16
  /// Virtual time of a sector at one share.
  private static let scale: UInt64 = 1 << 20

  /// Pieces that wait, of all worlds.
  var waiting: Int { queues.reduce(0) { $0 + $1.count } }

  private mutating func queue(of world: World) -> StorageQueue {
    if let queue = queues.first(where: { $0.world === world }) { return queue }
    let queue = StorageQueue(world: world)
    queues.append(queue)
    return queue
  }

  mutating func enqueue(_ chunk: StorageChunk) {
    let queue = queue(of: chunk.request.world)
    if queue.count == 0 { queue.start = max(queue.start, virtualTime) }
    queue.append(chunk)
  }

  /// The next piece for the adapter; nil when none may go now.
  mutating func next(arm: (UInt16) -> UInt64) -> StorageChunk? {
    var best: (queue: StorageQueue, index: Int)?
    for queue in queues {
      if let best, best.queue.start <= queue.start { continue }
      if let index = queue.choice(arm: arm) { best = (queue, index) }
    }
    guard let (queue, index) = best else { return nil }
    let chunk = queue.dispatch(index)
    virtualTime = max(virtualTime, queue.start)
    let cost = Self.commandCost + UInt64(chunk.sectors)
    queue.start &+= cost * Self.scale / World.weight(queue.world.diskShares)
    return chunk
  }

  /// A piece has come back from the adapter.
  mutating func complete(_ chunk: StorageChunk) {
    queue(of: chunk.request.world).complete(chunk)
    // Nobody competes any more: what a world used alone isn't held against it.
    if queues.allSatisfy(\.isIdle) { virtualTime = queues.reduce(virtualTime) { max($0, $1.start) } }
  }

  /// Forgets a world that has nothing under way.
  mutating func remove(_ world: World) { queues.removeAll { $0.world === world && $0.isIdle } }
}
