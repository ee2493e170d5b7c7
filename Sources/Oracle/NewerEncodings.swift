// Encodings that today's processors take and ours refuses on purpose: what CPUID would have to say for them to exist.
// One table, read by the decode sweep. Sources: SDM volume 2 appendix A; AMD APM volume 3 appendix A.

import ISA

package enum NewerEncodings {
  /// The opcode maps: one-byte, 0F, 0F 38, 0F 3A.
  package enum Map: Int, CaseIterable, Sendable { case one, two, three38, three3A }

  package enum Form: Sendable {
    case any, memory, register
    /// Register forms with ModRM in this range.
    case modRM(ClosedRange<UInt8>)
    /// This ModRM.reg, with memory or with a register.
    case memoryDigit(UInt8), registerDigit(UInt8)
  }

  package struct Row: Sendable {
    package let map: Map
    package let opcodes: ClosedRange<UInt8>
    package let form: Form
    /// The mandatory prefixes that select it.
    package let prefixes: [SIMDInstruction.Prefix]
    package let feature: String
    init(
      _ map: Map, _ opcodes: ClosedRange<UInt8>, _ form: Form = .any, _ feature: String,
      after prefixes: [SIMDInstruction.Prefix] = SIMDInstruction.Prefix.allCases
    ) {
      self.map = map
      self.opcodes = opcodes
      self.form = form
      self.prefixes = prefixes
      self.feature = feature
    }
  }

  package static let table: [Row] = [
    Row(.one, 0x62...0x62, .register, "AVX512 (EVEX)"),
    Row(.one, 0xc4...0xc5, .register, "AVX, BMI (VEX)"),
    Row(.one, 0x8f...0x8f, .any, "XOP"),
    Row(.one, 0xc6...0xc7, .modRM(0xf8...0xf8), "RTM"),
    Row(.two, 0x00...0x00, .registerDigit(6), "LKGS"),
    Row(.two, 0x01...0x01, .modRM(0xc0...0xc7), "VMX, ENCLV, PCONFIG"),
    Row(.two, 0x01...0x01, .modRM(0xc8...0xc9), "MONITOR"),
    Row(.two, 0x01...0x01, .modRM(0xca...0xcf), "SMAP, ENCLS"),
    Row(.two, 0x01...0x01, .modRM(0xd0...0xd1), "XSAVE"),
    Row(.two, 0x01...0x01, .modRM(0xd2...0xd7), "RTM, SGX, VMX"),
    Row(.two, 0x01...0x01, .modRM(0xd8...0xdf), "SVM"),
    Row(.two, 0x01...0x01, .modRM(0xe8...0xef), "PKU, SERIALIZE, CET"),
    Row(.two, 0x01...0x01, .modRM(0xf9...0xf9), "RDTSCP"),
    Row(.two, 0x01...0x01, .modRM(0xfa...0xfb), "MONITORX"),
    Row(.two, 0x01...0x01, .modRM(0xfc...0xfc), "CLZERO"),
    Row(.two, 0x01...0x01, .modRM(0xfd...0xff), "RDPRU, INVLPGB, SNP"),
    Row(.two, 0x01...0x01, .memoryDigit(5), "CET (RSTORSSP)"),
    Row(.two, 0x05...0x05, .any, "SYSCALL"),
    Row(.two, 0x07...0x07, .any, "SYSCALL"),
    Row(.two, 0x0d...0x0d, .any, "PREFETCHW (3DNow!)"),
    Row(.two, 0x0e...0x0f, .any, "3DNow!"),
    Row(.two, 0x12...0x12, .any, "SSE3 (MOVSLDUP, MOVDDUP)", after: [.rep, .repne]),
    Row(.two, 0x16...0x16, .any, "SSE3 (MOVSHDUP)", after: [.rep]),
    Row(.two, 0x18...0x1f, .any, "hint NOPs"),
    Row(.two, 0x2b...0x2b, .any, "SSE4a (MOVNTSS, MOVNTSD)", after: [.rep, .repne]),
    Row(.two, 0x37...0x37, .any, "SMX"),
    Row(.two, 0x78...0x79, .any, "SSE4a, VMX"),
    Row(.two, 0x7c...0x7d, .any, "SSE3", after: [.operandSize, .repne]),
    Row(.two, 0xae...0xae, .memoryDigit(4), "XSAVE"),
    Row(.two, 0xae...0xae, .memoryDigit(5), "XSAVE"),
    Row(.two, 0xae...0xae, .memoryDigit(6), "XSAVEOPT, CLWB, CET"),
    Row(.two, 0xae...0xae, .memoryDigit(7), "CLFLUSHOPT", after: [.operandSize]),
    Row(.two, 0xae...0xae, .registerDigit(5), "CET (INCSSP)", after: [.rep]),
    Row(.two, 0xae...0xae, .registerDigit(6), "WAITPKG", after: [.operandSize, .rep, .repne]),
    Row(.two, 0xae...0xae, .registerDigit(4), "PTWRITE"),
    Row(.two, 0xb8...0xb8, .any, "POPCNT"),
    Row(.two, 0xc7...0xc7, .memoryDigit(3), "XSAVES"),
    Row(.two, 0xc7...0xc7, .memoryDigit(4), "XSAVEC"),
    Row(.two, 0xc7...0xc7, .memoryDigit(5), "XSAVES"),
    Row(.two, 0xc7...0xc7, .memoryDigit(6), "VMX"),
    Row(.two, 0xc7...0xc7, .memoryDigit(7), "VMX"),
    Row(.two, 0xc7...0xc7, .registerDigit(6), "RDRAND"),
    Row(.two, 0xc7...0xc7, .registerDigit(7), "RDSEED, RDPID"),
    Row(.two, 0xd0...0xd0, .any, "SSE3 (ADDSUBPD, ADDSUBPS)", after: [.operandSize, .repne]),
    Row(.two, 0xf0...0xf0, .memory, "SSE3 (LDDQU)", after: [.repne]),
    Row(.three38, 0x00...0x0b, .any, "SSSE3"),
    Row(.three38, 0x10...0x17, .any, "SSE4.1"),
    Row(.three38, 0x1c...0x1e, .any, "SSSE3"),
    Row(.three38, 0x20...0x41, .any, "SSE4.1"),
    Row(.three38, 0x37...0x37, .any, "SSE4.2"),
    Row(.three38, 0x80...0x82, .any, "VMX (INVEPT), INVPCID"),
    Row(.three38, 0xc8...0xcd, .any, "SHA"),
    Row(.three38, 0xcf...0xcf, .any, "GFNI"),
    Row(.three38, 0xd8...0xdf, .any, "AES"),
    Row(.three38, 0xf0...0xf1, .any, "MOVBE, SSE4.2 (CRC32)"),
    Row(.three38, 0xf5...0xf6, .any, "ADX, CET (WRSS)"),
    Row(.three38, 0xf8...0xfc, .any, "MOVDIR64B, ENQCMD"),
    Row(.three3A, 0x08...0x0e, .any, "SSE4.1"),
    Row(.three3A, 0x0f...0x0f, .any, "SSSE3"),
    Row(.three3A, 0x14...0x22, .any, "SSE4.1"),
    Row(.three3A, 0x40...0x42, .any, "SSE4.1"),
    Row(.three3A, 0x44...0x44, .any, "PCLMULQDQ"),
    Row(.three3A, 0x60...0x63, .any, "SSE4.2"),
    Row(.three3A, 0xcc...0xcc, .any, "SHA"),
    Row(.three3A, 0xce...0xcf, .any, "GFNI"),
    Row(.three3A, 0xdf...0xdf, .any, "AES"),
    Row(.three3A, 0xf0...0xf0, .any, "HRESET"),
  ]

  /// The feature that guards an encoding, or nil if none is known to.
  package static func feature(map: Map, opcode: UInt8, modRM: UInt8, prefixes: [UInt8] = []) -> String? {
    let last = prefixes.last { $0 == 0xf2 || $0 == 0xf3 }
    let mandatory: SIMDInstruction.Prefix =
      last == 0xf3 ? .rep : last == 0xf2 ? .repne : prefixes.contains(0x66) ? .operandSize : .none
    return table.first { row in
      guard row.map == map && row.opcodes.contains(opcode) && row.prefixes.contains(mandatory) else { return false }
      let register = modRM >= 0xc0
      let digit = modRM >> 3 & 7
      switch row.form {
      case .any: return true
      case .memory: return !register
      case .register: return register
      case .modRM(let range): return range.contains(modRM)
      case .memoryDigit(let wanted): return !register && digit == wanted
      case .registerDigit(let wanted): return register && digit == wanted
      }
    }?.feature
  }
}
