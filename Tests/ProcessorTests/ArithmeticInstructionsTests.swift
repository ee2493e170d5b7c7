import ISA
import Testing

@testable import Processor

@Suite("Arithmetic instructions")
struct ArithmeticInstructionsTests {
  /// In the order of the encoding; TEST is apart.
  static let names = ["ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST"]

  /// A form of a two-operand instruction: its bytes for an immediate operand, and where its operands are.
  struct Form {
    var name: String
    var code: (_ immediate: UInt32) -> [UInt8]
    var destination: Place
    var hasImmediate = false
    enum Place { case eax, ecx, memory }
  }

  /// All encodings of operation `number` at a width. The destination is ECX, EAX or [ESI + EDI * 4], the source EDX,
  /// [ESI] or a number.
  static func forms(_ number: Int, _ width: Width) -> [Form] {
    let wide: UInt8 = width.bits == 8 ? 0 : 1
    let prefix: [UInt8] = width.bits == 16 ? [0x66] : []
    func bytes(_ value: UInt32) -> [UInt8] { Array([UInt8](words: value).prefix(width.bytes)) }
    if number == 8 {
      return [
        Form(name: "r, r", code: { _ in prefix + [0x84 | wide, 0xd1] }, destination: .ecx),
        Form(name: "m, r", code: { _ in prefix + [0x84 | wide, 0x14, 0xbe] }, destination: .memory),
        Form(name: "r, n", code: { prefix + [0xf6 | wide, 0xc1] + bytes($0) }, destination: .ecx, hasImmediate: true),
        Form(name: "m, n", code: { prefix + [0xf6 | wide, 0x06] + bytes($0) }, destination: .memory, hasImmediate: true),
        Form(name: "a, n", code: { prefix + [0xa8 | wide] + bytes($0) }, destination: .eax, hasImmediate: true),
      ]
    }
    let digit = UInt8(number) << 3
    var forms = [
      Form(name: "r, r", code: { _ in prefix + [digit | wide, 0xd1] }, destination: .ecx),
      Form(name: "r, r backwards", code: { _ in prefix + [digit | 2 | wide, 0xca] }, destination: .ecx),
      Form(name: "m, r", code: { _ in prefix + [digit | wide, 0x16] }, destination: .memory),
      Form(name: "m indexed, r", code: { _ in prefix + [digit | wide, 0x14, 0xbe] }, destination: .memory),
      Form(name: "a, n", code: { prefix + [digit | 4 | wide] + bytes($0) }, destination: .eax, hasImmediate: true),
      Form(name: "r, n", code: { prefix + [0x80 | wide, 0xc1 | digit] + bytes($0) }, destination: .ecx, hasImmediate: true),
      Form(name: "m, n", code: { prefix + [0x80 | wide, 0x06 | digit] + bytes($0) }, destination: .memory, hasImmediate: true),
    ]
    forms.append(
      Form(name: "m indexed, n", code: { prefix + [0x80 | wide, 0x04 | digit, 0xbe] + bytes($0) }, destination: .memory,
        hasImmediate: true))
    return forms
  }

  @Test("two-operand instructions compute and set flags by the definitions in every form", arguments: 0..<9, Width.all)
  func binary(number: Int, width: Width) throws {
    let reference = ReferenceALU(width: width)
    let pairs = width.samples.flatMap { a in width.samples.map { b in (a, b) } }
    for form in Self.forms(number, width) {
      func check(_ code: AllWays, _ a: UInt64, _ b: UInt64) {
        for flags: EFlags in [[], [.cf, .of, .zf]] {
          // What lies above a narrow operand must stay.
          let above = width.bits == 32 ? 0 : 0xa5a5_a5a5 & ~UInt32(width.mask)
          let placed = above | UInt32(a)
          var input = Input(edx: UInt32(b), flags: flags)
          switch form.destination {
          case .eax: input.eax = placed
          case .ecx: input.ecx = placed
          case .memory: input.data = [UInt8](words: placed)
          }
          let end = code.run(input)
          let got = switch form.destination {
          case .eax: end.eax
          case .ecx: end.ecx
          case .memory: end.data(0, size: 4)
          }
          let (wanted, wantedFlags) = reference.apply(number, a, b, carry: flags.contains(.cf) ? 1 : 0)
          if got != above | UInt32(wanted) || end.flags != wantedFlags {
            Issue.record("\(Self.names[number]) \(form.name), \(a), \(b), \(flags): \(got) [\(end.flags)], not \(wanted) [\(wantedFlags)]")
          }
        }
      }
      if form.hasImmediate {
        for b in [0, 1, 0x7f, 0x80, width.mask, width.top, 0x1234_5678 & width.mask] {
          let code = try AllWays(form.code(UInt32(b)))
          for a in width.samples { check(code, a, b) }
        }
      } else {
        let code = try AllWays(form.code(0))
        for (a, b) in pairs { check(code, a, b) }
      }
    }
  }

