// Page tables of the monitor's own, in machine memory, where the processor walks them.

struct MachineTables: TableSpace {
  let base: UnsafeMutableRawPointer
  var references: UInt64 = 0

  @inline(__always) init(_ cpu: CPU) { base = cpu.s.pointee.machineBase }

  @inline(__always) mutating func pointer(to address: UInt64) -> UnsafeMutableRawPointer? {
    references &+= 1
    return base + Int(truncatingIfNeeded: address)
  }

  @inline(__always) mutating func mark(_ address: UInt64, _ entry: UInt64) {
    (base + Int(truncatingIfNeeded: address)).storeBytes(of: entry, as: UInt64.self)
  }
}
