// Which station is at which port. Bounded for each port: a guest that makes up addresses pushes out only its own.

/// What a switch knows of stations.
struct AddressTable {
  private var ports: [EthernetAddress: Int] = [:]
  /// Stations that were told, and don't move.
  private var fixed: [EthernetAddress: Int] = [:]
  /// By port: learned stations, the one that was silent longest first.
  private var learned: [[EthernetAddress]] = []

  static let mostLearned = 32

  /// The port of a station; nil for one that is unknown.
  func port(of address: EthernetAddress) -> Int? { fixed[address] ?? ports[address] }

  /// A station sent something from a port.
  mutating func learn(_ address: EthernetAddress, at port: Int) {
    guard !address.isGroup, fixed[address] == nil else { return }
    while learned.count <= port { learned.append([]) }
    if learned[port].last == address { return }
    if let old = ports[address] { learned[old].removeAll { $0 == address } }
    if learned[port].count == Self.mostLearned { ports[learned[port].removeFirst()] = nil }
    learned[port].append(address)
    ports[address] = port
  }

  /// A station that belongs to a port; false when it belongs to another.
  mutating func fix(_ address: EthernetAddress, at port: Int) -> Bool {
    guard !address.isGroup, fixed[address] == nil else { return false }
    if let old = ports.removeValue(forKey: address) { learned[old].removeAll { $0 == address } }
    fixed[address] = port
    return true
  }

  /// Forgets all stations of a port.
  mutating func forget(_ port: Int) {
    fixed = fixed.filter { $0.value != port }
    guard port < learned.count else { return }
    for address in learned[port] { ports[address] = nil }
    learned[port] = []
  }
}
