import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

@testable import Memory

@Suite("Guest-physical memory")
struct GuestPhysicalMemoryTests {
  private let machine: MachineMemory
  private let memory: GuestPhysicalMemory

  init() throws {
    machine = try MachineMemory(size: 3 << 20)
    memory = try GuestPhysicalMemory(machine: machine, ramSize: 2 << 20)
  }

  private func at(_ address: UInt64) -> GuestPhysicalAddress { GuestPhysicalAddress(address) }

  private func load(_ bytes: [UInt8], _ address: UInt64) -> Bool {
    bytes.withUnsafeBytes { memory.load($0, at: at(address)) }
  }

  @Test("RAM reaches from 0 to its size, with a hole from 640 KiB to 1 MiB")
  func layout() {
    for (address, isRAM): (UInt64, Bool) in [
      (0, true), (0x9_ffff, true), (0xa_0000, false), (0xf_ffff, false), (0x10_0000, true), (0x1f_ffff, true),
      (0x20_0000, false), (0xffff_ffff, false), (1 << 32, false), (.max, false),
    ] {
      #expect(memory.isRAM(at(address), count: 1) == isRAM, "at \(address)")
      #expect((memory.pointer(to: at(address)) != nil) == isRAM, "at \(address)")
      #expect((memory.backing(of: at(address)) == .bus) == !isRAM, "at \(address)")
    }
  }

  @Test("RAM can be put into the hole, all zero and in one piece")
  func addedRAM() throws {
    let start = try memory.addRAM(at: at(0xa_0000), pages: 32)
    #expect(memory.isRAM(at(0x9_0000), count: 0x3_0000))
    #expect(load([1, 2, 3], 0xb_ffff) == false)
    #expect(load([1, 2], 0xb_8fff))
    #expect((start + 0x1_8fff).loadUnaligned(as: UInt16.self) == 0x0201)
    #expect(memory.bytes(at: at(0xa_0000), count: 2) == [0, 0])
    #expect(throws: MachineMemoryError.self) { try memory.addRAM(at: at(0xc_0001), pages: 1) }
    #expect(throws: MachineMemoryError.self) { try memory.addRAM(at: at(0xffff_f000), pages: 2) }
    #expect(throws: MachineMemoryError.self) { try memory.addRAM(at: at(0xc_0000), pages: 1 << 19) }
  }

  @Test("a range is RAM only when all of it is")
  func ranges() {
    #expect(memory.isRAM(at(0), count: 0xa_0000))
    #expect(!memory.isRAM(at(0), count: 0xa_0001))
    #expect(!memory.isRAM(at(0x9_ffff), count: 2))
    #expect(memory.isRAM(at(0x10_0000), count: 0x10_0000))
    #expect(!memory.isRAM(at(0x10_0000), count: 0x10_0001))
    #expect(!memory.isRAM(at(1), count: .max))
    #expect(!memory.isRAM(at(.max), count: .max))
    #expect(memory.isRAM(at(0xa_0000), count: 0))
  }

