import Loading
import Memory
import Processor
import Testing
import Trapline

@Suite struct LockstepTests {
  /// Loops of loads, stores, arithmetic and calls, in 32-bit code at 1 MiB.
  private static let protected: [UInt8] = [
    0xbc, 0x00, 0x00, 0x08, 0x00,  // mov esp, 0x80000
    0xb9, 0x00, 0x20, 0x00, 0x00,  // mov ecx, 0x2000
    0x01, 0x0d, 0x00, 0x00, 0x20, 0x00,  // next: add [0x200000], ecx
    0x8b, 0x04, 0x8d, 0x00, 0x00, 0x20, 0x00,  // mov eax, [0x200000 + 4 * ecx]
    0x11, 0xc8,  // adc eax, ecx
    0x89, 0x04, 0x8d, 0x00, 0x00, 0x20, 0x00,  // mov [0x200000 + 4 * ecx], eax
    0xe8, 0x08, 0x00, 0x00, 0x00,  // call leaf
    0x49,  // dec ecx
    0x75, 0xe2,  // jnz next
    0xb0, 0x05, 0xe6, 0xf4,  // mov al, 5; out 0xf4, al
    0xf4,  // hlt
    0x0f, 0xaf, 0xc1,  // leaf: imul eax, ecx
    0x9c, 0x5b,  // pushf; pop ebx
    0xc3,  // ret
  ]
  /// The same idea in 16-bit code.
  private static let real: [UInt8] = [
    0xb9, 0x00, 0x10,  // mov cx, 0x1000
    0x01, 0x0e, 0x00, 0x90,  // next: add [0x9000], cx
    0xd1, 0xc0,  // rol ax, 1
    0x13, 0x06, 0x00, 0x90,  // adc ax, [0x9000]
    0xe2, 0xf4,  // loop next
    0xfa, 0xf4,  // cli; hlt
  ]
  /// Code that changes the operand of an instruction ahead of it, again and again.
  private static let selfModifying: [UInt8] = [
    0xb9, 0x00, 0x08, 0x00, 0x00,  // mov ecx, 0x800
    0x89, 0x0d, 0x0c, 0x00, 0x10, 0x00,  // next: mov [operand], ecx
    0xb8, 0x00, 0x00, 0x00, 0x00,  // mov eax, 0 (operand at 0x10000c)
    0x01, 0xc3,  // add ebx, eax
    0x49,  // dec ecx
    0x75, 0xf0,  // jnz next
    0xfa, 0xf4,  // cli; hlt
  ]

  /// A load through FS that runs often while FS reaches everywhere, and once when it ends at 0xff.
  private static let narrowedFS: [UInt8] =
    [
      0xbc, 0x00, 0x00, 0x08, 0x00,  // mov esp, 0x80000
      0x0f, 0x01, 0x15, 0x40, 0x00, 0x10, 0x00,  // lgdt [0x100040]
      0xb8, 0x10, 0x00, 0x00, 0x00, 0x8e, 0xe0,  // mov eax, 0x10; mov fs, eax
      0xb9, 0x00, 0x01, 0x00, 0x00,  // mov ecx, 0x100
      0xe8, 0x10, 0x00, 0x00, 0x00,  // next: call load
      0x49,  // dec ecx
      0x75, 0xf8,  // jnz next
      0xb8, 0x18, 0x00, 0x00, 0x00, 0x8e, 0xe0,  // mov eax, 0x18; mov fs, eax
      0xe8, 0x01, 0x00, 0x00, 0x00,  // call load
      0xf4,  // hlt
      0x64, 0xa1, 0x00, 0x10, 0x00, 0x00,  // load: mov eax, fs:[0x1000]
      0xc3,  // ret
    ] + [UInt8](repeating: 0, count: 12) + [
      0x1f, 0x00, 0x48, 0x00, 0x10, 0x00, 0x00, 0x00,  // limit and base
      0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xcf, 0x00,  // code
      0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00,  // data
      0xff, 0x00, 0x00, 0x00, 0x00, 0x93, 0x40, 0x00,  // 256 bytes of data
    ]

  private static func lockstep(
    _ code: [UInt8], _ mode: EntryState.Mode, _ path: MemoryPathChoice = .measured, warmth: UInt32? = nil
  ) -> Lockstep {
    var configuration = MachineConfiguration()
    configuration.memorySize = 4 << 20
    configuration.memoryPath = path
    var guest = LockstepGuest(image: code, request: LoadRequest(mode: mode), configuration: configuration)
    guest.warmth = warmth
    var lockstep = Lockstep(guest)
    lockstep.stride = 1000
    lockstep.stridesPerPageCheck = 8
    return lockstep
  }

