// Why a triple fault came about, fault by fault: what was raised, where, and why its handler could not be reached (SDM
// 3A, 6.12 and 6.15). The tables that the guest left behind are still there to be looked at.

import ISA
import Processor

/// Tells the story of a chain of faults.
struct FaultReport {
  let view: GuestView
  let chain: [FaultRecord]
  private var processor: Processor { view.processor }

  private let paint: Paint

  init(_ view: GuestView, _ paint: Paint = .off) {
    self.view = view
    self.paint = paint
    chain = view.processor.faultHistory.chain
  }

  /// A line a fault, and its reason below it; ends with a newline.
  var text: String {
    var lines: [String] = []
    for (index, record) in chain.enumerated() {
      lines.append("  \(index + 1). \(paint.strong(headline(record)))")
      if let reason = reason(for: record) { lines.append("     \(reason)") }
    }
    if case .delivery? = chain.last?.cause {
      lines.append("     Nothing can take its place: the processor shuts down.")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func headline(_ record: FaultRecord) -> String {
    let place = "\(hex(record.codeSelector, 4)):\(hex(record.eip, 8))\(view.label(record.eip))"
    switch record.cause {
    case .external: return "interrupt \(vectorText(record.vector)) before \(place)"
    case .escalation: return "\(Self.name(record.vector)) takes the place of the two"
    case .delivery(let vector):
      return "\(Self.name(record.vector))\(codeText(record)) while \(Self.shortName(vector)) was being delivered"
    case .instruction:
      let text = view.instruction(at: record.eip).map { ": \($0.text)" } ?? ""
      return "\(Self.name(record.vector))\(codeText(record)) at \(place)\(text)"
    }
  }

  private func vectorText(_ vector: UInt8) -> String { "\(vector) (0x\(hex(vector, 2)))" }

  /// `#GP (general protection)`.
  static func name(_ vector: UInt8) -> String {
    ExceptionVector(rawValue: vector).map { "\($0.mnemonic) (\($0.name))" } ?? "vector \(vector)"
  }

  static func shortName(_ vector: UInt8) -> String {
    ExceptionVector(rawValue: vector)?.mnemonic ?? "vector \(vector)"
  }

  private func codeText(_ record: FaultRecord) -> String {
    guard record.hasErrorCode else { return "" }
    return record.vector == ExceptionVector.pageFault.rawValue
      ? ", error code \(hex(record.errorCode)), CR2 \(hex(record.cr2, 8))" : ", error code \(hex(record.errorCode))"
  }

  // MARK: Reasons

  private func reason(for record: FaultRecord) -> String? {
    if record.vector == ExceptionVector.pageFault.rawValue { return pageFault(record) }
    switch record.cause {
    case .delivery(let vector): return failedDelivery(of: vector, record)
    case .instruction where record.hasErrorCode && record.errorCode & 0xfffc != 0: return selectorReason(record)
    default: return nil
    }
  }

  private func pageFault(_ record: FaultRecord) -> String {
    let code = FaultErrorCode(rawValue: record.errorCode)
    let access = code.contains(.instructionFetch) ? "a fetch" : code.contains(.write) ? "a write" : "a read"
    let ring = code.contains(.user) ? "user mode" : "the kernel"
    let why =
      code.contains(.reserved)
      ? "a paging entry has a reserved bit set"
      : code.contains(.present) ? "the page doesn't allow it" : "no page is mapped there"
    return "\(access) by \(ring) at \(hex(record.cr2, 8))\(owner(of: record.cr2)): \(why)"
  }

  /// What lies at an address that the processor reads by itself.
  private func owner(of linear: UInt32) -> String {
    let state = processor.state
    func holds(_ base: UInt32, _ limit: UInt32) -> Bool { linear &- base <= limit }
    if holds(state.idtr.base, state.idtr.limit) { return ", in the IDT" }
    if holds(state.gdtr.base, state.gdtr.limit) { return ", in the GDT" }
    if state.ldtr.isPresent, holds(state.ldtr.base, state.ldtr.limit) { return ", in the LDT" }
    if state.tr.isPresent, holds(state.tr.base, state.tr.limit) { return ", in the TSS" }
    let stack = processor[.ss].base &+ processor[register: 4]
    if stack &- linear <= 64 { return ", just below the top of the stack" }
    return ""
  }

  private func failedDelivery(of vector: UInt8, _ record: FaultRecord) -> String? {
    let state = processor.state
    if state.cr0 & CR0.pe.rawValue == 0 {
      if UInt32(vector) << 2 | 3 > state.idtr.limit {
        return "the interrupt vector table ends at \(hex(state.idtr.limit)), before vector \(vector)"
      }
      return "its handler or the stack can't be reached in real mode"
    }
    let code = FaultErrorCode(rawValue: record.errorCode)
    if record.hasErrorCode, code.contains(.idt) { return gateReason(record) }
    if record.errorCode & 0xfffc != 0 { return selectorReason(record) }
    switch ExceptionVector(rawValue: record.vector) {
    case .stackFault?:
      let ss = processor[.ss]
      return "the handler's frame doesn't fit on the stack: SS \(hex(ss.selector, 4)) with limit \(hex(ss.limit)) and "
        + "ESP \(hex(processor[register: 4], 8))"
    case .generalProtection?:
      guard let gate = gate(vector) else { return nil }
      if gate.gateSelector & 0xfffc == 0 { return "gate \(vector) of the IDT has a null code selector" }
      return "the handler's offset \(hex(gate.gateOffset, 8)) is past the limit of its code segment"
    case .invalidTSS?: return "the task register's TSS has no sound stack for the handler's ring"
    default: return nil
    }
  }

  private func gate(_ vector: UInt8) -> SegmentDescriptor? {
    let idtr = processor.state.idtr
    let offset = UInt32(vector) << 3
    guard offset | 7 <= idtr.limit, let low = view.word(at: idtr.base &+ offset),
      let high = view.word(at: idtr.base &+ offset &+ 4)
    else { return nil }
    return SegmentDescriptor(low: low, high: high)
  }

  private func gateReason(_ record: FaultRecord) -> String {
    let idtr = processor.state.idtr
    let index = UInt8(truncatingIfNeeded: record.errorCode >> 3)
    let place = "gate \(index) (\(Self.shortName(index)))"
    if UInt32(index) << 3 | 7 > idtr.limit {
      if idtr.limit == 0 { return "there is no IDT: IDTR is \(hex(idtr.base, 8)), limit 0" }
      return "the IDT at \(hex(idtr.base, 8)) has limit \(hex(idtr.limit)): it ends before \(place)"
    }
    guard let gate = gate(index) else { return "\(place) of the IDT at \(hex(idtr.base, 8)) can't be read" }
    if gate.rawValue == 0 { return "\(place) of the IDT at \(hex(idtr.base, 8)) is empty" }
    if record.vector == ExceptionVector.segmentNotPresent.rawValue {
      return "\(place) of the IDT is marked not present (P is 0)"
    }
    if gate.high & 0x1000 != 0 || ![5, 6, 7, 14, 15].contains(gate.type) {
      return "\(place) of the IDT has type \(hex(gate.type)), which is no interrupt, trap or task gate"
    }
    return "\(place) of the IDT doesn't let ring \(processor.privilegeLevel) through (DPL \(gate.dpl))"
  }

  private func selectorReason(_ record: FaultRecord) -> String? {
    let state = processor.state
    let selector = Selector(rawValue: UInt16(truncatingIfNeeded: record.errorCode & 0xfffc))
    if record.errorCode & 2 != 0 { return gateReason(record) }
    let (name, base, limit) =
      selector.isLocal
      ? ("LDT", state.ldtr.base, state.ldtr.isPresent ? state.ldtr.limit : 0)
      : ("GDT", state.gdtr.base, state.gdtr.limit)
    let place = "selector \(hex(selector.rawValue, 4))"
    if selector.offset | 7 > limit { return "\(place) is past the end of the \(name) (limit \(hex(limit)))" }
    guard let low = view.word(at: base &+ selector.offset), let high = view.word(at: base &+ selector.offset &+ 4)
    else { return "the descriptor of \(place) can't be read" }
    let descriptor = SegmentDescriptor(low: low, high: high)
    if descriptor.rawValue == 0 { return "\(place) names an empty descriptor of the \(name)" }
    if !descriptor.isPresent { return "the descriptor of \(place) is marked not present (P is 0)" }
    return "the descriptor of \(place) is \(hex(descriptor.rawValue, 16)), which isn't allowed here"
  }
}
