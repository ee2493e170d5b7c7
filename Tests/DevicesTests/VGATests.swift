import Testing

@testable import Devices

@Suite final class VGATests {
  let machine: TestMachine
  let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: VGA.memorySize, alignment: 4096)
  let vga: VGA

  init() throws {
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    machine = TestMachine(videoMemory: memory)
    vga = try #require(machine.pc.display)
  }

  deinit { memory.deallocate() }

  func setCRTC(_ index: UInt32, _ value: UInt32) { machine.out(0x3d4, index | value << 8, .word) }
  func crtc(_ index: UInt32) -> UInt32 {
    machine.out(0x3d4, index)
    return machine.in(0x3d5)
  }
  func setGraphics(_ index: UInt32, _ value: UInt32) { machine.out(0x3ce, index | value << 8, .word) }
  func print(_ text: String, at offset: Int = 0x1_8000, attribute: UInt8 = 0x07) {
    for (index, byte) in text.utf8.enumerated() {
      memory[offset + 2 * index] = byte
      memory[offset + 2 * index + 1] = attribute
    }
  }
  var screen: TextScreen { vga.screen! }

  @Test func `it starts as 80 by 25 with an underline cursor at the top`() {
    #expect(screen.columns == 80 && screen.rows == 25)
    #expect(screen.cursor.map { [$0.row, $0.column] } == [0, 0])
    #expect(screen.text == "")
  }

  @Test func `what stands at B8000 is on the screen`() {
    print("Hello, world")
    print("row 2", at: 0x1_8000 + 320)
    #expect(screen.text == "Hello, world\n\nrow 2\n")
    #expect(screen.lines.count == 25)
  }

  @Test func `the start address scrolls, the cursor follows the display`() {
    print("second", at: 0x1_8000 + 160)
    setCRTC(0x0c, 0)
    setCRTC(0x0d, 80)
    setCRTC(0x0e, 0)
    setCRTC(0x0f, 86)
    #expect(screen.lines[0] == "second")
    #expect(screen.cursor.map { [$0.row, $0.column] } == [0, 6])
    setCRTC(0x0a, 0x2e)
    #expect(screen.cursor == nil)
  }

  @Test func `the start address wraps within the window`() {
    print("wrapped", at: 0x1_8000)
    setCRTC(0x0c, 0x3f)
    setCRTC(0x0d, 0xb0)
    #expect(screen.lines[1] == "wrapped")
  }

  @Test func `Linux's 80 by 50 with the 8-line font`() {
    setCRTC(0x09, 0x47)
    #expect(screen.rows == 50)
    #expect(screen.lines.count == 50)
  }

  @Test func `registers 0 to 7 are protected, but for the line compare's bit`() {
    #expect(crtc(0x11) & 0x80 != 0)
    setCRTC(0x01, 0x27)
    #expect(crtc(0x01) == 0x4f)
    setCRTC(0x07, 0xef)
    #expect(crtc(0x07) == 0x0f)
    setCRTC(0x11, 0x0e)
    setCRTC(0x01, 0x27)
    #expect(screen.columns == 40)
  }

  @Test func `a graphics mode has no text`() {
    setGraphics(6, 0x05)
    #expect(vga.screen == nil)
    setGraphics(6, 0x0e)
    #expect(vga.screen != nil)
  }

  @Test func `the monochrome addresses answer when the miscellaneous register says so`() {
    #expect(machine.in(0x3b4) == 0xff)
    machine.out(0x3d4, 0x0e)
    machine.out(0x3c2, machine.in(0x3cc) & ~1)
    #expect(machine.in(0x3d4) == 0xff)
    #expect(machine.in(0x3b4) == 0x0e)
    #expect(machine.in(0x3ba) & 0xf6 == 0)
    setGraphics(6, 0x0a)
    print("mono", at: 0x1_0000)
    #expect(screen.lines[0] == "mono")
  }

  @Test func `reading the status sets the attribute controller to its index`() {
    machine.out(0x3c0, 0x30)
    _ = machine.in(0x3da)
    machine.out(0x3c0, 0x30)
    machine.out(0x3c0, 0x04)
    #expect(machine.in(0x3c1) == 0x04)
    #expect(!screen.blinks)
    machine.out(0x3c0, 0x21)
    machine.out(0x3c0, 0x3f)
    #expect(machine.in(0x3c1) == 0x01, "the palette is on the screen")
    machine.out(0x3c0, 0x01)
    machine.out(0x3c0, 0x3f)
    #expect(machine.in(0x3c1) == 0x3f)
  }

  @Test func `the retrace comes some seventy times a virtual second, and blanks come with each line`() {
    var edges = 0
    var blanks = 0
    var last: UInt32 = 0
    for step in 0..<100_000 {
      machine.bus.advance(to: UInt64(step) * 10_000)
      let status = machine.in(0x3da)
      if status & 8 > last & 8 { edges += 1 }
      if status & 1 > last & 1 { blanks += 1 }
      last = status
    }
    #expect((69...71).contains(edges))
    #expect(blanks > 10_000)
  }

  @Test func `the palette is written and read three bytes a colour`() {
    machine.out(0x3c8, 5)
    for value: UInt32 in [1, 2, 0xff, 4] { machine.out(0x3c9, value) }
    #expect(machine.in(0x3c8) == 6)
    machine.out(0x3c7, 5)
    #expect([machine.in(0x3c9), machine.in(0x3c9), machine.in(0x3c9), machine.in(0x3c9)] == [1, 2, 0x3f, 4])
    #expect(machine.in(0x3c7) == 3)
    machine.out(0x3c7, 255)
    for _ in 0..<10 { _ = machine.in(0x3c9) }
  }

  @Test func `all 256 characters are distinct and box drawing is right`() {
    let all = (0...255).map { CodePage437.character(UInt8($0)) }
    #expect(all.count == 256)
    #expect(all[0x20] == " " && all[0x41] == "A" && all[0x7e] == "~" && all[0x5c] == "\\")
    #expect(all[0xb3] == "│" && all[0xc9] == "╔" && all[0xdb] == "█" && all[0xfe] == "■" && all[0x01] == "☺")
    #expect(all[0x81] == "ü" && all[0xe1] == "ß" && all[0xff] == "\u{a0}")
    #expect(Set(all).count == 255, "only 00 and 20 look the same")
  }

  @Test func `colours become ANSI's`() {
    print("E", attribute: 0x4f)
    memory[0x1_8002] = 0x78
    memory[0x1_8003] = 0x9e
    #expect(screen.coloured(row: 0).hasPrefix("\u{1b}[0;97;41mE\u{1b}[0;93;44;5mx"))
    #expect(screen.coloured(row: 0).hasSuffix("\u{1b}[0m"))
  }

  @Test func `painting sends only the rows that changed`() {
    let before = screen
    print("x", at: 0x1_8000 + 160 * 3)
    let painting = screen.painting(over: before)
    #expect(
      painting.contains("\u{1b}[4;1H") && !painting.contains("\u{1b}[1;1H\u{1b}[0") && !painting.contains("\u{1b}[2J"))
    #expect(screen.painting(over: screen) == "")
    #expect(screen.painting(over: nil).contains("\u{1b}[2J"))
    setCRTC(0x0f, 5)
    #expect(screen.painting(over: before).hasSuffix("\u{1b}[1;6H\u{1b}[?25h"))
  }

  @Test(arguments: [41, 42, 43, 44] as [UInt64])
  func `no register contents hurt, and the picture stays bounded`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let ports = Array(UInt16(0x3b0)...0x3df)
    for step in 0..<40_000 {
      let port = ports.randomElement(using: &generator)!
      let size = AccessSize.allCases.randomElement(using: &generator)!
      if Bool.random(using: &generator) {
        machine.out(port, UInt32.random(in: 0...(.max), using: &generator), size)
      } else {
        _ = machine.in(port, size)
      }
      guard step % 100 == 0 else { continue }
      machine.bus.advance(to: machine.bus.clock.now + UInt64.random(in: 0...1_000_000, using: &generator))
      if let screen = vga.screen { #expect(screen.columns <= 256 && screen.rows <= 128) }
      var state = vga.save()
      let twin = VGA(clock: machine.bus.clock, memory: UnsafeRawBufferPointer(memory))
      try twin.restore(state)
      #expect(twin.save() == state)
      #expect(twin.screen == vga.screen)
      for index in state.bytes.indices { state.bytes[index] = UInt8.random(in: 0...255, using: &generator) }
      try twin.restore(state)
      for offset: UInt32 in 0..<0x30 {
        _ = twin.read(offset, size: .byte)
        twin.write(offset, size: .byte, value: 0xff)
      }
      _ = twin.screen?.painting(over: nil)
    }
  }
}
