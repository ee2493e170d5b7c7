// Which engine executes a processor's instructions.

import CHost

/// The engines.
public enum EngineKind: String, CaseIterable, Sendable {
  /// Decoded blocks of handlers; runs everywhere, and is what correctness means.
  case interpreter
  /// Hot blocks as host code; the rest by the interpreter.
  case translator

  /// Whether this build on this host has it.
  public var isAvailable: Bool {
    switch self {
    case .interpreter: true
    case .translator:
      #if TRANSLATOR
        Translator.isSupported
      #else
        false
      #endif
    }
  }

  /// The faster of those that are available.
  public static var best: EngineKind { EngineKind.translator.isAvailable ? .translator : .interpreter }
}

/// How translated code reaches memory; `measured` chooses while the guest runs.
public enum MemoryPathChoice: String, CaseIterable, Sendable {
  case measured, window, tlb
}

extension Processor {
  /// Changes the engine, between any two runs; the guest can't tell.
  /// - Parameter trapsSensitive: the translator leaves every privileged or sensitive instruction of level 0 to the monitor.
  /// - Returns: false when the engine isn't available; the interpreter stays.
  @discardableResult
  public func useEngine(
    _ engine: EngineKind, paths: MemoryPathChoice = .measured, trapsSensitive: Bool = false
  ) -> Bool {
    #if TRANSLATOR
      blocks.removeAll(cpu)
      translator = nil
      defer { cpu.updateContext() }
      if engine == .interpreter { return true }
      guard let made = Translator(cpu) else { return false }
      made.paths.choice = paths
      made.trapsSensitive = trapsSensitive
      translator = made
      return true
    #else
      return engine == .interpreter
    #endif
  }

  /// Translates blocks from this execution on: with 1, whatever runs at all. For the code that is decoded from now on.
  package func translate(fromExecution count: UInt32) {
    #if TRANSLATOR
      translator?.warmth = max(count, 1)
    #endif
  }

  /// The engine in use.
  public var engine: EngineKind {
    #if TRANSLATOR
      translator == nil ? .interpreter : .translator
    #else
      .interpreter
    #endif
  }

  /// What the translator did; nil while the engine is another.
  public var translatorStatistics: TranslatorStatistics? {
    #if TRANSLATOR
      translator?.report
    #else
      nil
    #endif
  }

  #if TRANSLATOR
    /// What the translator needs of this thread, and its look at what was measured.
    @inline(__always)
    func beginTranslated() {
      cpu.translator?._withUnsafeGuaranteedRef { translator in
        chost_translator_bind(translator.host)
        translator.windows.unbind()
        if translator.paths.isDue(cpu.retired) { translator.reviewPaths() }
      }
    }
  #endif
}