  @Test("a load as second operand works like a register", arguments: 0..<8, Width.all)
  func fromMemory(number: Int, width: Width) throws {
    let wide: UInt8 = width.bits == 8 ? 0 : 1, opcode = UInt8(number) << 3 | 2 | wide
    let reference = ReferenceALU(width: width)
    for address in [[0x0e], [0x0c, 0xbe]] as [[UInt8]] {
      let code = try AllWays((width.bits == 16 ? [0x66] : []) + [opcode] + address)
      for a in width.samples {
        for b in width.samples {
          let end = code.run(Input(ecx: UInt32(a), flags: .cf, data: [UInt8](words: UInt32(b))))
          let (wanted, flags) = reference.apply(number, a, b, carry: 1)
          #expect(UInt64(end.ecx) == wanted && end.flags == flags, "\(Self.names[number]) \(a), \(b)")
        }
      }
    }
  }

  @Test("a byte immediate is sign-extended for wide operands", arguments: 0..<8)
  func shortImmediate(number: Int) throws {
    let digit = UInt8(number) << 3, reference = ReferenceALU(width: Width(bits: 32))
    let register = try AllWays([0x83, 0xc1 | digit, 0x80]), memory = try AllWays([0x83, 0x06 | digit, 0x80])
    for a in Width(bits: 32).samples {
      let (wanted, flags) = reference.apply(number, a, 0xffff_ff80, carry: 1)
      let inRegister = register.run(Input(ecx: UInt32(a), flags: .cf))
      let inMemory = memory.run(Input(flags: .cf, data: [UInt8](words: UInt32(a))))
      #expect(UInt64(inRegister.ecx) == wanted && inRegister.flags == flags)
      #expect(UInt64(inMemory.data(0, size: 4)) == wanted && inMemory.flags == flags)
    }
  }

  @Test("code of 16 bits computes in words, and in doublewords behind a prefix", arguments: 0..<8, [Mode.code16, .real])
  func narrowCode(number: Int, mode: Mode) throws {
    let opcode = UInt8(number) << 3 | 1
    for (prefix, width) in [([], Width(bits: 16)), ([0x66], Width(bits: 32))] as [([UInt8], Width)] {
      let reference = ReferenceALU(width: width)
      for (a, b) in zip(width.samples, width.samples.reversed()) {
        let (wanted, flags) = reference.apply(number, a, b, carry: 1)
        let register = try run(prefix + [opcode, 0xd1], mode: mode, Input(ecx: UInt32(a), edx: UInt32(b), flags: .cf))
        #expect(UInt64(register.ecx) == wanted && register.flags == flags, "\(Self.names[number]) \(a), \(b)")
        // [si]
        let memory = try run(
          prefix + [opcode, 0x14], mode: mode, Input(edx: UInt32(b), flags: .cf, data: [UInt8](words: UInt32(a))))
        #expect(UInt64(memory.data(0, size: width.bytes)) == wanted && memory.flags == flags)
      }
    }
  }

  @Test("the high byte registers are bytes of their own")
  func highBytes() throws {
    // add ah, ch; sub dh, dl
    let end = try run([0x00, 0xec, 0x28, 0xd6], Input(eax: 0x1111_f011, ecx: 0x2033, edx: 0x0506))
    #expect(end.eax == 0x1111_1011)
    #expect(end.edx == 0xff06)
  }

  @Test("INC and DEC leave CF, NEG sets it unless the operand is 0, NOT leaves all flags", arguments: Width.all)
  func unary(width: Width) throws {
    let wide: UInt8 = width.bits == 8 ? 0 : 1, prefix: [UInt8] = width.bits == 16 ? [0x66] : []
    let reference = ReferenceALU(width: width)
    let operations: [(String, [UInt8], (UInt64, EFlags) -> (UInt64, EFlags))] = [
      ("INC", [0xfe | wide, 0x00],
        { (reference.add($0, 1).0, reference.add($0, 1).1.subtracting(.cf).union($1.intersection(.cf))) }),
      ("DEC", [0xfe | wide, 0x08],
        { (reference.subtract($0, 1).0, reference.subtract($0, 1).1.subtracting(.cf).union($1.intersection(.cf))) }),
      ("NOT", [0xf6 | wide, 0x10], { (~$0 & width.mask, $1) }),
      ("NEG", [0xf6 | wide, 0x18], { a, _ in reference.subtract(0, a) }),
    ]
    for (name, code, apply) in operations {
      let register = try AllWays(prefix + [code[0], 0xc1 | code[1]]), memory = try AllWays(prefix + [code[0], 0x06 | code[1]])
      for a in width.samples {
        for flags: EFlags in [[], [.cf, .zf, .of]] {
          let (wanted, wantedFlags) = apply(a, flags)
          let inRegister = register.run(Input(ecx: UInt32(a), flags: flags))
          let inMemory = memory.run(Input(flags: flags, data: [UInt8](words: UInt32(a))))
          #expect(UInt64(inRegister.ecx) == wanted && inRegister.flags == wantedFlags, "\(name) \(a) with \(flags)")
          #expect(UInt64(inMemory.data(0, size: 4)) == wanted && inMemory.flags == wantedFlags, "\(name) \(a) with \(flags)")
        }
      }
    }
    if width.bits == 32 {
      // inc ecx; dec edx, in one byte each
      let end = try run([0x41, 0x4a], Input(ecx: 0xffff_ffff, edx: 0, flags: .cf))
      #expect(end.ecx == 0 && end.edx == 0xffff_ffff && end.flags.contains(.cf))
    }
  }

