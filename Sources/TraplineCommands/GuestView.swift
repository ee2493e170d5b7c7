// A stopped guest as somebody looks at it: memory by linear address, code as text, names for addresses. Nothing here
// changes the guest.

import ISA
import Loading
import Memory
import Processor
import Trapline

/// Looks into a virtual machine.
final class GuestView {
  let processor: Processor
  let symbols: SymbolTable
  private let disassembler = Disassembler()

  init(_ processor: Processor, symbols: SymbolTable) {
    self.processor = processor
    self.symbols = symbols
  }

  // MARK: Memory

  /// The bytes from a linear address on, up to the first that can't be read.
  func bytes(at linear: UInt32, count: Int) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      let at = linear &+ UInt32(truncatingIfNeeded: result.count)
      let length = min(count - result.count, 4096 - Int(at & 0xfff))
      guard let physical = processor.inspect(LinearAddress(at)),
        let part = processor.memory.bytes(at: physical, count: length)
      else { break }
      result += part
    }
    return result
  }

  func word(at linear: UInt32, as size: Int = 4) -> UInt32? {
    let bytes = bytes(at: linear, count: size)
    guard bytes.count == size else { return nil }
    return bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  func isMapped(_ linear: UInt32) -> Bool { !bytes(at: linear, count: 1).isEmpty }

  // MARK: Code

  var codeSize: CodeSize { processor[.cs].isBig ? .bits32 : .bits16 }

  /// `0008:00100012`.
  func place(_ eip: UInt32) -> String { "\(hex(processor[.cs].selector, 4)):\(hex(eip, 8))" }

  /// `main+0x12`; nil where no symbol is near.
  func symbol(at eip: UInt32) -> String? {
    symbols.isEmpty ? nil : symbols.location(of: processor[.cs].base &+ eip)?.description
  }

  /// ` <main+0x12>`, or nothing.
  func label(_ eip: UInt32) -> String { symbol(at: eip).map { " <\($0)>" } ?? "" }

  /// The instruction at an offset in the code segment; nil when its first byte can't be read.
  func instruction(at eip: UInt32) -> DisassembledInstruction? {
    let bytes = bytes(at: processor[.cs].base &+ eip, count: Decoder.maximumLength)
    if bytes.isEmpty { return nil }
    return disassembler.one(bytes[...], at: eip, size: codeSize, symbol: { self.symbol(at: $0) })
  }

  /// The instructions before and after an offset. Those before are a guess, as always with this instruction set: the
  /// longest run that ends exactly there, from the symbol's start if that is near.
  func code(around eip: UInt32, before: Int = 5, after: Int = 6) -> [DisassembledInstruction] {
    var lines = instructions(endingAt: eip, most: before)
    var next = eip
    for _ in 0..<after {
      guard let line = instruction(at: next) else { break }
      lines.append(line)
      next &+= UInt32(line.bytes.count)
      if next < eip { break }
    }
    return lines
  }

  private func instructions(endingAt eip: UInt32, most: Int) -> [DisassembledInstruction] {
    var starts: [UInt32] = []
    let base = processor[.cs].base
    if let location = symbols.location(of: base &+ eip), location.offset > 0, location.offset <= 512 {
      starts.append(eip &- location.offset)
    }
    starts += (1...32).reversed().compactMap { $0 <= eip ? eip - $0 : nil }
    for start in starts {
      var lines: [DisassembledInstruction] = []
      var at = start
      while at < eip, let line = instruction(at: at), line.isInstruction {
        lines.append(line)
        at &+= UInt32(line.bytes.count)
      }
      if at == eip, !lines.isEmpty { return lines.suffix(most) }
    }
    return []
  }
}
