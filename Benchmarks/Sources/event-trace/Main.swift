// How many events a second a recorder puts into a JSON Lines file, and traces of any length for whoever wants to read them:
// every kind of event, in calls of several processes that take turns, with values that vary as they do in real traces.

import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@main
struct Main {
  static let usage = """
    usage: event-trace [--json] [--platform N] EVENTS FILE

    Writes a trace of so many made-up events and prints millions of events a second. Traces with other platform numbers \
    (0 or 1) have the same calls and differ in what happens inside of some.

    example: event-trace 10000000 /tmp/a.jsonl
    """

  static func main() {
    var words = Array(CommandLine.arguments.dropFirst())
    if words.contains("--help") { return print(usage) }
    let wantsJSON = words.contains("--json")
    words.removeAll { $0 == "--json" }
    var platform: UInt64 = 0
    if let place = words.firstIndex(of: "--platform"), place + 1 < words.count, let number = UInt64(words[place + 1]) {
      platform = number
      words.removeSubrange(place...place + 1)
    }
    guard words.count == 2, let count = UInt64(words[0]), count > 0 else {
      end("a number of events and a file are needed; see --help")
    }
    let descriptor = open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { end("can't write \(words[1]): \(String(cString: strerror(errno)))") }
    let output = ByteSink(fileDescriptor: descriptor)
    let recorder = Recorder(sink: JSONLinesSink(output, guest: "made up"), costs: Workload.costs)
    var workload = Workload(platform: platform)
    let clock = ContinuousClock()
    let start = clock.now
    while recorder.count < count { workload.step { if recorder.count < count { recorder.record($0) } } }
    recorder.flush()
    let seconds = (clock.now - start) / .seconds(1)
    if let error = output.error { end(error.description) }
    close(descriptor)
    let rate = Double(count) / seconds / 1e6
    if wantsJSON {
      print("{\"events\":\(count),\"seconds\":\(seconds),\"millionsPerSecond\":\(rate)}")
    } else {
      print("\(count) events in \(rounded(seconds)) s: \(rounded(rate)) million a second")
    }
  }

  static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  static func end(_ sentence: String) -> Never {
    let errors = ByteSink(fileDescriptor: 2)
    errors.append("event-trace: \(sentence)\n")
    errors.flush()
    exit(2)
  }
}
