// Runs cases on the host's processor and on a guest's, and says where they part.

/// One thing in which two outcomes differ.
package struct Difference: Sendable, Equatable, CustomStringConvertible {
  package let what: String
  package let native: String
  package let guest: String
  package var description: String { "\(what): native \(native), guest \(guest)" }
}

/// A case on which the guest is not the processor.
package struct OracleFailure: Sendable {
  /// As generated, and with everything removed that doesn't matter.
  package let original: OracleCase
  package let reduced: OracleCase
  package let native: OracleOutcome
  package let guest: OracleOutcome
  package let differences: [Difference]
}

package struct DifferentialSummary: Sendable {
  package struct Count: Sendable {
    package var cases = 0
    package var exceptions = 0
    package var notRun = 0
    package var failures = 0
    /// Differences that the processor itself didn't repeat: a host interrupt came between (it zeroes null selectors
    /// that aren't 0, for one).
    package var unrepeated = 0
  }
  package var classes: [InstructionClass: Count] = [:]
  /// Failing cases by row of the instruction table.
  package var failingRows: [String: Int] = [:]
  /// The first few of each row, reduced.
  package var failures: [OracleFailure] = []
  package var seconds = 0.0

  package var cases: Int { classes.values.reduce(0) { $0 + $1.cases } }
  package var unrepeated: Int { classes.values.reduce(0) { $0 + $1.unrepeated } }
  package var failed: Int { classes.values.reduce(0) { $0 + $1.failures } }
}

