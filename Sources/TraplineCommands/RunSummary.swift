// What a run came to, for machines (JSON, `Documentation/RunSummary.md`) and for people.

import Loading
import Platforms
import Processor
import Trapline

/// The facts of a run that has ended.
struct RunSummary {
  static let schema = "trapline.run"
  static let version: UInt64 = 4

  var file: String
  var image: GuestImage
  var memory: UInt64
  var outcome: RunOutcome
  var exitStatus: Int32
  /// The host's signal that stopped the run.
  var signal: Int32?
  var instructions: UInt64
  /// Nanoseconds.
  var virtualTime: UInt64
  /// Nanoseconds.
  var wallTime: UInt64
  var exits: ExitCounts
  var counters: Counters
  var engine: EngineKind
  /// Nil while the engine is another.
  var translator: TranslatorStatistics?
  var pager: PagerKind
  var paging: PagingCounters
  var platform: PlatformKind
  var platformCounters: [PlatformCounter]
  /// `VirtualMachine.stateHash`, if it was asked for.
  var stateHash: UInt64?
  /// The chain that ended in a triple fault.
  var faults: [FaultRecord]

  init(
    _ machine: VirtualMachine, _ image: GuestImage, file: String, outcome: RunOutcome, signal: Int32?,
    wallTime: Duration
  ) {
    self.file = file
    self.image = image
    self.outcome = outcome
    self.signal = signal
    // As shells have it: 130 for Ctrl-C, 143 for SIGTERM, 129 for a terminal that has gone.
    exitStatus = outcome == .stopped ? signal.map { 128 + $0 } ?? outcome.exitStatus : outcome.exitStatus
    memory = machine.memory.ramSize
    instructions = machine.processor.retired
    virtualTime = machine.now
    let parts = wallTime.components
    self.wallTime = UInt64(max(parts.seconds, 0)) &* 1_000_000_000 &+ UInt64(max(parts.attoseconds, 0) / 1_000_000_000)
    exits = machine.exits
    counters = machine.processor.counters
    engine = machine.processor.engine
    translator = machine.processor.translatorStatistics
    pager = machine.processor.paging.pager
    paging = machine.processor.pagingCounters
    platform = machine.platform.kind
    platformCounters = machine.platform.counters
    faults = outcome == .tripleFault ? machine.processor.faultHistory.chain : []
  }

  /// It ended in another way than everybody hoped for.
  var isNotable: Bool {
    switch outcome {
    case .guestExit, .halted, .poweredOff, .outputClosed: false
    default: true
    }
  }

  /// Counters by name, in the order in which they are printed.
  private var counts: [(String, UInt64)] {
    [
      ("exceptions", counters.exceptions), ("interrupts", counters.interrupts), ("pageWalks", counters.pageWalks),
      ("tlbFlushes", counters.tlbFlushes), ("blocksDecoded", counters.blocksDecoded),
      ("blocksInvalidated", counters.blocksInvalidated), ("instructionsDecoded", counters.instructionsDecoded),
    ]
  }

  var translatorReport: TranslatorReport? {
    translator.map { TranslatorReport($0, instructions: instructions, wallTime: wallTime) }
  }

  var json: JSONText {
    .object([
      ("schema", .string(Self.schema)), ("version", .number(Self.version)),
      ("outcome", .string(outcome.name)), ("exitStatus", .number(UInt64(exitStatus))), ("detail", detail),
      ("instructions", .number(instructions)), ("virtualTime", .number(virtualTime)), ("wallTime", .number(wallTime)),
      ("exits", .object(exits.all.map { ($0.name, .number($0.count)) })),
      ("counters", .object(counts.map { ($0, .number($1)) })),
      ("engine", .string(engine.rawValue)), ("translator", translatorReport?.json ?? .null),
      ("pager", .string(pager.rawValue)),
      ("paging", .object(PagingCounters.rows.map { ($0.name, .number($0.value(in: paging))) })),
      ("platform", .string(platform.rawValue)),
      ("platformCounters", .object(platformCounters.map { ($0.name, .number($0.count)) })),
      ("stateHash", stateHash.map { .string(hex($0, 16)) } ?? .null),
      ("faults", .array(faults.map(Self.json))),
      (
        "guest",
        .object([
          ("file", .string(file)), ("format", .string(image.format.rawValue)),
          ("description", .string(image.description)), ("memory", .number(memory)),
          ("warnings", .array(image.warnings.map { .string($0) })),
        ])
      ),
    ])
  }

