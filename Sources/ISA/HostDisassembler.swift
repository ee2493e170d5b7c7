// The host's code as text, for looking at translations: Capstone in 64-bit mode, in Intel's syntax.

import CCapstone

/// One line of a listing of host code.
public struct HostInstruction: Sendable {
  /// Where it stands, as the caller counts.
  public var offset: Int
  public var bytes: [UInt8]
  public var mnemonic: String
  public var operands: String
  /// Where a direct jump or call goes, as the caller counts.
  public var target: Int?
  /// The distance from R15 of a memory operand.
  public var stateOffset: Int?

  /// Capstone takes it for an instruction.
  public var isInstruction: Bool { mnemonic != Self.bad }
  public var text: String { operands.isEmpty ? mnemonic : "\(mnemonic) \(operands)" }

  static let bad = "(bad)"
}

/// Turns x86-64 bytes into text.
///
/// Owns its Capstone handle and isn't shared between threads. Allocates freely.
public final class HostDisassembler {
  private let handle: csh

  public init() {
    handle = Decoder.open(CS_MODE_64)
    _ = cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue))
  }

  deinit {
    var handle = handle
    cs_close(&handle)
  }

  /// Disassembles all the bytes, one after another; one that begins no instruction makes a line of its own.
  public func disassemble(_ bytes: [UInt8], at offset: Int = 0) -> [HostInstruction] {
    var lines: [HostInstruction] = []
    var at = 0
    while at < bytes.count {
      let line = one(bytes[at...], at: offset + at)
      lines.append(line)
      at += line.bytes.count
    }
    return lines
  }

  private func one(_ bytes: ArraySlice<UInt8>, at offset: Int) -> HostInstruction {
    var found: UnsafeMutablePointer<cs_insn>?
    let count = bytes.withUnsafeBufferPointer {
      cs_disasm(handle, $0.baseAddress, $0.count, UInt64(offset), 1, &found)
    }
    guard count == 1, let found else {
      return HostInstruction(offset: offset, bytes: Array(bytes.prefix(1)), mnemonic: HostInstruction.bad, operands: "")
    }
    defer { cs_free(found, count) }
    var line = HostInstruction(
      offset: offset, bytes: Array(bytes.prefix(Int(found.pointee.size))),
      mnemonic: withUnsafePointer(to: &found.pointee.mnemonic) { text($0) },
      operands: withUnsafePointer(to: &found.pointee.op_str) { text($0) })
    if let detail = found.pointee.detail { note(detail, of: &line) }
    return line
  }

  private func note(_ detail: UnsafeMutablePointer<cs_detail>, of line: inout HostInstruction) {
    let isTransfer = line.mnemonic.hasPrefix("j") || line.mnemonic == "call"
    withUnsafePointer(to: &detail.pointee.x86.operands) { operands in
      let operands = UnsafeRawPointer(operands).assumingMemoryBound(to: cs_x86_op.self)
      for n in 0..<Int(detail.pointee.x86.op_count) {
        let operand = operands[n]
        if operand.type == X86_OP_IMM, isTransfer { line.target = Int(operand.imm) }
        if operand.type == X86_OP_MEM, operand.mem.base == X86_REG_R15 { line.stateOffset = Int(operand.mem.disp) }
      }
    }
  }

  private func text<Characters>(_ characters: UnsafePointer<Characters>) -> String {
    let bytes = UnsafeRawBufferPointer(start: characters, count: MemoryLayout<Characters>.size)
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
