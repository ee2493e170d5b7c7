// The decoder against the processor: every opcode of every map with every ModRM under many prefixes, and for each the
// question how many bytes belong to the instruction, answered by the decoder and by a probe at a page's end.

import ISA

package struct DecodeSweep: ~Copyable {
  /// One encoding to ask about.
  package struct Encoding: Sendable {
    package var prefixes: [UInt8]
    package var map: NewerEncodings.Map
    package var opcode: UInt8
    package var modRM: UInt8
    package var sib: UInt8

    /// Padded to fifteen bytes. Read as a 32-bit displacement the padding is an address in the data window; read as a
    /// far pointer it has selector 20h or 11h.
    package var bytes: [UInt8] {
      var bytes = prefixes
      switch map {
      case .one: break
      case .two: bytes += [0x0f]
      case .three38: bytes += [0x0f, 0x38]
      case .three3A: bytes += [0x0f, 0x3a]
      }
      bytes += [opcode, modRM]
      let hasSIB = modRM < 0xc0 && modRM & 7 == 4
      if hasSIB { bytes.append(sib) }
      bytes += [0x00, 0x11, 0x00, 0x20, 0x00, 0x11, 0x00, 0x20, 0, 0, 0, 0, 0, 0]
      return Array(bytes.prefix(15))
    }
  }

  package enum Verdict: Hashable, Sendable {
    case sameLength
    case bothRefuse
    /// The processor takes it, ours doesn't have the feature.
    case newer(String)
    /// Not asked, for this reason.
    case skipped(String)
    /// Ours takes it; the host refuses it for a known reason.
    case hostRefuses(String)
    /// Ours refuses it as the manual says; the host takes it for a known reason.
    case hostTakes(String)
    case different
  }

  package struct Summary: Sendable {
    package var tested = 0
    package var verdicts: [Verdict: Int] = [:]
    /// Text of a disagreement (prefixes, opcode, what each said) and how many ModRMs share it.
    package var differences: [String: Int] = [:]
  }

  package static let prefixSets: [[UInt8]] = [
    [], [0x66], [0x67], [0xf2], [0xf3], [0xf0], [0x26], [0x2e], [0x36], [0x3e], [0x64], [0x65], [0x66, 0x66],
    [0x66, 0x67], [0x67, 0x66], [0x66, 0xf2], [0xf2, 0x66], [0x66, 0xf3], [0xf3, 0x66], [0xf2, 0xf3], [0xf3, 0xf2],
    [0xf0, 0x66], [0xf0, 0xf3], [0xf2, 0xf0], [0x64, 0x67, 0xf3], [0x2e, 0x66, 0x67, 0xf0],
  ]
  static let prefixBytes: Set<UInt8> = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]
  static let sibs: [UInt8] = [0x24, 0x25, 0x8d, 0x5b]

  private let decoder = Decoder()
  private var base: OracleCase

  package init() {
    base = OracleCase(bytes: [0x90])
    let data = OracleMachine.data
    // Everything points into the window. EDX is 0 so that EDX:EAX is a time long past to TPAUSE and its like.
    base.registers = [data + 0x1040, 3, 0, data + 0x400, data + 0x1800, data + 0x1100, data + 0x1200, data + 0x1300]
    base.fx = [UInt8](repeating: 0, count: 512)
    base.fx.replaceSubrange(0..<2, with: [0x7f, 0x03])
    base.fx.replaceSubrange(24..<26, with: [0x80, 0x1f])
  }

  /// Every encoding, in order.
  package func run(native: inout NativeCPU, progress: (String) -> Void) -> Summary {
    var summary = Summary()
    for prefixes in Self.prefixSets {
      for map in NewerEncodings.Map.allCases {
        for opcode in UInt8.min...UInt8.max where Self.isOpcode(opcode, in: map) {
          for modRM in UInt8.min...UInt8.max {
            let sibs = modRM < 0xc0 && modRM & 7 == 4 ? Self.sibs : [0]
            for sib in sibs {
              test(Encoding(prefixes: prefixes, map: map, opcode: opcode, modRM: modRM, sib: sib), &native, &summary)
            }
          }
        }
      }
      progress("prefixes [\(OracleText.hex(prefixes))]: \(summary.tested) encodings so far")
    }
    return summary
  }

  /// A random selection.
  package func run(sample: Int, seed: UInt64, native: inout NativeCPU) -> Summary {
    var summary = Summary()
    var random = SplitMix64(seed: seed)
    while summary.tested < sample {
      let encoding = Encoding(
        prefixes: random.pick(Self.prefixSets), map: random.pick(NewerEncodings.Map.allCases),
        opcode: UInt8(random.below(256)), modRM: UInt8(random.below(256)), sib: UInt8(random.below(256)))
      if Self.isOpcode(encoding.opcode, in: encoding.map) { test(encoding, &native, &summary) }
    }
    return summary
  }

  private static func isOpcode(_ byte: UInt8, in map: NewerEncodings.Map) -> Bool {
    switch map {
    case .one: byte != 0x0f && !prefixBytes.contains(byte)
    case .two: byte != 0x38 && byte != 0x3a
    case .three38, .three3A: true
    }
  }

  private func test(_ encoding: Encoding, _ native: inout NativeCPU, _ summary: inout Summary) {
    let (verdict, text) = judge(encoding, &native)
    summary.tested += 1
    summary.verdicts[verdict, default: 0] += 1
    if let text { summary.differences[text, default: 0] += 1 }
  }

  /// Judges one encoding; the text tells about a difference.
  package func judge(_ encoding: Encoding, _ native: inout NativeCPU) -> (Verdict, String?) {
    let bytes = encoding.bytes
    let relative8 =
      encoding.map == .one
      && (0x70...0x7f ~= encoding.opcode || 0xe0...0xe3 ~= encoding.opcode || encoding.opcode == 0xeb)
    if relative8 && Int(encoding.modRM) >= 256 - 2 - encoding.prefixes.count {
      return (.skipped("a branch into itself"), nil)
    }
    let instruction = bytes.withUnsafeBytes { decoder.decode($0.baseAddress!, count: $0.count, size: .bits32) }
    let ours: Int? =
      switch instruction.operation {
      case .undefined, .tooLong, .truncated: nil
      default: Int(instruction.length)
      }
    native.setMemory(base.memory)
    let (answer, _) = native.length(of: bytes, from: base, guess: ours ?? -1)
    switch (answer, ours) {
    case (.refused(let reason), _): return (.skipped(reason), nil)
    case (.undefined, nil): return (.bothRefuse, nil)
    case (.bytes(let theirs), let ours?) where theirs == ours: return (.sameLength, nil)
    case (.bytes, nil):
      if encoding.prefixes.contains(0xf0), let reason = Self.lockReason(encoding) { return (.hostTakes(reason), nil) }
      if let feature = NewerEncodings.feature(
        map: encoding.map, opcode: encoding.opcode, modRM: encoding.modRM, prefixes: encoding.prefixes)
      {
        return (.newer(feature), nil)
      }
    case (.undefined, .some):
      if let reason = Self.hostReason(encoding) { return (.hostRefuses(reason), nil) }
    default: break
    }
    let form = encoding.modRM < 0xc0 ? "mem" : "reg"
    let map = ["", "0f ", "0f 38 ", "0f 3a "][encoding.map.rawValue]
    let cpu: String =
      switch answer {
      case .bytes(let n): "\(n) bytes"
      case .undefined(let n): "#UD (after \(n))"
      case .more: "more than 15 bytes"
      case .refused: ""
      }
    let decoded = ours.map { "\(instruction.operation), \($0) bytes" } ?? "\(instruction.operation)"
    let text =
      "[\(OracleText.hex(encoding.prefixes))] \(map)\(OracleText.hex(encoding.opcode)) /\(encoding.modRM >> 3 & 7) \(form): "
      + "processor \(cpu); decoder \(decoded)"
    return (.different, text)
  }

  /// Why a processor may take a LOCK prefix where the manual says #UD.
  private static func lockReason(_ encoding: Encoding) -> String? {
    switch (encoding.map, encoding.opcode, encoding.modRM >> 3 & 7) {
    case (.two, 0x20, 0), (.two, 0x22, 0): "AMD: LOCK MOV CR0 is MOV CR8"
    case (.two, 0x00, 5) where encoding.modRM < 0xc0: "AMD (Zen 3): LOCK VERW with memory isn't refused"
    default: nil
    }
  }

  /// Why a 64-bit kernel's processor may refuse in compatibility mode, or by its make, what a P6 takes.
  private static func hostReason(_ encoding: Encoding) -> String? {
    switch (encoding.map, encoding.opcode) {
    case (.two, 0x0d) where encoding.modRM >= 0xc0: "AMD: PREFETCHW with a register (Intel: a NOP)"
    case (.two, 0x34), (.two, 0x35): "AMD: SYSENTER and SYSEXIT are invalid in long mode"
    case (.two, 0xaa): "RSM outside system management mode"
    case (.one, 0xc4), (.one, 0xc5), (.one, 0x62): "VEX or EVEX prefix"
    default: nil
    }
  }
}
