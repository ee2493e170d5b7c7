// Guest code into host code, a block at a time (Adams and Agesen 2006, section 3). The block is the interpreter's: decoded,
// bounded by its page, entered at its first instruction only. Registers and flags are the same before and after each guest
// instruction as the guest would have them, so that any of them can be left for the monitor; an access that can fault comes
// before anything is changed, so that the instruction can be started again.
//
//   checked entry:   is this EIP still this code?  (transfers from elsewhere, R14D = EIP)
//   entry:           the budget pays for the whole block
//                    code, instruction by instruction
//   exits:           give back what wasn't executed, go to the next fragment or to the monitor
//
// Forms of memory operands are in MemoryOperands.swift, transfers in ControlTransfers.swift, what instructions become in
// InstructionForms.swift.

import ISA
import Translation

/// What a translation depends on besides the instructions.
struct FragmentRequest {
  var eip: UInt32
  /// Bits of `EngineMode.fragment`.
  var mode: UInt64
  /// Its future number, and that of its first link.
  var number: UInt32
  var firstLink: UInt32
  /// Instructions whose memory accesses take the explicit path although the mode has a window.
  var explicitAccesses: UInt64
  /// Where entries are counted; nil for not at all.
  var hitCounter: Int32?
  /// Nothing privileged or sensitive is done in place at level 0.
  var trapsSensitive = false
}

/// Translates one block.
struct BlockTranslator {
  var asm: Assembler
  let stubs: TranslatorStubs
  let request: FragmentRequest
  let instructions: UnsafePointer<Instruction>
  let count: Int

  private(set) var records: [InstructionRecord] = []
  private(set) var links: [Link] = []
  private(set) var checkedEntry = 0
  private(set) var entry = 0
  /// Where the first instruction's code begins.
  private(set) var body = 0

  /// The instruction under way, and its place in guest code.
  var number = 0
  var offset: UInt32 = 0
  /// Flags that are undefined now (`FlagEffect`).
  var undefinedFlags: UInt32 = 0
  /// The last x87 instruction but control ones whose FIP isn't stored yet, and the last with a memory operand, plus 1.
  var lastX87 = 0
  var lastX87Data = 0
  /// The x87 unit, and the XMM registers, were found to be the guest's since the last callout.
  var isX87Checked = false
  var areVectorsChecked = false

  /// Code that is left to the end: exits of branches in the middle.
  struct SideExit {
    /// Behind the displacement of the branch.
    var branchEnd: Int
    var target: UInt32
    /// Instructions that were paid for and not executed.
    var unexecuted: Int
    var undefinedFlags: UInt32
  }
  var sideExits: [SideExit] = []

  /// Bytes that a block of `longestBlock` instructions may take at most.
  static let mostBytes = 64 * 256

  init(
    _ asm: Assembler, _ stubs: TranslatorStubs, _ request: FragmentRequest, _ instructions: UnsafePointer<Instruction>,
    count: Int
  ) {
    self.asm = asm
    self.stubs = stubs
    self.request = request
    self.instructions = instructions
    self.count = count
    records.reserveCapacity(count + 1)
    links.reserveCapacity(8)
  }

  var isUser: Bool { request.mode & EngineMode.user != 0 }
  /// The present instruction's accesses go through the software TLB.
  var isExplicit: Bool {
    request.mode & EngineMode.window == 0 || request.explicitAccesses >> UInt64(number) & 1 != 0
  }
  /// EIP of the next instruction.
  var next: UInt32 { request.eip &+ offset &+ UInt32(instructions[number].length) }

  /// Offset of the first byte.
  var start: Int { checkedEntry }

  // MARK: The whole

  mutating func translate() {
    while asm.position & 15 != 0 { asm.byte(0xcc) }
    makeEntries()
    var isOpen = true
    for n in 0..<count {
      number = n
      let i = instructions[n]
      let effect = FlagEffect(i)
      if lastX87 != 0, i.operation == .jcc || HandlerTable.endsBlock(i.operation, isFlat: true) { storeX87Notes() }
      // Its record begins where the flags are still as they were: settling them twice does no harm.
      appendRecord(.identical)
      if undefinedFlags & effect.reads != 0 { settleFlags() }
      let kind = emit(i)
      records[n].kind = kind
      switch kind {
      case .callout:
        leaveForMonitor()
        undefinedFlags = 0
        lastX87 = 0
        lastX87Data = 0
        isX87Checked = false
        areVectorsChecked = false
        isOpen = !Self.endsAfterCallout(i)
      case .branch: isOpen = i.operation == .jcc
      case .identical, .inline: undefinedFlags = effect.undefined(after: undefinedFlags)
      }
      offset &+= UInt32(i.length)
    }
    number = count
    appendRecord(.branch)
    if isOpen {
      if lastX87 != 0 { storeX87Notes() }
      settleFlags()
      goTo(request.eip &+ offset)
    }
    for exit in sideExits {
      asm.setTarget(exit.branchEnd, asm.position)
      if exit.unexecuted > 0 { giveBack(exit.unexecuted) }
      undefinedFlags = exit.undefinedFlags
      settleFlags()
      goTo(exit.target)
    }
    for n in links.indices { makeStub(n) }
  }

