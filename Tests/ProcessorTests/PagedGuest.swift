// A guest with paging on: tables from 0x10_0000, low memory mapped to itself, and whatever a test maps besides.

import ISA

@testable import Processor

final class PagedGuest {
  static let tables: UInt32 = 0x10_0000
  let guest: ProtectedGuest
  private var nextTable = PagedGuest.tables + 0x1000

  var processor: Processor { guest.processor }
  var cpu: CPU { guest.cpu }

  static let present: UInt32 = 1, writable: UInt32 = 2, user: UInt32 = 4
  static let all: UInt32 = 7

  /// Maps the first MiB to itself, for everybody.
  init(_ code: [UInt8], isUser: Bool = false, cr4: UInt32 = 0, paging: PagingConfiguration? = nil) throws {
    guest = try ProtectedGuest(code, isUser: isUser)
    if let paging { try guest.processor.usePaging(paging) }
    for page in UInt32(0)..<256 { map(page << 12, to: page << 12) }
    cpu.s.pointee.cr3 = Self.tables
    cpu.s.pointee.cr4 = cr4
    cpu.s.pointee.cr0 |= CR0.pg.rawValue | CR0.wp.rawValue
    cpu.flushTLB(keepingGlobal: false)
    cpu.updateContext()
  }

  /// Where the entry of a page in its table lies.
  func entryAddress(_ linear: UInt32) -> UInt32 {
    let directory = Self.tables + linear >> 22 * 4
    if guest.word(directory) == 0 {
      put(nextTable | Self.all, at: directory)
      nextTable += 0x1000
    }
    return guest.word(directory) & ~0xfff + (linear >> 12 & 0x3ff) * 4
  }

  func map(_ linear: UInt32, to physical: UInt32, _ bits: UInt32 = PagedGuest.all) {
    put(physical | bits, at: entryAddress(linear))
  }

  func entry(_ linear: UInt32) -> UInt32 { guest.word(entryAddress(linear)) }

  /// As a store of the guest's would, watched or not.
  func put(_ value: UInt32, at address: UInt32) { cpu.writePhysical(UInt64(address), value) }

  /// Runs new code from the usual place to its HLT; the vector of the exception that came instead.
  func run(_ code: [UInt8], eax: UInt32 = 0, ecx: UInt32 = 0, esi: UInt32 = 0) -> UInt8? {
    // Through a store that the block cache learns of, as a debugger's or a device's would be.
    for (n, byte) in (code + [0xf4]).enumerated() { cpu.writePhysical(UInt64(ProtectedGuest.code) + UInt64(n), byte) }
    processor.instructionPointer = ProtectedGuest.code
    processor[register: 0] = eax
    processor[register: 1] = ecx
    processor[register: 4] = ProtectedGuest.stack
    processor[register: 6] = esi
    return guest.vectorOfHalt()
  }

  /// Loads the doubleword at an address; nil when it faults.
  func load(_ linear: UInt32) -> UInt32? { run([0x8b, 0x06], esi: linear) == nil ? processor[register: 0] : nil }

  /// Stores a doubleword; false when it faults.
  func store(_ value: UInt32, _ linear: UInt32) -> Bool { run([0x89, 0x06], eax: value, esi: linear) == nil }

  /// The error code of the page fault whose handler halted.
  var errorCode: UInt32 { guest.stack(0) }
}
