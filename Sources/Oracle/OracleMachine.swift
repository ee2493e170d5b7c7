// The machine that both sides of a comparison start from. A guest that is to be judged by the native processor must
// be given this memory map, these descriptors and this privilege; what can't be mirrored is kept out of the cases.

import CHost

/// The fixed surroundings of every case.
///
/// - Ring 3, IOPL 0, IF set, CR0.PE and PG and WP and AM set, CR4.PVI and VME clear, no alignment check (EFLAGS.AC
///   starts clear), no I/O permission bitmap (IN, OUT, INS, OUTS: #GP(0)).
/// - Memory: the windows below, user-accessible, and nothing else present.
/// - GDT of sixteen entries (limit 7Fh), LDTR null, IDT of 256 gates: DPL 3 for 3 and 4, DPL 0 for the others.
package enum OracleMachine {
  /// User, read-only (fetchable). Its bytes: `OracleCase.codePage`.
  package static let code: UInt32 = CHOST_ORACLE_CODE
  package static let codeBytes = Int(CHOST_ORACLE_CODE_BYTES)
  /// User, two pages writable and then one page read-only.
  package static let data: UInt32 = CHOST_ORACLE_DATA
  package static let dataBytes = Int(CHOST_ORACLE_DATA_BYTES)
  package static let dataWritableBytes = Int(CHOST_ORACLE_DATA_WRITABLE)
  /// User, writable, on hosts that map so low. Cases with an empty `lowMemory` have no operand there.
  package static let low: UInt32 = CHOST_ORACLE_LOW
  package static let lowBytes = Int(CHOST_ORACLE_LOW_BYTES)

  package static let codeSelector: UInt16 = 0x23
  package static let dataSelector: UInt16 = 0x2b

  /// The GDT, as Linux on x86-64 has it. Entries 8 to 11 (the kernel's TSS and LDT) and 15 (the processor's number)
  /// have contents there that no guest can have; no case reads them except to be refused at every use.
  package static let descriptors: [UInt64] = [
    0,
    0x00cf_9b00_0000_ffff,  // 08 code, 32-bit, DPL 0
    0x00af_9b00_0000_ffff,  // 10 code, 64-bit there, DPL 0
    0x00cf_9300_0000_ffff,  // 18 data, DPL 0
    0x00cf_fb00_0000_ffff,  // 20 code, 32-bit, DPL 3
    0x00cf_f300_0000_ffff,  // 28 data, DPL 3
    0x00af_fb00_0000_ffff,  // 30 code, 64-bit there, DPL 3: never jumped to
    0, 0, 0, 0, 0, 0, 0, 0, 0,
  ]

  /// Selectors whose every use means the same on the host and in a guest with `descriptors`: null (with and without an
  /// RPL), user code and data, kernel code and data, an empty descriptor, one beyond the limit, an LDT's.
  package static let selectors: [UInt16] = [
    0x23, 0x2b, 0x23, 0x2b, 0x2b, 0, 3, 0x20, 0x28, 0x29, 0x08, 0x0b, 0x18, 0x1b, 0x63, 0x60, 0x83, 0xfffb, 0x07, 0x27,
  ]

  /// Interrupt vectors that ring 3 may raise with INT n. (80h too, but that is a system call of the host.)
  package static let userVectors: [UInt8] = [3, 4]
}
