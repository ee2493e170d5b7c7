// Whom the monitor stands on: the options that every command that runs a guest understands.

import ArgumentParser
import Devices
import Platforms
import Processor
import Trapline

extension PlatformKind: ExpressibleByArgument {
  /// A monitor keeps shadow page tables; without one the guest's own translate.
  var usualPager: PagerKind { self == .bare ? .none : .shadow }
}

/// `DEVICE=monitor|vmx` of `--serve`.
struct ServeArgument: Equatable {
  var device: String
  var server: Server

  init(parsing text: String) throws(QuantityError) {
    let sides = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard sides.count == 2, let server = Server(rawValue: sides[1]) else {
      throw QuantityError(description: "'\(shown(text))': write DEVICE=monitor or DEVICE=vmx")
    }
    (device, self.server) = (sides[0], server)
  }
}

struct PlatformArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Whom the monitor stands on: nobody (bare: the guest has the machine), a host (workstation), or its own kernel (esx).",
      valueName: "platform"))
  var platform = PlatformKind.bare

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "workstation: who serves a device, as in rtc=monitor; see --list-ports; may be repeated.", valueName: "device=server"),
    transform: { try ServeArgument(parsing: $0) })
  var serve: [ServeArgument] = []

  @Option(
    help: ArgumentHelp(
      "Interrupts of the machine's own clock in a virtual second: each is the host's, or the vmkernel's; 0 for none.",
      valueName: "rate"))
  var hostInterrupts: UInt32 = 100

  @Flag(help: "Show which ports are whose, and who serves them, and end.")
  var listPorts = false

  func validate() throws {
    if platform != .workstation, !serve.isEmpty {
      throw ValidationError("--serve is about a hosted monitor: add --platform workstation")
    }
  }

  func configure(_ configuration: inout MachineConfiguration) throws(Refusal) {
    configuration.platform = platform
    configuration.workstation.hostInterruptRate = UInt64(hostInterrupts)
    configuration.esx.timerRate = UInt64(hostInterrupts)
    for argument in serve {
      do {
        try configuration.workstation.serving.serve(argument.device, by: argument.server)
      } catch {
        throw Refusal("--serve: \(error.description)")
      }
    }
  }

  /// The port map of a machine, with who serves each row.
  func portTable(of machine: VirtualMachine, _ serving: ServingTable) -> String {
    let rows = machine.devices.bus.portRows.map { row in
      let ports = row.ports.map { $0.count == 1 ? hex($0.lowerBound) : "\(hex($0.lowerBound))-\(hex($0.upperBound))" }
      let server = platform == .workstation ? serving[row.device].rawValue : platform == .esx ? "monitor" : "machine"
      let reason = platform == .workstation ? serving.reason(against: row.device) : nil
      return [ports ?? "-", row.device, server, reason.map { "fixed: \($0)" } ?? (platform == .workstation ? "--serve" : "")]
    }
    return TextTable(heading: ["ports", "device", "served by", ""], rows: rows, widths: [9, 14, 9, 60]).text
  }
}
