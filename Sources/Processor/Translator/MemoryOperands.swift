// How translated code reaches guest memory. Through the window an operand is the guest's own, with GS's base in front of
// it and a 32-bit address: the host's MMU is the page table, and a load is a load. On the explicit path the address is
// computed, looked up in the software TLB, and used with what the TLB adds to it.

import ISA
import Translation

extension BlockTranslator {
  /// A memory operand as the guest names it: an effective address, as yet without a segment.
  func effectiveAddress(_ i: Instruction) -> HostMemory {
    HostMemory(
      base: i.base == Instruction.noRegister ? nil : HostState.register(i.base),
      index: i.index == Instruction.noRegister ? nil : HostState.register(i.index), scale: i.scale,
      displacement: Int32(bitPattern: i.displacement))
  }

  /// Whether an operand can be reached at all: 32-bit addressing in a segment that needs no check.
  func canReach(_ i: Instruction) -> Bool {
    if i.address16 { return false }
    switch i.segment {
    case .ds, .es, .ss: return true
    case .fs: return request.mode & EngineMode.openFS != 0
    case .gs: return request.mode & EngineMode.openGS != 0
    // Data in the code segment can't be written; reading it is rare.
    case .cs: return false
    }
  }

  /// Whether an instruction's operand needs no REX where the window has it.
  func isFreeOfREX(_ i: Instruction) -> Bool {
    i.segment != .fs && i.segment != .gs && i.base != 4
  }

  /// Makes the instruction's memory operand ready.
  mutating func memory(_ i: Instruction, size: UInt8, write: Bool, explicitly: Bool = false) -> HostMemory {
    let place = effectiveAddress(i)
    let base: HostMemory? = i.segment == .fs || i.segment == .gs ? HostState.segment(i.segment, \.base) : nil
    return memory(place, base: base, size: size, write: write, explicitly: explicitly)
  }

  /// The same for a place that no ModRM names.
  mutating func memory(
    _ place: HostMemory, base: HostMemory? = nil, size: UInt8, write: Bool, explicitly: Bool = false
  ) -> HostMemory {
    if !isExplicit, !explicitly {
      guard let base else {
        var place = place
        place.isInWindow = true
        return place
      }
      loadAddress(place)
      asm.load(HostState.value, base)
      return HostMemory(base: HostState.address, index: HostState.value, isInWindow: true)
    }
    loadAddress(place)
    if let base {
      asm.load(HostState.value, base)
      asm.loadAddress(HostState.address, HostMemory(base: HostState.address, index: HostState.value))
    }
    return lookUp(size: size, write: write)
  }

  /// R14D has a linear address; the operand is where the TLB says.
  mutating func lookUp(size: UInt8, write: Bool) -> HostMemory {
    asm.call(stubs.lookup(user: isUser, write: write, size: size))
    return HostMemory(base: HostState.address, index: HostState.addend)
  }

  /// R14D = an effective address.
  mutating func loadAddress(_ place: HostMemory) {
    if place.base == nil, place.index == nil {
      asm.move(HostState.address, immediate: UInt32(bitPattern: place.displacement))
    } else {
      asm.loadAddress(HostState.address, place)
    }
  }

  /// The operand that r/m names, for a plain instruction.
  mutating func operand(_ i: Instruction, size: UInt8, write: Bool) -> HostOperand {
    if i.hasMemory { return .memory(memory(i, size: size, write: write)) }
    return .register(size == 1 ? HostRegister(i.rm) : HostState.register(i.rm))
  }

  // MARK: The stack

  /// Where the next push goes.
  mutating func top(below bytes: Int32, size: UInt8 = 4, write: Bool) -> HostMemory {
    memory(HostMemory(base: .r12, displacement: bytes), size: size, write: write)
  }

  mutating func moveStack(by bytes: Int32) {
    asm.loadAddress(.r12, HostMemory(base: .r12, displacement: bytes))
  }
}
