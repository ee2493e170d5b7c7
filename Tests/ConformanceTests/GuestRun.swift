// A guest in its machine, set up as `trapline run` would from the same options.

import Devices
import ISA
import Loading
import Memory
import Trapline

struct GuestRun {
  let machine: VirtualMachine
  let serial: MemoryBackend
  private(set) var limits = RunLimits(time: .seconds(60))

  init(_ program: GuestProgram) throws {
    serial = MemoryBackend(input: program.input.flatMap { Array(($0 + "\n").utf8) })
    var configuration = MachineConfiguration()
    configuration.serial = serial
    var request = LoadRequest(fileName: program.image, append: program.append, isROM: program.kind == .rom)

    var options = program.options[...]
    while let option = options.popFirst() {
      guard let value = options.popFirst() else { throw GuestProblem(description: "RUN: \(option) needs a value") }
      switch option {
      case "--mode": request.mode = value == "real" ? .real : .protected
      case "--load-address": request.loadAddress = try Self.number(value)
      case "--entry": request.entry = try Self.number(value)
      case "--timeout": limits.time = .seconds(Int(try Self.number(value)))
      case "--max-instructions": limits.instructions = try Self.number(value)
      case "--memory" where value.hasSuffix("M"):
        configuration.memorySize = try Self.number(String(value.dropLast())) << 20
      default: throw GuestProblem(description: "RUN: these tests don't know what \(option) \(value) means")
      }
    }
    request.modules = try program.modules.map { line in
      let file = line.split(separator: " ").first.map(String.init) ?? ""
      return GuestModule(commandLine: line, bytes: try BuiltGuests.bytes(file))
    }
    machine = try VirtualMachine(configuration)
    try machine.load(BuiltGuests.bytes(program.image), request)
  }

  private static func number(_ text: String) throws -> UInt64 {
    let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    guard let value else { throw GuestProblem(description: "RUN: \(text) is no number") }
    return value
  }

  /// What the guest has put out, in lines without their ends.
  var lines: [String] {
    // A carriage return and a line feed are one Character: look at the bytes.
    var lines = serial.output.filter { $0 != 0x0d }.split(separator: 0x0a, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  /// The count, registers, segments, flags and all of RAM in one number (FNV-1a).
  var stateHash: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func mix(_ value: UInt64) { hash = (hash ^ value) &* 0x100_0000_01b3 }
    let processor = machine.processor
    mix(processor.retired)
    for number in 0..<8 { mix(UInt64(processor[register: number])) }
    mix(UInt64(processor.instructionPointer) << 32 | UInt64(processor.eflags))
    for segment in [SegmentRegister.es, .cs, .ss, .ds, .fs, .gs] {
      let cache = processor[segment]
      mix(UInt64(cache.selector) << 32 | UInt64(cache.attributes))
      mix(UInt64(cache.base) << 32 | UInt64(cache.limit))
    }
    mix(UInt64(processor.state.cr2) << 32 | UInt64(processor.state.cr3))
    for page in 0..<(machine.memory.ramSize >> 12) {
      guard let bytes = machine.memory.pointer(to: GuestPhysicalAddress(page << 12)) else { continue }
      for offset in stride(from: 0, to: 4096, by: 8) { mix(bytes.load(fromByteOffset: offset, as: UInt64.self)) }
    }
    return hash
  }
}