  /// What goes with the outcome: a port, an errno, a signal; else null.
  private var detail: JSONText {
    switch outcome {
    case .guestExit(let status): .number(UInt64(status))
    case .reset(let port): .number(UInt64(port))
    case .outputFailed(let errno): .number(UInt64(errno))
    case .storageFailed(let failure): .string(failure.description)
    case .platformFailed(let failure): .string(failure.description)
    case .stopped: signal.map { .number(UInt64($0)) } ?? .null
    default: .null
    }
  }

  private static func json(_ record: FaultRecord) -> JSONText {
    let cause: (String, JSONText) =
      switch record.cause {
      case .instruction: ("instruction", .null)
      case .external: ("interrupt", .null)
      case .delivery(let vector): ("delivery", .number(UInt64(vector)))
      case .escalation: ("escalation", .null)
      }
    return .object([
      ("vector", .number(UInt64(record.vector))), ("cause", .string(cause.0)), ("during", cause.1),
      ("errorCode", record.hasErrorCode ? .number(UInt64(record.errorCode)) : .null),
      ("cs", .number(UInt64(record.codeSelector))), ("eip", .number(UInt64(record.eip))),
      ("cr2", .number(UInt64(record.cr2))), ("retired", .number(record.retired)),
    ])
  }

  /// How the run ended, in one sentence.
  var sentence: String {
    let count = instructions == 1 ? "1 instruction" : "\(grouped(instructions)) instructions"
    return switch outcome {
    case .guestExit(let status): "the guest ended with status \(status & 0xff) after \(count)"
    case .halted: "the guest halted for good after \(count)"
    case .poweredOff: "the guest switched the machine off after \(count)"
    case .reset(let port): "the guest asked for a reset through port 0x\(hex(port)) after \(count)"
    case .tripleFault: "triple fault after \(count)"
    case .instructionLimit: "the instruction limit was reached after \(count)"
    case .timeLimit: "the time limit was reached after \(count)"
    case .stopped: "stopped\(signal.map { " by \(Self.name(ofSignal: $0))" } ?? "") after \(count)"
    case .outputFailed(let errno):
      "the guest's output can't be written (\(hostError(errno))), after \(count)"
    case .storageFailed(let failure): "\(failure), so the guest has seen a disk error, after \(count)"
    case .platformFailed(let failure): "\(failure), after \(count)"
    case .outputClosed: "nobody reads the guest's output any more, after \(count)"
    }
  }

  private static func name(ofSignal signal: Int32) -> String {
    switch signal {
    case 1: "SIGHUP"
    case 2: "Ctrl-C"
    case 15: "SIGTERM"
    default: "signal \(signal)"
    }
  }

  /// Several lines for people; ends with a newline.
  var text: String {
    func seconds(_ nanoseconds: UInt64) -> String {
      let milliseconds = String(nanoseconds / 1_000_000 % 1000)
      return
        "\(grouped(nanoseconds / 1_000_000_000)).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds) s"
    }
    var rows: [(String, String)] = [
      ("guest", image.description), ("end", sentence), ("status", String(exitStatus)),
      ("virtual time", seconds(virtualTime)), ("wall time", seconds(wallTime)),
    ]
    if let stateHash { rows.append(("state hash", hex(stateHash, 16))) }
    if wallTime > 0 {
      rows.append(("speed", "\(grouped(UInt64(Double(instructions) * 1e9 / Double(wallTime)))) instructions a second"))
    }
    rows += exits.all.map { ("exits: \($0.name)", grouped($0.count)) }
    rows += counts.map { ("count: \($0)", grouped($1)) }
    rows += [("engine", engine.rawValue), ("pager", pager.rawValue), ("platform", platform.rawValue)]
    rows += platformCounters.map { ("platform: \($0.name)", grouped($0.count)) }
    rows += PagingCounters.rows.map { ("paging: \($0.name)", $0.value(in: paging)) }.filter { $0.1 > 0 }
      .map { ($0.0, grouped($0.1)) }
    return rows.map { $0.padded(to: 30) + $1 + "\n" }.joined()
  }
}
