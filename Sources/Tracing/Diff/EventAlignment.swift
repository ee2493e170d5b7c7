// Two lists of events side by side. The shortest list of differences is found by Myers' algorithm ("An O(ND) Difference
// Algorithm and Its Variations", Algorithmica 1986, section 4a), whose matches are a longest common subsequence. It takes time
// and memory that grow with the square of the number of differences, so beyond `mostDifferences` each event is matched with
// the nearest one that fits instead, which may find more differences than there need be.

/// Aligns lists of events.
struct EventAlignment {
  /// Where Myers' algorithm gives up. It has used 4 bytes for each pair below it, 4 MiB, by then.
  static let mostDifferences = 1024
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
    if leftHashes.isEmpty || rightHashes.isEmpty {
      for index in leftHashes.indices { rows.append(.onlyLeft(left[start + index])) }
      for index in rightHashes.indices { rows.append(.onlyRight(right[start + index])) }
    } else if !alignExactly() {
      isApproximate = true
      alignNearby()
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

  /// Appends the middle's rows; false, and nothing done, when there are too many differences.
  private mutating func alignExactly() -> Bool {
    let (m, n) = (leftHashes.count, rightHashes.count)
    guard abs(m - n) <= Self.mostDifferences else { return false }
    let most = min(m + n, Self.mostDifferences)
    // furthest[k + offset]: how far into the left list diagonal k = x - y has come.
    let offset = most + 1
    var furthest = [Int32](repeating: 0, count: 2 * most + 3)
    // What `furthest` was from -d to d before each round d.
    var rounds: [[Int32]] = []
    for d in 0...most {
      rounds.append(Array(furthest[offset - d...offset + d]))
      for k in stride(from: -d, through: d, by: 2) {
        let down = k == -d || k != d && furthest[offset + k - 1] < furthest[offset + k + 1]
        var x = Int(down ? furthest[offset + k + 1] : furthest[offset + k - 1] + 1)
        var y = x - k
        // Diagonals that have left the rectangle stay where they are.
        while x >= 0, y >= 0, x < m, y < n, isMatch(x, y) {
          x += 1
          y += 1
        }
        furthest[offset + k] = Int32(truncatingIfNeeded: x)
        if x >= m, y >= n {
          append(pathTo: (m, n), rounds)
          return true
        }
      }
    }
    return false
  }

  /// Walks back through the rounds from the end, and appends the steps in forward order.
  private mutating func append(pathTo end: (x: Int, y: Int), _ rounds: [[Int32]]) {
    var (x, y) = end
    var path: [ComparisonRow] = []
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
        path.append(.both(left[start + x], right[start + y]))
      }
      if isDown {
        y -= 1
        path.append(.onlyRight(right[start + y]))
      } else {
        x -= 1
        path.append(.onlyLeft(left[start + x]))
      }
    }
    while x > 0, y > 0 {
      x -= 1
      y -= 1
      path.append(.both(left[start + x], right[start + y]))
    }
    rows += path.reversed()
  }

  /// Appends the middle's rows: where events don't match, the nearest ones that do within `reach` go on.
  private mutating func alignNearby() {
    let (m, n) = (leftHashes.count, rightHashes.count)
    var (x, y) = (0, 0)
    while x < m, y < n {
      if isMatch(x, y) {
        rows.append(.both(left[start + x], right[start + y]))
        x += 1
        y += 1
        continue
      }
      let (skippedLeft, skippedRight) = nearestMatch(x, y) ?? (1, 1)
      for _ in 0..<skippedLeft {
        rows.append(.onlyLeft(left[start + x]))
        x += 1
      }
      for _ in 0..<skippedRight {
        rows.append(.onlyRight(right[start + y]))
        y += 1
      }
    }
    while x < m {
      rows.append(.onlyLeft(left[start + x]))
      x += 1
    }
    while y < n {
      rows.append(.onlyRight(right[start + y]))
      y += 1
    }
  }

  /// How many events to leave out on each side, the fewest in sum.
  private func nearestMatch(_ x: Int, _ y: Int) -> (Int, Int)? {
    let (m, n) = (leftHashes.count, rightHashes.count)
    for distance in 1...Self.reach {
      for ahead in 0...distance where x + ahead < m && y + distance - ahead < n {
        if isMatch(x + ahead, y + distance - ahead) { return (ahead, distance - ahead) }
      }
    }
    return nil
  }
}
