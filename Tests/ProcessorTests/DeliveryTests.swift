import ISA
import Testing
import Tracing

@testable import Processor

@Suite("Delivery of exceptions and interrupts")
struct DeliveryTests {
  @Test("a fault pushes EIP of its instruction, RF in the flags, and its error code")
  func faultFrame() throws {
    // mov ax, 0x1234; mov ds, ax
    let guest = try ProtectedGuest([0x66, 0xb8, 0x34, 0x12, 0x8e, 0xd8])
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.stack(0) == 0x1234)
    #expect(guest.stack(1) == ProtectedGuest.code + 4)
    #expect(guest.stack(2) == 8)
    #expect(guest.stack(3) & EFlags.rf.rawValue != 0)
  }

  @Test("INT n from ring 3 switches stacks, and IRET brings everything back")
  func softwareInterrupt() throws {
    // int 0x80; inc ecx; hlt (which faults in ring 3)
    let guest = try ProtectedGuest([0xcd, 0x80, 0x41, 0xf4], isUser: true)
    guest.put([0xcf], at: ProtectedGuest.handlers + 0x80 * 16)
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.processor[register: 1] == 1)
    #expect(guest.stack(1) == ProtectedGuest.code + 3)
    #expect(guest.stack(4) == ProtectedGuest.userStack)
    #expect(guest.stack(5) == UInt32(ProtectedGuest.userData))
  }

  @Test("a gate that ring 3 may not use is #GP of the IDT's entry")
  func gatePrivilege() throws {
    let guest = try ProtectedGuest([0xcd, 0x81], isUser: true)
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.stack(0) == 0x81 << 3 | 2)
    #expect(guest.stack(1) == ProtectedGuest.code)
  }

  @Test("#GP in the delivery of #GP is #DF, and a fault in that ends the processor")
  func doubleAndTripleFault() throws {
    // mov cr4, 0xffffffff
    let code: [UInt8] = [0xb8, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x22, 0xe0]
    let double = try ProtectedGuest(code)
    double.put(0, at: ProtectedGuest.idt + 13 * 8)
    #expect(double.vectorOfHalt() == 8)
    #expect(double.stack(0) == 0)

    let triple = try ProtectedGuest(code)
    triple.put(0, at: ProtectedGuest.idt + 13 * 8)
    triple.put(0, at: ProtectedGuest.idt + 8 * 8)
    #expect(triple.run() == .shutdown)
  }

  @Test("an IDT in device memory is asked once for each half of the gate, and the event is recorded once")
  func tableInDeviceMemory() throws {
    let guest = try ProtectedGuest([0x0f, 0x0b])
    guest.record()
    guest.cpu.s.pointee.idtr.base = 0xa_0000
    let gate = guest.gate(to: ProtectedGuest.handlers + 6 * 16)
    #expect(guest.run() == .memoryRead(address: 0xa_0030, size: 4))
    guest.processor.answer(gate.low)
    #expect(guest.run() == .memoryRead(address: 0xa_0034, size: 4))
    guest.processor.answer(gate.high)
    #expect(guest.vectorOfHalt() == 6)
    #expect(guest.stack(0) == ProtectedGuest.code)
    #expect(guest.events.filter { $0.kind == .exception }.count == 1)
  }

  @Test("an external interrupt waits for the shadow of STI, and its frame has no RF")
  func externalInterrupt() throws {
    // sti; nop; nop; hlt
    let guest = try ProtectedGuest([0xfb, 0x90, 0x90, 0xf4])
    guest.processor.interruptRequested = true
    #expect(guest.run() == .interruptWindow)
    #expect(guest.processor.instructionPointer == ProtectedGuest.code + 2)
    guest.processor.interruptRequested = false
    guest.processor.inject(vector: 0x20)
    #expect(guest.vectorOfHalt() == 0x20)
    #expect(guest.stack(0) == ProtectedGuest.code + 2)
    #expect(guest.stack(2) & (EFlags.rf.rawValue | EFlags.if.rawValue) == EFlags.if.rawValue)
    #expect(guest.processor.eflags & EFlags.if.rawValue == 0)
  }

  @Test("a system call is recorded with its arguments, and its return with the result")
  func systemCallEvents() throws {
    // mov eax, 4; mov ebx, 1; mov ecx, 2; int 0x80; hlt
    let guest = try ProtectedGuest(
      [0xb8, 4, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 2, 0, 0, 0, 0xcd, 0x80, 0xf4], isUser: true)
    // mov eax, 7; iret
    guest.put([0xb8, 7, 0, 0, 0, 0xcf], at: ProtectedGuest.handlers + 0x80 * 16)
    guest.record()
    _ = guest.vectorOfHalt()
    let calls = guest.events.filter { $0.kind == .systemCallEntry || $0.kind == .systemCallReturn }
    try #require(calls.count == 2)
    #expect(calls[0].code == 0x80)
    #expect(calls[0].a == 4)
    #expect(calls[0].b == UInt64(ProtectedGuest.code) + 17)
    #expect(calls[0].arguments.0 == 1 && calls[0].arguments.1 == 2)
    #expect(calls[1].a == 7)
    #expect(calls[1].b == 4)
  }

  @Test("SYSENTER and SYSEXIT go to the places that their registers name, and pair up in the events")
  func fastSystemCall() throws {
    // mov ebp, esp; sysenter; hlt
    let guest = try ProtectedGuest([0x89, 0xe5, 0x0f, 0x34, 0xf4], isUser: true)
    // mov edx, code + 4; mov ecx, ebp; sysexit
    guest.put([0xba, 4, 0x80, 0, 0, 0x89, 0xe9, 0x0f, 0x35], at: 0xc000)
    guest.cpu.s.pointee.sysenterCS = 8
    guest.cpu.s.pointee.sysenterEIP = 0xc000
    guest.cpu.s.pointee.sysenterESP = UInt64(ProtectedGuest.stack)
    guest.record()
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.stack(1) == ProtectedGuest.code + 4)
    #expect(guest.stack(2) == UInt32(ProtectedGuest.userCode))
    let calls = guest.events.filter { $0.kind == .systemCallEntry || $0.kind == .systemCallReturn }
    #expect(calls.map(\.code) == [0xffff, 0xffff])
  }
}
