// The fuzzer's command line: runs cases until enough instructions have retired, or one case with a trace.

import ArgumentParser
import Fuzzing
import Processor

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// What each worker is at, for the signal handler: nothing can be asked of a process that is dying.
private enum Progress {
  static let most = 64
  nonisolated(unsafe) static let cases: UnsafeMutablePointer<UInt64> = {
    let cells = UnsafeMutablePointer<UInt64>.allocate(capacity: most)
    cells.initialize(repeating: .max, count: most)
    return cells
  }()
  nonisolated(unsafe) static var seed: UInt64 = 0

  /// Prints a number without allocating.
  static func write(_ text: StaticString, _ value: UInt64) {
    _ = Glibc.write(2, text.utf8Start, text.utf8CodeUnitCount)
    var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    withUnsafeMutableBytes(of: &digits) { buffer in
      var at = 24
      var rest = value
      repeat {
        at -= 1
        buffer[at] = UInt8(48 + rest % 10)
        rest /= 10
      } while rest != 0
      _ = Glibc.write(2, buffer.baseAddress! + at, 24 - at)
    }
  }

  static func install() {
    _ = cases
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGALRM] {
      var stack = stack_t()
      stack.ss_size = 1 << 16
      stack.ss_sp = .allocate(byteCount: 1 << 16, alignment: 16)
      sigaltstack(&stack, nil)
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        Progress.write("\nhost signal ", UInt64(number))
        for worker in 0..<Progress.most where Progress.cases[worker] != .max {
          Progress.write("\n  trapline-fuzz --seed ", Progress.seed)
          Progress.write(" --case ", Progress.cases[worker])
        }
        _ = Glibc.write(2, "\n", 1)
        _exit(128 + number)
      }
      action.sa_flags = Int32(SA_ONSTACK) | Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(number, &action, nil)
    }
  }
}

@main
struct FuzzCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trapline-fuzz",
    abstract: "Runs random guests and checks that nothing they do reaches the host.",
    discussion: """
      Each case runs twice, cut into runs differently, and must end the same. Exit status 1 when something was found.
      """)

  @Option(help: "Where the random numbers begin.") var seed: UInt64 = 1
  @Option(help: "Instructions to retire in all.") var count: UInt64 = 1_000_000
  @Option(help: "First case.") var from: UInt64 = 0
  @Option(help: "Threads.") var jobs = 1
  @Option(help: "The engine of the second run: interpreter or translator.") var engine = EngineKind.interpreter
  @Option(help: "How translated code reaches memory: window or tlb.") var memoryPath = MemoryPathChoice.window
  @Option(help: "Failures after which to stop.") var failures = 10
  @Option(name: .customLong("case"), help: "Run only this case, with a trace.") var single: UInt64?
  @Flag(help: "With --case: no trace.") var quiet = false
  @Flag(help: "With --case: run all cases before it first.") var replay = false

  mutating func run() async throws {
    Progress.seed = seed
    Progress.install()
    guard engine.isAvailable else { throw ValidationError("this host or build has no \(engine.rawValue)") }
    let paths = engine == .translator ? memoryPath : nil
    if let single {
      let fuzzer = try Fuzzer(seed: seed, translatorPaths: paths)
      Progress.cases[0] = single
      if !quiet {
        fuzzer.trace(case: single) {
          print($0)
          fflush(nil)
        }
      }
      if replay { for number in from..<single { try? fuzzer.run(case: number) } }
      do throws(FuzzFailure) {
        try fuzzer.run(case: single)
        print("passed; excused: \(fuzzer.totals.excused)")
      } catch {
        print("\(error)")
        throw ExitCode(1)
      }
      return
    }

    let clock = ContinuousClock()
    let begin = clock.now
    let workers = max(1, min(jobs, Progress.most))
    let (seed, count, from, mostFailures) = (seed, count, from, failures)
    let totals = try await withThrowingTaskGroup(of: FuzzTotals.self) { group in
      for worker in 0..<workers {
        group.addTask { try Self.work(worker, of: workers, seed, paths, count / UInt64(workers), from, mostFailures) }
      }
      var sum = FuzzTotals()
      for try await part in group { sum.add(part) }
      return sum
    }
    Progress.cases.update(repeating: .max, count: Progress.most)
    Self.report(totals, seed: seed, time: clock.now - begin)
    if totals.failures != 0 { throw ExitCode(1) }
  }

  private static func work(
    _ worker: Int, of workers: Int, _ seed: UInt64, _ paths: MemoryPathChoice?, _ count: UInt64, _ from: UInt64,
    _ mostFailures: Int
  ) throws -> FuzzTotals {
    let fuzzer = try Fuzzer(seed: seed, translatorPaths: paths)
    var number = from + UInt64(worker)
    while fuzzer.totals.retired < count, fuzzer.totals.failures < UInt64(mostFailures) {
      Progress.cases[worker] = number
      // A case that doesn't come back is a finding too.
      if worker == 0 { alarm(60) }
      do throws(FuzzFailure) {
        try fuzzer.run(case: number)
      } catch {
        print("FAILED trapline-fuzz --seed \(seed) --case \(number)\n  \(error)")
      }
      number += UInt64(workers)
    }
    if worker == 0 { alarm(0) }
    return fuzzer.totals
  }

  private static func report(_ totals: FuzzTotals, seed: UInt64, time: Duration) {
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
    let rate = Double(totals.retired) / seconds / 1e6
    func line(_ name: String, _ value: UInt64) { print("  \(name): \(value)") }
    func decimal(_ value: Double) -> String {
      let hundredths = Int(value * 100 + 0.5)
      return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
    }
    print(
      "seed \(seed): \(totals.retired) instructions in \(decimal(seconds)) s, \(decimal(rate)) million a second")
    line("cases", totals.cases)
    line("exceptions", totals.exceptions)
    line("interrupts", totals.interrupts)
    line("instructions decoded", totals.decoded)
    line("page walks", totals.walks)
    line("blocks invalidated", totals.invalidated)
    for (n, name) in ["", "interrupt windows", "halts", "port reads", "port writes", "memory reads", "memory writes", "shutdowns"]
      .enumerated() where n > 0
    {
      line(name, totals.exits[n])
    }
    for end in CaseEnd.allCases { line("ended by \(end.rawValue)", totals.ends[end] ?? 0) }
    line("excused (live page tables changed without a flush)", totals.excused)
    line("failures", totals.failures)
  }
}

extension EngineKind: ExpressibleByArgument {}
extension MemoryPathChoice: ExpressibleByArgument {}