package struct DifferentialRunner: Sendable {
  package let generator: CaseGenerator
  /// How many failing cases of one row to keep; the rest are only counted.
  package var keepPerRow = 1

  package init(generator: CaseGenerator) { self.generator = generator }

  /// Runs the cases with these indices.
  package func run<Guest: GuestCPU & ~Copyable>(
    _ indices: Range<Int>, native: inout NativeCPU, guest: inout Guest
  ) -> DifferentialSummary {
    var summary = DifferentialSummary()
    let clock = ContinuousClock()
    let start = clock.now
    for index in indices {
      let row = generator.row(at: index)
      let oracleCase = generator.makeCase(at: index)
      let expected = native.run(oracleCase)
      var count = summary.classes[row.instructionClass] ?? .init()
      count.cases += 1
      switch expected.ending {
      case .notRun: count.notRun += 1
      case .exception: count.exceptions += 1
      default: break
      }
      if case .notRun = expected.ending {
        summary.classes[row.instructionClass] = count
        continue
      }
      let actual = guest.run(oracleCase)
      if Self.agree(expected, actual, on: oracleCase) {
        // The common case.
      } else if Self.agree(native.run(oracleCase), actual, on: oracleCase) {
        count.unrepeated += 1
      } else {
        count.failures += 1
        let seen = summary.failingRows[row.name, default: 0]
        summary.failingRows[row.name] = seen + 1
        if seen < keepPerRow { summary.failures.append(reduce(oracleCase, native: &native, guest: &guest)) }
      }
      summary.classes[row.instructionClass] = count
    }
    let elapsed = (clock.now - start).components
    summary.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    return summary
  }

  /// Runs the cases on the processor only.
  package func measure(_ indices: Range<Int>, native: inout NativeCPU) -> DifferentialSummary {
    var summary = DifferentialSummary()
    let clock = ContinuousClock()
    let start = clock.now
    for index in indices {
      let row = generator.row(at: index)
      var count = summary.classes[row.instructionClass] ?? .init()
      count.cases += 1
      switch native.run(generator.makeCase(at: index)).ending {
      case .notRun: count.notRun += 1
      case .exception: count.exceptions += 1
      default: break
      }
      summary.classes[row.instructionClass] = count
    }
    let elapsed = (clock.now - start).components
    summary.seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    return summary
  }

  /// Whether the outcomes are the same in all that is defined: the fast question.
  package static func agree(_ native: OracleOutcome, _ guest: OracleOutcome, on oracleCase: OracleCase) -> Bool {
    if native == guest { return true }
    return differences(native, guest, on: oracleCase).isEmpty
  }

  /// Every defined thing in which the outcomes differ.
  package static func differences(
    _ native: OracleOutcome, _ guest: OracleOutcome, on oracleCase: OracleCase
  ) -> [Difference] {
    var found: [Difference] = []
    func note<Value: Equatable>(_ what: String, _ a: Value, _ b: Value, _ text: (Value) -> String) {
      if a != b { found.append(Difference(what: what, native: text(a), guest: text(b))) }
    }
    let undefined = oracleCase.undefined
    let eitherFault = undefined.whichFault && native.ending.isMemoryFault && guest.ending.isMemoryFault
    if !eitherFault { note("ending", native.ending, guest.ending, OracleText.ending) }
    note("EIP", native.eip, guest.eip, OracleText.hex)
    var completed = false
    if case .completed = native.ending { completed = true }
    var registers = completed ? undefined.registers : undefined.registersOnFault
    if completed && native.eflags & UndefinedFlags.zf != 0 { registers |= undefined.registersIfZero }
    for i in 0..<8 {
      note(
        OracleText.registerNames[i], native.registers[i] & ~registers[i], guest.registers[i] & ~registers[i],
        OracleText.hex)
    }
    let flags = ~(completed ? undefined.flags : undefined.flagsOnFault)
    note("EFLAGS", native.eflags & flags, guest.eflags & flags, OracleText.flags)
    note("ES", native.selectors.es, guest.selectors.es, OracleText.hex)
    note("CS", native.selectors.cs, guest.selectors.cs, OracleText.hex)
    note("SS", native.selectors.ss, guest.selectors.ss, OracleText.hex)
    note("DS", native.selectors.ds, guest.selectors.ds, OracleText.hex)
    note("FS", native.selectors.fs, guest.selectors.fs, OracleText.hex)
    note("GS", native.selectors.gs, guest.selectors.gs, OracleText.hex)
    let skipped = completed ? undefined.memory : undefined.memoryOnFault
    found += memoryDifferences(native.memory, guest.memory, at: OracleMachine.data, skipping: skipped)
    found += memoryDifferences(native.lowMemory, guest.lowMemory, at: OracleMachine.low, skipping: skipped)
    if native.fx != guest.fx {
      found += memoryDifferences(native.fx, guest.fx, at: 0, skipping: 0..<0).map {
        Difference(what: "FXSAVE image \($0.what)", native: $0.native, guest: $0.guest)
      }
    }
    return found
  }

  private static func memoryDifferences(
    _ native: [UInt8], _ guest: [UInt8], at start: UInt32, skipping: Range<UInt32>
  ) -> [Difference] {
    if native == guest { return [] }
    guard native.count == guest.count else {
      return [
        Difference(
          what: "size of memory at \(OracleText.hex(start))", native: "\(native.count)", guest: "\(guest.count)")
      ]
    }
    var found: [Difference] = []
    for i in native.indices where native[i] != guest[i] && !skipping.contains(start + UInt32(i)) {
      found.append(
        Difference(
          what: "memory \(OracleText.hex(start + UInt32(i)))", native: OracleText.hex(native[i]),
          guest: OracleText.hex(guest[i])))
      if found.count == 8 { break }
    }
    return found
  }

  // MARK: Reduction

  /// Takes away what the difference doesn't need: registers, flags, prefixes of state, memory.
  private func reduce<Guest: GuestCPU & ~Copyable>(
    _ original: OracleCase, native: inout NativeCPU, guest: inout Guest
  ) -> OracleFailure {
    var reduced = original
    var simpler: [(inout OracleCase) -> Void] = [
      { $0.selectors = Selectors() },
      { $0.memory = [UInt8](repeating: 0, count: $0.memory.count) },
      { $0.lowMemory = $0.lowMemory.map { _ in 0 } },
      { $0.eflags = 0x202 },
    ]
    for i in 0..<8 { simpler.append { $0.registers[i] = 0 } }
    for i in 0..<8 { simpler.append { $0.registers[i] &= 0xffff } }
    for bit in [0, 2, 4, 6, 7, 10, 11, 21] as [UInt32] { simpler.append { $0.eflags &= ~(1 << bit) } }
    for change in simpler {
      var tried = reduced
      change(&tried)
      if tried == reduced { continue }
      if !Self.agree(native.run(tried), guest.run(tried), on: tried) { reduced = tried }
    }
    let expected = native.run(reduced)
    let actual = guest.run(reduced)
    return OracleFailure(
      original: original, reduced: reduced, native: expected, guest: actual,
      differences: Self.differences(expected, actual, on: reduced))
  }
}