  @Test("what is loaded across pages reads back, and its neighbours stay")
  func loading() {
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 1) }
    #expect(load(bytes, 0x10_0ffd))
    #expect(memory.bytes(at: at(0x10_0ffc), count: 10_002) == [0] + bytes + [0])
    #expect(memory.clear(at: at(0x10_0fff), count: 9_990))
    #expect(memory.bytes(at: at(0x10_0ffd), count: 3) == [bytes[0], bytes[1], 0])
    #expect(memory.bytes(at: at(0x10_0ffd + 9_991), count: 3) == [0] + bytes[9_992...9_993])
  }

  @Test("a load that leaves RAM writes nothing")
  func refused() {
    #expect(!load([1, 2], 0x9_ffff))
    #expect(!load([1, 2], 0x1f_ffff))
    #expect(!load([1, 2], .max))
    #expect(!memory.clear(at: at(0x9_f000), count: 0x2000))
    #expect(memory.bytes(at: at(0x9_ffff), count: 1) == [0])
    #expect(load([], 0x5000))
    #expect(memory.clear(at: at(0x5000), count: 0))
  }

  @Test(
    "bytes that aren't there are nil, however many are asked for",
    arguments: [Int.max, -1, .min, 1 << 40, 1 << 33])
  func absurdCounts(count: Int) {
    #expect(memory.bytes(at: at(0), count: count) == nil)
    #expect(memory.bytes(at: at(.max), count: count) == nil)
  }

  @Test("bytes are nil when one of them is in a hole")
  func holes() {
    #expect(memory.bytes(at: at(0x9_fff0), count: 16)?.count == 16)
    #expect(memory.bytes(at: at(0x9_fff0), count: 17) == nil)
    #expect(memory.bytes(at: at(0xffff_ffff), count: 1) == nil)
    #expect(memory.bytes(at: at(0x1000), count: 0) == [])
  }

  @Test("a ROM is read but not written, padded with ff, and can be seen twice")
  func rom() throws {
    let image = [UInt8](repeating: 7, count: 5000)
    try image.withUnsafeBytes { try memory.addROM(at: at(0xffff_e000), image: $0) }
    memory.aliasROM(from: at(0xffff_e000), to: at(0xf_e000), pages: 2)
    #expect(memory.bytes(at: at(0xffff_e000 + 4999), count: 2) == [7, 0xff])
    #expect(memory.bytes(at: at(0xffff_ffff), count: 1) == [0xff])
    #expect(memory.bytes(at: at(0xf_e000), count: 5000) == image)
    #expect(!load([1], 0xffff_e000))
    #expect(!load([1], 0xf_e000))
    guard case .rom(let first) = memory.backing(of: at(0xffff_f123)) else {
      Issue.record("not a ROM")
      return
    }
    #expect(memory.backing(of: at(0xf_f123)) == .rom(first))
  }

  @Test("a ROM that doesn't fit is refused")
  func badROMs() {
    let page = [UInt8](repeating: 0, count: 8192)
    for address: UInt64 in [0xffff_f000, 0xffff_0001, 1 << 32, .max & ~0xfff] {
      #expect(throws: MachineMemoryError.self, "at \(address)") {
        try page.withUnsafeBytes { try memory.addROM(at: at(address), image: $0) }
      }
    }
    let large = [UInt8](repeating: 0, count: 2 << 20)
    #expect(throws: MachineMemoryError.self) {
      try large.withUnsafeBytes { try memory.addROM(at: at(0xff00_0000), image: $0) }
    }
  }

  @Test("a size that can't be is refused", arguments: [0, 1, 4095, 0xe000_1000, 1 << 40, .max] as [UInt64])
  func badSizes(size: UInt64) {
    #expect(throws: MachineMemoryError.self) { try GuestPhysicalMemory(machine: machine, ramSize: size) }
  }

  @Test("more RAM than machine memory is refused")
  func tooLittleMachine() {
    #expect(throws: MachineMemoryError.self) { try GuestPhysicalMemory(machine: machine, ramSize: 2 << 20) }
  }

  @Test("marking code in a page changes neither what it holds nor that it is RAM")
  func codeBit() {
    #expect(load([9], 0x3000))
    memory.entries[3] |= GuestPhysicalMemory.entryCode
    #expect(memory.bytes(at: at(0x3000), count: 1) == [9])
    #expect(load([8], 0x3000))
    #expect(memory.bytes(at: at(0x3000), count: 1) == [8])
    #expect(memory.codeGranules[3] == 0)
  }

  @Test("page numbers are addresses in pages of 4 KiB")
  func pageNumbers() {
    #expect(LinearAddress(0x1234_5678 as UInt32).pageNumber == 0x1_2345)
    #expect(GuestPhysicalAddress(0xf_ffff_ffff as UInt64).pageNumber == 0xff_ffff)
    #expect(MachineAddress(0xfff).pageNumber == 0)
    #expect(MachineAddress(0xfff) < MachineAddress(0x1000))
  }

  @Test("machine memory is whole frames that read as zero")
  func machineMemory() throws {
    let small = try MachineMemory(size: 1)
    #expect(small.size == 4096)
    #expect(small.pointer(to: MachineAddress(4095)).load(as: UInt8.self) == 0)
    #expect(throws: MachineMemoryError.self) { try MachineMemory(size: 1 << 60) }
  }

  @Test("frames that were given back are handed out again, as zeros, in as long a row as they make")
  func frames() throws {
    let machine = try MachineMemory(size: 1 << 20)
    let first = try #require(machine.allocateFrames(100))
    let second = try #require(machine.allocateFrames(50))
    let third = try #require(machine.allocateFrames(106))
    #expect(machine.allocateFrames(1) == nil)
    memset(machine.pointer(to: first), 0x5a, 150 << 12)
    machine.freeFrames(first, count: 100)
    machine.freeFrames(second, count: 50)
    let row = try #require(machine.allocateFrames(150))
    #expect(row == first)
    #expect((0..<150).allSatisfy { machine.pointer(to: row).load(fromByteOffset: $0 << 12, as: UInt64.self) == 0 })
    machine.freeFrames(third, count: 106)
    machine.freeFrames(row, count: 150)
    #expect(machine.allocateFrames(256) == MachineAddress(0))
  }

  @Test("a region of 2 MiB is whole only where RAM lies in machine memory as it does in the guest's")
  func wholeRegions() throws {
    let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 16 << 20), ramSize: 7 << 20)
    func isWhole(_ address: UInt64) -> Bool { memory.isWholeRegion(GuestPhysicalAddress(address)) }
    #expect(!isWhole(0), "the hole below 1 MiB")
    #expect(isWhole(2 << 20) && isWhole(4 << 20))
    #expect(!isWhole(6 << 20), "RAM ends within it")
    memory.entries[0x250] = memory.entries[0x251]
    #expect(!isWhole(2 << 20))
  }
}
