// Two lists of events side by side. The shortest list of differences is found by Myers' algorithm ("An O(ND) Difference
// Algorithm and Its Variations", Algorithmica 1986, section 4a), whose matches are a longest common subsequence. It takes time
// and memory that grow with the square of the number of differences. Beyond `mostDifferences` the lists are cut where an event
// is the only one of its like in both (Cohen's patience diff, 2003), and the parts are aligned; in parts that are still too
// different each event is matched with the nearest one that fits. That may find more differences than there need be.

/// Aligns lists of events.
struct EventAlignment {
  /// Where Myers' algorithm gives up. It has used 4 bytes for each pair below it, 4 MiB, by then.
  static let mostDifferences = 1024
  /// The same in a part between two events that are alone of their like.
  private static let mostDifferencesInPart = 256
  /// How far the nearest match is looked for.
  static let reach = 48

  /// One row for each event that has no partner, and for each two that match.
  private(set) var rows: [ComparisonRow] = []
  private(set) var isApproximate = false

  private let left: [Event]
  private let right: [Event]
  /// Of the middle, without the common beginning and end.
  private var leftHashes: [UInt64] = []
  private var rightHashes: [UInt64] = []
  private let start: Int

  /// Whether both are the same, costs and all.
  static func isSame(_ left: [Event], _ right: [Event]) -> Bool {
    guard left.count == right.count else { return false }
    for index in left.indices where !left[index].matches(right[index]) || left[index].cost != right[index].cost {
      return false
    }
    return true
  }

  init(_ left: [Event], _ right: [Event]) {
    self.left = left
    self.right = right
    let shorter = min(left.count, right.count)
    var start = 0
    while start < shorter, left[start].matches(right[start]) { start += 1 }
    var common = 0
    while common < shorter - start, left[left.count - 1 - common].matches(right[right.count - 1 - common]) {
      common += 1
    }
    self.start = start
    rows.reserveCapacity(max(left.count, right.count))
    for index in 0..<start { rows.append(.both(left[index], right[index])) }
    leftHashes = left[start..<left.count - common].map(\.matchHash)
    rightHashes = right[start..<right.count - common].map(\.matchHash)
    if !alignExactly(leftHashes.indices, rightHashes.indices, atMost: Self.mostDifferences) {
      isApproximate = true
      alignParts()
    }
    for index in 0..<common {
      rows.append(.both(left[left.count - common + index], right[right.count - common + index]))
    }
  }

  /// - Parameters: positions in the middle.
  @inline(__always)
  private func isMatch(_ x: Int, _ y: Int) -> Bool {
    leftHashes[x] == rightHashes[y] && left[start + x].matches(right[start + y])
  }

  /// Appends the rows of a part; false, and nothing done, when there are too many differences.
  private mutating func alignExactly(_ xs: Range<Int>, _ ys: Range<Int>, atMost mostDifferences: Int) -> Bool {
    if xs.isEmpty || ys.isEmpty {
      for x in xs { rows.append(.onlyLeft(left[start + x])) }
      for y in ys { rows.append(.onlyRight(right[start + y])) }
      return true
    }
    let (m, n) = (xs.count, ys.count)
    guard abs(m - n) <= mostDifferences else { return false }
    let most = min(m + n, mostDifferences)
    // furthest[k + offset]: how far into the left list diagonal k = x - y has come.
    let offset = most + 1
    var furthest = [Int32](repeating: 0, count: 2 * most + 3)
    // What `furthest` was from -d to d before each round d.
    var rounds: [[Int32]] = []
    for d in 0...most {
      rounds.append(Array(furthest[offset - d...offset + d]))
      for k in stride(from: -d, through: d, by: 2) {
        let isDown = k == -d || k != d && furthest[offset + k - 1] < furthest[offset + k + 1]
        var x = Int(isDown ? furthest[offset + k + 1] : furthest[offset + k - 1] + 1)
        var y = x - k
        while x < m, y < n, isMatch(xs.lowerBound + x, ys.lowerBound + y) {
          x += 1
          y += 1
        }
        furthest[offset + k] = Int32(truncatingIfNeeded: x)
        if x >= m, y >= n {
          append(pathOver: xs, ys, rounds)
          return true
        }
      }
    }
    return false
  }

