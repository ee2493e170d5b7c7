// The state of a processor as text: registers, segments with their hidden parts, control registers, code, stack and
// callers.
//
//   eax=00000000 ecx=00000000 edx=00000681 ebx=00000000 esp=00000000 ebp=00000000 esi=00000000 edi=00000000
//   eip=0008:00100000 eflags=00000002 []  ring 0, protected mode, 32-bit code
//   cs=0008 base=00000000 limit=ffffffff  code read, ring 0, 32-bit
//   ...

import ISA
import Processor

/// Writes a processor's state for people.
struct StateDump {
  let view: GuestView
  private var processor: Processor { view.processor }

  private let paint: Paint

  init(_ view: GuestView, _ paint: Paint = .off) {
    self.view = view
    self.paint = paint
  }

  /// All of it; ends with a newline.
  var text: String {
    ([registers, segments, control, "code:", code, stack, backtrace].filter { !$0.isEmpty })
      .joined(separator: "\n") + "\n"
  }

  static let registerNames = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]

  var registers: String {
    let general = Self.registerNames.enumerated().map { "\($1)=\(hex(processor[register: $0], 8))" }
    return general.joined(separator: " ") + "\n"
      + "eip=\(view.place(processor.instructionPointer))\(view.label(processor.instructionPointer))"
      + " eflags=\(Self.flags(processor.eflags))  \(mode)"
  }

  /// `00000246 [IF ZF PF]`.
  static func flags(_ value: UInt32) -> String { "\(hex(value, 8)) [\(EFlags(rawValue: value))]" }

  var mode: String {
    let state = processor.state
    let name =
      state.cr0 & CR0.pe.rawValue == 0
      ? "real mode"
      : processor.eflags & EFlags.vm.rawValue != 0 ? "virtual-8086 mode" : "protected mode"
    let size = processor[.cs].isBig ? "32-bit" : "16-bit"
    return "ring \(state.cpl), \(name), \(size) code, paging \(paging(state))"
  }

  private func paging(_ state: CPUState) -> String {
    if state.cr0 & CR0.pg.rawValue == 0 { return "off" }
    return state.cr4 & CR4.pae.rawValue == 0 ? "on" : "on with PAE"
  }

  // MARK: Segments and tables

  var segments: String {
    let state = processor.state
    let named: [(String, SegmentRegister)] = [
      ("cs", .cs), ("ss", .ss), ("ds", .ds), ("es", .es), ("fs", .fs), ("gs", .gs),
    ]
    var lines = named.map { name, register in Self.segment(name, processor[register]) }
    lines.append(Self.segment("ldtr", state.ldtr))
    lines.append(Self.segment("tr", state.tr))
    lines.append("gdtr base=\(hex(state.gdtr.base, 8)) limit=\(hex(state.gdtr.limit, 4))")
    lines.append("idtr base=\(hex(state.idtr.base, 8)) limit=\(hex(state.idtr.limit, 4))")
    return lines.joined(separator: "\n")
  }

  private static func segment(_ name: String, _ cache: SegmentCache) -> String {
    "\(name)=\(hex(cache.selector, 4)) base=\(hex(cache.base, 8)) limit=\(hex(cache.limit, 8))  \(describe(cache))"
  }

  /// What the hidden part says, in words.
  static func describe(_ cache: SegmentCache) -> String {
    if !cache.isPresent { return cache.attributes == 0 ? "unusable" : "not present" }
    guard cache.isCodeOrData else {
      let type = SystemDescriptorType(rawValue: cache.type).map { "\($0)" } ?? "type \(cache.type)"
      return "system, \(type)"
    }
    var words: [String]
    if cache.isCode {
      words = ["code", cache.isReadable ? "readable" : "execute only"]
      if cache.type & 4 != 0 { words.append("conforming") }
    } else {
      words = ["data", cache.isWritable ? "writable" : "read only"]
      if cache.isExpandDown { words.append("expand down") }
    }
    words.append("ring \(cache.privilege)")
    words.append(cache.isBig ? "32-bit" : "16-bit")
    return words.joined(separator: ", ")
  }

  // MARK: Control

  var control: String {
    let state = processor.state
    return """
      cr0=\(hex(state.cr0, 8)) [\(Self.names(state.cr0, Self.cr0Names))] cr2=\(hex(state.cr2, 8)) cr3=\(hex(state.cr3, 8))
      cr4=\(hex(state.cr4, 8)) [\(Self.names(state.cr4, Self.cr4Names))] efer=\(hex(state.efer, 8)) \
      dr6=\(hex(state.dr6, 8)) dr7=\(hex(state.dr7, 8))
      """
  }

  private static let cr0Names: [(UInt32, String)] = [
    (CR0.pg.rawValue, "PG"), (CR0.cd.rawValue, "CD"), (CR0.nw.rawValue, "NW"), (CR0.am.rawValue, "AM"),
    (CR0.wp.rawValue, "WP"), (CR0.ne.rawValue, "NE"), (CR0.et.rawValue, "ET"), (CR0.ts.rawValue, "TS"),
    (CR0.em.rawValue, "EM"), (CR0.mp.rawValue, "MP"), (CR0.pe.rawValue, "PE"),
  ]
  private static let cr4Names: [(UInt32, String)] = [
    (CR4.umip.rawValue, "UMIP"), (CR4.osxmmexcpt.rawValue, "OSXMMEXCPT"), (CR4.osfxsr.rawValue, "OSFXSR"),
    (CR4.pce.rawValue, "PCE"), (CR4.pge.rawValue, "PGE"), (CR4.mce.rawValue, "MCE"), (CR4.pae.rawValue, "PAE"),
    (CR4.pse.rawValue, "PSE"), (CR4.de.rawValue, "DE"), (CR4.tsd.rawValue, "TSD"), (CR4.pvi.rawValue, "PVI"),
    (CR4.vme.rawValue, "VME"),
  ]

  private static func names(_ value: UInt32, _ table: [(UInt32, String)]) -> String {
    table.filter { value & $0.0 != 0 }.map(\.1).joined(separator: " ")
  }

  // MARK: Code and stack

  /// The instructions around EIP, the one at EIP marked by an arrow.
  var code: String {
    let eip = processor.instructionPointer
    let lines = view.code(around: eip)
    if !lines.contains(where: { $0.address == eip }) {
      return "=> \(view.place(eip))\(view.label(eip))  (there is nothing to read here)"
    }
    var result: [String] = []
    var lastSymbol: String?
    for line in lines {
      if let location = view.symbols.isEmpty ? nil : view.symbols.location(of: processor[.cs].base &+ line.address),
        location.symbol.name != lastSymbol
      {
        lastSymbol = location.symbol.name
        result.append("   <\(location)>:")
      }
      let bytes = line.bytes.map { hex($0, 2) }.joined(separator: " ").padded(to: 23)
      let text = "\(line.address == eip ? "=>" : "  ") \(view.place(line.address))  \(bytes)  \(line.text)"
      result.append(line.address == eip ? paint.strong(text) : text)
    }
    return result.joined(separator: "\n")
  }

  private var stackPointer: UInt32 {
    processor[.ss].isBig ? processor[register: 4] : processor[register: 4] & 0xffff
  }

  /// The words at the top of the stack, with names for those that point into code.
  var stack: String {
    let ss = processor[.ss]
    let size = ss.isBig ? 4 : 2
    var lines = ["stack at \(hex(ss.selector, 4)):\(hex(stackPointer, 8)):"]
    for index in 0..<8 {
      let at = stackPointer &+ UInt32(index * size)
      guard let word = view.word(at: ss.base &+ at, as: size) else {
        lines.append("   \(hex(at, 8))  (nothing to read)")
        break
      }
      let name = size == 4 ? view.symbol(at: word).map { "  <\($0)>" } ?? "" : ""
      lines.append("   \(hex(at, 8))  \(hex(word, size * 2))\(name)")
    }
    return lines.joined(separator: "\n")
  }

  /// The callers by the chain of frame pointers, as long as it looks like one; empty when it doesn't.
  var backtrace: String {
    let ss = processor[.ss]
    guard ss.isBig, processor[.cs].isBig else { return "" }
    var frame = processor[register: 5]
    var lines: [String] = []
    guard frame >= stackPointer, frame & 3 == 0 else { return "" }
    for _ in 0..<16 {
      guard let next = view.word(at: ss.base &+ frame), let caller = view.word(at: ss.base &+ frame &+ 4),
        caller != 0, view.isMapped(processor[.cs].base &+ caller),
        view.symbols.isEmpty || view.symbol(at: caller) != nil
      else { break }
      lines.append("   #\(lines.count + 1) \(view.place(caller))\(view.label(caller))")
      guard next > frame, next & 3 == 0 else { break }
      frame = next
    }
    if lines.isEmpty { return "" }
    let eip = processor.instructionPointer
    return "callers, by EBP:\n   #0 \(view.place(eip))\(view.label(eip))\n" + lines.joined(separator: "\n")
  }
}
