import ISA
import Testing

@testable import Processor

@Suite("Instructions that wait for devices")
struct DeviceAccessTests {
  /// The hole below 1 MiB, where no memory answers.
  static let device: UInt32 = 0xa_0000

  /// Runs to HLT (or the handler's), answering reads with 0x11111111 times their number.
  private func run(_ guest: ProtectedGuest, slice: UInt64 = 1000) -> [Exit] {
    var accesses: [Exit] = []
    var reads: UInt32 = 0
    for _ in 0..<1000 {
      let exit = guest.run(slice)
      switch exit {
      case .budget: continue
      case .memoryRead, .portRead:
        accesses.append(exit)
        reads += 1
        guest.processor.answer(reads &* 0x1111_1111)
      case .memoryWrite, .portWrite:
        accesses.append(exit)
        guest.processor.answer()
      default: return accesses
      }
    }
    return accesses
  }

  private func guest(_ code: [UInt8], _ set: (Processor) -> Void = { _ in }) throws -> ProtectedGuest {
    let guest = try ProtectedGuest(code + [0xf4])
    guest.processor[register: 2] = 0
    guest.processor[register: 6] = Self.device
    guest.processor[register: 7] = Self.device
    set(guest.processor)
    return guest
  }

  private static let d = UInt64(device)

  /// Code with ESI and EDI at the device, and the accesses it must make.
  static let cases: [(name: String, code: [UInt8], accesses: [Exit])] = [
    ("mov eax, [esi]", [0x8b, 0x06], [.memoryRead(address: d, size: 4)]),
    ("mov al, [esi]", [0x8a, 0x06], [.memoryRead(address: d, size: 1)]),
    ("mov [esi], cx", [0x66, 0x89, 0x0e], [.memoryWrite(address: d, size: 2, value: 0)]),
    ("add dword [esi], 1", [0x83, 0x06, 1],
      [.memoryRead(address: d, size: 4), .memoryWrite(address: d, size: 4, value: 0x1111_1112)]),
    ("xchg eax, [esi]", [0x87, 0x06], [.memoryRead(address: d, size: 4), .memoryWrite(address: d, size: 4, value: 0)]),
    ("push dword [esi]", [0xff, 0x36], [.memoryRead(address: d, size: 4)]),
    ("pop dword [esi]", [0x8f, 0x06], [.memoryWrite(address: d, size: 4, value: 0)]),
    ("movsd", [0xa5], [.memoryRead(address: d, size: 4), .memoryWrite(address: d, size: 4, value: 0x1111_1111)]),
    ("movsd; movsd", [0xa5, 0xa5],
      [.memoryRead(address: d, size: 4), .memoryWrite(address: d, size: 4, value: 0x1111_1111),
        .memoryRead(address: d + 4, size: 4), .memoryWrite(address: d + 4, size: 4, value: 0x2222_2222)]),
    ("cmpxchg8b [esi]", [0x0f, 0xc7, 0x0e],
      [.memoryRead(address: d, size: 4), .memoryRead(address: d + 4, size: 4),
        .memoryWrite(address: d, size: 4, value: 0x1111_1111), .memoryWrite(address: d + 4, size: 4, value: 0x2222_2222)]),
    ("bts dword [esi], 1", [0x0f, 0xba, 0x2e, 1],
      [.memoryRead(address: d, size: 4), .memoryWrite(address: d, size: 4, value: 0x1111_1113)]),
    ("mov eax, [esi - 2], half of it RAM", [0x8b, 0x46, 0xfe],
      [.memoryRead(address: d, size: 1), .memoryRead(address: d + 1, size: 1)]),
    ("in al, 0x40; out 0x41, al", [0xe4, 0x40, 0xe6, 0x41],
      [.portRead(port: 0x40, size: 1), .portWrite(port: 0x41, size: 1, value: 0x11)]),
    ("outsd", [0x6f], [.memoryRead(address: d, size: 4), .portWrite(port: 0, size: 4, value: 0x1111_1111)]),
    ("insb", [0x6c], [.portRead(port: 0, size: 1), .memoryWrite(address: d, size: 1, value: 0x11)]),
    ("call [esi]", [0xff, 0x56, 0x00], [.memoryRead(address: d, size: 4)]),
  ]