  /// Walks back through the rounds from the end of a part, and appends the steps in forward order.
  private mutating func append(pathOver xs: Range<Int>, _ ys: Range<Int>, _ rounds: [[Int32]]) {
    let (left, right) = (left[(start + xs.lowerBound)...], right[(start + ys.lowerBound)...])
    var (x, y) = (xs.count, ys.count)
    var path: [ComparisonRow] = []
    func both(_ x: Int, _ y: Int) -> ComparisonRow { .both(left[left.startIndex + x], right[right.startIndex + y]) }
    for d in stride(from: rounds.count - 1, through: 1, by: -1) {
      let before = rounds[d]
      let k = x - y
      func furthest(_ k: Int) -> Int { abs(k) > d ? 0 : Int(before[k + d]) }
      let isDown = k == -d || k != d && furthest(k - 1) < furthest(k + 1)
      let earlier = isDown ? k + 1 : k - 1
      let earlierX = furthest(earlier)
      while x > earlierX, y > earlierX - earlier {
        x -= 1
        y -= 1
        path.append(both(x, y))
      }
      if isDown {
        y -= 1
        path.append(.onlyRight(right[right.startIndex + y]))
      } else {
        x -= 1
        path.append(.onlyLeft(left[left.startIndex + x]))
      }
    }
    while x > 0, y > 0 {
      x -= 1
      y -= 1
      path.append(both(x, y))
    }
    rows += path.reversed()
  }

  /// Appends the middle's rows, part by part.
  private mutating func alignParts() {
    var (x, y) = (0, 0)
    for (nextX, nextY) in anchors() + [(leftHashes.count, rightHashes.count)] {
      if !alignExactly(x..<nextX, y..<nextY, atMost: Self.mostDifferencesInPart) { alignNearby(x..<nextX, y..<nextY) }
      if nextX < leftHashes.count { rows.append(.both(left[start + nextX], right[start + nextY])) }
      (x, y) = (nextX + 1, nextY + 1)
    }
  }

  /// Events that are alone of their like in both lists: as many as stand in the same order.
  private func anchors() -> [(Int, Int)] {
    // -1: there are several.
    func places(_ hashes: [UInt64]) -> [UInt64: Int] {
      var result: [UInt64: Int] = [:]
      for (place, hash) in hashes.enumerated() { result[hash] = result[hash] == nil ? place : -1 }
      return result
    }
    let (lefts, rights) = (places(leftHashes), places(rightHashes))
    // The longest rising sequence: piles[n] is the pair that ends the best one of n + 1 pairs (Fredman, 1975).
    var pairs: [(x: Int, y: Int, before: Int)] = []
    var piles: [Int] = []
    for (x, hash) in leftHashes.enumerated() {
      guard lefts[hash] == x, let y = rights[hash], y >= 0, isMatch(x, y) else { continue }
      var (low, high) = (0, piles.count)
      while low < high {
        let middle = (low + high) / 2
        if pairs[piles[middle]].y < y { low = middle + 1 } else { high = middle }
      }
      pairs.append((x, y, low > 0 ? piles[low - 1] : -1))
      if low == piles.count { piles.append(pairs.count - 1) } else { piles[low] = pairs.count - 1 }
    }
    var result: [(Int, Int)] = []
    var place = piles.last ?? -1
    while place >= 0 {
      result.append((pairs[place].x, pairs[place].y))
      place = pairs[place].before
    }
    return result.reversed()
  }

  /// Appends the rows of a part: where events don't match, the nearest ones that do within `reach` go on.
  private mutating func alignNearby(_ xs: Range<Int>, _ ys: Range<Int>) {
    var (x, y) = (xs.lowerBound, ys.lowerBound)
    while x < xs.upperBound, y < ys.upperBound {
      if isMatch(x, y) {
        rows.append(.both(left[start + x], right[start + y]))
        x += 1
        y += 1
        continue
      }
      let skipped = nearestMatch(x..<xs.upperBound, y..<ys.upperBound) ?? (1, 1)
      for event in left[start + x..<start + x + skipped.0] { rows.append(.onlyLeft(event)) }
      for event in right[start + y..<start + y + skipped.1] { rows.append(.onlyRight(event)) }
      x += skipped.0
      y += skipped.1
    }
    for event in left[start + x..<start + xs.upperBound] { rows.append(.onlyLeft(event)) }
    for event in right[start + y..<start + ys.upperBound] { rows.append(.onlyRight(event)) }
  }

  /// How many events to leave out on each side, the fewest in sum, at the beginning of a part.
  private func nearestMatch(_ xs: Range<Int>, _ ys: Range<Int>) -> (Int, Int)? {
    for distance in 1...Self.reach {
      for ahead in 0...distance where ahead < xs.count && distance - ahead < ys.count {
        if isMatch(xs.lowerBound + ahead, ys.lowerBound + distance - ahead) { return (ahead, distance - ahead) }
      }
    }
    return nil
  }
}