  @Test(
    "guests run the same, whatever way their memory is reached", arguments: MemoryPathChoice.allCases,
    [nil, 1] as [UInt32?])
  func same(_ path: MemoryPathChoice, _ warmth: UInt32?) throws {
    let guests: [([UInt8], EntryState.Mode, UInt64)] = [
      (Self.protected, .protected, 2 + 11 * 0x2000 + 2), (Self.real, .real, 1 + 4 * 0x1000 + 2),
      (Self.selfModifying, .protected, 1 + 5 * 0x800 + 2),
    ]
    for (code, mode, count) in guests {
      guard case .same(let retired, _) = try Self.lockstep(code, mode, path, warmth: warmth).run() else {
        Issue.record("a difference in a guest of \(count) instructions")
        continue
      }
      #expect(retired == count)
    }
  }

  @Test("FS is checked again when it gets a limit", arguments: MemoryPathChoice.allCases)
  func narrowedFS(_ path: MemoryPathChoice) throws {
    guard case .same(_, .tripleFault) = try Self.lockstep(Self.narrowedFS, .protected, path).run() else {
      Issue.record("a difference, or no fault")
      return
    }
  }

  /// A division by zero behind the FLDCW that unmasks it, in one block.
  private static let unmaskedDivision: [UInt8] =
    [
      0xbc, 0x00, 0x00, 0x08, 0x00,  // mov esp, 0x80000
      0x0f, 0x20, 0xc0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xc0,  // mov eax, cr0; or eax, NE; mov cr0, eax
      0xdb, 0xe3,  // fninit
      0xd9, 0x2d, 0x40, 0x00, 0x10, 0x00,  // fldcw [0x100040]
      0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9,  // fld1; fldz; fdivp
      0x9b, 0xf4,  // wait; hlt
    ] + [UInt8](repeating: 0, count: 34) + [0x7b, 0x03]

  @Test("an x87 exception unmasked in a block is raised in it", arguments: MemoryPathChoice.allCases)
  func unmaskedDivision(_ path: MemoryPathChoice) throws {
    guard case .same(_, .tripleFault) = try Self.lockstep(Self.unmaskedDivision, .protected, path, warmth: 1).run()
    else {
      Issue.record("a difference, or no fault")
      return
    }
  }

  /// Runs machines as they are, but does something to the translator's at a count.
  private static func disturbing(at count: UInt64, _ disturb: @escaping (VirtualMachine) -> Void) -> Lockstep.Advance {
    { machine, engine, target in
      if engine == .translator, machine.processor.retired < count, target >= count {
        _ = machine.run(RunLimits(instructions: count))
        disturb(machine)
      }
      return machine.run(RunLimits(instructions: target))
    }
  }

  @Test("a wrong register is found where it went wrong", arguments: [1, 1000, 4711, 12_345])
  func register(_ count: UInt64) throws {
    var lockstep = Self.lockstep(Self.protected, .protected)
    lockstep.advance = Self.disturbing(at: count) { $0.processor[register: 6] = 0xbad }
    guard case .differs(let found) = try lockstep.run() else {
      Issue.record("no difference was found")
      return
    }
    #expect(found.start == count - 1 && found.end == count && found.isRepeatable)
    #expect(found.differences == ["esi 0 != bad"])
    let text = try LockstepReport(lockstep, found).text()
    #expect(text.contains("DIFFERS: equal after \(count - 1) instructions, not after \(count)\n"))
    #expect(text.contains("\n> \(count - 1)  0010"))
  }

  @Test("a wrong byte of memory is found though memory is compared seldom")
  func memory() throws {
    var lockstep = Self.lockstep(Self.protected, .protected)
    lockstep.advance = Self.disturbing(at: 5432) { machine in
      machine.memory.pointer(to: GuestPhysicalAddress(UInt64(0x30_0123)))?.storeBytes(of: 0x77, as: UInt8.self)
    }
    guard case .differs(let found) = try lockstep.run() else {
      Issue.record("no difference was found")
      return
    }
    #expect(found.end == 5432 && found.differences == ["memory, 1 page"])
    #expect(try LockstepReport(lockstep, found).text().contains("memory at 00300123: 00 != 77\n"))
  }

  @Test("what goes wrong in a block that runs whole is narrowed down to that block")
  func block() throws {
    var lockstep = Self.lockstep(Self.protected, .protected)
    // As a wrong translation of the instructions 6000 to 6009: nobody stops in it.
    lockstep.advance = { machine, engine, target in
      if engine == .translator, machine.processor.retired <= 6000, target >= 6010 {
        _ = machine.run(RunLimits(instructions: 6010))
        machine.processor[register: 6] = 0xbad
      }
      return machine.run(RunLimits(instructions: target))
    }
    guard case .differs(let found) = try lockstep.run() else {
      Issue.record("no difference was found")
      return
    }
    #expect(found.start == 6000 && found.end == 6010 && found.isRepeatable)
  }

  @Test("an end that only one of them comes to is a difference")
  func end() throws {
    var lockstep = Self.lockstep(Self.real, .real)
    lockstep.advance = Self.disturbing(at: 3000) { $0.processor.instructionPointer = 0x7c0f }
    guard case .differs(let found) = try lockstep.run() else {
      Issue.record("no difference was found")
      return
    }
    #expect(found.end == 3000)
  }
}
