import Testing

@testable import Tracing

@Suite("Recording and filtering")
struct RecorderTests {
  @Test("events keep their order and get numbers without holes, whatever the filter drops")
  func sequence() throws {
    let sink = MemorySink()
    let events = (0..<1000).map { samples[$0 % samples.count].event }
    let filter = try EventFilter(parsing: "kind=portRead,halt")
    record(events, to: sink, filter: filter, capacity: 3)
    let numbers = [UInt64](0..<UInt64(sink.events.count))
    #expect(sink.events.map(\.sequence) == numbers)
    let expected: [EventKind] = events.map(\.kind).filter { [EventKind.portRead, .halt].contains($0) }
    #expect(sink.events.map(\.kind) == expected)
    #expect(sink.flushes == 1)
  }

  @Test("a full buffer goes to the sink, and not before", arguments: [1, 2, 5])
  func overflow(capacity: Int) {
    let sink = MemorySink()
    let recorder = Recorder(sink: sink, capacity: capacity)
    for index in 0..<20 {
      recorder.record(Event(kind: .halt, context: .monitor, retired: UInt64(index)))
      #expect(sink.events.count == (index + 1) / capacity * capacity)
    }
    #expect(recorder.count == 20)
    recorder.flush()
    #expect(sink.events.map(\.retired) == [UInt64](0..<20))
    recorder.flush()
    #expect(sink.events.count == 20)
    #expect(sink.flushes == 2)
  }

  @Test("a recorder wants the kinds of its filter only")
  func wants() throws {
    let recorder = Recorder(sink: MemorySink(), filter: try EventFilter(parsing: "kind=exception"))
    #expect(EventKind.allCases.filter { recorder.wants($0) } == [.exception])
    let all = Recorder(sink: MemorySink())
    #expect(EventKind.allCases.allSatisfy { all.wants($0) })
  }

  @Test("conditions are parsed into what they say")
  func parsing() throws {
    #expect(try EventFilter(parsing: "") == EventFilter())
    #expect(try EventFilter(parsing: " ; ") == EventFilter())
    #expect(
      try EventFilter(parsing: "kind=exception,portRead;context=guestUser;eip=0x1000-0x2000;syscall=4,open,0xff")
        == EventFilter(
          kinds: [.exception, .portRead], contexts: [.guestUser], addresses: 0x1000...0x2000,
          systemCalls: [4, 5, 255]))
    #expect(try EventFilter(parsing: " KIND = PortWrite ; context = user , Kernel ;").kinds == [.portWrite])
    #expect(try EventFilter(parsing: "eip=4096").addresses == 4096...4096)
    #expect(try EventFilter(parsing: "eip=0-0xffffffff").addresses == 0...UInt32.max)
    #expect(try EventFilter(parsing: "context=user,kernel").contexts == [.guestUser, .guestKernel])
  }

  static let wrong: [(text: String, sentence: String)] = [
    ("kind", "a condition is kind=, context=, eip= or syscall= and values"),
    ("colour=red", "there is no 'colour'; use kind, context, eip or syscall"),
    ("kind=halt;kind=reset", "'kind' appears twice"), ("kind=", "value 1 of 'kind' is empty"),
    ("kind=halt,", "value 2 of 'kind' is empty"), ("kind=port", "no event kind 'port'; kinds are systemCallEntry,"),
    ("context=moon", "contexts are guestUser, guestKernel, monitor, device"),
    ("eip=1,2", "one address or one range"), ("eip=2-1", "ends before it starts"), ("eip=x", "write eip="),
    ("eip=0x", "write eip="), ("eip=1-2-3", "write eip="), ("eip=0x100000000", "write eip="), ("eip=-1", "write eip="),
    ("eip=+1", "write eip="), ("syscall=nosuch", "no Linux system call 'nosuch'"),
    ("syscall=4294967296", "no Linux system call"), ("\u{1b}[2J=1", "there is no '?[2j'"),
  ]

  @Test("each wrong filter gets a sentence", arguments: wrong)
  func wrongFilter(text: String, sentence: String) {
    do throws(EventFilterError) {
      _ = try EventFilter(parsing: text)
      Issue.record("parsed")
    } catch {
      #expect(error.description.contains(sentence))
    }
  }

  @Test("a filter of system calls drops other calls and their returns, and nothing else")
  func systemCalls() throws {
    let sink = MemorySink()
    record(samples.map(\.event), to: sink, filter: try EventFilter(parsing: "syscall=open"))
    #expect(sink.events.map(\.kind) == Array(EventKind.allCases.dropFirst()))
  }

  @Test("addresses and contexts are both ends inclusive and combine")
  func combination() throws {
    let filter = try EventFilter(parsing: "context=user;eip=0x10-0x20")
    let admitted = [0xf, 0x10, 0x20, 0x21].map {
      filter.admits(Event(kind: .halt, context: .guestUser, retired: 0, instructionPointer: $0))
    }
    #expect(admitted == [false, true, true, false])
    #expect(!filter.admits(Event(kind: .halt, context: .monitor, retired: 0, instructionPointer: 0x10)))
  }

  @Test("names of kinds and contexts are unique and lead back")
  func names() {
    for kind in EventKind.allCases { #expect(EventKind(name: kind.name) == kind) }
    for context in EventContext.allCases { #expect(EventContext(name: context.name) == context) }
    #expect(EventKind.allCases.count <= 64)
  }

  @Test("system calls have Linux's numbers and argument counts")
  func linux() {
    let known: [(UInt32, String, Int)] = [
      (1, "exit", 1), (3, "read", 3), (4, "write", 3), (20, "getpid", 0), (45, "brk", 1), (90, "mmap", 1),
      (120, "clone", 5), (192, "mmap2", 6), (240, "futex", 6), (243, "set_thread_area", 1), (252, "exit_group", 1),
      (355, "getrandom", 3), (403, "clock_gettime64", 2),
    ]
    for (number, name, count) in known {
      #expect(LinuxSystemCalls.name(of: UInt64(number))?.description == name)
      #expect(LinuxSystemCalls.number(of: name) == number)
      #expect(LinuxSystemCalls.argumentCount(of: UInt64(number)) == count)
    }
    #expect(LinuxSystemCalls.name(of: 222) == nil)
    #expect(LinuxSystemCalls.name(of: .max) == nil)
    #expect(LinuxSystemCalls.number(of: "") == nil)
    #expect((0..<UInt64(LinuxSystemCalls.count)).allSatisfy { LinuxSystemCalls.argumentCount(of: $0) <= 6 })
    #expect(LinuxErrors.name(ofResult: 0 &- 22)?.description == "EINVAL")
    #expect(LinuxErrors.name(ofResult: 0) == nil)
    #expect(LinuxErrors.name(ofResult: 0x8000_0000) == nil)
  }
}
