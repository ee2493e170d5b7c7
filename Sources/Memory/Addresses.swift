// The three kinds of address a monitor must never mix up, each a type of its own. All are 64 bits wide: 32-bit guests
// use the low half, PAE guests 36 bits of the guest-physical space, later guests more.

/// An address after segmentation and before paging ("guest-virtual").
public struct LinearAddress: Hashable, Sendable, BitwiseCopyable, Comparable {
  public var value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public init(_ value: UInt32) { self.value = UInt64(value) }
  /// VPN: the address in pages of 4 KiB.
  @inlinable public var pageNumber: UInt64 { value >> 12 }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// What the guest takes for an address of RAM, ROM or a device's registers.
public struct GuestPhysicalAddress: Hashable, Sendable, BitwiseCopyable, Comparable {
  public var value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  @inlinable public init(_ value: UInt32) { self.value = UInt64(value) }
  /// PPN: the address in pages of 4 KiB.
  @inlinable public var pageNumber: UInt64 { value >> 12 }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}

/// A byte of the host memory that Trapline owns, as an offset into its file of machine memory.
public struct MachineAddress: Hashable, Sendable, BitwiseCopyable, Comparable {
  public var value: UInt64
  @inlinable public init(_ value: UInt64) { self.value = value }
  /// MPN: the address in pages of 4 KiB.
  @inlinable public var pageNumber: UInt64 { value >> 12 }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}
