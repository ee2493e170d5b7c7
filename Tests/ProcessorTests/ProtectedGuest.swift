// A small guest in flat protected mode for the tests of protection: tables in low memory, a handler that halts for each
// vector, and code given as bytes.

import ISA
import Memory
import Tracing

@testable import Processor

/// Keeps events for a test to look at.
final class EventList: EventSink {
  var events: [Event] = []
  func receive(_ received: UnsafeBufferPointer<Event>) { events += received }
  func flush() {}
}

final class ProtectedGuest {
  static let gdt: UInt32 = 0x1000, idt: UInt32 = 0x2000, tss: UInt32 = 0x3000, stack: UInt32 = 0x7000
  static let code: UInt32 = 0x8000, handlers: UInt32 = 0x9000, userStack: UInt32 = 0xb000
  static let kernelCode: UInt16 = 0x08, kernelData: UInt16 = 0x10, userCode: UInt16 = 0x1b, userData: UInt16 = 0x23

  let memory: GuestPhysicalMemory
  let processor: Processor
  var cpu: CPU { processor.cpu }
  private var recorder: Recorder?
  private let list = EventList()

  init(_ code: [UInt8], isUser: Bool = false) throws {
    memory = try GuestPhysicalMemory(machine: MachineMemory(size: 16 << 20), ramSize: 2 << 20)
    processor = Processor(memory: memory)
    processor.enterFlatProtectedMode()
    put(code, at: Self.code)
    let flat: UInt32 = 0xffff_ffff
    for (n, descriptor) in [
      SegmentDescriptor(rawValue: 0), SegmentDescriptor(base: 0, limit: flat, type: 11),
      SegmentDescriptor(base: 0, limit: flat, type: 3), SegmentDescriptor(base: 0, limit: flat, type: 11, dpl: 3),
      SegmentDescriptor(base: 0, limit: flat, type: 3, dpl: 3),
    ].enumerated() {
      put(descriptor.rawValue, at: Self.gdt + UInt32(n) * 8)
    }
    for vector in UInt32(0)..<256 {
      put(gate(to: Self.handlers + vector * 16, dpl: vector == 0x80 ? 3 : 0).rawValue, at: Self.idt + vector * 8)
      put([0xf4], at: Self.handlers + vector * 16)
    }
    put(UInt64(Self.stack) | UInt64(Self.kernelData) << 32, at: Self.tss + 4)
    // No port map within the limit.
    put([0x68, 0], at: Self.tss + 0x66)
    cpu.s.pointee.gdtr = DescriptorTable(base: Self.gdt, limit: 39)
    cpu.s.pointee.idtr = DescriptorTable(base: Self.idt, limit: 2047)
    cpu.s.pointee.tr = SegmentCache(selector: 0x28, base: Self.tss, limit: 0x67, attributes: 0x8b)
    processor[register: 4] = Self.stack
    processor.instructionPointer = Self.code
    if isUser {
      let data = SegmentCache(SegmentDescriptor(base: 0, limit: flat, type: 3, dpl: 3), selector: Self.userData)
      for register in [SegmentRegister.ds, .es, .ss] { processor[register] = data }
      processor[.cs] = SegmentCache(
        SegmentDescriptor(base: 0, limit: flat, type: 11, dpl: 3), selector: Self.userCode)
      processor[register: 4] = Self.userStack
    }
  }

  func gate(to offset: UInt32, dpl: UInt8 = 0) -> SegmentDescriptor {
    SegmentDescriptor(gate: .interruptGate32, selector: Self.kernelCode, offset: offset, dpl: dpl)
  }

  func put(_ bytes: [UInt8], at address: UInt32) {
    bytes.withUnsafeBytes { _ = memory.load($0, at: GuestPhysicalAddress(address)) }
  }

  func put(_ value: UInt64, at address: UInt32) {
    put((0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }, at: address)
  }

  func word(_ address: UInt32) -> UInt32 {
    memory.pointer(to: GuestPhysicalAddress(address))?.loadUnaligned(as: UInt32.self) ?? 0
  }

  /// The n-th doubleword of the stack.
  func stack(_ n: UInt32) -> UInt32 { word(processor[register: 4] + 4 * n) }

  func run(_ instructions: UInt64 = 1000) -> Exit { processor.run(until: processor.retired + instructions) }

  /// Runs to a halt; the vector whose handler halted, or nil when it was the code itself.
  func vectorOfHalt() -> UInt8? {
    guard run() == .halt else { return nil }
    let eip = processor.instructionPointer
    guard eip > Self.handlers, eip < Self.handlers + 256 * 16 else { return nil }
    return UInt8((eip - Self.handlers) / 16)
  }

  func record() {
    recorder = Recorder(sink: list)
    processor.record(with: recorder)
  }

  var events: [Event] {
    recorder?.flush()
    return list.events
  }
}
