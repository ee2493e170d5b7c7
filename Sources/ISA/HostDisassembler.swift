// The host's own instructions, as Capstone reads them: the judge of what the assembler writes and of what translated code
// may touch. Knows nothing of either.

import CCapstone

/// One instruction of 64-bit code.
package struct HostInstruction: Sendable, Equatable {
  package struct Memory: Sendable, Equatable {
    /// Names in lower case; nil for none.
    package var segment: String?
    package var base: String?
    package var index: String?
    package var scale = 1
    package var displacement: Int64 = 0
    /// Bytes of an address: 4 or 8.
    package var addressBytes = 8
    /// Bytes of the operand.
    package var bytes: Int

    package init(
      segment: String? = nil, base: String? = nil, index: String? = nil, scale: Int = 1, displacement: Int64 = 0,
      addressBytes: Int = 8, bytes: Int
    ) {
      self.segment = segment
      self.base = base
      self.index = index
      self.scale = scale
      self.displacement = displacement
      self.addressBytes = addressBytes
      self.bytes = bytes
    }
  }

  package enum Operand: Sendable, Equatable {
    case register(String)
    case immediate(Int64)
    case memory(Memory)
  }

  /// From the first byte of the code, or as the caller counts.
  package var offset: Int
  package var length: Int
  package var mnemonic: String
  package var operands: [Operand]
  /// In Intel's syntax.
  package var text: String
  /// Privileged, or a way into the host's kernel.
  package var isSystem: Bool

  /// Capstone takes it for an instruction.
  package var isInstruction: Bool { mnemonic != Self.bad }
  fileprivate static let bad = "(bad)"

  package var end: Int { offset + length }
  /// The distance from R15 of a memory operand.
  package var stateOffset: Int? {
    guard let memory, memory.base == "r15" else { return nil }
    return Int(memory.displacement)
  }
  package var memory: Memory? {
    for case .memory(let memory) in operands { return memory }
    return nil
  }
  /// Where a direct transfer goes.
  package var target: Int? {
    guard mnemonic.hasPrefix("j") || mnemonic == "call", case .immediate(let value) = operands.first else { return nil }
    return Int(value)
  }
}

/// Reads 64-bit code. Allocates freely; not shared between threads.
package final class HostDisassembler {
  private var handle: csh
  private let scratch: UnsafeMutablePointer<cs_insn>

  package init() {
    handle = Decoder.open(CS_MODE_64)
    _ = cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue))
    scratch = cs_malloc(handle)
  }

  deinit {
    cs_free(scratch, 1)
    cs_close(&handle)
  }

  /// The instruction at an offset of some code; nil where there is none.
  /// - Parameter start: the address that it is given; its offset by default.
  package func instruction(
    _ code: UnsafePointer<UInt8>, count: Int, at offset: Int, address start: Int? = nil
  ) -> HostInstruction? {
    var next: UnsafePointer<UInt8>? = code + offset
    var remaining = count - offset
    var address = UInt64(start ?? offset)
    guard cs_disasm_iter(handle, &next, &remaining, &address, scratch) else { return nil }
    var raw = scratch.pointee
    let mnemonic = withUnsafeBytes(of: &raw.mnemonic) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let text = withUnsafeBytes(of: &raw.op_str) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return HostInstruction(
      offset: offset, length: Int(raw.size), mnemonic: mnemonic, operands: operands(raw.detail.pointee.x86),
      text: text.isEmpty ? mnemonic : "\(mnemonic) \(text)", isSystem: isSystem(mnemonic))
  }

  private static let systemMnemonics: Set<String> = [
    "syscall", "sysenter", "sysexit", "sysret", "int", "int1", "int3", "into", "iret", "iretd", "iretq", "hlt", "in", "out", "cli",
    "sti", "std", "popf", "popfq", "wrfsbase", "wrgsbase", "swapgs", "rdtsc", "rdtscp", "cpuid", "xbegin", "ud2",
    "xrstor", "fxrstor", "wrpkru", "rdpkru", "lfs", "lgs", "lss", "retf", "ljmp", "lcall", "enter", "leave",
  ]

  private func isSystem(_ mnemonic: String) -> Bool {
    Self.systemMnemonics.contains(mnemonic)
      || [CS_GRP_INT, CS_GRP_IRET, CS_GRP_PRIVILEGE].contains { cs_insn_group(handle, scratch, $0.rawValue) }
  }

  /// All instructions of a range, one behind the other; ends early where there is none.
  package func instructions(_ code: UnsafePointer<UInt8>, _ range: Range<Int>) -> [HostInstruction] {
    var found: [HostInstruction] = []
    var offset = range.lowerBound
    while offset < range.upperBound, let one = instruction(code, count: range.upperBound, at: offset) {
      found.append(one)
      offset = one.end
    }
    return found
  }

  /// All of some bytes; one that begins no instruction makes a line of its own.
  package func disassemble(_ bytes: [UInt8], at start: Int = 0) -> [HostInstruction] {
    bytes.withUnsafeBufferPointer { code in
      guard let base = code.baseAddress else { return [] }
      var lines: [HostInstruction] = []
      var at = 0
      while at < code.count {
        var line =
          instruction(base, count: code.count, at: at, address: start + at)
          ?? HostInstruction(
            offset: start + at, length: 1, mnemonic: HostInstruction.bad, operands: [], text: HostInstruction.bad,
            isSystem: false)
        line.offset = start + at
        lines.append(line)
        at += line.length
      }
      return lines
    }
  }

  private func operands(_ detail: cs_x86) -> [HostInstruction.Operand] {
    withUnsafeBytes(of: detail.operands) { raw in
      raw.bindMemory(to: cs_x86_op.self).prefix(Int(detail.op_count)).compactMap { operand in
        switch operand.type {
        case X86_OP_REG: .register(name(operand.reg) ?? "?")
        case X86_OP_IMM: .immediate(operand.imm)
        case X86_OP_MEM:
          .memory(
            HostInstruction.Memory(
              segment: name(operand.mem.segment), base: name(operand.mem.base), index: name(operand.mem.index),
              scale: Int(operand.mem.scale), displacement: operand.mem.disp, addressBytes: Int(detail.addr_size),
              bytes: Int(operand.size)))
        default: nil
        }
      }
    }
  }

  private func name(_ register: x86_reg) -> String? {
    if register == X86_REG_INVALID || register == X86_REG_RIZ || register == X86_REG_EIZ { return nil }
    return cs_reg_name(handle, register.rawValue).map { String(cString: $0) }
  }
}
