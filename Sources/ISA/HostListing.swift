// The host's own code as text: what the translator wrote, for people who check it. Capstone's word is taken as it is.

import CCapstone

/// Lists 64-bit code.
public enum HostListing {
  /// A line for each instruction: its address, its bytes and its text. A byte that begins none makes a line of its own.
  public static func lines(_ bytes: [UInt8], at address: UInt64) -> [(address: UInt64, text: String)] {
    var handle = Decoder.open(CS_MODE_64)
    defer { cs_close(&handle) }
    var lines: [(address: UInt64, text: String)] = []
    var offset = 0
    while offset < bytes.count {
      let at = address + UInt64(offset)
      var found: UnsafeMutablePointer<cs_insn>?
      let count = bytes[offset...].withUnsafeBufferPointer {
        cs_disasm(handle, $0.baseAddress, $0.count, at, 1, &found)
      }
      guard count == 1, let found else {
        lines.append((at, ".byte 0x\(String(bytes[offset], radix: 16))"))
        offset += 1
        continue
      }
      defer { cs_free(found, count) }
      let mnemonic = withUnsafeBytes(of: found.pointee.mnemonic) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      let operands = withUnsafeBytes(of: found.pointee.op_str) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      lines.append((at, operands.isEmpty ? mnemonic : "\(mnemonic) \(operands)"))
      offset += Int(found.pointee.size)
    }
    return lines
  }
}
