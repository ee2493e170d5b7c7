import ISA

/// Decodes bytes that end where an allocation ends, so that a read past them is caught by a sanitizer.
func decode(_ bytes: [UInt8], _ size: CodeSize = .bits32) -> Instruction {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 1)
  defer { memory.deallocate() }
  memory.copyMemory(from: bytes, byteCount: bytes.count)
  return Decoder().decode(memory, count: bytes.count, size: size)
}

func decode(_ bytes: UInt8..., size: CodeSize = .bits32) -> Instruction { decode(bytes, size) }

func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: " ")
}
