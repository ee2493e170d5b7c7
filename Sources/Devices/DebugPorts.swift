// Two ports that real boards lack and test guests love: QEMU's isa-debug-exit, and the debug console of Bochs and QEMU.

/// Ends the machine: writing v asks for the exit status (v << 1) | 1, which is never 0.
public final class DebugExit: Device {
  public let name = "debug exit"
  private let requests: MachineRequests

  public init(requests: MachineRequests) { self.requests = requests }
  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { 0 }
  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) { requests.exit(status: value << 1 | 1) }
  public func reset() {}
  public func transferState(_ archive: inout StateArchive) {}
}

/// Port 0xE9: each byte written goes to a sink; reading gives 0xE9, by which a guest finds it.
public final class DebugConsole: Device {
  public let name = "debug console"
  /// Where the bytes go.
  public var sink: any ByteSink

  public init(sink: any ByteSink = NullBackend()) { self.sink = sink }
  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { 0xe9 }
  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) { sink.write(UInt8(truncatingIfNeeded: value)) }
  public func reset() {}
  public func transferState(_ archive: inout StateArchive) {}
}
