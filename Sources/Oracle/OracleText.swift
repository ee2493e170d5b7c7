// What a person reads when a case fails: bytes, Capstone's text, both states, and how to make the case again.

import ISA

package enum OracleText {
  package static let registerNames = ["EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI"]

  package static func hex(_ value: UInt32) -> String { padded(String(value, radix: 16), 8) }
  package static func hex(_ value: UInt16) -> String { padded(String(value, radix: 16), 4) }
  package static func hex(_ value: UInt8) -> String { padded(String(value, radix: 16), 2) }
  package static func hex(_ bytes: [UInt8]) -> String { bytes.map { hex($0) }.joined(separator: " ") }

  static func padded(_ digits: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// `00000a97 of sf pf cf ...`: the bits that are set, highest first.
  package static func flags(_ value: UInt32) -> String {
    let names: [(Int, String)] = [
      (21, "id"), (20, "vip"), (19, "vif"), (18, "ac"), (17, "vm"), (16, "rf"), (14, "nt"), (11, "of"), (10, "df"),
      (9, "if"), (8, "tf"), (7, "sf"), (6, "zf"), (4, "af"), (2, "pf"), (0, "cf"),
    ]
    return ([hex(value)] + names.filter { value >> UInt32($0.0) & 1 != 0 }.map(\.1)).joined(separator: " ")
  }

  package static func ending(_ ending: OracleOutcome.Ending) -> String {
    switch ending {
    case .completed: return "completed"
    case .endless: return "never ended"
    case .notRun(let reason): return "not run (\(reason))"
    case .exception(let vector, let errorCode, let address):
      let names: [UInt8: String] = [
        0: "#DE", 1: "#DB", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP", 12: "#SS",
        13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 19: "#XM",
      ]
      let name = names[vector] ?? "vector \(vector)"
      let code = String(errorCode, radix: 16)
      return vector == 14 ? "\(name)(\(code)) at \(hex(address))" : "\(name)(\(code))"
    }
  }

  /// Capstone's reading of the first instruction.
  package static func disassembly(_ bytes: [UInt8], at address: UInt32) -> String {
    Disassembler().one(bytes[...], at: address, size: .bits32).text
  }

  package static func state(_ registers: SIMD8<UInt32>, eflags: UInt32, eip: UInt32, _ selectors: Selectors) -> String {
    let first = (0..<4).map { "\(registerNames[$0]) \(hex(registers[$0]))" }.joined(separator: "  ")
    let second = (4..<8).map { "\(registerNames[$0]) \(hex(registers[$0]))" }.joined(separator: "  ")
    let segments = [
      ("ES", selectors.es), ("CS", selectors.cs), ("SS", selectors.ss), ("DS", selectors.ds), ("FS", selectors.fs),
      ("GS", selectors.gs),
    ].map { "\($0.0) \(hex($0.1))" }.joined(separator: "  ")
    return "    \(first)\n    \(second)\n    EIP \(hex(eip))  EFLAGS \(flags(eflags))\n    \(segments)"
  }

  /// The whole story of a failing case.
  package static func failure(_ failure: OracleFailure, seed: UInt64) -> String {
    let oracleCase = failure.reduced
    var lines = [
      "\(hex(oracleCase.bytes))    \(disassembly(oracleCase.bytes, at: oracleCase.address))",
      "  row \"\(oracleCase.origin)\", again with: --seed \(seed) --index \(oracleCase.index)",
      "  before",
      state(oracleCase.registers, eflags: oracleCase.eflags, eip: oracleCase.address, oracleCase.selectors),
    ]
    let written = oracleCase.memory.indices.filter { oracleCase.memory[$0] != 0 }
    if written.count < 64 {
      for i in written {
        lines.append("    memory \(hex(OracleMachine.data + UInt32(i))) = \(hex(oracleCase.memory[i]))")
      }
    } else {
      lines.append("    memory: random, and needed for the difference")
    }
    for (who, outcome) in [("native", failure.native), ("guest", failure.guest)] {
      lines.append("  \(who): \(ending(outcome.ending))")
      lines.append(state(outcome.registers, eflags: outcome.eflags, eip: outcome.eip, outcome.selectors))
    }
    lines.append("  differ in")
    lines += failure.differences.map { "    \($0)" }
    return lines.joined(separator: "\n")
  }
}
