// What signals do to a run: the first Ctrl-C asks the machine to stop, the second ends the process; the terminal gets
// its mode back on every way out, crashes included. Handlers touch only words that were made before them, and call
// only what POSIX allows there (write, tcsetattr, kill, _exit).

import Trapline

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Connects the process's signals to a stop signal. One at a time.
final class Interruption {
  let stop: StopSignal

  /// What handlers look at. Never freed: a signal may come at any time.
  struct State {
    var stop: Unmanaged<StopSignal>
    /// The signal that asked for the end; 0 for none.
    var signal: Int32 = 0
    var hasTerminal = false
    var sane = termios()
    var raw = termios()
  }
  private let state: UnsafeMutablePointer<State>
  nonisolated(unsafe) fileprivate static var current: UnsafeMutablePointer<State>?

  /// How long a machine may take to stop before the process is ended without its help: it is stuck in a write that
  /// nobody takes. Microseconds; a machine that isn't stuck needs two thousand, or more on a busy host.
  fileprivate static let patience = 500_000

  /// Call before the terminal is made raw: its mode now is the one that comes back.
  init() {
    stop = StopSignal()
    state = .allocate(capacity: 1)
    state.initialize(to: State(stop: .passRetained(stop)))
    state.pointee.hasTerminal = isatty(0) != 0 && tcgetattr(0, &state.pointee.sane) == 0
    Self.current = state
    for signal in [SIGINT, SIGTERM, SIGHUP] { install(signal) { Interruption.end($0) } }
    install(SIGALRM) { _ in Interruption.giveUp() }
  }

  /// A crash is a bug of ours, and ends with status 70 instead of a signal. For the whole process.
  static func catchCrashes() {
    // A stack of its own: the other one may be what ran out.
    var stack = stack_t()
    stack.ss_size = 1 << 16
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 16)
    _ = sigaltstack(&stack, nil)
    for signal in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT] {
      set(signal, flags: Int32(SA_ONSTACK)) { _ in Interruption.crash() }
    }
  }

  /// Call when the terminal is raw: its mode now is the one to come back to after a stop by Ctrl-Z.
  func terminalIsReady() {
    guard state.pointee.hasTerminal, tcgetattr(0, &state.pointee.raw) == 0 else { return }
    install(SIGTSTP) { _ in Interruption.suspend() }
    install(SIGCONT) { _ in Interruption.resume() }
  }

  /// The run has a time limit: a machine that is stuck in a write can't keep it by itself.
  func watch(_ limit: Duration) {
    let parts = limit.components
    let seconds = min(parts.seconds, 1_000_000_000)
    Self.arm(microseconds: Int(seconds) * 1_000_000 + Int(parts.attoseconds / 1_000_000_000_000) + Self.patience)
  }

  /// The run is over: signals go back to their defaults.
  func finish() {
    Self.arm(microseconds: 0)
    for signal in installed { Self.set(signal, SIG_DFL) }
    Self.current = nil
  }

  /// The signal that ended the run; nil for none.
  var signal: Int32? { state.pointee.signal == 0 ? nil : state.pointee.signal }

  private var installed: [Int32] = []

  /// Handles a signal, unless whoever started us wants it ignored (nohup, background jobs).
  private func install(_ signal: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var present = sigaction()
    guard sigaction(signal, nil, &present) == 0 else { return }
    #if canImport(Darwin)
      let word = unsafeBitCast(present.__sigaction_u.__sa_handler, to: Int.self)
    #else
      let word = unsafeBitCast(present.__sigaction_handler.sa_handler, to: Int.self)
    #endif
    // SIG_IGN is 1 everywhere; Swift can't compare functions.
    if word == 1 { return }
    Self.set(signal, flags: Int32(SA_RESTART), handler)
    installed.append(signal)
  }

  private static func set(_ signal: Int32, flags: Int32 = 0, _ handler: (@convention(c) (Int32) -> Void)?) {
    var action = sigaction()
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
    action.sa_flags = flags
    sigemptyset(&action.sa_mask)
    _ = sigaction(signal, &action, nil)
  }

  // MARK: In handlers

  private static func arm(microseconds: Int) {
    var timer = itimerval(
      it_interval: timeval(tv_sec: 0, tv_usec: 0), 
      it_value: timeval(tv_sec: microseconds / 1_000_000, tv_usec: .init(microseconds % 1_000_000)))
    #if canImport(Glibc)
      _ = setitimer(__itimer_which_t(ITIMER_REAL.rawValue), &timer, nil)
    #else
      _ = setitimer(ITIMER_REAL, &timer, nil)
    #endif
  }

  private static func end(_ signal: Int32) {
    guard let state = current else { return }
    if state.pointee.signal != 0 { leave(130, "trapline: ended by a second signal\n") }
    state.pointee.signal = signal
    state.pointee.stop._withUnsafeGuaranteedRef { $0.raise() }
    arm(microseconds: patience)
  }

  /// SIGALRM: the machine has had its time.
  private static func giveUp() {
    guard let state = current else { return }
    if state.pointee.signal == 0 {
      leave(124, "trapline: time is up, and nobody takes the guest's output\n")
    } else {
      leave(128 &+ state.pointee.signal, "trapline: stopped, and nobody takes the guest's output\n")
    }
  }

  private static func crash() {
    leave(
      70,
      "trapline: this is a bug of ours, not of the guest's: please report it with the command line and the guest\n")
  }

  private static func leave(_ status: Int32, _ message: StaticString) {
    makeSane()
    _ = write(2, message.utf8Start, message.utf8CodeUnitCount)
    _exit(status)
  }

  private static func makeSane() {
    if let state = current, state.pointee.hasTerminal { _ = tcsetattr(0, TCSANOW, &state.pointee.sane) }
  }

  /// Ctrl-Z: the shell gets the terminal as it was.
  private static func suspend() {
    makeSane()
    _ = kill(getpid(), SIGSTOP)
  }

  private static func resume() {
    guard let state = current, state.pointee.hasTerminal, tcgetpgrp(0) == getpgrp() else { return }
    _ = tcsetattr(0, TCSANOW, &state.pointee.raw)
  }
}
