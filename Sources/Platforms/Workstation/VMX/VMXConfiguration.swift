// What the VMX process must know of the machine to build the same board: lines of words in the shared memory. Files come
// as descriptors under fixed numbers, so that a trace names them the same in each run.

import Devices

/// Descriptors that every VMX process has.
enum VMXDescriptor {
  static let doorbell: Int32 = 3
  static let machineMemory: Int32 = 4
  static let pageMap: Int32 = 5
  static let sharedPage: Int32 = 6
  /// Input and output of COM1, then COM2, then the debug console's output.
  static let firstLine: Int32 = 7
  static let firstDrive: Int32 = 16
  static let firstNetwork: Int32 = 48
}

/// The board, in a form that crosses to another process.
struct VMXConfiguration: Equatable {
  struct Line: Equatable {
    var input: Int32?
    var output: Int32?
  }
  struct Image: Equatable {
    var descriptor: Int32
    var interface: Drive.Interface
    var medium: Drive.Medium
    var isReadOnly: Bool
    var imageIsReadOnly: Bool
    var geometry: DiskGeometry?
    var label: String
  }

  var ramSize: UInt64 = 0
  var machineSize = 0
  var unixTime: Int64 = 0
  var hasAPIC = true
  var bootMedium = Drive.Medium.disk
  var serial: [Line] = []
  var debugConsole: Int32?
  var images: [Image] = []
  /// The adapter's address, and its network; nil without an adapter.
  var adapter: MACAddress?
  var network: [NetworkPart] = []
  /// Devices that the monitor serves, the others being the VMX's.
  var monitorDevices: [String] = []

  private static func word(_ descriptor: Int32?) -> String { descriptor.map { String($0) } ?? "-" }

  var text: String {
    var lines = [
      "ram \(ramSize)", "machine \(machineSize)", "time \(unixTime)", "apic \(hasAPIC ? 1 : 0)", "boot \(bootMedium.word)",
      "debug \(Self.word(debugConsole))",
    ]
    lines += serial.map { "serial \(Self.word($0.input)) \(Self.word($0.output))" }
    lines += images.map { image in
      let geometry = image.geometry?.description ?? "-"
      let words = [
        String(image.descriptor), image.interface.rawValue, image.medium.word, image.isReadOnly ? "ro" : "rw",
        image.imageIsReadOnly ? "ro" : "rw", geometry, image.label,
      ]
      return "drive " + words.joined(separator: " ")
    }
    if let adapter { lines.append("adapter \(adapter)") }
    lines += network.map { part in
      switch part {
      case .null: "network null"
      case .loop: "network loop"
      case .capture(let descriptor): "network capture \(descriptor)"
      case .socket(let descriptor, let peer): "network socket \(descriptor) \(peer ?? "")"
      }
    }
    lines += monitorDevices.map { "monitor \($0)" }
    return lines.joined(separator: "\n")
  }

  /// Nil for a text that this build's monitor hasn't written.
  init?(parsing text: String) {
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
      guard parts.count == 2, take(parts[0], parts[1]) else { return nil }
    }
  }

  init() {}

  private mutating func take(_ key: String, _ rest: String) -> Bool {
    let words = rest.split(separator: " ", maxSplits: 6, omittingEmptySubsequences: false).map(String.init)
    switch key {
    case "ram": ramSize = UInt64(rest) ?? 0
    case "machine": machineSize = Int(rest) ?? 0
    case "time": unixTime = Int64(rest) ?? 0
    case "apic": hasAPIC = rest == "1"
    case "boot":
      guard let medium = Drive.Medium(word: rest) else { return false }
      bootMedium = medium
    case "debug": debugConsole = Int32(rest)
    case "serial":
      guard words.count == 2 else { return false }
      serial.append(Line(input: Int32(words[0]), output: Int32(words[1])))
    case "drive":
      guard words.count == 7, let descriptor = Int32(words[0]), let interface = Drive.Interface(rawValue: words[1]),
        let medium = Drive.Medium(word: words[2])
      else { return false }
      let numbers = words[5].split(separator: "/").compactMap { Int($0) }
      images.append(
        Image(
          descriptor: descriptor, interface: interface, medium: medium, isReadOnly: words[3] == "ro",
          imageIsReadOnly: words[4] == "ro",
          geometry: numbers.count == 3
            ? DiskGeometry(cylinders: numbers[0], heads: numbers[1], sectors: numbers[2]) : nil,
          label: words[6]))
    case "adapter":
      adapter = MACAddress(parsing: rest)
      return adapter != nil
    case "network":
      guard let part = Self.part(rest.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)) else {
        return false
      }
      network.append(part)
    case "monitor": monitorDevices.append(rest)
    default: return false
    }
    return true
  }
}

extension VMXConfiguration {
  private static func part(_ words: [Substring]) -> NetworkPart? {
    switch (words[0], words.count) {
    case ("null", 1): return .null
    case ("loop", 1): return .loop
    case ("capture", 2): return Int32(words[1]).map { .capture(descriptor: $0) }
    case ("socket", 3):
      return Int32(words[1]).map { .socket(descriptor: $0, peer: words[2].isEmpty ? nil : String(words[2])) }
    default: return nil
    }
  }
}

extension Drive.Medium {
  fileprivate var word: String {
    switch self {
    case .disk: "disk"
    case .cdrom: "cdrom"
    case .floppy: "floppy"
    }
  }

  fileprivate init?(word: String) {
    guard let medium = [Self.disk, .cdrom, .floppy].first(where: { $0.word == word }) else { return nil }
    self = medium
  }
}
