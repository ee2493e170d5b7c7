// The code of a 32-bit ELF file: just enough of the format to find what there is to decode.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The largest executable section of a file.
struct CodeSection {
  let name: String
  let bytes: [UInt8]

  /// One sentence for people.
  struct Unusable: Error { let reason: String }

  init(path: String) throws {
    let file = try Self.contents(of: path)
    func u16(_ at: Int) -> Int { at + 2 <= file.count ? Int(file[at]) | Int(file[at + 1]) << 8 : 0 }
    func u32(_ at: Int) -> Int { u16(at) | u16(at + 2) << 16 }

    guard file.starts(with: [0x7f, 0x45, 0x4c, 0x46, 1, 1]) else {
      throw Unusable(reason: "\(path) is not a 32-bit little-endian ELF file")
    }
    let table = u32(32), entrySize = u16(46), count = u16(48)
    let names = u32(table + u16(50) * entrySize + 16)
    var best: (name: Int, range: Range<Int>)?
    for n in 0..<count {
      let entry = table + n * entrySize
      let isProgramBits = u32(entry + 4) == 1
      let isExecutable = u32(entry + 8) & 4 != 0
      let start = u32(entry + 16), size = u32(entry + 20)
      guard isProgramBits, isExecutable, start + size <= file.count else { continue }
      if size > best?.range.count ?? 0 { best = (names + u32(entry), start..<start + size) }
    }
    guard let best else { throw Unusable(reason: "\(path) has no executable section") }
    name = String(decoding: file[min(best.name, file.count)...].prefix { $0 != 0 }, as: UTF8.self)
    bytes = Array(file[best.range])
  }

  private static func contents(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "r") else {
      throw Unusable(reason: "can't read \(path): \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { return result }
      result += chunk[..<count]
    }
  }
}
