// One guest on two machines that differ in nothing but their engine, and all that a guest could tell them apart by.

import Devices
import Loading
import Memory
import Processor

/// What both machines start from.
package struct LockstepGuest {
  package var image: [UInt8]
  package var request: LoadRequest
  /// Engine and serial line are replaced; without drives, which the machines would share.
  package var configuration: MachineConfiguration
  /// What the guest finds on its serial line.
  package var input: [UInt8]
  /// Executions after which a block is translated; nil for the translator's own choice.
  package var warmth: UInt32?

  package init(
    image: [UInt8], request: LoadRequest, configuration: MachineConfiguration = MachineConfiguration(),
    input: [UInt8] = []
  ) {
    self.image = image
    self.request = request
    self.configuration = configuration
    self.input = input
  }

  package func machine(_ engine: EngineKind) throws(Lockstep.Failure) -> (
    machine: VirtualMachine, serial: MemoryBackend
  ) {
    let serial = MemoryBackend(input: input)
    var configuration = configuration
    configuration.engine = engine
    configuration.serial = serial
    let machine: VirtualMachine
    do { machine = try VirtualMachine(configuration) } catch { throw .memory(error) }
    if let warmth { machine.processor.translate(fromExecution: warmth) }
    do { try machine.load(image, request) } catch { throw .loading(error) }
    return (machine, serial)
  }
}

/// The two machines, at the same instruction as long as they are equal.
package final class LockstepPair {
  package let interpreter: VirtualMachine
  package let translator: VirtualMachine
  private let serial: (interpreter: MemoryBackend, translator: MemoryBackend)
  private let advance: Lockstep.Advance
  package private(set) var outcomes: (interpreter: RunOutcome, translator: RunOutcome) = (
    .instructionLimit, .instructionLimit
  )
  /// Neither gets any further.
  package private(set) var isOver = false

  init(_ guest: LockstepGuest, _ advance: @escaping Lockstep.Advance) throws(Lockstep.Failure) {
    let first = try guest.machine(.interpreter)
    let second = try guest.machine(.translator)
    interpreter = first.machine
    translator = second.machine
    serial = (first.serial, second.serial)
    self.advance = advance
  }

  package var retired: UInt64 { interpreter.processor.retired }

  /// Runs both up to a retired count, or to their ends.
  package func advance(to count: UInt64) throws(Lockstep.Failure) {
    let before = (interpreter.processor.retired, translator.processor.retired)
    if outcomes.interpreter == .instructionLimit { outcomes.interpreter = advance(interpreter, .interpreter, count) }
    if outcomes.translator == .instructionLimit { outcomes.translator = advance(translator, .translator, count) }
    if outcomes.interpreter == .timeLimit || outcomes.translator == .timeLimit { throw .stuck(retired) }
    isOver =
      (outcomes.interpreter != .instructionLimit && outcomes.translator != .instructionLimit)
      || before == (interpreter.processor.retired, translator.processor.retired)
  }

  // MARK: Comparing

  /// How the processors differ, in words, the interpreter's value first: quick.
  package var processorDifferences: [String] {
    var found: [String] = []
    let retired = (interpreter.processor.retired, translator.processor.retired)
    if outcomes.interpreter != outcomes.translator {
      found.append("the end \(outcomes.interpreter.name) != \(outcomes.translator.name)")
    }
    if retired.0 != retired.1 { found.append("retired \(retired.0) != \(retired.1)") }
    return found + interpreter.processor.architecturalState.differences(from: translator.processor.architecturalState)
  }

  /// Processors, devices, memory and output.
  package var differences: [String] {
    var found = processorDifferences
    let devices = (interpreter.devices.bus.save(), translator.devices.bus.save())
    for (first, second) in zip(devices.0, devices.1) where first != second { found.append("device \(first.name)") }
    if serial.interpreter.output != serial.translator.output { found.append("output on the serial line") }
    let pages = differingPages
    if !pages.isEmpty { found.append("memory, \(pages.count) \(pages.count == 1 ? "page" : "pages")") }
    return found
  }

  /// Pages of RAM whose hashes differ.
  package var differingPages: [GuestPhysicalAddress] {
    zip(interpreter.memory.pageHashes, translator.memory.pageHashes).enumerated()
      .filter { $1.0 != $1.1 }.map { GuestPhysicalAddress(UInt64($0.offset) << 12) }
  }

  /// The first differing bytes of a page.
  package func differingBytes(of page: GuestPhysicalAddress, most: Int) -> [String] {
    guard let first = interpreter.memory.bytes(at: page, count: 4096),
      let second = translator.memory.bytes(at: page, count: 4096)
    else { return [] }
    return first.indices.filter { first[$0] != second[$0] }.prefix(most).map {
      "\(hexadecimal(page.value + UInt64($0), 8)): \(hexadecimal(first[$0], 2)) != \(hexadecimal(second[$0], 2))"
    }
  }
}

/// Hexadecimal digits, at least so many.
func hexadecimal(_ value: some FixedWidthInteger & UnsignedInteger, _ digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
