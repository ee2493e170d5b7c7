// Runs the pieces of a guest under each technique.

import Loading
import Platforms
import Processor
import Trapline

/// What came of one nanobenchmark under one technique.
struct NanoResult {
  var benchmark: NanoBenchmark
  var technique: Technique
  var count: NanoCount
  var cycles: Double
  /// Nanoseconds a turn on this host; nil when they weren't measured.
  var nanoseconds: Double?
}

/// Runs nano.elf.
struct NanoLab {
  var image: [UInt8]
  var file: String

  /// Turns of the shorter of two counted runs. (Both must have as many digits, and the guest prepare the same for both.)
  private static let turns: UInt64 = 128

  func results(
    _ benchmarks: [NanoBenchmark], _ techniques: [Technique], _ model: CostModel, measures: Bool
  ) throws(Refusal) -> [NanoResult] {
    var results: [NanoResult] = []
    var baselines: [String: NanoRun] = [:]
    for benchmark in benchmarks {
      var runs: [PagerKind: NanoRun] = [:]
      for pager in Set(techniques.map(\.pager)).sorted(by: { $0.rawValue < $1.rawValue }) {
        let key = "\(benchmark.baseline) \(pager.rawValue)"
        if baselines[key] == nil { baselines[key] = try turn(of: benchmark.baseline, pager) }
        runs[pager] = try turn(of: benchmark.name, pager).less(baselines[key] ?? NanoRun())
      }
      let times = measures ? try measured(benchmark, techniques) : [:]
      for technique in techniques {
        guard let run = runs[technique.pager] else { continue }
        let count = NanoCount(run, technique)
        results.append(
          NanoResult(
            benchmark: benchmark, technique: technique, count: count, cycles: try count.cycles(model),
            nanoseconds: times[technique]))
      }
    }
    return results
  }

  /// What one turn of a piece does.
  private func turn(of piece: String, _ pager: PagerKind) throws(Refusal) -> NanoRun {
    let short = try NanoRun(stepping: machine(piece, Self.turns, pager, .interpreter))
    let long = try NanoRun(stepping: machine(piece, 2 * Self.turns, pager, .interpreter))
    return long.less(short, turns: Double(Self.turns))
  }

  private func machine(
    _ piece: String, _ turns: UInt64, _ pager: PagerKind, _ engine: EngineKind
  ) throws(Refusal) -> VirtualMachine {
    var configuration = MachineConfiguration()
    configuration.engine = engine
    configuration.paging = PagingConfiguration(pager: pager)
    do {
      let machine = try VirtualMachine(configuration)
      try machine.load(image, LoadRequest(fileName: file, append: "\(piece) \(turns)"))
      return machine
    } catch let error as LoadingError {
      throw Refusal("\(shown(file)): \(error.description)")
    } catch {
      throw Refusal("\(error)")
    }
  }

  /// Nanoseconds a turn: medians of long runs less short ones. The techniques take turns, so that what else the host does
  /// meets all of them.
  private func measured(_ benchmark: NanoBenchmark, _ techniques: [Technique]) throws(Refusal) -> [Technique: Double] {
    var samples: [Technique: [Double]] = [:]
    // Above 1,024 turns the guest prepares the same for all.
    let (short, long) = (UInt64(10_000), benchmark.most)
    for _ in 0..<3 {
      for technique in techniques {
        let first = try seconds(benchmark.name, short, technique)
        let second = try seconds(benchmark.name, long, technique)
        samples[technique, default: []].append((second - first) / Double(long - short) * 1e9)
      }
    }
    return samples.mapValues { $0.sorted()[$0.count / 2] }
  }

  private func seconds(_ piece: String, _ turns: UInt64, _ technique: Technique) throws(Refusal) -> Double {
    let machine = try machine(piece, turns, technique.pager, technique.engine)
    let clock = ContinuousClock()
    let began = clock.now
    let outcome = machine.run()
    let took = clock.now - began
    guard outcome == .guestExit(status: 1) else {
      throw Refusal("the guest ended otherwise than it should: \(outcome)", status: ExitStatus.bug)
    }
    return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
  }
}

extension Technique {
  /// What stands for the technique on this host.
  fileprivate var engine: EngineKind { self == .trap ? .interpreter : .best }
}
