// A guest in its machine, set up as `trapline run` would from the same options.

import Devices
import ISA
import Loading
import Memory
import Processor
import Trapline

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// What a guest's header asks for, as `trapline run` would understand it.
struct GuestSetup {
  var request: LoadRequest
  var memorySize: UInt64 = 64 << 20
  var limits = RunLimits(time: .seconds(60))
  var image: [UInt8]
  var input: [UInt8]

  init(_ program: GuestProgram) throws {
    image = try BuiltGuests.bytes(program.image)
    input = program.input.flatMap { Array(($0 + "\n").utf8) }
    request = LoadRequest(fileName: program.image, append: program.append, isROM: program.kind == .rom)
    var options = program.options[...]
    while let option = options.popFirst() {
      guard let value = options.popFirst() else { throw GuestProblem(description: "RUN: \(option) needs a value") }
      switch option {
      case "--mode": request.mode = value == "real" ? .real : .protected
      case "--load-address": request.loadAddress = try Self.number(value)
      case "--entry": request.entry = try Self.number(value)
      case "--timeout": limits.time = .seconds(Int(try Self.number(value)))
      case "--max-instructions": limits.instructions = try Self.number(value)
      case "--memory" where value.hasSuffix("M"): memorySize = try Self.number(String(value.dropLast())) << 20
      default: throw GuestProblem(description: "RUN: these tests don't know what \(option) \(value) means")
      }
    }
    request.modules = try program.modules.map { line in
      let file = line.split(separator: " ").first.map(String.init) ?? ""
      return GuestModule(commandLine: line, bytes: try BuiltGuests.bytes(file))
    }
  }

  private static func number(_ text: String) throws -> UInt64 {
    let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    guard let value else { throw GuestProblem(description: "RUN: \(text) is no number") }
    return value
  }
}

struct GuestRun {
  let machine: VirtualMachine
  let serial: MemoryBackend
  let limits: RunLimits

  /// - Parameters:
  ///   - configure: changes how it is run; what the guest sees is its header's.
  ///   - warmth: executions after which a block is translated; nil for the translator's own choice.
  init(
    _ program: GuestProgram, warmth: UInt32? = nil, _ configure: (inout MachineConfiguration) -> Void = { _ in }
  ) throws {
    let setup = try GuestSetup(program)
    limits = setup.limits
    serial = MemoryBackend(input: setup.input)
    var configuration = MachineConfiguration()
    configure(&configuration)
    configuration.serial = serial
    configuration.memorySize = setup.memorySize
    machine = try VirtualMachine(configuration)
    if let warmth { machine.processor.translate(fromExecution: warmth) }
    try machine.load(setup.image, setup.request)
  }

  /// What the guest has put out, in lines without their ends.
  var lines: [String] {
    // A carriage return and a line feed are one Character: look at the bytes.
    var lines = serial.output.filter { $0 != 0x0d }.split(separator: 0x0a, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    if lines.last == "" { lines.removeLast() }
    return lines
  }

  /// How two machines differ, in words; empty when neither guest could tell.
  func differences(from other: GuestRun) -> [String] {
    var found: [String] = []
    func compare<T: Equatable>(_ what: String, _ value: (Processor) -> T) {
      let mine = value(machine.processor), theirs = value(other.machine.processor)
      if mine != theirs { found.append("\(what): \(mine), \(theirs)") }
    }
    compare("retired") { $0.retired }
    compare("EIP") { $0.instructionPointer }
    compare("EFLAGS") { EFlags(rawValue: $0.eflags) }
    for (number, name) in ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"].enumerated() {
      compare(name) { $0[register: number] }
    }
    for segment in [SegmentRegister.es, .cs, .ss, .ds, .fs, .gs] { compare("\(segment)") { $0[segment] } }
    compare("CR0") { $0.state.cr0 }
    compare("CR2") { $0.state.cr2 }
    compare("CR3") { $0.state.cr3 }
    compare("CR4") { $0.state.cr4 }
    for page in 0..<(machine.memory.ramSize >> 12) where found.count < 20 {
      let address = GuestPhysicalAddress(page << 12)
      guard let mine = machine.memory.pointer(to: address), let theirs = other.machine.memory.pointer(to: address)
      else { continue }
      if memcmp(mine, theirs, 4096) == 0 { continue }
      for offset in stride(from: 0, to: 4096, by: 4) {
        let a = mine.load(fromByteOffset: offset, as: UInt32.self)
        let b = theirs.load(fromByteOffset: offset, as: UInt32.self)
        if a == b { continue }
        let place = String(address.value + UInt64(offset), radix: 16)
        found.append("memory at \(place): \(String(a, radix: 16)), \(String(b, radix: 16))")
        if found.count == 20 { break }
      }
    }
    if serial.output != other.serial.output { found.append("output: \(serial.text) instead of \(other.serial.text)") }
    return found
  }
}
