// What the manual leaves undefined, in one table, so that a comparison between processors masks exactly that. Intel's
// and AMD's processors fill these bits differently (and so do generations of each), so no observation can replace it.
// References are to the Intel SDM volume 2 (order number 325383), by instruction page; AMD's volume 3 (24594) leaves
// the same bits undefined except where a row says so.

import ISA

/// What of one case's outcome isn't compared.
package struct UndefinedResults: Sendable, Equatable {
  /// EFLAGS bits after completion.
  package var flags: UInt32 = 0
  /// EFLAGS bits after an exception.
  package var flagsOnFault: UInt32 = 0
  /// Bits of each register after completion.
  package var registers: SIMD8<UInt32> = .zero
  /// The same, only when ZF came out set.
  package var registersIfZero: SIMD8<UInt32> = .zero
  /// Bits of each register after an exception.
  package var registersOnFault: SIMD8<UInt32> = .zero
  /// Which of several faults is raised, and what of its error code tells of a read or a write.
  package var whichFault = false
  /// Linear addresses after completion.
  package var memory: Range<UInt32> = 0..<0
  /// Linear addresses after an exception: what may have been written before it.
  package var memoryOnFault: Range<UInt32> = 0..<0

  package init() {}
}

package enum UndefinedFlags {
  static let cf = EFlags.cf.rawValue
  static let pf = EFlags.pf.rawValue
  static let af = EFlags.af.rawValue
  static let zf = EFlags.zf.rawValue
  static let sf = EFlags.sf.rawValue
  static let of = EFlags.of.rawValue
  static let status = EFlags.status.rawValue

  /// When a row applies. `count` is the shift or rotate count after masking to five bits.
  package enum Condition: Sendable {
    case always
    /// Count not 0 (a count of 0 changes no flag).
    case counted
    /// Count neither 0 nor 1.
    case beyondOne
    /// Count at least the operand's size in bits.
    case atLeastSize
    /// Count more than the operand's size in bits.
    case beyondSize
    /// 16-bit operand.
    case word
    /// 32-bit operand.
    case doubleword
    /// ZF clear / set in the outcome.
    case zero, notZero
    /// The instruction raised an exception.
    case exception
    /// With a REP prefix, and it raised an exception.
    case repeatedException

    func holds(size: Int, count: Int) -> Bool {
      switch self {
      case .counted: count != 0
      case .beyondOne: count > 1
      case .atLeastSize: count != 0 && count >= size * 8
      case .beyondSize: count > size * 8
      case .word: size == 2
      case .doubleword: size == 4
      case .always, .zero, .notZero, .exception, .repeatedException: true
      }
    }
  }

  /// What else than flags is undefined.
  package enum Result: Sendable {
    case none
    /// The whole destination.
    case destination
    /// Bits 16 to 19 of the destination.
    case limitBits
    /// Bytes 2 and 3 of the doubleword that was pushed.
    case upperHalfPushed
    /// What the instruction was pushing when it was stopped.
    case partialPush
    /// The general registers but ESP.
    case partialPop
    /// Which access of several is made first, and so which fault is seen.
    case accessOrder
  }

  package struct Row: Sendable {
    package let operations: [Operation]
    package let condition: Condition
    package let flags: UInt32
    package let result: Result
    package let reference: String

    init(
      _ operations: [Operation], _ condition: Condition = .always, flags: UInt32 = 0, result: Result = .none,
      _ reference: String
    ) {
      self.operations = operations
      self.condition = condition
      self.flags = flags
      self.result = result
      self.reference = reference
    }
  }

  package static let table: [Row] = [
    Row([.and, .or, .xor, .test], flags: af, "AND, OR, XOR, TEST, Flags Affected: AF is undefined"),
    Row([.mul, .imul, .imulTruncating], flags: sf | zf | af | pf, "MUL, IMUL: SF, ZF, AF and PF are undefined"),
    Row([.div, .idiv], flags: status, "DIV, IDIV: CF, OF, SF, ZF, AF and PF are undefined"),
    Row([.div, .idiv, .aam], .exception, flags: status, "DIV, IDIV, AAM: the same when #DE is raised"),
    Row([.daa, .das], flags: of, "DAA, DAS: OF is undefined"),
    Row([.aaa, .aas], flags: of | sf | zf | pf, "AAA, AAS: OF, SF, ZF and PF are undefined"),
    Row([.aam, .aad], flags: of | af | cf, "AAM, AAD: OF, AF and CF are undefined"),
    Row([.shl, .shr, .sar], .counted, flags: af, "SAL/SAR/SHL/SHR: AF is undefined for a count that isn't 0"),
    Row(
      [.shl, .shr, .sar], .beyondOne, flags: of, "SAL/SAR/SHL/SHR: OF is affected for 1-bit shifts only, else undefined"
    ),
    Row(
      [.shl, .shr], .atLeastSize, flags: cf, "SAL/SHL/SHR: CF is undefined where the count reaches the operand's size"),
    Row([.rol, .ror, .rcl, .rcr], .beyondOne, flags: of, "RCL/RCR/ROL/ROR: OF is defined for 1-bit rotates only"),
    Row([.shld, .shrd], .counted, flags: af, "SHLD, SHRD: AF is undefined for a count that isn't 0"),
    Row([.shld, .shrd], .beyondOne, flags: of, "SHLD, SHRD: OF is undefined for counts greater than 1"),
    Row(
      [.shld, .shrd], .beyondSize, flags: status, result: .destination,
      "SHLD, SHRD: a count greater than the operand size leaves result and flags undefined"),
    Row([.bt, .bts, .btr, .btc], flags: of | sf | af | pf, "BT, BTS, BTR, BTC: OF, SF, AF and PF are undefined"),
    Row([.bsf, .bsr], flags: cf | of | sf | af | pf, "BSF, BSR: CF, OF, SF, AF and PF are undefined"),
    Row(
      [.bsf, .bsr], .zero, result: .destination,
      "BSF, BSR: the destination is undefined if the source is 0 (AMD: unchanged; so in fact on Intel)"),
    Row([.bswap], .word, result: .destination, "BSWAP: the result of a 16-bit operand is undefined"),
    Row([.lar], .zero, result: .limitBits, "LAR: bits 19:16 of the result are undefined (00FxFF00h)"),
    Row(
      [.pushSegment, .callFar, .callFarIndirect], .doubleword, result: .upperHalfPushed,
      "PUSH, CALL: recent Intel processors write only 16 bits of a selector's 32-bit slot, others zero-extend"),
    Row(
      [.pusha, .enter, .callFar, .callFarIndirect], .exception, result: .partialPush,
      "volume 3A, 7.5: an instruction is restartable after a fault, but what it pushed before may be in memory"),
    Row(
      [.popa], .exception, result: .partialPop,
      "volume 3A, 7.5: what was popped before the fault may be in registers (AMD: it is; ESP stays)"),
    Row(
      [.cmps, .retFar, .iret], .exception, result: .accessOrder,
      "nowhere documented: which operand is read first (AMD reads CMPS's ES:EDI, and a far return's CS, first)"),
    Row(
      [.arpl], .exception, result: .accessOrder,
      "nowhere documented: whether ARPL's first access counts as a write (AMD: as a read)"),
    Row(
      [.cmps, .scas], .repeatedException, flags: status,
      "REP: EFLAGS of an interrupted repetition; Intel restores them to the state before the instruction, AMD doesn't say"
    ),
  ]

  /// The rows that apply to a case, put together.
  ///
  /// - Parameters:
  ///   - size: operand size in bytes.
  ///   - count: shift or rotate count, masked to five bits; 0 for other operations.
  ///   - destination: the register operand that results go to, or nil if that is memory at `operand`.
  ///   - stack: ESP before.
  package static func results(
    of operation: Operation, size: Int, count: Int, repeated: Bool, destination: Int?, operand: UInt32?, stack: UInt32
  ) -> UndefinedResults {
    var all = UndefinedResults()
    let sizeMask: UInt32 = size == 1 ? 0xff : size == 2 ? 0xffff : ~0
    for row in table where row.operations.contains(operation) && row.condition.holds(size: size, count: count) {
      switch row.condition {
      case .exception: all.flagsOnFault |= row.flags
      case .repeatedException: if repeated { all.flagsOnFault |= row.flags }
      default: all.flags |= row.flags
      }
      switch row.result {
      case .none: break
      case .destination:
        if let destination {
          if case .zero = row.condition {
            all.registersIfZero[destination] |= sizeMask
          } else {
            all.registers[destination] |= sizeMask
          }
        } else if let operand {
          all.memory = operand..<operand &+ UInt32(size)
        }
      case .limitBits:
        if let destination { all.registersIfZero[destination] |= 0x000f_0000 }
      case .upperHalfPushed:
        all.memory = stack &- 2..<max(stack, stack &- 2)
      case .partialPop:
        all.registersOnFault = SIMD8(repeating: ~0)
        all.registersOnFault[4] = 0
      case .accessOrder: all.whichFault = true
      case .partialPush:
        let lowest = stack > 0x200 ? stack - 0x200 : 0
        all.memoryOnFault = lowest..<stack
      }
    }
    return all
  }
}
