// How many instructions the decoder takes a second, on the code of a real program.

import ISA

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
    usage: decode-throughput [--json] FILE

    Decodes the code of a 32-bit ELF file over and over and prints millions of instructions a second.

    example: decode-throughput Benchmarks/.build/peerkit-gcc/bench.elf
    """

  static func main() {
    var paths = CommandLine.arguments.dropFirst()
    if paths.contains("--help") { return print(usage) }
    let wantsJSON = paths.contains("--json")
    paths.removeAll { $0 == "--json" }
    guard let path = paths.first, paths.count == 1 else { end("one file is needed; see --help") }
    do {
      let section = try CodeSection(path: path)
      show(measure(section.bytes), section, wantsJSON)
    } catch let error as CodeSection.Unusable {
      end(error.reason)
    } catch {
      end("\(error)")
    }
  }

  struct Result {
    var instructions: Int
    var undefined: Int
    /// Nanoseconds an instruction: the first pass of a new decoder, and the median of many passes.
    var cold: Double
    var warm: Double
  }

  /// Decodes for about a second.
  static func measure(_ code: [UInt8]) -> Result {
    let decoder = Decoder()
    var result = Result(instructions: 0, undefined: 0, cold: 0, warm: 0)
    var samples: [Double] = []
    let clock = ContinuousClock()
    code.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let start = clock.now
      repeat {
        let before = clock.now
        let (instructions, undefined) = decodeAll(decoder, base, bytes.count)
        let nanoseconds = (clock.now - before) / .nanoseconds(1)
        samples.append(nanoseconds / Double(max(1, instructions)))
        result.instructions = instructions
        result.undefined = undefined
      } while clock.now - start < .seconds(1) || samples.count < 5
    }
    result.cold = samples.removeFirst()
    result.warm = samples.sorted()[samples.count / 2]
    return result
  }

  /// One pass; bytes that are no instruction count as one of a byte.
  static func decodeAll(_ decoder: Decoder, _ base: UnsafeRawPointer, _ count: Int) -> (instructions: Int, undefined: Int) {
    var position = 0
    var instructions = 0
    var undefined = 0
    while position < count {
      let instruction = decoder.decode(base + position, count: count - position, size: .bits32)
      instructions += 1
      if instruction.operation.isInstruction {
        position += Int(instruction.length)
      } else {
        undefined += 1
        position += 1
      }
    }
    return (instructions, undefined)
  }

  static func show(_ result: Result, _ section: CodeSection, _ wantsJSON: Bool) {
    let warm = rounded(1000 / result.warm)
    let cold = rounded(1000 / result.cold)
    if wantsJSON {
      print(
        """
        {"section": "\(section.name)", "bytes": \(section.bytes.count), "instructions": \(result.instructions), \
        "undefined": \(result.undefined), "million_per_second": \(warm), "million_per_second_first_pass": \(cold)}
        """)
    } else {
      print("\(section.name): \(result.instructions) instructions, \(result.undefined) of them undefined")
      print("\(warm) M instructions/s (\(cold) in a decoder's first pass)")
    }
  }

  static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

  static func end(_ reason: String) -> Never {
    let line = "decode-throughput: \(reason)\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
    exit(2)
  }
}
