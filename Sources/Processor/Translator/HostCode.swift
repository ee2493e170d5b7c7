// The translator for somebody who looks for a mistake in it: what gets translated, and the host code that was made of it.

/// A translated block as it lies in host memory.
package struct HostCode {
  /// The block's first instruction, as an offset in its code segment.
  package var eip: UInt32
  /// Guest instructions.
  package var count: Int
  /// Memory is reached through the linear window, not through the software TLB.
  package var isWindowed: Bool
  /// Where the bytes lie in this process.
  package var address: UInt64
  package var bytes: [UInt8]
  /// Where each guest instruction's code begins, counted from the first byte.
  package var starts: [Int]
}

extension Processor {
  /// Translates blocks from this execution on: with 1, whatever runs at all. For the code that is decoded from now on.
  package func translate(fromExecution count: UInt32) {
    #if TRANSLATOR
      translator?.warmth = max(count, 1)
    #endif
  }

  /// The translations that have a guest instruction among theirs, in the order in which they were made; empty where the
  /// engine is another. Looks at all of them.
  package func hostCode(containing eip: UInt32) -> [HostCode] {
    #if TRANSLATOR
      guard let cache = translator?.cache else { return [] }
      var found: [HostCode] = []
      for number in 1..<cache.fragmentCount {
        let fragment = cache.fragments[number]
        guard fragment.isValid, eip &- fragment.eip < UInt32(fragment.block.pointee.length) else { continue }
        let first = cache.address(fragment.checkedEntry)
        let code = UnsafeRawBufferPointer(start: first, count: Int(fragment.end - fragment.checkedEntry))
        found.append(
          HostCode(
            eip: fragment.eip, count: Int(fragment.count), isWindowed: fragment.mode & EngineMode.window != 0,
            address: UInt64(UInt(bitPattern: first)), bytes: Array(code),
            starts: (0..<Int(fragment.count)).map { Int(cache.record(fragment, $0).start) }))
      }
      return found
    #else
      return []
    #endif
  }
}