  private mutating func appendRecord(_ kind: TranslationKind) {
    records.append(
      InstructionRecord(
        start: UInt16(truncatingIfNeeded: asm.position - checkedEntry),
        undefinedFlags: UInt16(truncatingIfNeeded: HostFlags.packed(undefinedFlags)), kind: kind,
        lastX87: UInt8(truncatingIfNeeded: lastX87), lastX87Data: UInt8(truncatingIfNeeded: lastX87Data)))
  }

  /// Instructions behind which the interpreter ends a block too.
  private static func endsAfterCallout(_ i: Instruction) -> Bool { HandlerTable.endsBlock(i.operation, isFlat: true) }

  // MARK: Entries

  private mutating func makeEntries() {
    typealias H = HostState
    checkedEntry = asm.position
    // RCX = EIP + context + key, which is 0 if the key is that of EIP in this context.
    asm.move(H.saved, .rcx, width: .qword)
    asm.load(H.addend, H.field(\.context), width: .qword)
    asm.loadAddress(.rcx, HostMemory(base: H.address, index: H.addend), width: .qword)
    asm.load(H.addend, H.field(StateRegion.keys + Int(request.number) * 8), width: .qword)
    asm.loadAddress(.rcx, HostMemory(base: .rcx, index: H.addend), width: .qword)
    let same = asm.jumpIfCounterIsZero()
    asm.move(.rcx, H.saved, width: .qword)
    asm.jump(to: stubs.indirect)
    asm.setShortTarget(same, asm.position)
    asm.move(.rcx, H.saved, width: .qword)
    entry = asm.position
    countHit()
    pay(count)
    body = asm.position
  }

  mutating func countHit() {
    guard let counter = request.hitCounter else { return }
    let place = HostState.field(Int(counter))
    asm.load(HostState.addend, place, width: .qword)
    asm.loadAddress(HostState.addend, HostMemory(base: HostState.addend, displacement: 1), width: .qword)
    asm.store(place, HostState.addend, width: .qword)
  }

  /// Takes a block's instructions off the budget. When that isn't enough, the load faults, and the monitor goes on one
  /// instruction at a time.
  mutating func pay(_ count: Int) {
    typealias H = HostState
    asm.loadAddress(H.budget, HostMemory(base: H.budget, displacement: -Int32(count)), width: .qword)
    asm.shift(.arithmeticRight, H.addend, H.budget, by: H.counts, width: .qword)
    let poll = HostMemory(
      base: H.state, index: H.addend, scale: 3, displacement: Int32(StateRegion.pollPage))
    asm.encode(0x8a, reg: H.addend.number, .memory(poll), width: .byte)
  }

  mutating func giveBack(_ count: Int) {
    asm.loadAddress(
      HostState.budget, HostMemory(base: HostState.budget, displacement: Int32(count)), width: .qword)
  }

  // MARK: Flags

  /// Makes undefined flags what the interpreter has there: 0.
  mutating func settleFlags() {
    if undefinedFlags == 0 { return }
    asm.move(HostState.value, .rax)
    asm.saveFlags()
    // AND EAX, imm32.
    asm.byte(0x25)
    asm.dword(~HostFlags.packed(undefinedFlags))
    asm.restoreFlags()
    asm.move(.rax, HostState.value)
    undefinedFlags = 0
  }

  /// Whether nobody sees the flags behind the present instruction before they are all written again.
  func flagsAreDead() -> Bool {
    for n in number + 1..<count {
      let i = instructions[n]
      let effect = FlagEffect(i)
      if effect.reads != 0 { return false }
      if i.hasMemory && i.operation != .lea { return false }
      switch i.operation {
      case .add, .sub, .cmp, .neg, .or, .and, .xor, .test: return true
      case .mov, .movzx8, .movzx16, .movsx8, .movsx16, .not, .cwd, .cbw, .lea, .nop, .bswap, .shl, .shr, .sar, .rol,
        .ror, .inc, .dec, .imulTruncating:
        continue
      default: return false
      }
    }
    return false
  }

  // MARK: Exits

  /// Goes to a place in guest code, through a link that is made when it is first taken.
  mutating func goTo(_ target: UInt32) {
    asm.move(HostState.address, immediate: target)
    let end = asm.jump()
    links.append(Link(fragment: request.number, target: target, jumpEnd: Int32(end), stub: 0))
  }

  private mutating func makeStub(_ link: Int) {
    links[link].stub = Int32(asm.position)
    asm.setTarget(Int(links[link].jumpEnd), asm.position)
    asm.move(HostState.addend, immediate: request.firstLink &+ UInt32(link))
    asm.jump(to: stubs.direct)
  }

  /// Leaves the present instruction to the monitor. It comes back to the next one, if it does.
  private mutating func leaveForMonitor() { leave(to: stubs.callout) }

  /// Leaves by a stub that says which instruction it was.
  mutating func leave(to stub: Int) {
    asm.move(HostState.addend, immediate: request.number << 7 | UInt32(number))
    asm.jump(to: stub)
  }
}
