// Which devices the monitor serves itself, and which are the VMX's: one table, which `trapline run --list-ports` prints and
// `--serve` changes. What neither needs the host nor hangs together with something that does can be moved.

import Devices

/// Who serves a device under a hosted monitor.
public enum Server: String, Sendable, CaseIterable {
  case monitor, vmx
}

/// The table, by the devices' names.
public struct ServingTable: Sendable, Equatable {
  /// A row: where a device is served, and why it can't be moved if it can't.
  public struct Row: Sendable, Equatable {
    public var device: String
    public var server: Server
    /// nil: `--serve` may move it.
    public var fixedBecause: String?
  }

  /// Sugerman et al. 2001, section 2: interrupt controllers and timers in the monitor, what has a back end in the VMX.
  public private(set) var rows: [Row] = [
    Row(device: "pic", server: .monitor, fixedBecause: "the monitor asks it before each entry into the guest"),
    Row(device: "local apic", server: .monitor, fixedBecause: "the monitor asks it before each entry into the guest"),
    Row(device: "io apic", server: .monitor, fixedBecause: "its messages go to the local APIC"),
    Row(device: "pit", server: .monitor, fixedBecause: "port 61 shares its gates"),
    Row(device: "port 61", server: .monitor, fixedBecause: "it shares the timer's gates"),
    Row(device: "port 80", server: .monitor),
    Row(device: "numeric error", server: .monitor, fixedBecause: "it answers the processor"),
    Row(device: "8042", server: .monitor, fixedBecause: "keys come from this process's terminal"),
    Row(device: "typed input", server: .monitor, fixedBecause: "keys come from this process's terminal"),
    Row(device: "port 92", server: .monitor, fixedBecause: "it shares the A20 gate with the 8042"),
    Row(device: "vga", server: .monitor, fixedBecause: "its screen is on this process's terminal"),
    Row(device: "rtc", server: .vmx),
    Row(device: "dma", server: .vmx, fixedBecause: "the floppy drive uses it"),
    Row(device: "debug exit", server: .vmx),
    Row(device: "debug console", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "com1", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "com2", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "pci", server: .vmx, fixedBecause: "both sides follow it"),
    Row(device: "host bridge", server: .vmx, fixedBecause: "both sides follow it"),
    Row(device: "isa bridge", server: .vmx, fixedBecause: "both sides follow it"),
    Row(device: "pm function", server: .vmx, fixedBecause: "both sides follow it"),
    Row(device: "acpi", server: .vmx),
    Row(device: "fw_cfg", server: .vmx),
    Row(device: "ide", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "ide0", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "ide1", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "floppy", server: .vmx, fixedBecause: "its back end is the host's"),
    Row(device: "pcnet", server: .vmx, fixedBecause: "its back end is the host's"),
  ]

  public init() {}

  /// Why a device stays where it is; nil for one that `serve` moves.
  public func reason(against device: String) -> String? {
    guard let row = rows.first(where: { $0.device == device }) else { return "its back end is the host's" }
    return row.fixedBecause
  }

  public subscript(_ device: String) -> Server { rows.first { $0.device == device }?.server ?? .vmx }

  /// Moves a device.
  public mutating func serve(_ device: String, by server: Server) throws(PlatformError) {
    guard let index = rows.firstIndex(where: { $0.device == device }) else {
      let movable = rows.filter { $0.fixedBecause == nil }.map(\.device).joined(separator: ", ")
      throw PlatformError("there is no device '\(device)' to be moved; there are \(movable)")
    }
    if let reason = rows[index].fixedBecause, rows[index].server != server {
      throw PlatformError("the device '\(device)' can't be served by the \(server.rawValue): \(reason)")
    }
    rows[index].server = server
  }
}
