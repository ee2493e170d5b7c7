import Foundation
import Testing

@testable import Tracing

@Suite("Reading event traces that are longer than the buffer")
struct DiffTraceFileTests {
  /// What comes of a trace through a pipe: its events, or what was wrong.
  private func read(
    _ bytes: [UInt8], beginning: Int = 0, capacity: Int
  ) -> Result<EventTrace, EventTraceError> {
    let pipe = Pipe()
    // A pipe holds 64 KiB, which these traces don't fill.
    try? pipe.fileHandleForWriting.write(contentsOf: Data(bytes.dropFirst(beginning)))
    try? pipe.fileHandleForWriting.close()
    do throws(EventTraceError) {
      let file = try EventTraceFile(
        fileDescriptor: pipe.fileHandleForReading.fileDescriptor, beginning: Array(bytes.prefix(beginning)),
        capacity: capacity)
      var trace = EventTrace(guest: file.guest, events: [])
      while let event = try file.next() { trace.events.append(event) }
      return .success(trace)
    } catch {
      return .failure(error)
    }
  }

  private let whole = json(samples.map(\.event), guest: "g")

  @Test("the events are the same for each size of the buffer", arguments: [512, 513, 777, 4096, 1 << 20])
  func sizes(capacity: Int) throws {
    let expected = try EventTraceReader.read(whole)
    #expect(try read(whole, capacity: capacity).get() == expected)
    for beginning in [1, 64, 200, whole.count] {
      #expect(try read(whole, beginning: beginning, capacity: capacity).get() == expected)
    }
  }

  @Test("a trace cut at any byte gives the same events or the same error as one that is read whole")
  func cut() {
    for length in stride(from: 0, to: whole.count, by: 7) {
      let bytes = Array(whole[..<length])
      let expected: Result<EventTrace, EventTraceError>
      do throws(EventTraceError) { expected = .success(try EventTraceReader.read(bytes)) } catch { expected = .failure(error) }
      #expect(read(bytes, capacity: 600) == expected)
    }
  }

  @Test("a line that is longer than the buffer is refused with its number")
  func longLine() {
    let bytes = whole + Array(repeating: UInt8(ascii: " "), count: 2000)
    guard case .failure(let error) = read(bytes, capacity: 1000) else { return #expect(Bool(false)) }
    #expect(error.line == samples.count + 2)
  }
}
