#if TRANSLATOR

  // What keeps translated code inside the guest, checked in the code itself: each instruction that was emitted is read by a
  // disassembler that knows nothing of the translator, and may touch memory and go on only in ways that can be listed.
  //
  //   gs:[32-bit address]              the window; nothing but guest pages is in 4 GiB + 64 KiB from GS's base
  //   [r15 + field]                    the state block and the keys of fragments
  //   [r15 + r13*8 - 4096], one byte   the poll page, behind the shift that makes R13 0 or -1
  //   [r14 + r13]                      behind a call of a look-up, for no more and no more often than it allowed
  //   jmp [r15 + r13*8 + targets]      behind the move that makes R13 a word
  //   rep movs, rep stos               from RSI and to RDI, behind the additions that make them addresses in the window, and
  //                                    in one way: they meet the guard behind it before anything else

  import ISA

  @testable import Processor

  struct HostCodeChecker {
    /// A fragment as far as its code goes.
    struct Piece {
      var range: Range<Int>
      var entry: Int
      var isUser: Bool
    }

    let code: [UInt8]
    let stubs: TranslatorStubs
    let pieces: [Piece]
    private let disassembler = HostDisassembler()
    private let entries: Set<Int>
    /// Look-ups by where they begin.
    private let lookups: [Int: Access]
    private var exits: Set<Int> { [stubs.direct, stubs.indirect, stubs.callout, stubs.x87, stubs.vectors] }

    /// An access that a look-up allows.
    private struct Access: Equatable {
      var isUser: Bool
      var isWrite: Bool
      var bytes: Int
    }

    init(code: [UInt8], stubs: TranslatorStubs, pieces: [Piece]) {
      self.code = code
      self.stubs = stubs
      self.pieces = pieces
      entries = Set(pieces.flatMap { [$0.range.lowerBound, $0.entry] })
      var lookups: [Int: Access] = [:]
      for isUser in [false, true] {
        for isWrite in [false, true] {
          for size in TranslatorStubs.sizes {
            lookups[stubs.lookup(user: isUser, write: isWrite, size: size)] = Access(
              isUser: isUser, isWrite: isWrite, bytes: Int(size))
          }
        }
      }
      self.lookups = lookups
    }

    /// All that a translator has emitted since it last threw everything away.
    init(_ translator: Translator) {
      let cache = translator.cache
      self.init(
        code: Array(UnsafeBufferPointer(start: cache.writable, count: cache.position)), stubs: cache.stubs,
        pieces: (1..<max(cache.fragmentCount, 1)).map {
          let fragment = cache.fragments[$0]
          return Piece(
            range: Int(fragment.checkedEntry)..<Int(fragment.end), entry: Int(fragment.entry),
            isUser: fragment.mode & EngineMode.user != 0)
        })
    }

    /// Everything that should not be there, in words.
    func violations() -> [String] {
      var found = sharedViolations()
      var end = stubs.end
      for piece in pieces {
        if code[end..<max(piece.range.lowerBound, end)].contains(where: { $0 != 0xcc }) {
          found.append("code between fragments at \(end)")
        }
        found += violations(of: piece)
        end = piece.range.upperBound
      }
      if end != code.count { found.append("code behind the last fragment") }
      return found
    }

    private func read(_ range: Range<Int>) -> [HostInstruction] {
      code.withUnsafeBufferPointer { disassembler.instructions($0.baseAddress!, range) }
    }

    // MARK: Fragments

    func violations(of piece: Piece) -> [String] {
      let instructions = read(piece.range)
      var found: [String] = []
      if instructions.last?.end ?? piece.range.lowerBound != piece.range.upperBound {
        found.append("no instruction at \(instructions.last?.end ?? piece.range.lowerBound)")
      }
      let boundaries = Set(instructions.map(\.offset))
      let joins = Set(instructions.compactMap(\.target))
      if !boundaries.contains(piece.entry) { found.append("the entry \(piece.entry) is inside an instruction") }
      var allowed: Access?
      var last: HostInstruction?
      var windowed: Set<String> = []
      for one in instructions {
        // Whoever comes from elsewhere has looked nothing up.
        if joins.contains(one.offset) { allowed = nil }
        func note(_ what: String) { found.append("\(what): \(one.text) at \(one.offset)") }
        if one.isSystem { note("a system instruction") }
        if let wrong = misusedRegister(one) { note("\(wrong) is not its to use") }
        if let target = one.target {
          if one.mnemonic == "call" {
            if lookups[target] == nil { note("a call of something else than a look-up") }
          } else if !boundaries.contains(target), !entries.contains(target), !exits.contains(target) {
            note("a branch to nowhere")
          }
        } else if Self.transfers(one), !isTableJump(one, behind: last) {
          note("an indirect transfer")
        }
        noteWindowed(one, behind: last, &windowed)
        if one.mnemonic.hasPrefix("rep ") {
          if !isWindowString(one, windowed) { note("a string that is nobody's") }
        } else if let memory = one.memory, one.mnemonic != "lea", !Self.transfers(one) {
          if let wrong = misusedMemory(one, memory, allowed, behind: last) { note(wrong) }
        }
        for case .register(let name) in one.operands where Self.isAddress(name) { allowed = nil }
        if one.mnemonic == "call" {
          allowed = one.target.flatMap { lookups[$0] }
          if let access = allowed, access.isUser != piece.isUser {
            note("a look-up for the other privilege")
            allowed = nil
          }
        } else if Self.transfers(one) {
          allowed = nil
        }
        last = one
      }
      return found
    }

    /// RSI and RDI are addresses in the window between the addition of its base and the subtraction.
    private func noteWindowed(
      _ one: HostInstruction, behind last: HostInstruction?, _ windowed: inout Set<String>
    ) {
      guard case .register(let name) = one.operands.first, ["rsi", "rdi", "esi", "edi"].contains(name) else { return }
      let wide = "r" + name.dropFirst()
      windowed.remove(wide)
      guard one.mnemonic == "lea", name == wide, let memory = one.memory, memory.base == wide, memory.index == "r11",
        memory.scale == 1, memory.displacement == 0, let last
      else { return }
      let isBase = last.mnemonic == "mov" && last.operands.first == .register("r11")
        && last.memory?.base == "r15" && last.memory?.displacement == Int64(MemoryLayout<CPUState>.offset(of: \.windowBase)!)
      let isSecond = wide == "rdi" && windowed.contains("rsi") && last.operands.first == .register("rsi")
      if isBase || isSecond { windowed.insert(wide) }
    }

    private func isWindowString(_ one: HostInstruction, _ windowed: Set<String>) -> Bool {
      let isMove = one.mnemonic.hasPrefix("rep movs"), isFill = one.mnemonic.hasPrefix("rep stos")
      return windowed.contains("rdi") && (isFill || isMove && windowed.contains("rsi"))
    }

    private static func transfers(_ one: HostInstruction) -> Bool {
      one.mnemonic.hasPrefix("j") || one.mnemonic.hasPrefix("loop") || one.mnemonic == "call" || one.mnemonic == "ret"
    }

    private func isTableJump(_ one: HostInstruction, behind last: HostInstruction?) -> Bool {
      guard one.mnemonic == "jmp", let memory = one.memory else { return false }
      return memory.base == "r15" && memory.index == "r13" && memory.scale == 8 && memory.segment == nil
        && memory.displacement == Int64(StateRegion.indirectTargets)
        && last?.mnemonic == "movzx" && last?.operands == [.register("r13d"), .register("r14w")]
    }

    /// R13 or R14, in whichever width.
    private static func isAddress(_ name: String) -> Bool { name.hasPrefix("r13") || name.hasPrefix("r14") }

    /// A register that a fragment may not name here.
    private func misusedRegister(_ one: HostInstruction) -> String? {
      for operand in one.operands {
        guard case .register(let name) = operand else { continue }
        switch name {
        case "rsp", "esp", "sp", "spl", "r15", "r15d", "r15w", "r15b", "cs", "ds", "es", "fs", "gs", "ss": return name
        case "r10", "r10d", "r10w", "r10b":
          if one.operands.last != operand || !one.mnemonic.hasSuffix("x") { return name }
        case "r8", "r8d", "r8w", "r8b":
          let pays = one.mnemonic == "lea" && one.memory?.base == "r8" && one.memory?.index == nil
          // Read by STI; what a string instruction leaves of it comes back from the state block.
          let isRead = one.mnemonic == "mov" && one.operands.first == .register("r13")
          let isBack = one.mnemonic == "mov" && one.memory?.base == "r15"
            && one.memory?.displacement == Int64(MemoryLayout<CPUState>.offset(of: \.stringBudget)!)
          if !pays, !isRead, !isBack, one.mnemonic != "sarx" || one.operands.first == operand { return name }
        default: break
        }
      }
      if one.mnemonic.hasPrefix("push") || one.mnemonic.hasPrefix("pop"), one.mnemonic != "popcnt" { return "the host's stack" }
      return nil
    }

    /// Mnemonics whose first operand in memory is only read.
    private static let readers: Set<String> = [
      "cmp", "test", "bt", "mul", "imul", "div", "idiv", "comiss", "comisd", "ucomiss", "ucomisd", "fld", "fild", "fbld",
      "fadd", "fsub", "fsubr", "fmul", "fdiv", "fdivr", "fcom", "fcomp", "fiadd", "fisub", "fisubr", "fimul", "fidiv",
      "fidivr", "ficom", "ficomp", "fldcw", "ldmxcsr",
    ]

    private func misusedMemory(
      _ one: HostInstruction, _ memory: HostInstruction.Memory, _ allowed: Access?, behind last: HostInstruction?
    ) -> String? {
      if one.operands.filter({ if case .memory = $0 { true } else { false } }).count != 1 { return "two operands in memory" }
      if memory.segment == "gs" {
        return memory.addressBytes == 4 ? nil : "a window address of 64 bits"
      }
      if memory.segment != nil { return "a segment that is nobody's" }
      if memory.addressBytes != 8 { return "an address of 32 bits outside the window" }
      if memory.base == "r15", memory.index == nil { return isField(memory) ? nil : "no field of the state block" }
      if memory.base == "r15", memory.index == "r13", memory.scale == 8 {
        let polls = memory.displacement == Int64(StateRegion.pollPage) && one.mnemonic == "mov"
          && one.operands.first == .register("r13b") && last?.mnemonic == "sarx"
          && last?.operands == [.register("r13"), .register("r8"), .register("r10")]
        return polls ? nil : "no entry of a table"
      }
      if memory.base == "r14", memory.index == "r13", memory.scale == 1, memory.displacement == 0 {
        guard let allowed else { return "an address that was not looked up" }
        if memory.bytes > allowed.bytes { return "more than was looked up" }
        var writes = false
        if case .memory = one.operands[0] { writes = !Self.readers.contains(one.mnemonic) }
        if one.mnemonic == "xchg" || one.mnemonic == "xadd" { writes = true }
        return writes && !allowed.isWrite ? "a store by a look-up for loads" : nil
      }
      return "a place that is nobody's"
    }

    /// A field of the state block, a key or a counter: all of it within them.
    private func isField(_ memory: HostInstruction.Memory) -> Bool {
      let first = Int(memory.displacement)
      let fields = 0..<MemoryLayout<CPUState>.size
      let numbers = StateRegion.keys..<StateRegion.hits + StateRegion.fragmentCapacity * 8
      let last = first + max(memory.bytes, 1) - 1
      return fields.contains(first) && fields.contains(last) || numbers.contains(first) && numbers.contains(last)
    }

    // MARK: Shared code

    private func sharedViolations() -> [String] {
      var found: [String] = []
      let instructions = read(0..<stubs.end)
      if instructions.last?.end != stubs.end { found.append("shared code ends in an instruction") }
      let boundaries = Set(instructions.map(\.offset))
      var tableAddress = false
      var last: HostInstruction?
      // What is so at the branches that lead somewhere is so there.
      var known: [Int: Bool] = [:]
      for one in instructions {
        defer { last = one }
        if let joined = known[one.offset] {
          tableAddress = (tableAddress || last.map(Self.isBarrier) ?? true) && joined
        }
        if let target = one.target { known[target] = (known[target] ?? true) && tableAddress }
        func note(_ what: String) { found.append("shared code: \(what): \(one.text) at \(one.offset)") }
        if one.mnemonic == "int3" { continue }
        if one.isSystem { note("a system instruction") }
        if let target = one.target {
          if one.mnemonic == "call" || !boundaries.contains(target) { note("a branch to nowhere") }
        } else if one.mnemonic.hasPrefix("j"), one.operands != [.register("r11")] || one.offset >= stubs.direct {
          note("an indirect transfer")
        }
        if let memory = one.memory, one.mnemonic != "lea" {
          let isPlain = memory.segment == nil && memory.addressBytes == 8 && memory.base == "r15"
          let isTable = memory.index == "r13" && memory.scale == 8 && tableAddress && Self.isTLB(memory)
          if isPageWord(one, memory, behind: last) { continue }
          if !isPlain || !(memory.index == nil ? isField(memory) : isTable) { note("a place that is nobody's") }
        }
        // R13 is 4 * set once it is twelve bits, times 4.
        if one.mnemonic == "lea", one.operands.first == .register("r13"), let memory = one.memory {
          tableAddress = memory.base == nil && memory.index == "r13" && memory.scale == 4 && memory.displacement == 0
        } else if one.operands.first == .register("r13") || one.mnemonic == "ret" {
          tableAddress = false
        }
      }
      for lookup in lookups.keys where !boundaries.contains(lookup) { found.append("a look-up inside an instruction") }
      return found
    }

    /// Nothing goes on behind it.
    private static func isBarrier(_ one: HostInstruction) -> Bool { one.mnemonic == "ret" || one.mnemonic == "jmp" }

    /// The entry, or the granules, of the page whose number a look-up has taken from the TLB.
    private func isPageWord(
      _ one: HostInstruction, _ memory: HostInstruction.Memory, behind last: HostInstruction?
    ) -> Bool {
      guard one.mnemonic == "mov", memory.base == "rcx", memory.index == "r11", memory.scale == 8,
        memory.displacement == 0, memory.segment == nil, case .register = one.operands.first,
        last?.mnemonic == "mov", last?.operands.first == .register("rcx"), last?.memory?.base == "r15"
      else { return false }
      let arrays = [
        MemoryLayout<CPUState>.offset(of: \.pageEntries)!, MemoryLayout<CPUState>.offset(of: \.codeGranules)!,
      ]
      return arrays.contains { last?.memory?.displacement == Int64($0) }
    }

    /// A field of the first entry of a TLB.
    private static func isTLB(_ memory: HostInstruction.Memory) -> Bool {
      [StateRegion.supervisorTLB, StateRegion.userTLB].contains {
        let field = Int(memory.displacement) - $0
        return field >= 0 && field + memory.bytes <= MemoryLayout<TLBEntry>.size && memory.bytes == 8
      }
    }
  }

#endif
