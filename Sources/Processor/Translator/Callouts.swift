// What translated code leaves to the monitor: one instruction at a time, executed by the interpreter's own handler, and the
// way back to the next. So a callout is exact for the same reason as the interpreter is.

#if TRANSLATOR

  import ISA

  extension Translator {
    /// Why an instruction is executed by the interpreter.
    enum Reason { case callout, access, divide }

    /// Executes one instruction of a fragment by the interpreter's general handler.
    /// - Returns: where translated code goes on; nil when it doesn't, with everything in place for the run loop.
    func execute(
      _ number: UInt32, _ instruction: Int, _ reason: Reason, resumes: Bool = true
    ) -> UnsafeRawPointer? {
      let s = cpu.s
      let fragment = cache.fragments + Int(number)
      let record = cache.records + Int(fragment.pointee.firstRecord) + instruction
      let context = s.pointee.context
      let generation = cache.generation
      let count = Int64(fragment.pointee.count)
      let index = Int(fragment.pointee.firstStep) + instruction
      let step = s.pointee.steps.assumingMemoryBound(to: Step.self) + index
      let operation = s.pointee.instructions[index].operation
      calloutCounts[Int(operation.rawValue)] &+= 1
      if reason != .callout { reasonCounts[reason == .access ? 0 : 1] &+= 1 }
      s.pointee.hostFlags &= ~UInt32(record.pointee.undefinedFlags)
      // Most callouts have nothing to do with the arithmetic flags, which stay packed then.
      let isFlagless = Self.leavesFlagsAlone(operation)
      if !isFlagless { cpu.flags = LazyFlags(eflags: HostFlags.eflags(s.pointee.hostFlags)) }
      if record.pointee.lastX87 != 0 { noteX87(fragment, record.pointee) }
      let wasReady = cpu.isX87Ready
      if reason == .callout { s.pointee.vectorsInHost = 0 }
      s.pointee.remaining &+= count
      s.pointee.blockEIP = fragment.pointee.eip
      s.pointee.leave = .resolve
      s.pointee.attention |= Attention.callout
      s.pointee.repeatsTranslatedAccess = reason == .access
      s.pointee.generalHandlers[Int(operation.rawValue)](cpu.raw, UnsafeMutableRawPointer(step))
      s.pointee.attention &= ~Attention.callout
      s.pointee.repeatsTranslatedAccess = false
      guard s.pointee.leave == .resolve, s.pointee.attention == 0 else {
        if isFlagless { unpackFlags() }
        if s.pointee.attention & Attention.codeModified != 0 { noteModification(by: fragment.pointee.block) }
        return nil
      }
      let rest = count - Int64(instruction) - 1
      // Behind a callout the code looks at the units anew; behind an access it goes on with what it had.
      if resumes, rest > 0, reason == .callout || keepX87(wasReady), s.pointee.context == context,
        cache.generation == generation, fragment.pointee.isValid,
        s.pointee.eip == s.pointee.blockEIP &+ UInt32((step + 1).pointee.offset), s.pointee.remaining >= rest
      {
        s.pointee.remaining &-= rest
        if !isFlagless { s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags) }
        return start(of: number, instruction + 1)
      }
      guard let found = findNext(after: fragment) else {
        if isFlagless { unpackFlags() }
        return nil
      }
      if !isFlagless { s.pointee.hostFlags = HostFlags.packed(cpu.flags.eflags) }
      return entry(of: found)
    }

    /// The registers are to be where an instruction wants them, if nothing stands in the way; else it is executed here.
    func prepareUnit(_ isX87: Bool) -> UnsafeRawPointer? {
      let s = cpu.s
      let (number, instruction) = leftInstruction
      if isX87 {
        if cpu.fpu.pointee.obstacles & ~FloatingPointState.Obstacle.inHost == 0 {
          cpu.unparkX87()
          return start(of: number, instruction)
        }
      } else if cpu.allowsSSE, s.pointee.fpu.mxcsr & 0x1f80 == 0x1f80 {
        s.pointee.vectorsInHost = 1
        return start(of: number, instruction)
      }
      return execute(number, instruction, .callout, resumes: false)
    }

    /// The instruction that translated code left to the monitor.
    @inline(__always) var leftInstruction: (fragment: UInt32, instruction: Int) {
      let detail = cpu.s.pointee.exitDetail
      return (UInt32(truncatingIfNeeded: detail >> 7), Int(detail & 127))
    }

    /// Where a fragment is entered whose key needs no check.
    @inline(__always) func entry(of number: UInt32) -> UnsafeRawPointer {
      UnsafeRawPointer(cache.address(cache.fragments[Int(number)].entry))
    }

    /// Where the code of one of its instructions begins.
    @inline(__always) func start(of number: UInt32, _ instruction: Int) -> UnsafeRawPointer {
      let fragment = cache.fragments + Int(number)
      let record = cache.records + Int(fragment.pointee.firstRecord) + instruction
      return UnsafeRawPointer(cache.address(fragment.pointee.checkedEntry)) + Int(record.pointee.start)
    }

    /// Puts the x87 state back into the host's unit, where translated code has left it.
    /// - Returns: false when something stands in the way now.
    func keepX87(_ wasReady: Bool) -> Bool {
      guard wasReady, !cpu.isX87Ready else { return true }
      if cpu.fpu.pointee.obstacles != 0 { return false }
      cpu.unparkX87()
      return true
    }

    /// What x87 instructions left to be noted.
    func noteX87(_ fragment: UnsafeMutablePointer<Fragment>, _ record: InstructionRecord) {
      let fpu = cpu.fpu
      let instructions = cpu.s.pointee.instructions + Int(fragment.pointee.firstStep)
      let steps = cpu.s.pointee.steps.assumingMemoryBound(to: Step.self) + Int(fragment.pointee.firstStep)
      let last = Int(record.lastX87) - 1
      fpu.pointee.instructionPointer = fragment.pointee.eip &+ UInt32(steps[last].offset)
      fpu.pointee.instructionSelector = cpu.segment(.cs).pointee.selector
      fpu.pointee.opcode = X87Encoding.fop(instructions[last])
      if record.lastX87Data != 0 {
        let segment = instructions[Int(record.lastX87Data) - 1].segment
        fpu.pointee.dataSelector = cpu.segment(segment).pointee.selector
      }
    }

    @inline(__always) func isPortAccess(_ number: UInt32, _ instruction: Int) -> Bool {
      let operation =
        cpu.s.pointee.instructions[Int(cache.fragments[Int(number)].firstStep) + instruction].operation
      return operation == .in || operation == .out
    }

    /// IN and OUT, which end their block: what `execute` would do, in fewer steps.
    func accessPort(_ number: UInt32, _ instruction: Int) -> UnsafeRawPointer? {
      let s = cpu.s
      let fragment = cache.fragments + Int(number)
      let index = Int(fragment.pointee.firstStep) + instruction
      let i = UnsafePointer(s.pointee.instructions + index)
      do {
        if i.pointee.operation == .in { try cpu.preparePortRead(i) } else { try cpu.preparePortWrite(i) }
      } catch {
        return raise(error, number, instruction)
      }
      calloutCounts[Int(i.pointee.operation.rawValue)] &+= 1
      s.pointee.hostFlags &= ~UInt32(cache.record(fragment.pointee, instruction).undefinedFlags)
      s.pointee.vectorsInHost = 0
      s.pointee.remaining &+= Int64(fragment.pointee.count) - Int64(instruction) - 1
      let step = s.pointee.steps.assumingMemoryBound(to: Step.self) + index
      s.pointee.eip = fragment.pointee.eip &+ UInt32(step.pointee.offset) &+ UInt32(i.pointee.length)
      s.pointee.leave = .portAccess
      guard let served = cpu.withOwner({ $0.servePort() }) else {
        unpackFlags()
        return nil
      }
      if !served { s.pointee.leave = .served }
      let isInterrupted = s.pointee.interruptRequested && cpu.systemFlag(EFlags.if.rawValue)
      if served, !isInterrupted, s.pointee.pendingDebug == 0, let found = findNext(after: fragment) {
        return entry(of: found)
      }
      unpackFlags()
      return nil
    }

    @inline(__always) func unpackFlags() {
      cpu.flags = LazyFlags(eflags: HostFlags.eflags(cpu.s.pointee.hostFlags))
    }

    /// Neither reads nor writes CF PF AF ZF SF OF.
    @inline(__always) static func leavesFlagsAlone(_ operation: Operation) -> Bool {
      switch operation {
      case .cli, .sti, .cld, .std, .clts, .cpuid, .rdtsc, .rdmsr, .wrmsr, .in, .out, .movFromControl, .movToControl,
        .movFromSegment, .movToSegment, .pushSegment, .popSegment, .movs, .stos, .lods, .invlpg, .hlt, .mov, .push, .pop,
        .call, .ret, .sysenter, .sysexit:
        true
      default: false
      }
    }
  }

#endif
