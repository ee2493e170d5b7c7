// What a Linux kernel file says of itself: a bzImage by its setup header (Documentation/arch/x86/boot.rst), a vmlinux by
// its ELF headers. Nothing in it is trusted.

import Memory

/// A bzImage's setup header, as far as a 32-bit loader needs it.
struct LinuxSetupHeader {
  /// Bytes from 0x1f1 on, as they go into boot_params.
  var raw: UnsafeRawBufferPointer
  var version: UInt16
  /// Where the protected-mode part begins in the file.
  var kernelOffset: UInt64
  var isRelocatable: Bool
  var alignment: UInt64
  var preferredAddress: UInt64
  /// Memory that it needs from its load address on while it unpacks itself.
  var initSize: UInt64
  /// The packed vmlinux, relative to `kernelOffset`.
  var payload: Range<UInt64>?
  var longestCommandLine: UInt64
  var highestInitrd: UInt64

  static let magic: UInt32 = 0x5372_6448
  static let start: UInt64 = 0x1f1

  static func isPresent(in view: ByteView) -> Bool { view.u16(0x1fe) == 0xaa55 && view.u32(0x202) == magic }

  init(_ view: ByteView) throws(LoadingError) {
    guard Self.isPresent(in: view) else { throw LoadingError("the file is no bzImage: it has no setup header") }
    guard let version = view.u16(0x206), let sectors = view.u8(0x1f1), let flags = view.u8(0x211),
      let jump = view.u8(0x201)
    else { throw LoadingError("the bzImage ends within its setup header") }
    self.version = version
    guard version >= 0x206 else {
      throw LoadingError(
        "the kernel has boot protocol \(version >> 8).\(version & 0xff), and 2.06 (Linux 2.6.22) is the oldest that can be started"
      )
    }
    guard flags & 1 != 0 else {
      throw LoadingError("the kernel is a zImage, which loads below 640 KiB: build a bzImage")
    }
    kernelOffset = (UInt64(sectors == 0 ? 4 : sectors) + 1) * 512
    guard kernelOffset < view.count else {
      throw LoadingError(
        "the bzImage is cut off: it has \(view.count) bytes, and its kernel begins at \(kernelOffset)")
    }
    // The header ends where the jump over it leads.
    let end = min(0x202 + UInt64(jump), 0x290)
    guard end > 0x238, let raw = view.slice(Self.start, end - Self.start) else {
      throw LoadingError("the bzImage ends within its setup header")
    }
    self.raw = raw
    func field(_ offset: UInt64, _ size: UInt64) -> UInt64 {
      guard offset + size <= end else { return 0 }
      let low = UInt64(view.u32(offset) ?? 0)
      return size == 8 ? low | UInt64(view.u32(offset + 4) ?? 0) << 32 : low
    }
    // In paragraphs of 16 bytes: what must follow the setup sectors (2.04 and later).
    let size = field(0x1f4, 4) << 4
    guard kernelOffset + size <= view.count + 15 else {
      throw LoadingError(
        "the bzImage is cut off: its kernel has \(size) bytes, and \(view.count - kernelOffset) are there")
    }
    isRelocatable = (view.u8(0x234) ?? 0) != 0
    alignment = field(0x230, 4)
    preferredAddress = version >= 0x20a ? field(0x258, 8) : 0x10_0000
    initSize = version >= 0x20a ? field(0x260, 4) : max(size * 4, 16 << 20)
    let packed = version >= 0x208 ? (offset: field(0x248, 4), size: field(0x24c, 4)) : (0, 0)
    payload = packed.1 > 0 ? packed.0..<packed.0 + packed.1 : nil
    longestCommandLine = field(0x238, 4)
    highestInitrd = field(0x22c, 4)
    if let payload, kernelOffset + payload.upperBound > view.count {
      throw LoadingError("the bzImage is cut off: its packed kernel ends at \(kernelOffset + payload.upperBound)")
    }
  }
}
