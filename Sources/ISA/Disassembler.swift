// Text for people: Capstone's, in Intel's syntax, put right where Capstone isn't, with the decoder's own opinion of
// each instruction beside it. Takes any bytes: what is no instruction comes out as `(bad)` or `.byte`.

import CCapstone

/// One line of a listing.
public struct DisassembledInstruction: Sendable {
  /// Where it stands, as the caller counts.
  public var address: UInt32
  public var bytes: [UInt8]
  /// Mnemonic and operands in Intel's syntax, a branch target with its symbol.
  public var text: String
  public var instruction: Instruction
  /// Where a direct near branch goes.
  public var target: UInt32?

  /// The decoder takes it for an instruction of the processor that guests see.
  public var isInstruction: Bool { instruction.operation.isInstruction }

  /// One letter: P privileged, S sensitive, U undefined on the guests' processor; a blank for all others.
  public var mark: Character {
    guard isInstruction else { return "U" }
    return switch instruction.property {
    case .privileged: "P"
    case .sensitive: "S"
    case .ordinary, .controlTransfer: " "
    }
  }

  /// Address, bytes, mark and text in columns.
  public var line: String {
    let dump = bytes.map { hexadecimal(UInt32($0), digits: 2) }.joined(separator: " ")
    let padding = String(repeating: " ", count: max(0, 23 - dump.count))
    return "\(hexadecimal(address, digits: 8))  \(dump)\(padding)  \(mark) \(text)"
  }
}

/// Turns bytes into text.
///
/// Owns its Capstone handles, as `Decoder` does, and isn't shared between threads. Allocates freely.
public final class Disassembler {
  private let decoder = Decoder()
  private let handle16: csh
  private let handle32: csh

  public init() {
    handle16 = Decoder.open(CS_MODE_16)
    handle32 = Decoder.open(CS_MODE_32)
  }

  deinit {
    var handle = handle16
    cs_close(&handle)
    handle = handle32
    cs_close(&handle)
  }

  /// Disassembles all the bytes, one after another.
  ///
  /// - Parameters:
  ///   - address: that of the first byte.
  ///   - symbol: the name to print behind a branch's target, or nil for none.
  public func disassemble(
    _ bytes: [UInt8], at address: UInt32 = 0, size: CodeSize = .bits32, symbol: (UInt32) -> String? = { _ in nil }
  ) -> [DisassembledInstruction] {
    var lines: [DisassembledInstruction] = []
    var offset = 0
    while offset < bytes.count {
      let line = one(bytes[offset...], at: address &+ UInt32(truncatingIfNeeded: offset), size: size, symbol: symbol)
      lines.append(line)
      offset += line.bytes.count
    }
    return lines
  }

  /// Disassembles the instruction that the bytes begin with; at least one byte must be there.
  ///
  /// A byte that begins no instruction makes a line of its own.
  public func one(
    _ bytes: ArraySlice<UInt8>, at address: UInt32, size: CodeSize, symbol: (UInt32) -> String? = { _ in nil }
  ) -> DisassembledInstruction {
    let window = Array(bytes.prefix(Decoder.maximumLength))
    var instruction = window.withUnsafeBytes { buffer in
      buffer.baseAddress.map { decoder.decode($0, count: buffer.count, size: size) }
        ?? Instruction(operation: .truncated, length: 0)
    }
    func line(_ length: Int, _ text: String, target: UInt32? = nil) -> DisassembledInstruction {
      DisassembledInstruction(
        address: address, bytes: Array(window.prefix(length)), text: text, instruction: instruction, target: target)
    }

    switch instruction.operation {
    case .truncated:
      instruction.length = 1
      return line(1, ".byte 0x\(hexadecimal(UInt32(window.first ?? 0), digits: 2))")
    case .tooLong:
      instruction.length = 1
      return line(1, "(bad)")
    case .undefined:
      // Newer than the guests' processor, or nothing at all.
      let isCorrected = window.withUnsafeBytes {
        DecoderCorrections.row(matching: $0.baseAddress!, length: $0.count) != nil
      }
      if !isCorrected && !instruction.isLocked, let (length, mnemonic, operands) = ask(window, address, size) {
        instruction.length = UInt8(length)
        return line(length, operands.isEmpty ? mnemonic : "\(mnemonic) \(operands)")
      }
      instruction.length = 1
      return line(1, "(bad)")
    default: break
    }

    let length = Int(instruction.length)
    let asked = ask(canonical(Array(window.prefix(length))), address, size)
    guard var (_, mnemonic, operands) = asked else {
      return line(length, ownText(instruction, window, size))
    }
    if instruction.form == .relative {
      let target = instruction.branchTarget(from: address)
      operands = "0x\(hexadecimal(target))"
      if let name = symbol(target) { operands += " <\(name)>" }
      // Capstone names the count register by the mode.
      if instruction.operation == .jcxz { mnemonic = instruction.address16 ? "jcxz" : "jecxz" }
      return line(length, "\(mnemonic) \(operands)", target: target)
    }
    return line(length, operands.isEmpty ? mnemonic : "\(mnemonic) \(operands)")
  }

