enum DecoderCorrections {
  static func processorExecutes(_ bytes: UnsafeRawPointer, length: Int, size: CodeSize) -> Bool { false }
}
