// The registers of an x86-64 processor, and what of them an instruction's operands can be.

/// A general register of the host, by its encoding.
package struct HostRegister: Equatable, Sendable, BitwiseCopyable {
  package let number: UInt8
  @inlinable package init(_ number: UInt8) { self.number = number }

  package static let rax = HostRegister(0), rcx = HostRegister(1), rdx = HostRegister(2), rbx = HostRegister(3)
  package static let rsp = HostRegister(4), rbp = HostRegister(5), rsi = HostRegister(6), rdi = HostRegister(7)
  package static let r8 = HostRegister(8), r9 = HostRegister(9), r10 = HostRegister(10), r11 = HostRegister(11)
  package static let r12 = HostRegister(12), r13 = HostRegister(13), r14 = HostRegister(14), r15 = HostRegister(15)
}

/// A memory operand: base + index * 2^scale + displacement.
package struct HostMemory: Equatable, Sendable, BitwiseCopyable {
  package var base: HostRegister?
  package var index: HostRegister?
  /// log2 of the index's factor.
  package var scale: UInt8
  package var displacement: Int32
  /// Relative to GS's base, with 32-bit addressing: an offset in a linear window, which no value of the registers can
  /// leave.
  package var isInWindow: Bool

  package init(
    base: HostRegister? = nil, index: HostRegister? = nil, scale: UInt8 = 0, displacement: Int32 = 0,
    isInWindow: Bool = false
  ) {
    self.base = base
    self.index = index
    self.scale = scale
    self.displacement = displacement
    self.isInWindow = isInWindow
  }
}

/// What ModRM's r/m names.
package enum HostOperand: Equatable, Sendable, BitwiseCopyable {
  case register(HostRegister)
  case memory(HostMemory)
}

/// How wide an instruction's operands are.
package enum HostWidth: UInt8, Sendable, BitwiseCopyable {
  case byte = 1
  case word = 2
  case dword = 4
  case qword = 8

  @inlinable package init(bytes: UInt8) {
    switch bytes {
    case 1: self = .byte
    case 2: self = .word
    case 8: self = .qword
    default: self = .dword
    }
  }
}