  @Test("MUL and IMUL leave the whole product, and CF says whether the high half counts", arguments: Width.all)
  func multiplication(width: Width) throws {
    let wide: UInt8 = width.bits == 8 ? 0 : 1, prefix: [UInt8] = width.bits == 16 ? [0x66] : []
    let unsigned = try AllWays(prefix + [0xf6 | wide, 0xe1]), signed = try AllWays(prefix + [0xf6 | wide, 0x2e])
    func halves(_ end: Outcome) -> UInt64 {
      width.bits == 8 ? UInt64(end.eax & 0xffff) : (UInt64(end.edx) & width.mask) << width.bits | UInt64(end.eax) & width.mask
    }
    for a in width.samples {
      for b in width.samples {
        let end = unsigned.run(Input(eax: UInt32(a), ecx: UInt32(b)))
        #expect(halves(end) == a * b, "\(a) * \(b)")
        #expect(end.flags.contains(.cf) == (a * b > width.mask) && end.flags.contains(.of) == end.flags.contains(.cf))
        let signedEnd = signed.run(Input(eax: UInt32(a), data: [UInt8](words: UInt32(b))))
        let exact = width.signed(a) * width.signed(b)
        let whole = width.bits == 32 ? ~UInt64(0) : 1 << (2 * width.bits) - 1
        #expect(halves(signedEnd) == UInt64(bitPattern: exact) & whole, "\(width.signed(a)) * \(width.signed(b))")
        let fits = exact == width.signed(UInt64(bitPattern: exact) & width.mask)
        #expect(signedEnd.flags.contains(.cf) == !fits && signedEnd.flags.contains(.of) == !fits)
      }
    }
  }

  @Test("IMUL with two and three operands cuts the product and says so")
  func truncatingMultiplication() throws {
    let two = try AllWays([0x0f, 0xaf, 0xca]), three = try AllWays([0x6b, 0xca, 0xfd]), wide = try AllWays([0x69, 0x0e, 3, 0, 1, 0])
    for a in Width(bits: 32).samples {
      let width = Width(bits: 32), x = width.signed(a)
      for b in width.samples {
        let exact = x * width.signed(b), end = two.run(Input(ecx: UInt32(a), edx: UInt32(b)))
        #expect(end.ecx == UInt32(truncatingIfNeeded: exact))
        #expect(end.flags.contains(.of) == (exact != Int64(Int32(truncatingIfNeeded: exact))))
      }
      #expect(three.run(Input(edx: UInt32(a))).ecx == UInt32(truncatingIfNeeded: x * -3))
      #expect(wide.run(Input(data: [UInt8](words: UInt32(a)))).ecx == UInt32(truncatingIfNeeded: x * 0x10003))
    }
  }

