// Runs command lines in this process, and makes the guests for them.

import Foundation
import TraplineCommands

/// What came of a command line.
struct CommandResult {
  var status: Int32
  var output: String
  var errors: String
}

/// Runs `trapline` with arguments; a guest's serial line is the output, and reads `input`.
func trapline(_ arguments: String..., input: String = "") -> CommandResult {
  trapline(arguments, input: input)
}

func trapline(_ arguments: [String], input: String = "") -> CommandResult {
  let console = Console(input: Array(input.utf8))
  let status = TraplineCommand.run(arguments, on: console)
  return CommandResult(status: status, output: console.outputText, errors: console.errorText)
}

/// A folder that goes away with its owner.
final class Scratch {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "trapline-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Makes a file, and returns its path.
  func file(_ name: String, _ bytes: [UInt8]) -> String {
    let path = self.path + "/" + name
    _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
    return path
  }

  func text(_ name: String) -> String {
    (try? String(contentsOfFile: path + "/" + name, encoding: .utf8)) ?? ""
  }
}

/// Tiny guests: flat code, for both sizes alike unless it says otherwise.
enum TinyGuest {
  /// jmp .
  static let endless: [UInt8] = [0xeb, 0xfe]
  /// cli; hlt
  static let halting: [UInt8] = [0xfa, 0xf4]
  /// mov al, 5; out 0xf4, al
  static let exiting: [UInt8] = [0xb0, 0x05, 0xe6, 0xf4]
  /// int3 without an IDT (32 bits)
  static let tripleFault: [UInt8] = [0xcc]
  /// mov dx, 0x3f8; mov al, 'A'; out dx, al; cli; hlt (16 bits)
  static let printing: [UInt8] = [0xba, 0xf8, 0x03, 0xb0, 0x41, 0xee, 0xfa, 0xf4]
  /// sti; hlt in a circle, every interrupt masked (32 bits): idles for ever
  static let idle: [UInt8] = [0xb0, 0xff, 0xe6, 0x21, 0xe6, 0xa1, 0xfb, 0xf4, 0xeb, 0xfc]

  /// An ELF executable of `code` at 1 MiB with the symbol `main`.
  static func elf(_ code: [UInt8], machine: UInt16 = 3, elfClass: UInt8 = 1, memorySize: UInt32? = nil) -> [UInt8] {
    func u16(_ value: Int) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8 & 0xff)] }
    func u32(_ value: Int) -> [UInt8] { u16(value & 0xffff) + u16(value >> 16) }
    func section(_ name: Int, _ type: Int, _ flags: Int, _ address: Int, _ offset: Int, _ size: Int, _ link: Int, _ entry: Int)
      -> [UInt8]
    { [name, type, flags, address, offset, size, link, 0, 1, entry].flatMap(u32) }
    let strings = Array("\0main\0.text\0".utf8)
    let symbols = [UInt8](repeating: 0, count: 16) + u32(1) + u32(0x10_0000) + u32(code.count) + [0x12, 0] + u16(1)
    let start = 84
    let stringStart = start + code.count
    let symbolStart = stringStart + strings.count
    let sectionStart = symbolStart + symbols.count
    var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, elfClass, 1, 1] + [UInt8](repeating: 0, count: 9)
    bytes += u16(2) + u16(Int(machine)) + u32(1) + u32(0x10_0000) + u32(52) + u32(sectionStart) + u32(0)
    bytes += u16(52) + u16(32) + u16(1) + u16(40) + u16(4) + u16(2)
    bytes += [1, start, 0x10_0000, 0x10_0000, code.count, Int(memorySize ?? UInt32(code.count)), 7, 4].flatMap(u32)
    bytes += code + strings + symbols
    bytes += section(0, 0, 0, 0, 0, 0, 0, 0)
    bytes += section(6, 1, 6, 0x10_0000, start, code.count, 0, 0)
    bytes += section(0, 3, 0, 0, stringStart, strings.count, 0, 0)
    bytes += section(0, 2, 0, 0, symbolStart, symbols.count, 2, 16)
    return bytes
  }
}
