import Devices
import Memory
import Tracing

@testable import Vmkernel

/// Keeps what was reported, as short lines.
final class Listener: EventReporter {
  struct Line: Equatable {
    let kind: EventKind
    let context: EventContext
    let code: UInt32
    let a: UInt64
    let b: UInt64
  }
  private(set) var lines: [Line] = []
  private(set) var firstArguments: [UInt32] = []

  func wants(_ kind: EventKind) -> Bool { true }

  func report(
    _ kind: EventKind, in context: EventContext, code: UInt32, a: UInt64, b: UInt64,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), measured: UInt32
  ) {
    lines.append(Line(kind: kind, context: context, code: code, a: a, b: b))
    firstArguments.append(arguments.0)
  }

  func clear() { lines = [] }

  /// The services in order, each with its details.
  func services(_ service: VmkernelService) -> [Line] {
    lines.filter { $0.kind == .vmkernelCall && $0.code == service.rawValue }
  }

  /// What happened, by name.
  var names: [String] {
    lines.map { line in
      switch line.kind {
      case .vmkernelCall: "\(VmkernelService(rawValue: line.code)?.name ?? "?")"
      case .dmaTransfer: line.code == 0 ? "dma in \(line.b)" : "dma out \(line.b)"
      default: "\(line.kind)"
      }
    }
  }
}

func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: ($0 / 7 &+ $0) &* seed) }
}

/// A generator that gives the same numbers in each run (SplitMix64).
struct Numbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

func makeVmkernel() throws -> Vmkernel { try Vmkernel(memory: MachineMemory(size: Vmkernel.memorySize)) }

extension DiskImage {
  func bytes(from sector: UInt64, _ sectors: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0xee, count: sectors * 512)
    try bytes.withUnsafeMutableBytes { try read(sector, into: $0) }
    return bytes
  }

  func put(_ bytes: [UInt8], at sector: UInt64) throws { try bytes.withUnsafeBytes { try write(sector, from: $0) } }
}