  @Test("DIV and IDIV leave quotient and remainder, or are #DE and change nothing", arguments: Width.all)
  func division(width: Width) throws {
    let wide: UInt8 = width.bits == 8 ? 0 : 1, prefix: [UInt8] = width.bits == 16 ? [0x66] : []
    let unsigned = try AllWays(prefix + [0xf6 | wide, 0xf1]), signed = try AllWays(prefix + [0xf6 | wide, 0xf9])
    let error = Fault(vector: 0, errorCode: nil, at: 0)
    for high in width.samples {
      for low in width.samples {
        for divisor in width.samples {
          var input = Input(ecx: UInt32(divisor), flags: [.cf])
          if width.bits == 8 {
            input.eax = UInt32(high << 8 | low)
          } else {
            (input.eax, input.edx) = (UInt32(low), UInt32(high))
          }
          func check(_ end: Outcome, _ result: (UInt64, UInt64)?, _ what: String) {
            if let (q, r) = result {
              let got = width.bits == 8 ? (UInt64(end.eax & 0xff), UInt64(end.eax >> 8)) : (UInt64(end.eax), UInt64(end.edx))
              if end.fault != nil || got != (q, r) { Issue.record("\(what) \(high):\(low) / \(divisor): \(got), \(String(describing: end.fault))") }
            } else if end.fault != error || end.registers != input.registers || !end.flags.contains(.cf) {
              Issue.record("\(what) \(high):\(low) / \(divisor) is not #DE, or changes something")
            }
          }
          let dividend = high << width.bits | low
          let fits = divisor != 0 && dividend / divisor <= width.mask
          check(unsigned.run(input), fits ? (dividend / divisor, dividend % divisor) : nil, "DIV")

          let shift = Int64(64 - 2 * width.bits)
          let a = Int64(bitPattern: dividend << UInt64(shift)) >> shift, b = width.signed(divisor)
          var result: (UInt64, UInt64)?
          if b != 0 {
            let (q, overflow) = a.dividedReportingOverflow(by: b)
            if !overflow, q >= -Int64(width.top), q < Int64(width.top) {
              result = (UInt64(bitPattern: q) & width.mask, UInt64(bitPattern: a - q * b) & width.mask)
            }
          }
          check(signed.run(input), result, "IDIV")
        }
      }
    }
  }

  @Test("flags that a later instruction overwrites may be lost, but no boundary ever shows it")
  func flagsAtBoundaries() throws {
    // sub eax, eax; add ecx, ecx; div ebx (by zero): the handler sees ADD's flags.
    let end = try run([0x29, 0xc0, 0x01, 0xc9, 0xf7, 0xf3], Input(eax: 5, ecx: 0x8000_0001))
    #expect(end.fault?.vector == 0)
    #expect(end.flags == [.cf, .of])
    // cmp eax, ecx; jz +1; stc; then a branch on the comparison's other flags
    let branch = try run([0x39, 0xc8, 0x74, 0x01, 0xf9, 0x0f, 0x92, 0xc3], Input(eax: 3, ecx: 2))
    #expect(branch.ebx == 1)
  }

  static let conditions: [UInt8] = Array(0..<16)

  @Test("a comparison and the branch behind it agree for every condition, in every form", arguments: conditions)
  func fused(condition: UInt8) throws {
    let width = Width(bits: 32), reference = ReferenceALU(width: width)
    // The instruction, then: jcc +2; mov bl, 1 (skipped when taken); then pushf shows the flags.
    let forms: [(String, [UInt8], (UInt64, UInt64) -> EFlags)] = [
      ("cmp ecx, edx", [0x39, 0xd1], { reference.subtract($0, $1).1 }),
      ("cmp ecx, [esi]", [0x3b, 0x0e], { reference.subtract($0, $1).1 }),
      ("cmp [esi], ecx", [0x39, 0x0e], { reference.subtract($1, $0).1 }),
      ("test ecx, edx", [0x85, 0xd1], { reference.resultFlags($0 & $1) }),
      ("sub ecx, edx", [0x29, 0xd1], { reference.subtract($0, $1).1 }),
      ("and ecx, 0x80", [0x81, 0xe1, 0x80, 0, 0, 0], { a, _ in reference.resultFlags(a & 0x80) }),
      ("cmp ecx, 0x7f", [0x83, 0xf9, 0x7f], { a, _ in reference.subtract(a, 0x7f).1 }),
      ("cmp cl, dl", [0x38, 0xd1], { ReferenceALU(width: Width(bits: 8)).subtract($0 & 0xff, $1 & 0xff).1 }),
      ("test cl, 0x81", [0xf6, 0xc1, 0x81], { a, _ in ReferenceALU(width: Width(bits: 8)).resultFlags(a & 0x81) }),
      ("inc ecx", [0x41], { a, _ in reference.add(a, 1).1.subtracting(.cf) }),
      ("dec ecx", [0x49], { a, _ in reference.subtract(a, 1).1.subtracting(.cf) }),
    ]
    for (name, compare, flags) in forms {
      for jump in [[0x70 | condition, 0x02], [0x0f, 0x80 | condition, 0x02, 0, 0, 0]] as [[UInt8]] {
        let code = try AllWays(compare + jump + [0xb3, 0x01, 0x9c])
        for a in width.samples {
          for b in width.samples {
            let end = code.run(Input(ecx: UInt32(a), edx: UInt32(b), data: [UInt8](words: UInt32(b))))
            let wanted = flags(a, b)
            let taken = LazyFlags(eflags: wanted.rawValue).holds(condition)
            if end.flags != wanted || (end.ebx == 0) != taken || end.stack(Self.top - 4) & 0x8d5 != wanted.rawValue {
              Issue.record("\(name), condition \(condition), \(a), \(b): [\(end.flags)], not [\(wanted)]")
            }
          }
        }
      }
    }
  }

  private static let top = GuestCode.stack
}
