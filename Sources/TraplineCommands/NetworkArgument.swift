// A network adapter on the command line: `pcnet`, `pcnet,net=loop`, `pcnet,net=frames.pcap`,
// `pcnet,net=unix:/run/a,peer=/run/b`, `pcnet,mac=00:0c:29:00:00:01`.

import Devices

/// An adapter and where it leads.
struct NetworkArgument: Equatable, Sendable {
  enum Network: Equatable, Sendable {
    case null, loop
    case capture(String)
    case socket(String)
  }

  var network = Network.null
  var peer: String?
  var address = MACAddress.usual

  init(parsing text: String) throws(QuantityError) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard parts[0] == "pcnet" else {
      throw QuantityError(description: "there is no adapter '\(shown(parts[0]))': there is pcnet")
    }
    for part in parts.dropFirst() {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2, !sides[1].isEmpty else {
        throw QuantityError(description: "an adapter has no '\(shown(part))': there are net=, peer= and mac=")
      }
      switch sides[0] {
      case "net": network = try Self.network(sides[1])
      case "peer": peer = sides[1]
      case "mac":
        guard let address = MACAddress(parsing: sides[1]) else {
          throw QuantityError(
            description: "'\(shown(sides[1]))' is no station's address: write it as in 00:0c:29:00:00:01")
        }
        self.address = address
      default: throw QuantityError(description: "an adapter has no '\(shown(part))': there are net=, peer= and mac=")
      }
    }
    if peer != nil {
      guard case .socket = network else { throw QuantityError(description: "peer= goes with net=unix:PATH") }
    }
  }

  private static func network(_ text: String) throws(QuantityError) -> Network {
    switch text {
    case "null": return .null
    case "loop": return .loop
    case _ where text.hasPrefix("unix:") && text.count > 5: return .socket(String(text.dropFirst(5)))
    case _ where text.hasSuffix(".pcap"): return .capture(text)
    default:
      throw QuantityError(
        description: "there is no network '\(shown(text))': write null, loop, FILE.pcap or unix:PATH")
    }
  }

  /// Opens the network.
  func open() throws(Refusal) -> NetworkConfiguration {
    do throws(BackendError) {
      let backend: any NetworkBackend =
        switch network {
        case .null: NullNetwork()
        case .loop: LoopNetwork()
        case .capture(let path): try CaptureFile(path: path, beyond: LoopNetwork())
        case .socket(let path): try PacketSocket(path: path, peer: peer)
        }
      return NetworkConfiguration(backend: backend, address: address)
    } catch {
      throw Refusal("--nic: \(shown(error.description))")
    }
  }
}