  @Test("each access happens exactly once, in order, however short the slices are", arguments: 0..<16)
  func once(number: Int) throws {
    let (name, code, accesses) = Self.cases[number]
    for slice in [UInt64(1), 2, 1000] {
      let guest = try guest(code)
      #expect(run(guest, slice: slice) == accesses, "\(name) in slices of \(slice)")
    }
  }

  @Test("the results arrive, and flags are those of the device's value")
  func results() throws {
    let add = try guest([0x03, 0x06], { $0[register: 0] = 0xf000_0000 })
    _ = run(add)
    #expect(add.processor[register: 0] == 0x0111_1111 && add.processor.eflags & EFlags.cf.rawValue != 0)
    let push = try guest([0xff, 0x36])
    _ = run(push)
    #expect(push.stack(0) == 0x1111_1111)
    let rep = try guest([0xf3, 0xa5], { $0[register: 1] = 3; $0[register: 7] = 0x2_0000 })
    #expect(run(rep) == (0..<3).map { .memoryRead(address: Self.d + $0 * 4, size: 4) })
    #expect((0..<3).map { rep.word(0x2_0000 + 4 * $0) } == [0x1111_1111, 0x2222_2222, 0x3333_3333])
    #expect(rep.processor[register: 1] == 0)
  }

  @Test("PUSHA onto a device writes eight times; POPA reads all eight, that of ESP too")
  func stackInDeviceSpace() throws {
    let pusha = try guest([0x60, 0x61, 0xbc, 0, 0x70, 0, 0], { $0[register: 4] = Self.device + 0x40; $0[register: 0] = 9 })
    let accesses = run(pusha)
    #expect(accesses.count == 16)
    #expect(accesses.first == .memoryWrite(address: Self.d + 0x3c, size: 4, value: 9))
    #expect(accesses[8] == .memoryRead(address: Self.d + 0x20, size: 4))
    #expect(pusha.processor[register: 0] == 0x8888_8888)
  }

  @Test("REP INS into memory that faults reads the port once for each byte that was stored, and not for the one that wasn't")
  func insThatFaults() throws {
    let guest = try PagedGuest([0xf3, 0x6c, 0xf4])
    guest.map(0x4000_0000, to: 0x18_0000)
    guest.processor[register: 1] = 10
    guest.processor[register: 2] = 0x60
    guest.processor[register: 7] = 0x4000_0ffc
    #expect(run(guest.guest) == (0..<4).map { _ in .portRead(port: 0x60, size: 1) })
    #expect(guest.processor[register: 1] == 6 && guest.processor[register: 7] == 0x4000_1000)
    #expect(guest.guest.word(0x18_0ffc) == 0x4433_2211)
    #expect(guest.cpu.s.pointee.cr2 == 0x4000_1000)
  }

  @Test("an exception whose frame goes to a device writes each word once")
  func delivery() throws {
    // ud2 with ESP in device space
    let guest = try guest([0x0f, 0x0b], { $0[register: 4] = Self.device + 0x20 })
    let accesses = run(guest)
    #expect(
      accesses == [
        .memoryWrite(address: Self.d + 0x1c, size: 4, value: 0x1_0002),
        .memoryWrite(address: Self.d + 0x18, size: 4, value: 8),
        .memoryWrite(address: Self.d + 0x14, size: 4, value: ProtectedGuest.code),
      ])
    #expect(guest.processor[register: 4] == Self.device + 0x14)
  }

  @Test("an access that a device answered is forgotten when the instruction faults afterwards")
  func forgotten() throws {
    // div dword [esi] with a quotient that doesn't fit: one read, #DE; its handler then reads the device itself.
    let guest = try guest([0xf7, 0x36], { $0[register: 2] = 0xffff_ffff })
    guest.put([0x8b, 0x0e, 0xf4], at: ProtectedGuest.handlers)
    #expect(run(guest) == [.memoryRead(address: Self.d, size: 4), .memoryRead(address: Self.d, size: 4)])
    #expect(guest.processor[register: 1] == 0x2222_2222)
  }
}
