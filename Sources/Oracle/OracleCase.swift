// One experiment, and what came of it. Both are plain values: the native processor and a guest get the same one.

import CHost
import ISA

/// The six selectors, by encoding.
package struct Selectors: Sendable, Equatable, BitwiseCopyable {
  package var es: UInt16 = OracleMachine.dataSelector
  package var cs: UInt16 = OracleMachine.codeSelector
  package var ss: UInt16 = OracleMachine.dataSelector
  package var ds: UInt16 = OracleMachine.dataSelector
  package var fs: UInt16 = 0
  package var gs: UInt16 = 0

  package init() {}
}

/// A processor state, some bytes to execute from it, and what of the result isn't defined.
package struct OracleCase: Sendable, Equatable {
  /// How the code's end is noticed; it decides where in the code page the code stands.
  package enum Ending: Int32, Sendable {
    /// A far jump follows.
    case jump = 0
    /// The page ends: for branches.
    case unmapped = 1
    /// The page ends, and the native processor single-steps: for branches into themselves. The guest still runs one
    /// instruction with TF clear.
    case step = 2
  }

  package var bytes: [UInt8]
  package var ending: Ending = .jump
  /// EAX ECX EDX EBX ESP EBP ESI EDI.
  package var registers: SIMD8<UInt32> = .zero
  package var eflags: UInt32 = 0x202
  /// ES, DS, FS and GS are null or flat (2Bh); CS and SS always flat.
  package var selectors = Selectors()
  /// The data window's `OracleMachine.dataBytes` bytes.
  package var memory: [UInt8]
  /// The low window's bytes, or empty if the case doesn't use it.
  package var lowMemory: [UInt8] = []
  /// A 512-byte FXSAVE image to start from, or empty if the x87 and SSE state is of no interest.
  package var fx: [UInt8] = []
  package var undefined = UndefinedResults()
  /// Where it came from: the generator's row and the index to make it again with.
  package var origin = ""
  package var index = 0

  package init(bytes: [UInt8], memory: [UInt8] = [UInt8](repeating: 0, count: OracleMachine.dataBytes)) {
    self.bytes = bytes
    self.memory = memory
  }

  /// Linear address of the first byte.
  package var address: UInt32 { chost_oracle_address(bytes.count, ending.rawValue) }

  /// All of the code page: HLT, the code flush against the page's end, and the far jump out if there is one.
  package var codePage: [UInt8] {
    var page = [UInt8](repeating: UInt8(CHOST_ORACLE_FILL), count: OracleMachine.codeBytes)
    let start = Int(address - OracleMachine.code)
    page.replaceSubrange(start..<start + bytes.count, with: bytes)
    if ending == .jump {
      page.replaceSubrange((start + bytes.count)..., with: Self.exitJump)
    }
    return page
  }

  /// The 64-bit code segment that a completed case jumps out through; no case loads it itself.
  static let exitSelector: UInt16 = 0x33
  private static let exitJump: [UInt8] =
    [0xea] + (0..<4).map { UInt8(truncatingIfNeeded: CHOST_ORACLE_EXIT >> (8 * UInt32($0))) }
    + [UInt8(exitSelector), 0]

  /// Writes little-endian bytes into whichever window holds the address; bytes outside go nowhere.
  package mutating func poke(_ address: UInt32, _ value: UInt64, bytes count: Int) {
    for i in 0..<count {
      let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * i))
      let at = address &+ UInt32(i)
      if at &- OracleMachine.data < UInt32(OracleMachine.dataBytes) {
        memory[Int(at - OracleMachine.data)] = byte
      } else if !lowMemory.isEmpty, at &- OracleMachine.low < UInt32(OracleMachine.lowBytes) {
        lowMemory[Int(at - OracleMachine.low)] = byte
      }
    }
  }

  /// The byte that a data access would see, or nil where nothing is mapped.
  package func peek(_ address: UInt32) -> UInt8? {
    if address &- OracleMachine.data < UInt32(OracleMachine.dataBytes) {
      return memory[Int(address - OracleMachine.data)]
    }
    if address &- OracleMachine.low < UInt32(lowMemory.count) { return lowMemory[Int(address - OracleMachine.low)] }
    if address &- OracleMachine.code < UInt32(OracleMachine.codeBytes) {
      return codePage[Int(address - OracleMachine.code)]
    }
    return nil
  }
}

/// What a processor made of a case.
package struct OracleOutcome: Sendable, Equatable {
  package enum Ending: Sendable, Equatable {
    /// The instruction completed; `eip` is the next one's address.
    case completed
    /// It raised an exception; `eip` is what the processor pushed. Bit 4 (instruction fetch) of a page fault's error
    /// code is clear: a processor without no-execute pages doesn't report it. `address` is CR2's for page faults, else 0.
    case exception(vector: UInt8, errorCode: UInt32, address: UInt32)
    /// It never ended.
    case endless
    /// It wasn't run, for this reason.
    case notRun(String)

    /// #SS, #GP or #PF: what an access to memory can raise.
    var isMemoryFault: Bool {
      if case .exception(let vector, _, _) = self { return 12...14 ~= vector }
      return false
    }
  }

  package var ending: Ending
  package var registers: SIMD8<UInt32>
  /// Without RF: the oracle can't see it in a completed run.
  package var eflags: UInt32
  package var eip: UInt32
  package var selectors: Selectors
  package var memory: [UInt8]
  package var lowMemory: [UInt8]
  package var fx: [UInt8]

  package init(
    ending: Ending, registers: SIMD8<UInt32>, eflags: UInt32, eip: UInt32, selectors: Selectors, memory: [UInt8],
    lowMemory: [UInt8] = [], fx: [UInt8] = []
  ) {
    self.ending = ending
    self.registers = registers
    self.eflags = eflags
    self.eip = eip
    self.selectors = selectors
    self.memory = memory
    self.lowMemory = lowMemory
    self.fx = fx
  }

  /// The outcome of not running at all.
  package init(notRun reason: String, of oracleCase: OracleCase) {
    self.init(
      ending: .notRun(reason), registers: oracleCase.registers, eflags: oracleCase.eflags, eip: oracleCase.address,
      selectors: oracleCase.selectors, memory: oracleCase.memory, lowMemory: oracleCase.lowMemory, fx: oracleCase.fx)
  }
}

/// Something that can run a case: the host's processor, or an interpreter of ours set up as `OracleMachine` says.
package protocol GuestCPU: ~Copyable {
  /// Runs one instruction (a REP string instruction to its end) from the case's state.
  mutating func run(_ oracleCase: OracleCase) -> OracleOutcome
}
