// Runs the pieces of a guest under each technique.

import Devices
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

/// Runs guests.
struct NanoLab {
  /// What is loaded, by its file's name.
  private let files: [String: [UInt8]]

  /// - Parameter folder: where Tools/build-guests has put the guests.
  init(_ benchmarks: [NanoBenchmark], folder: String) throws(Refusal) {
    var files: [String: [UInt8]] = [:]
    var names: [String] = []
    if benchmarks.contains(where: { !$0.isPocket }) { names = ["nano.elf"] }
    if benchmarks.contains(where: \.isPocket) { names += ["pocket.elf", "pocket-bench.elf"] }
    for name in names {
      do { files[name] = try ImageFile(path: "\(folder)/\(name)").bytes } catch {
        throw Refusal("\(shown(error.description)); Tools/build-guests builds it, --guests says where it is")
      }
    }
    self.files = files
  }

  func results(
    _ benchmarks: [NanoBenchmark], _ techniques: [Technique], _ model: CostModel, measures: Bool
  ) throws(Refusal) -> [NanoResult] {
    var results: [NanoResult] = []
    var baselines: [String: NanoRun] = [:]
    for benchmark in benchmarks {
      var runs: [PagerKind: NanoRun] = [:]
      for pager in Set(techniques.map(\.pager)).sorted(by: { $0.rawValue < $1.rawValue }) {
        let run = try turn(of: benchmark.name, benchmark, pager)
        runs[pager] = run
        guard let name = benchmark.baseline else { continue }
        let key = "\(name) \(pager.rawValue)"
        if baselines[key] == nil { baselines[key] = try turn(of: name, benchmark, pager) }
        runs[pager] = run.less(baselines[key] ?? NanoRun())
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
  private func turn(of piece: String, _ benchmark: NanoBenchmark, _ pager: PagerKind) throws(Refusal) -> NanoRun {
    let turns = benchmark.counted
    let short = try NanoRun(stepping: machine(piece, turns, benchmark, pager, .interpreter))
    let long = try NanoRun(stepping: machine(piece, 2 * turns, benchmark, pager, .interpreter))
    return long.less(short, turns: Double(turns))
  }

  private func machine(
    _ piece: String, _ turns: UInt64, _ benchmark: NanoBenchmark, _ pager: PagerKind, _ engine: EngineKind,
    traps: Bool = false
  ) throws(Refusal) -> VirtualMachine {
    var configuration = MachineConfiguration()
    configuration.engine = engine
    configuration.trapsSensitive = traps
    configuration.paging = PagingConfiguration(pager: pager)
    let file = benchmark.isPocket ? "pocket.elf" : "nano.elf"
    var request = LoadRequest(fileName: file)
    if benchmark.isPocket {
      request.append = "init=pocket-bench.elf"
      request.modules = [
        GuestModule(commandLine: "pocket-bench.elf \(piece) \(turns)", bytes: files["pocket-bench.elf"] ?? [])
      ]
    } else {
      request.append = "\(piece) \(turns)"
    }
    do {
      if benchmark.isPocket { try configuration.drives.add(Drive(image: EmptyDisk(), interface: .ide)) }
      let machine = try VirtualMachine(configuration)
      try machine.load(files[file] ?? [], request)
      return machine
    } catch let error as LoadingError {
      throw Refusal("\(file): \(error.description)")
    } catch {
      throw Refusal("\(error)")
    }
  }

  /// Nanoseconds a turn: medians of long runs less short ones. The techniques take turns, so that what else the host does
  /// meets all of them.
  private func measured(_ benchmark: NanoBenchmark, _ techniques: [Technique]) throws(Refusal) -> [Technique: Double] {
    var samples: [Technique: [Double]] = [:]
    let (short, long) = benchmark.measured
    for _ in 0..<3 {
      for technique in techniques {
        let first = try seconds(benchmark, short, technique)
        let second = try seconds(benchmark, long, technique)
        samples[technique, default: []].append((second - first) / Double(long - short) * 1e9)
      }
    }
    return samples.mapValues { $0.sorted()[$0.count / 2] }
  }

  private func seconds(_ benchmark: NanoBenchmark, _ turns: UInt64, _ technique: Technique) throws(Refusal) -> Double {
    let machine = try machine(benchmark.name, turns, benchmark, technique.pager, .best, traps: technique == .trap)
    let clock = ContinuousClock()
    let began = clock.now
    let outcome = machine.run()
    let took = clock.now - began
    guard NanoRun.isGood(outcome) else {
      throw Refusal("the guest ended otherwise than it should: \(outcome)", status: ExitStatus.bug)
    }
    return Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
  }
}

/// A disk of nothing, as long as the pieces need; what is written is lost.
private final class EmptyDisk: DiskImage {
  let label = "nothing"
  let sectorCount: UInt64 = 16384
  let isReadOnly = false
  let failure: HostStorageFailure? = nil

  func read(_ sector: UInt64, into target: UnsafeMutableRawBufferPointer) throws(DiskRequestError) {
    for at in target.indices { target[at] = 0 }
  }

  func write(_ sector: UInt64, from source: UnsafeRawBufferPointer) throws(DiskRequestError) {}

  func flush() throws(DiskRequestError) {}
}
