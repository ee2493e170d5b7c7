// Somebody in front of the machine.

import Devices

/// Watches a machine's screen and types on its keyboard while it runs.
public protocol Attendant: AnyObject {
  /// Called between time slices, some 30 times a second of the clock on the wall, and when a run ends.
  func attend(to devices: PCDevices)
  /// Whether a key may still come: a machine that only waits for one goes on waiting.
  var mayType: Bool { get }
}
