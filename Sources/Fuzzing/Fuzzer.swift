// Runs cases, each in several cuts, and compares what is left: registers, memory, exits. A run to the next event uses the
// block cache, links and fast handlers; a run one instruction at a time uses none of them. They must agree. With the
// translator the second run is its own, and is cut less finely, since a run of one instruction is the interpreter's.

import ISA
import Memory
import Processor

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Sums over cases.
package struct FuzzTotals: Sendable {
  package var cases: UInt64 = 0
  /// Retired, in all runs of all cases.
  package var retired: UInt64 = 0
  package var exceptions: UInt64 = 0
  package var interrupts: UInt64 = 0
  package var decoded: UInt64 = 0
  package var walks: UInt64 = 0
  package var invalidated: UInt64 = 0
  /// By kind: interrupt window, halt, port read and write, memory read and write, shutdown are 1 to 7.
  package var exits = [UInt64](repeating: 0, count: 8)
  package var ends: [CaseEnd: UInt64] = [:]
  /// Cases that differed because the guest changed live page tables without a flush: what it sees is then undefined.
  package var excused: UInt64 = 0
  package var failures: UInt64 = 0

  package init() {}

  package mutating func add(_ other: FuzzTotals) {
    cases += other.cases
    retired += other.retired
    exceptions += other.exceptions
    interrupts += other.interrupts
    decoded += other.decoded
    walks += other.walks
    invalidated += other.invalidated
    for n in 0..<8 { exits[n] += other.exits[n] }
    ends.merge(other.ends) { $0 + $1 }
    excused += other.excused
    failures += other.failures
  }

  mutating func add(_ outcome: CaseOutcome) {
    retired += outcome.retired
    exceptions += outcome.counters.exceptions
    interrupts += outcome.counters.interrupts
    decoded += outcome.counters.instructionsDecoded
    walks += outcome.counters.pageWalks
    invalidated += outcome.counters.blocksInvalidated
    for n in 0..<8 { exits[n] += outcome.exitKinds[n] }
    ends[outcome.end, default: 0] += 1
  }
}

