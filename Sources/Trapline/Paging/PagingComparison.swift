// One guest under several pagers: each run starts from the same image and takes the same path, so that the counts can be
// held side by side.

import Devices
import Loading
import Memory
import Processor

/// A way to translate, with the name it has in tables.
public struct PagingContender: Sendable {
  public var name: String
  public var configuration: PagingConfiguration

  public init(name: String, configuration: PagingConfiguration) {
    self.name = name
    self.configuration = configuration
  }
}

/// What one run came to.
public struct PagingResult: Sendable {
  public var contender: PagingContender
  public var outcome: RunOutcome
  public var instructions: UInt64
  public var counters: PagingCounters
  public var charges: [TranslationCosts.Charge]
  /// What the guest printed.
  public var output: [UInt8]

  /// Modelled cycles in all.
  public var cycles: UInt64 { charges.reduce(0) { $0 &+ $1.cycles } }
}

/// A guest to be run as often as there are contenders.
public struct PagingComparison {
  public var image: [UInt8]
  public var request: LoadRequest
  public var memorySize: UInt64
  public var limits: RunLimits
  public var costs: TranslationCosts
  /// What the guest finds on its serial line.
  public var input: [UInt8]
  /// Who executes: the interpreter, whose counts are the guest's own accesses, unless somebody wants to know otherwise.
  public var engine = EngineKind.interpreter
  public var memoryPath = MemoryPathChoice.measured

  public init(
    image: [UInt8], request: LoadRequest, memorySize: UInt64, limits: RunLimits = RunLimits(),
    costs: TranslationCosts = TranslationCosts(), input: [UInt8] = []
  ) {
    self.image = image
    self.request = request
    self.memorySize = memorySize
    self.limits = limits
    self.costs = costs
    self.input = input
  }

  public enum Failure: Error, CustomStringConvertible {
    case memory(MachineSetupError)
    case loading(LoadingError)
    /// The guest did not do what it was asked to.
    case guest(String)

    public var description: String {
      switch self {
      case .memory(let error): error.description
      case .loading(let error): error.description
      case .guest(let sentence): sentence
      }
    }
  }

  /// Runs the guest once.
  public func run(_ contender: PagingContender) throws(Failure) -> PagingResult {
    let (machine, serial) = try machine(for: contender)
    let outcome = machine.run(limits)
    let counters = machine.processor.pagingCounters
    return PagingResult(
      contender: contender, outcome: outcome, instructions: machine.processor.retired, counters: counters,
      charges: costs.charges(counters, pager: contender.configuration.pager), output: serial.output)
  }

  /// A machine with the guest in it, and its serial line.
  func machine(for contender: PagingContender) throws(Failure) -> (machine: VirtualMachine, serial: MemoryBackend) {
    let serial = MemoryBackend(input: input)
    var configuration = MachineConfiguration()
    configuration.memorySize = memorySize
    configuration.serial = serial
    configuration.paging = contender.configuration
    configuration.engine = engine
    configuration.memoryPath = memoryPath
    let machine: VirtualMachine
    do { machine = try VirtualMachine(configuration) } catch { throw .memory(error) }
    do { try machine.load(image, request) } catch { throw .loading(error) }
    return (machine, serial)
  }
}
