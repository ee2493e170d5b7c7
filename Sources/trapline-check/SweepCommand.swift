// `trapline-check sweep`: how long is every instruction, by the decoder and by the processor.

import ArgumentParser
import Oracle

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Compare the decoder's lengths and refusals with the processor's.",
    discussion: """
      Every opcode of the one-, two- and three-byte maps with every ModRM (and some SIBs) under 26 sets of prefixes. \
      Exit status: 0 no difference, 1 a difference, 2 this host has no oracle.

      EXAMPLES
        trapline-check sweep
        trapline-check sweep --sample 200000 --seed 7
      """)

  @Option(help: "Test a random selection of this many encodings instead of all.") var sample: Int?
  @Option(help: "Seed of the selection.") var seed: UInt64 = 1

  func run() throws {
    if let reason = NativeCPU.unavailableReason {
      printError("SKIPPED: the native oracle is not available: \(reason)")
      throw ExitCode(2)
    }
    let clock = ContinuousClock()
    let start = clock.now
    let summary = try NativeCPU.withSession { native in
      let sweep = DecodeSweep()
      if let sample { return sweep.run(sample: sample, seed: seed, native: &native) }
      return sweep.run(native: &native) { printError($0) }
    }
    let elapsed = clock.now - start
    for (text, count) in summary.differences.sorted(by: { $0.key < $1.key }) { print("\(column(count))  \(text)") }
    for (verdict, count) in summary.verdicts.sorted(by: { label($0.key) < label($1.key) }) {
      print("\(column(count))  \(label(verdict))")
    }
    let different = summary.verdicts[.different] ?? 0
    let seconds = elapsed.components.seconds
    print("\(summary.tested) encodings in \(seconds) s: \(different) differ, in \(summary.differences.count) groups")
    if different > 0 { throw ExitCode(1) }
  }

  private func label(_ verdict: DecodeSweep.Verdict) -> String {
    switch verdict {
    case .sameLength: "a: same length"
    case .bothRefuse: "b: both refuse"
    case .newer(let feature): "c: newer than our processor: \(feature)"
    case .hostRefuses(let reason): "d: refused by the host only: \(reason)"
    case .hostTakes(let reason): "d: taken by the host only: \(reason)"
    case .skipped(let reason): "e: not run: \(reason)"
    case .different: "f: DIFFERENT"
    }
  }
}

/// To standard error, so that standard output is the result alone.
func printError(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
