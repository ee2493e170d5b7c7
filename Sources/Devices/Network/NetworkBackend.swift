// Where an emulated network adapter's packets go, and where they come from.

/// One end of an Ethernet: takes frames, and gives those that have arrived, without waiting.
public protocol NetworkBackend: AnyObject {
  /// Takes a frame, from its destination address on, without its check sequence; it may be buffered until `flush`.
  func send(_ frame: UnsafeRawBufferPointer)
  /// Moves the next frame that has arrived into `buffer`.
  /// - Returns: its length; 0 when there is none now.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int
  /// Everything taken so far must go.
  func flush()
  var sinkState: SinkState { get }
}

extension NetworkBackend {
  public func flush() {}
  public var sinkState: SinkState { .open }
}