  /// Asks Capstone for text.
  private func ask(_ bytes: [UInt8], _ address: UInt32, _ size: CodeSize) -> (Int, String, String)? {
    var instruction: UnsafeMutablePointer<cs_insn>?
    let handle = size == .bits32 ? handle32 : handle16
    let count = bytes.withUnsafeBufferPointer {
      cs_disasm(handle, $0.baseAddress, $0.count, UInt64(address), 1, &instruction)
    }
    guard count == 1, let instruction else { return nil }
    defer { cs_free(instruction, count) }
    let mnemonic = withUnsafePointer(to: &instruction.pointee.mnemonic) { text($0) }
    let operands = withUnsafePointer(to: &instruction.pointee.op_str) { text($0) }
    return (Int(instruction.pointee.size), mnemonic, operands)
  }

  private func text<Characters>(_ characters: UnsafePointer<Characters>) -> String {
    let bytes = UnsafeRawBufferPointer(start: characters, count: MemoryLayout<Characters>.size)
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The same instruction with one prefix of each group, in an order that Capstone doesn't stumble over: it takes
  /// the operand size from what stands last, and forgets 66 for an F2 or F3 behind it.
  private func canonical(_ bytes: [UInt8]) -> [UInt8] {
    var lock: UInt8?
    var repeatPrefix: UInt8?
    var segment: UInt8?
    var operandSize: UInt8?
    var addressSize: UInt8?
    var start = 0
    scan: for byte in bytes {
      switch byte {
      case 0xf0: lock = byte
      case 0xf2, 0xf3: repeatPrefix = byte
      case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65: segment = byte
      case 0x66: operandSize = byte
      case 0x67: addressSize = byte
      default: break scan
      }
      start += 1
    }
    return [lock, repeatPrefix, segment, addressSize, operandSize].compactMap(\.self) + bytes[start...]
  }

  /// Text for the rows of `DecoderCorrections` that Capstone refuses: hints, which are NOPs.
  private func ownText(_ instruction: Instruction, _ bytes: [UInt8], _ size: CodeSize) -> String {
    guard instruction.operation == .nop, let escape = bytes.firstIndex(of: 0x0f), escape + 2 < bytes.count else {
      return instruction.operation.mnemonic
    }
    let modRM = bytes[escape + 2]
    if modRM < 0xc0 {
      // The multi-byte NOP with the same memory operand.
      let nop = [0x0f, 0x1f, modRM & 0xc7] + bytes[(escape + 3)...]
      if let (_, mnemonic, operands) = ask(bytes[..<escape] + nop, 0, size) { return "\(mnemonic) \(operands)" }
      return "nop"
    }
    let register = GeneralRegister(rawValue: modRM & 7)?.name(size: instruction.operandSize) ?? ""
    return "nop \(register)"
  }
}

extension Instruction {
  /// Where a direct near branch at `address` goes: cut to 16 bits when its operand size is 2.
  public func branchTarget(from address: UInt32) -> UInt32 {
    let target = address &+ UInt32(length) &+ immediate
    return operandSize == 2 ? target & 0xffff : target
  }
}

/// A number in small hexadecimal letters, at least so many digits wide.
private func hexadecimal(_ value: UInt32, digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}
