// A serial line as a program's standard input and output. The guest's terminal driver collects lines (the only way in which
// a terminal can say that input has ended), so what means something to it is quoted, and the end is said as a user would.
//
//   host's byte          sent                        the guest's `stty`
//   0x04, 0x16           0x16 and the byte           eof ^D lnext ^V icanon iexten, all else undefined
//   1000 without \n      0x04 behind them            (what has come is handed over; the driver's line has 4096)
//   the end              0x04, twice in a line
//
// At a terminal every key goes through as it is. Nothing is sent before the guest has set its terminal.

import Devices

/// Standard input and output for a program in the guest.
final class ProgramLine: SerialBackend {
  private let line: any SerialBackend
  private let console: KernelConsole
  private let isTerminal: Bool
  private var ended = false
  private var sinceLine = 0
  /// Quoted already.
  private var waiting: [UInt8] = []
  private var first = 0

  private static let end: UInt8 = 0x04
  private static let quote: UInt8 = 0x16
  private static let longest = 1000

  /// Keys that are kept while the guest boots.
  private static let mostKeys = 4096

  /// - Parameters:
  ///   - console: says when the guest is ready.
  ///   - isTerminal: somebody types.
  init(_ line: any SerialBackend, _ console: KernelConsole, isTerminal: Bool) {
    self.line = line
    self.console = console
    self.isTerminal = isTerminal
  }

  func write(_ byte: UInt8) { line.write(byte) }
  func flush() { line.flush() }
  var sinkState: SinkState { line.sinkState }
  var heedsRequestToSend: Bool { true }
  var inputEnded: Bool { ended && first == waiting.count }

  func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    if isTerminal || console.isProgram, first == waiting.count || isTerminal { refill(buffer.count) }
    guard console.isProgram else { return 0 }
    let count = min(buffer.count, waiting.count - first)
    for index in 0..<count { buffer[index] = waiting[first + index] }
    first += count
    return count
  }

  private func refill(_ count: Int) {
    if first == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      first = 0
    }
    if ended || waiting.count >= Self.mostKeys { return }
    withUnsafeTemporaryAllocation(byteCount: count, alignment: 1) { bytes in
      for byte in bytes.prefix(line.poll(into: bytes)) { if isTerminal { waiting.append(byte) } else { add(byte) } }
    }
    if waiting.isEmpty, line.inputEnded {
      ended = true
      waiting += sinceLine > 0 ? [Self.end, Self.end] : [Self.end]
    }
  }

  private func add(_ byte: UInt8) {
    if byte == Self.end || byte == Self.quote { waiting.append(Self.quote) }
    waiting.append(byte)
    sinceLine = byte == 0x0a ? 0 : sinceLine + 1
    if sinceLine == Self.longest {
      waiting.append(Self.end)
      sinceLine = 0
    }
  }
}
