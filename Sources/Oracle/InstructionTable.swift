// Every encoding that a case can be made of: the P6's user-mode integer instructions, those that ring 3 is refused, and
// some that nobody has. SDM volume 2, appendix A (opcode maps).
//
// Not here, because the native processor can't be asked (`NativeLimits` says why): CPUID, RDTSC, RDPMC, SGDT, SIDT,
// SLDT, STR, SMSW, SYSENTER, SYSEXIT, ICEBP, INT 80h. The x87 unit's rows are in X87Rows.swift, those of MMX and SSE in
// SIMDRows.swift.

import ISA

package enum InstructionTable {
  typealias Row = InstructionTemplate

  package static let rows: [InstructionTemplate] =
    dataMovement + arithmetic + logic + decimal + shiftRotate + bits + string + controlTransfer + flags + stack
    + conditional + segment + privileged + undefined + x87 + simd

  static let dataMovement: [Row] = [
    Row(.dataMovement, .mov, "88 /r", .byte), Row(.dataMovement, .mov, "89 /r"),
    Row(.dataMovement, .mov, "8a /r", .byte), Row(.dataMovement, .mov, "8b /r"),
    Row(.dataMovement, .mov, "a0 moffs", .byte), Row(.dataMovement, .mov, "a1 moffs"),
    Row(.dataMovement, .mov, "a2 moffs", .byte), Row(.dataMovement, .mov, "a3 moffs"),
    Row(.dataMovement, .mov, "b0 +r ib", .byte), Row(.dataMovement, .mov, "b8 +r iz"),
    Row(.dataMovement, .mov, "c6 /0 ib", .byte), Row(.dataMovement, .mov, "c7 /0 iz"),
    Row(.dataMovement, .movzx8, "0f b6 /r", .byte), Row(.dataMovement, .movzx16, "0f b7 /r", .word),
    Row(.dataMovement, .movsx8, "0f be /r", .byte), Row(.dataMovement, .movsx16, "0f bf /r", .word),
    Row(.dataMovement, .xchg, "86 /r", .byte, [.lock, .locksAnyway]),
    Row(.dataMovement, .xchg, "87 /r", [.lock, .locksAnyway]), Row(.dataMovement, .xchg, "90 +r"),
    Row(.dataMovement, .bswap, "0f c8 +r"), Row(.dataMovement, .lea, "8d /r", rm: .memory),
    Row(.dataMovement, .xlat, "d7", .byte, [], .xlat), Row(.dataMovement, .cbw, "98"), Row(.dataMovement, .cwd, "99"),
    Row(.dataMovement, .cmpxchg, "0f b0 /r", .byte, .lock, .compareExchange),
    Row(.dataMovement, .cmpxchg, "0f b1 /r", .lock, .compareExchange),
    Row(.dataMovement, .cmpxchg8b, "0f c7 /1", rm: .memory, [.lock, .no66], .compareExchange8),
    Row(.dataMovement, .xadd, "0f c0 /r", .byte, .lock), Row(.dataMovement, .xadd, "0f c1 /r", .lock),
    Row(.dataMovement, .nop, "0f 1f /0"), Row(.dataMovement, .nop, "0f 18 /0", rm: .memory),
    Row(.dataMovement, .nop, "0f 0d /1", rm: .memory), Row(.dataMovement, .wait, "9b", .none, .no66),
  ]

  static let arithmetic: [Row] =
    twoOperand(.arithmetic, [(0, .add), (2, .adc), (3, .sbb), (5, .sub), (7, .cmp)]) + [
      Row(.arithmetic, .inc, "40 +r"), Row(.arithmetic, .dec, "48 +r"),
      Row(.arithmetic, .inc, "fe /0", .byte, .lock), Row(.arithmetic, .inc, "ff /0", .lock),
      Row(.arithmetic, .dec, "fe /1", .byte, .lock), Row(.arithmetic, .dec, "ff /1", .lock),
      Row(.arithmetic, .neg, "f6 /3", .byte, .lock), Row(.arithmetic, .neg, "f7 /3", .lock),
      Row(.arithmetic, .mul, "f6 /4", .byte), Row(.arithmetic, .mul, "f7 /4"),
      Row(.arithmetic, .imul, "f6 /5", .byte), Row(.arithmetic, .imul, "f7 /5"),
      Row(.arithmetic, .div, "f6 /6", .byte, [], .division), Row(.arithmetic, .div, "f7 /6", [], .division),
      Row(.arithmetic, .idiv, "f6 /7", .byte, [], .division), Row(.arithmetic, .idiv, "f7 /7", [], .division),
      Row(.arithmetic, .imulTruncating, "0f af /r"), Row(.arithmetic, .imulTruncating, "69 /r iz"),
      Row(.arithmetic, .imulTruncating, "6b /r ib"),
    ]

  static let logic: [Row] =
    twoOperand(.logic, [(1, .or), (4, .and), (6, .xor)]) + [
      Row(.logic, .test, "84 /r", .byte), Row(.logic, .test, "85 /r"),
      Row(.logic, .test, "a8 ib", .byte), Row(.logic, .test, "a9 iz"),
      Row(.logic, .test, "f6 /0 ib", .byte), Row(.logic, .test, "f7 /0 iz"),
      // The undocumented alias, the same on every processor since the 8086.
      Row(.logic, .test, "f6 /1 ib", .byte), Row(.logic, .test, "f7 /1 iz"),
      Row(.logic, .not, "f6 /2", .byte, .lock), Row(.logic, .not, "f7 /2", .lock),
    ]

  static let decimal: [Row] = [
    Row(.decimal, .daa, "27", .none), Row(.decimal, .das, "2f", .none), Row(.decimal, .aaa, "37", .none),
    Row(.decimal, .aas, "3f", .none), Row(.decimal, .aam, "d4 ib", .none, [], .asciiBase),
    Row(.decimal, .aad, "d5 ib", .none, [], .asciiBase),
  ]

  static let shiftRotate: [Row] =
    [(0, Operation.rol), (1, .ror), (2, .rcl), (3, .rcr), (4, .shl), (5, .shr), (6, .shl), (7, .sar)].flatMap {
      digit, operation in
      [
        Row(.shiftRotate, operation, "d0 /\(digit)", .byte), Row(.shiftRotate, operation, "d1 /\(digit)"),
        Row(.shiftRotate, operation, "d2 /\(digit)", .byte, [], .shiftCL),
        Row(.shiftRotate, operation, "d3 /\(digit)", [], .shiftCL),
        Row(.shiftRotate, operation, "c0 /\(digit) ib", .byte, [], .shiftImmediate),
        Row(.shiftRotate, operation, "c1 /\(digit) ib", [], .shiftImmediate),
      ]
    } + [
      Row(.shiftRotate, .shld, "0f a4 /r ib", [], .shiftImmediate),
      Row(.shiftRotate, .shld, "0f a5 /r", [], .shiftCL),
      Row(.shiftRotate, .shrd, "0f ac /r ib", [], .shiftImmediate),
      Row(.shiftRotate, .shrd, "0f ad /r", [], .shiftCL),
    ]

  static let bits: [Row] = [
    Row(.bits, .bt, "0f a3 /r", [], .bitString), Row(.bits, .bts, "0f ab /r", .lock, .bitString),
    Row(.bits, .btr, "0f b3 /r", .lock, .bitString), Row(.bits, .btc, "0f bb /r", .lock, .bitString),
    Row(.bits, .bt, "0f ba /4 ib"), Row(.bits, .bts, "0f ba /5 ib", .lock), Row(.bits, .btr, "0f ba /6 ib", .lock),
    Row(.bits, .btc, "0f ba /7 ib", .lock), Row(.bits, .bsf, "0f bc /r"), Row(.bits, .bsr, "0f bd /r"),
  ]

  static let string: [Row] = [
    Row(.string, .movs, "a4", .byte, .rep, .string), Row(.string, .movs, "a5", .rep, .string),
    Row(.string, .cmps, "a6", .byte, [.rep, .repne], .string), Row(.string, .cmps, "a7", [.rep, .repne], .string),
    Row(.string, .stos, "aa", .byte, .rep, .string), Row(.string, .stos, "ab", .rep, .string),
    Row(.string, .lods, "ac", .byte, .rep, .string), Row(.string, .lods, "ad", .rep, .string),
    Row(.string, .scas, "ae", .byte, [.rep, .repne], .string), Row(.string, .scas, "af", [.rep, .repne], .string),
  ]

  static let controlTransfer: [Row] =
    (0..<16).flatMap { condition in
      [
        Row(.controlTransfer, .jcc, "7\(String(condition, radix: 16)) cb", .none, .branches),
        Row(.controlTransfer, .jcc, "0f 8\(String(condition, radix: 16)) cz", .none, .branches),
      ]
    } + [
      Row(.controlTransfer, .jmp, "eb cb", .none, .branches), Row(.controlTransfer, .jmp, "e9 cz", .none, .branches),
      Row(.controlTransfer, .call, "e8 cz", .none, .branches, .push),
      Row(.controlTransfer, .jmpIndirect, "ff /4", .branches, .indirect),
      Row(.controlTransfer, .callIndirect, "ff /2", .branches, .indirect),
      Row(.controlTransfer, .ret, "c3", .none, .branches, .ret),
      Row(.controlTransfer, .ret, "c2 iw", .none, .branches, .ret),
      Row(.controlTransfer, .loopne, "e0 cb", .none, .branches, .loop),
      Row(.controlTransfer, .loope, "e1 cb", .none, .branches, .loop),
      Row(.controlTransfer, .loop, "e2 cb", .none, .branches, .loop),
      Row(.controlTransfer, .jcxz, "e3 cb", .none, .branches, .loop),
      Row(.controlTransfer, .jmpFar, "ea ptr", .none, .branches, .farPointerImmediate),
      Row(.controlTransfer, .callFar, "9a ptr", .none, .branches, .farPointerImmediate),
      Row(.controlTransfer, .jmpFarIndirect, "ff /5", rm: .memory, .branches, .farPointerOperand),
      Row(.controlTransfer, .callFarIndirect, "ff /3", rm: .memory, .branches, .farPointerOperand),
      Row(.controlTransfer, .retFar, "cb", .none, .branches, .retFar),
      Row(.controlTransfer, .retFar, "ca iw", .none, .branches, .retFar),
      Row(.controlTransfer, .iret, "cf", .none, .branches, .iret),
      Row(.controlTransfer, .int, "cd ib", .none, .branches, .interrupt),
      Row(.controlTransfer, .int3, "cc", .none, .branches), Row(.controlTransfer, .into, "ce", .none, .branches),
      Row(.controlTransfer, .bound, "62 /r", rm: .memory, [], .bound),
    ]

  static let flags: [Row] = [
    Row(.flags, .clc, "f8", .none), Row(.flags, .stc, "f9", .none), Row(.flags, .cmc, "f5", .none),
    Row(.flags, .cld, "fc", .none), Row(.flags, .std, "fd", .none), Row(.flags, .lahf, "9f", .none),
    Row(.flags, .sahf, "9e", .none), Row(.flags, .salc, "d6", .none), Row(.flags, .pushf, "9c", .none, [], .push),
    Row(.flags, .popf, "9d", .none, [], .popFlags),
  ]

  static let stack: [Row] = [
    Row(.stack, .push, "50 +r", [], .push), Row(.stack, .pop, "58 +r", [], .pop),
    Row(.stack, .push, "68 iz", .none, [], .push), Row(.stack, .push, "6a ib", .none, [], .push),
    Row(.stack, .push, "ff /6", [], .push), Row(.stack, .pop, "8f /0", [], .pop),
    Row(.stack, .pusha, "60", .none, [], .push), Row(.stack, .popa, "61", .none, [], .pop),
    Row(.stack, .enter, "c8 iw,ib", .none, [], .enter), Row(.stack, .leave, "c9", .none, [], .leave),
  ]

  static let conditional: [Row] = (0..<16).flatMap { condition in
    [
      Row(.conditional, .cmovcc, "0f 4\(String(condition, radix: 16)) /r"),
      Row(.conditional, .setcc, "0f 9\(String(condition, radix: 16)) /r", .byte),
    ]
  }

  static let segment: [Row] = [
    Row(.segment, .movFromSegment, "8c /r", .word, reg: [0, 1, 2, 3, 4, 5]),
    Row(.segment, .movToSegment, "8e /r", .word, reg: [0, 2, 3, 4, 5], [], .selectorOperand),
    Row(.segment, .pushSegment, "06", .none, [], .push), Row(.segment, .pushSegment, "0e", .none, [], .push),
    Row(.segment, .pushSegment, "16", .none, [], .push), Row(.segment, .pushSegment, "1e", .none, [], .push),
    Row(.segment, .pushSegment, "0f a0", .none, [], .push), Row(.segment, .pushSegment, "0f a8", .none, [], .push),
    Row(.segment, .popSegment, "07", .none, [], .popSegment), Row(.segment, .popSegment, "17", .none, [], .popSegment),
    Row(.segment, .popSegment, "1f", .none, [], .popSegment),
    Row(.segment, .popSegment, "0f a1", .none, [], .popSegment),
    Row(.segment, .popSegment, "0f a9", .none, [], .popSegment),
    // With a register these two are VEX prefixes on newer processors.
    Row(.segment, .les, "c4 /r", rm: .memory, [], .farPointerOperand),
    Row(.segment, .lds, "c5 /r", rm: .memory, [], .farPointerOperand),
    Row(.segment, .lss, "0f b2 /r", rm: .memory, [], .farPointerOperand),
    Row(.segment, .lfs, "0f b4 /r", rm: .memory, [], .farPointerOperand),
    Row(.segment, .lgs, "0f b5 /r", rm: .memory, [], .farPointerOperand),
    Row(.segment, .lar, "0f 02 /r", .word, [], .selectorOperand),
    Row(.segment, .lsl, "0f 03 /r", .word, [], .selectorOperand),
    Row(.segment, .verr, "0f 00 /4", .word, [], .selectorOperand),
    Row(.segment, .verw, "0f 00 /5", .word, .neverLock, .selectorOperand),
    Row(.segment, .arpl, "63 /r", .word, [], .selectorOperand),
  ]

  static let privileged: [Row] = [
    Row(.privileged, .hlt, "f4", .none), Row(.privileged, .cli, "fa", .none), Row(.privileged, .sti, "fb", .none),
    Row(.privileged, .in, "e4 ib", .none), Row(.privileged, .in, "e5 ib", .none), Row(.privileged, .in, "ec", .none),
    Row(.privileged, .in, "ed", .none), Row(.privileged, .out, "e6 ib", .none), Row(.privileged, .out, "e7 ib", .none),
    Row(.privileged, .out, "ee", .none), Row(.privileged, .out, "ef", .none),
    Row(.privileged, .ins, "6c", .byte, .rep, .string), Row(.privileged, .ins, "6d", .rep, .string),
    Row(.privileged, .outs, "6e", .byte, .rep, .string), Row(.privileged, .outs, "6f", .rep, .string),
    Row(.privileged, .lldt, "0f 00 /2", .word, [], .selectorOperand),
    Row(.privileged, .ltr, "0f 00 /3", .word, [], .selectorOperand),
    Row(.privileged, .lgdt, "0f 01 /2", rm: .memory), Row(.privileged, .lidt, "0f 01 /3", rm: .memory),
    Row(.privileged, .lmsw, "0f 01 /6", .word), Row(.privileged, .invlpg, "0f 01 /7", .byte, rm: .memory),
    Row(.privileged, .clts, "0f 06", .none), Row(.privileged, .invd, "0f 08", .none, .no66),
    Row(.privileged, .wbinvd, "0f 09", .none, .no66), Row(.privileged, .wrmsr, "0f 30", .none),
    Row(.privileged, .rdmsr, "0f 32", .none),
    Row(.privileged, .movFromControl, "0f 20 /r", rm: .register, reg: [0, 2, 3, 4], .neverLock),
    Row(.privileged, .movToControl, "0f 22 /r", rm: .register, reg: [0, 2, 3, 4], .neverLock),
    Row(.privileged, .movFromDebug, "0f 21 /r", rm: .register, reg: [0, 1, 2, 3, 6, 7]),
    Row(.privileged, .movToDebug, "0f 23 /r", rm: .register, reg: [0, 1, 2, 3, 6, 7]),
  ]

  static let undefined: [Row] = [
    Row(.undefined, .undefined, "0f 0b", .none), Row(.undefined, .undefined, "0f b9 /r"),
    Row(.undefined, .undefined, "0f ff /r"), Row(.undefined, .undefined, "fe /r", .byte, reg: [2, 3, 4, 5, 6, 7]),
    Row(.undefined, .undefined, "ff /7"), Row(.undefined, .undefined, "c6 /r ib", .byte, reg: [1, 2, 3, 4, 5, 6]),
    Row(.undefined, .undefined, "8d /r", rm: .register), Row(.undefined, .undefined, "8e /r", .word, reg: [1, 6, 7]),
    Row(.undefined, .undefined, "8c /r", .word, reg: [6, 7]),
    Row(.undefined, .undefined, "ff /r", rm: .register, reg: [3, 5]),
    Row(.undefined, .undefined, "0f b2 /r", rm: .register), Row(.undefined, .undefined, "0f b4 /r", rm: .register),
    Row(.undefined, .undefined, "0f ba /r ib", reg: [0, 1, 2, 3]),
    Row(.undefined, .undefined, "0f c7 /1", rm: .register, .no66),
    Row(.undefined, .undefined, "0f 20 /r", rm: .register, reg: [1, 5, 6, 7]),
    Row(.undefined, .undefined, "0f 00 /7", .word),
  ]

  private static func twoOperand(_ group: InstructionClass, _ operations: [(Int, Operation)]) -> [Row] {
    operations.flatMap { number, operation in
      let lock: Row.Options = operation == .cmp ? [] : .lock
      func opcode(_ low: Int) -> String { String(number << 3 | low, radix: 16) }
      return [
        Row(group, operation, "\(opcode(0)) /r", .byte, lock), Row(group, operation, "\(opcode(1)) /r", lock),
        Row(group, operation, "\(opcode(2)) /r", .byte), Row(group, operation, "\(opcode(3)) /r"),
        Row(group, operation, "\(opcode(4)) ib", .byte), Row(group, operation, "\(opcode(5)) iz"),
        Row(group, operation, "80 /\(number) ib", .byte, lock), Row(group, operation, "81 /\(number) iz", lock),
        Row(group, operation, "82 /\(number) ib", .byte, lock), Row(group, operation, "83 /\(number) ib", lock),
      ]
    }
  }
}