/// Runs the cases of one seed. Not shared between threads.
package final class Fuzzer {
  package let seed: UInt64
  package private(set) var totals = FuzzTotals()
  /// Bare silicon's paging, for the first of a case's two runs, and all ways of paging, for the second.
  private let machine: FuzzMachine
  private let rivals: [FuzzMachine]
  private let generator = CaseGenerator()
  private let memoryAfter: UnsafeMutableRawPointer
  private let clock = ContinuousClock()
  private let isTranslated: Bool

  /// - Parameter paths: the second run is the translator's, and reaches memory so; nil for the interpreter.
  package init(seed: UInt64, translatorPaths paths: MemoryPathChoice? = nil) throws {
    self.seed = seed
    isTranslated = paths != nil
    machine = try FuzzMachine()
    rivals = try [paths == nil ? machine : FuzzMachine(translatorPaths: paths)]
      + Self.pagings.map { try FuzzMachine($0, translatorPaths: paths) }
    memoryAfter = .allocate(byteCount: Int(CaseLayout.ramSize), alignment: 4096)
  }

  /// Pagers with the tightest bounds, and TLBs that forget.
  private static let pagings: [PagingConfiguration] = [
    paging(.shadow) { _ in },
    paging(.shadow) { $0.shadow.mode = .lazy },
    paging(.nested) { _ in },
    paging(.shadow) {
      $0.shadow.mode = .lazy
      $0.shadow.largePages = .split
      $0.tlb = tinyTLB(.none)
    },
    paging(.shadow) { $0.tlb = tinyTLB(.pcid) },
    paging(.nested) {
      $0.nested.largePages = .used
      $0.nested.accessedDirty = false
      $0.tlb = tinyTLB(.none)
    },
  ]

  private static func paging(_ kind: PagerKind, _ change: (inout PagingConfiguration) -> Void) -> PagingConfiguration {
    var paging = PagingConfiguration(pager: kind)
    paging.shadow.memory = ShadowOptions.leastMemory
    change(&paging)
    return paging
  }

  private static func tinyTLB(_ tags: TLBTags) -> TLBOptions {
    var tlb = TLBOptions()
    tlb.small = TLBGeometry(entries: 4, ways: 1)
    tlb.large2M = TLBGeometry(entries: 0, ways: 1)
    tlb.large4M = TLBGeometry(entries: 2, ways: 2)
    tlb.tags = tags
    return tlb
  }

  deinit {
    generator.deallocate()
    memoryAfter.deallocate()
  }

  /// Runs one case in two cuts, the second under one of the pagers.
  package func run(case number: UInt64) throws(FuzzFailure) {
    let made = generator.make(seed: seed, number: number)
    let begin = clock.now
    totals.cases += 1
    do throws(FuzzFailure) {
      let whole = try machine.run(made, image: generator.image, slicing: .whole)
      memoryAfter.copyMemory(from: machine.ram, byteCount: Int(CaseLayout.ramSize))
      totals.add(whole)
      let slicing = number % 4 == 3 ? Slicing.random(number) : wholeCut
      let rival = rivals[Int(number % UInt64(rivals.count))]
      let cut = try rival.run(made, image: generator.image, slicing: slicing)
      totals.retired += cut.retired
      let difference = difference(whole, cut, on: rival)
      if !difference.isEmpty {
        if changesLiveTables(made) {
          totals.excused += 1
        } else {
          let place = firstDifference(made, on: rival)
          throw FuzzFailure(
            .determinism, "whole, and \(slicing) under \(rival.name), differ: " + difference.joined(separator: ", ") + "\n  " + place)
        }
      }
      if number / 64 % 64 == 0, let wrong = rival.containmentFailure() { throw FuzzFailure(.containment, wrong) }
      let time = clock.now - begin
      if time > .seconds(10) { throw FuzzFailure(.time, "the case took \(time)") }
    } catch {
      totals.failures += 1
      throw error
    }
  }

  /// How the second run is cut when it isn't at random.
  private var wholeCut: Slicing { isTranslated ? .whole : .single }

  private func difference(_ a: CaseOutcome, _ b: CaseOutcome, on machine: FuzzMachine) -> [String] {
    // Exceptions without end are cut off anywhere.
    if a.end == .stuck, b.end == .stuck { return [] }
    var found: [String] = []
    if a.end != b.end { found.append("end \(a.end) != \(b.end)") }
    if a.retired != b.retired { found.append("retired \(a.retired) != \(b.retired)") }
    if a.exits != b.exits { found.append("exits \(a.exits) != \(b.exits)") }
    if a.exitHash != b.exitHash { found.append("exits of other kinds or values") }
    found += a.state.differences(from: b.state)
    if memcmp(memoryAfter, machine.ram, Int(CaseLayout.ramSize)) != 0 {
      let x = memoryAfter.assumingMemoryBound(to: UInt8.self), y = machine.ram.assumingMemoryBound(to: UInt8.self)
      var count = 0
      for n in 0..<Int(CaseLayout.ramSize) where x[n] != y[n] {
        if count < 4 { found.append("memory[\(hex(UInt64(n)))] \(hex(UInt64(x[n]))) != \(hex(UInt64(y[n])))") }
        count += 1
      }
      found.append("\(count) bytes of memory")
    }
    return found
  }

  // MARK: Explanations

  /// The earliest retired count at which both cuts differ.
  private func firstDifference(_ made: FuzzCase, on rival: FuzzMachine) -> String {
    func differences(at limit: UInt64) -> [String] {
      guard let whole = try? machine.run(made, image: generator.image, slicing: .whole, limit: limit) else { return [] }
      memoryAfter.copyMemory(from: machine.ram, byteCount: Int(CaseLayout.ramSize))
      guard let cut = try? rival.run(made, image: generator.image, slicing: wholeCut, limit: limit) else { return [] }
      return difference(whole, cut, on: rival)
    }
    var low: UInt64 = 0, high = made.limit
    while low + 1 < high {
      let middle = (low + high) / 2
      if differences(at: middle).isEmpty { low = middle } else { high = middle }
    }
    return "first at retired \(high): " + differences(at: high).prefix(12).joined(separator: ", ")
  }

  /// Whether the guest changes an entry of the page tables in use (more than setting A and D) without a flush. A
  /// processor may use the old entry or the new one then, and ours depends on when it looks.
  private func changesLiveTables(_ made: FuzzCase) -> Bool {
    var last: [UInt64: [UInt64]] = [:]
    var lastFlushes: UInt64 = 0, lastDeliveries: UInt64 = 0
    var found = false
    _ = try? machine.run(made, image: generator.image, slicing: .single) { machine, _, _ in
      if found { return }
      let state = machine.processor.architecturalState
      guard state.cr0 >> 31 != 0 else {
        last = [:]
        return
      }
      let isPAE = state.cr4 & 0x20 != 0
      var tables: [UInt64: [UInt64]] = [:]
      func read(_ page: UInt64) -> [UInt64] {
        guard page < CaseLayout.ramSize else { return [] }
        let at = machine.ram + Int(page)
        if isPAE { return (0..<512).map { at.load(fromByteOffset: $0 * 8, as: UInt64.self) } }
        return (0..<1024).map { UInt64(at.load(fromByteOffset: $0 * 4, as: UInt32.self)) }
      }
      let roots = isPAE
        ? (0..<4).filter { state.pdptes[$0] & 1 != 0 }.map { state.pdptes[$0] & 0xf_ffff_f000 } : [UInt64(state.cr3 & ~0xfff)]
      for root in roots where tables[root] == nil {
        tables[root] = read(root)
        for entry in tables[root]! where entry & 1 != 0 {
          let page = entry & 0xf_ffff_f000
          if tables[page] == nil { tables[page] = read(page) }
        }
      }
      let counters = machine.processor.counters
      // A flush in this step may have come before or after the change, if deliveries followed each other in it.
      if counters.tlbFlushes == lastFlushes || counters.exceptions + counters.interrupts > lastDeliveries + 1 {
        for (page, entries) in last {
          for (old, new) in zip(entries, read(page)) where (old ^ new) & ~0x60 != 0 || old & ~new & 0x60 != 0 {
            found = true
            return
          }
        }
      }
      last = tables
      lastFlushes = counters.tlbFlushes
      lastDeliveries = counters.exceptions + counters.interrupts
    }
    return found
  }

  /// Runs a case one instruction at a time and prints each.
  package func trace(case number: UInt64, limit: UInt64? = nil, print line: @escaping (String) -> Void) {
    let made = generator.make(seed: seed, number: number)
    let disassembler = Disassembler()
    line("mode \(made.mode), limit \(made.limit), events \(made.events.map { "\($0.action)@\($0.at)" })")
    do throws(FuzzFailure) {
      let outcome = try machine.run(
        made, image: generator.image, slicing: .single, limit: limit
      ) { machine, done, exit in
        if let exit {
          line("        \(exit)")
          return
        }
        let state = machine.processor.architecturalState
        let linear = state.segments[1].base &+ state.eip
        var bytes: [UInt8] = []
        for n in 0..<UInt32(15) {
          guard let physical = machine.processor.inspect(LinearAddress(linear &+ n)),
            let byte = machine.memory.bytes(at: physical, count: 1)
          else { break }
          bytes += byte
        }
        let text =
          bytes.isEmpty
          ? "?" : disassembler.one(bytes[...], at: state.eip, size: state.segments[1].isBig ? .bits32 : .bits16).line
        var registers = ""
        for n in 0..<8 { registers += " " + hex(UInt64(state.registers[n])) }
        line(
          "\(done) cpl\(state.cpl) \(hex(UInt64(state.segments[1].selector))):\(text) |\(registers) fl "
            + "\(hex(UInt64(state.eflags))) ss \(hex(UInt64(state.segments[2].selector))) cr2 \(hex(UInt64(state.cr2))) "
            + "exc \(machine.processor.counters.exceptions)")
      }
      line("end \(outcome.end), retired \(outcome.retired), exits \(outcome.exits)")
    } catch {
      line("failure: \(error)")
    }
  }
}

func hex(_ value: UInt64) -> String { String(value, radix: 16) }
