import Testing

@testable import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

@Suite("What sinks write")
struct SinkTests {
  @Test("there is a sample of every kind")
  func complete() {
    #expect(samples.map(\.event.kind) == EventKind.allCases)
  }

  @Test("each kind has its line of text", arguments: samples.indices)
  func textLine(index: Int) {
    let line = text([samples[index].event])[0]
    let retired = String(samples[index].event.retired)
    let prefix = "         0          \(retired)       +\(retired)  "
    #expect(line == prefix + samples[index].text)
  }

  @Test("the columns of the text line up, and the delta counts instructions since the line before")
  func columns() {
    let lines = text(samples.map(\.event))
    #expect(lines.count == samples.count)
    #expect(lines[0].hasPrefix("         0          1000       +1000  user    08048012  systemCallEntry  "))
    #expect(lines[1].hasPrefix("         1          1250        +250  kernel  c0100000  systemCallReturn "))
    #expect(lines[5].hasPrefix("         5          2001          +0  device  "))
    let output = ByteSink()
    _ = TextSink(output)
    let heading = String(decoding: output.contents, as: UTF8.self)
    #expect(heading.firstRange(of: "context")?.lowerBound == lines[0].firstRange(of: "user")?.lowerBound)
    #expect(heading.firstRange(of: "details")?.lowerBound == lines[0].firstRange(of: "int 0x80")?.lowerBound)
  }

  @Test("time that goes back, as between processors, is shown as such")
  func backwards() {
    let events = [10, 4].map { Event(kind: .halt, context: .monitor, retired: $0) }
    #expect(text(events)[1].contains("        -6  "))
  }

  @Test("an unknown system call shows its number and all six registers")
  func unknownSystemCall() {
    let entry = Event(
      kind: .systemCallEntry, context: .guestUser, retired: 0, code: 0xffff, a: 9999, arguments: (1, 2, 3, 4, 5, 6))
    #expect(text([entry])[0].hasSuffix("sysenter unknown(9999) ebx=1 ecx=2 edx=3 esi=4 edi=5 ebp=6"))
    #expect(!String(decoding: json([entry]), as: UTF8.self).contains("name"))
  }

  @Test("the largest values fit in a line")
  func largest() {
    for kind in EventKind.allCases {
      let event = Event(
        kind: kind, context: .guestKernel, retired: .max, code: .max, a: .max, b: .max,
        arguments: (.max, .max, .max, .max, .max, .max), instructionPointer: .max, addressSpace: .max, vcpu: .max,
        cycles: .max)
      let output = ByteSink()
      let sinks: [any EventSink] = [TextSink(output, hasHeading: false), JSONLinesSink(output)]
      for sink in sinks { [event].withUnsafeBufferPointer { sink.receive($0) } }
      for line in output.contents.split(separator: 10) { #expect(line.count < 600) }
    }
  }

  @Test("each kind has its line of JSON", arguments: samples.indices)
  func jsonLine(index: Int) {
    let event = samples[index].event
    let lines = json([event]).split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines[0] == #"{"schema":"trapline.events","version":3,"guest":""}"#)
    let start: String = #"{"sequence":0,"retired":\#(event.retired),"cycles":\#(event.cycles),"vcpu":\#(event.vcpu),"#
    let expected: String = start + #""context":"# + samples[index].json
    #expect(lines[1] == expected)
  }

  @Test("a guest's name can't break out of the header")
  func escapes() throws {
    let name = "a\"b\\c\nd\u{1b}[31m\u{0}\u{7f}\u{2028}é𝕏"
    let bytes = json([], guest: name)
    #expect(bytes.split(separator: 10).count == 1)
    #expect(bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 10 })
    #expect(try EventTraceReader.read(bytes).guest == name)
  }

  @Test("all numbers come out as Swift prints them")
  func numbers() {
    var values: [UInt64] = [0, 1, 9, .max, .max - 1, 1 << 63]
    var power: UInt64 = 1
    for _ in 0..<19 {
      power &*= 10
      values += [power - 1, power, power + 1]
    }
    for value in values {
      let output = ByteSink()
      output.withCursor(100) {
        $0.decimal(value)
        $0.put(0x20)
        $0.hex(value)
        $0.put(0x20)
        $0.hex(value, digits: 8)
        $0.put(0x20)
        $0.decimal(value, width: 4)
      }
      let hex = String(value, radix: 16)
      let padded = String(repeating: "0", count: max(0, 8 - hex.count)) + hex
      let decimal = String(value)
      let wide = String(repeating: " ", count: max(0, 4 - decimal.count)) + decimal
      #expect(String(decoding: output.contents, as: UTF8.self) == "\(decimal) \(hex) \(padded) \(wide)")
    }
  }

  @Test("bytes reach a file descriptor in order, whatever the buffer's size", arguments: [1, 17, 1024, 65536])
  func descriptor(capacity: Int) throws {
    let path = "/tmp/trapline-sink-\(getpid())-\(capacity)"
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    defer {
      close(file)
      unlink(path)
    }
    let output = ByteSink(fileDescriptor: file, capacity: capacity)
    let events = (0..<50).flatMap { _ in samples.map(\.event) }
    record(events, to: JSONLinesSink(output), capacity: 7)
    #expect(output.error == nil)
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
    #expect(Array(bytes[..<count]) == json(events))
  }

  @Test("a full disk is one sentence at the end")
  func fullDisk() throws {
    let file = open("/dev/full", O_WRONLY)
    // Only Linux has this device.
    guard file >= 0 else { return }
    defer { close(file) }
    let output = ByteSink(fileDescriptor: file, capacity: 256)
    record(samples.map(\.event), to: TextSink(output))
    #expect(output.error?.description == "can't write the output: no space left on device")
    #expect(output.error?.isClosedPipe == false)
    #expect(output.lost > 1000)
  }

  @Test("a closed pipe is known as such")
  func closedPipe() {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    let output = ByteSink(fileDescriptor: ends[1])
    record(samples.map(\.event), to: TextSink(output))
    #expect(output.error?.isClosedPipe == true)
    close(ends[1])
  }
}
