// Accesses that translated code could not make by itself: what the software TLB lacks, and what the host's processor faulted
// on. Either the page is brought in and the access made again, or the guest's own fault is raised, with the state as it is in
// front of the instruction, or the instruction is left to the interpreter.

#if TRANSLATOR

  import CHost
  import ISA

  extension Translator {
    /// The software TLB had nothing for an access.
    func serveMiss(_ exit: UInt32) -> UnsafeRawPointer? {
      let s = cpu.s
      let linear = s.pointee.exitAddress
      let size = exit >> 8 & 0xff, write = exit >> 16 != 0
      let behindCall = s.pointee.exitDetail
      statistics.misses &+= 1
      let wasReady = cpu.isX87Ready
      if mayFaultBeforePaging(linear, size: size) {
        let (number, instruction) = place(of: behindCall)
        return execute(number, instruction, .access)
      }
      do {
        let route = try cpu.route(linear, write: write, user: cpu.isUser)
        if route.host != nil {
          let entry = s.pointee.tlb + TLB.set(of: linear)
          let tag = s.pointee.tlbGeneration | UInt64((linear &+ size &- 1) & ~0xfff)
          if (write ? entry.pointee.writeTag : entry.pointee.readTag) == tag, keepX87(wasReady) {
            // The call of the look-up, again.
            return UnsafeRawPointer(bitPattern: UInt(behindCall) - 5)
          }
        }
      } catch {
        let (number, instruction) = place(of: behindCall)
        return raise(error, number, instruction)
      }
      let (number, instruction) = place(of: behindCall)
      return execute(number, instruction, .access)
    }

    /// An access that ends behind 4 GiB exceeds its segment's limit, and one of 16 bytes may have to be aligned: both are
    /// found out before a page table is looked at, and leave no mark in it.
    func mayFaultBeforePaging(_ linear: UInt32, size: UInt32) -> Bool {
      linear &+ (size &- 1) < linear || size == 16 && linear & 15 != 0
    }

    /// The instruction whose look-up was called from before a host address.
    func place(of behindCall: UInt64) -> (UInt32, Int) {
      guard let found = cache.find(behindCall - 1) else { preconditionFailure("a look-up from outside translated code") }
      return found
    }

    /// An access ends in a fault of the guest's.
    func raise(_ fault: GuestFault, _ number: UInt32, _ instruction: Int) -> UnsafeRawPointer? {
      settle(number, before: instruction)
      cpu.s.pointee.pendingFault = fault
      cpu.s.pointee.leave = .fault
      return nil
    }

    /// Makes the state that of the guest before one of a fragment's instructions.
    func settle(_ number: UInt32, before instruction: Int) {
      let s = cpu.s
      let fragment = cache.fragments[Int(number)]
      let record = cache.record(fragment, instruction)
      if record.lastX87 != 0 { noteX87(cache.fragments + Int(number), record) }
      let step = s.pointee.steps.assumingMemoryBound(to: Step.self) + (Int(fragment.firstStep) + instruction)
      cpu.flags = LazyFlags(eflags: HostFlags.eflags(s.pointee.hostFlags & ~UInt32(record.undefinedFlags)))
      s.pointee.remaining &+= Int64(fragment.count) - Int64(instruction)
      s.pointee.eip = fragment.eip &+ UInt32(step.pointee.offset)
      s.pointee.leave = .resolve
    }

    /// The host's processor faulted: a budget used up, a page that the window lacks, or a division.
    func serveFault() -> UnsafeRawPointer? {
      guard let (number, instruction) = cache.find(host.pointee.fault_pc) else {
        preconditionFailure("a fault in the translator's shared code")
      }
      let fragment = cache.fragments[Int(number)]
      if host.pointee.fault_vector == 0 { return execute(number, instruction, .divide) }
      // #GP: an operand of 16 bytes that isn't aligned.
      if host.pointee.fault_vector == 13 { return execute(number, instruction, .access) }
      let address = host.pointee.fault_address
      if StateRegion.isGuard(address, of: cpu.raw) {
        // Wherever in the fragment it was asked for, it was for all of it.
        statistics.budgetsUsedUp &+= 1
        settle(number, before: 0)
        return nil
      }
      guard let place = windows.place(of: address, user: cpu.isUser) else {
        preconditionFailure("translated code touched \(String(address, radix: 16)), which is not the guest's")
      }
      settleString(fragment, instruction)
      if paths.isThrashing(
        retired: cpu.retired, disturbances: cpu.translationDisturbances &+ windows.counters.refusals)
      {
        // No use in waiting for the end of the period.
        settle(number, before: instruction)
        reviewPaths()
        return nil
      }
      guard case .page(let linear) = place, linear < Self.lastSafeAddress, !isRepeated(number, instruction) else {
        noteStrike(number, instruction)
        return execute(number, instruction, .access)
      }
      let wasReady = cpu.isX87Ready
      do {
        if try windows.fill(linear, write: host.pointee.fault_is_write, cpu), keepX87(wasReady) {
          return start(of: number, instruction)
        }
      } catch {
        return raise(error, number, instruction)
      }
      noteStrike(number, instruction)
      return execute(number, instruction, .access)
    }

    /// A repeated string instruction that faulted in the window: its registers become the guest's again, and what it did is
    /// counted.
    func settleString(_ fragment: Fragment, _ instruction: Int) {
      let s = cpu.s
      let i = s.pointee.instructions[Int(fragment.firstStep) + instruction]
      guard i.operation == .movs || i.operation == .stos else { return }
      func setGuest(_ register: UInt8) {
        let host = cpu.raw.load(fromByteOffset: Int(register) * 8, as: UInt64.self)
        let linear = UInt32(truncatingIfNeeded: host &- s.pointee.windowBase)
        cpu.raw.storeBytes(of: UInt64(linear), toByteOffset: Int(register) * 8, as: UInt64.self)
      }
      if i.operation == .movs { setGuest(6) }
      setGuest(7)
      let done = Int64(bitPattern: s.pointee.stringCount) &- Int64(cpu.ecx)
      if done == 0 { return }
      s.pointee.remaining &-= done
      // RF is set between iterations, as the count will be when the instruction is looked at.
      s.pointee.resumeAt =
        s.pointee.sliceEnd &- (s.pointee.remaining &+ Int64(fragment.count) &- Int64(instruction))
    }

    /// From here on an access may end behind 4 GiB.
    static let lastSafeAddress: UInt32 = 0xffff_fff0

    /// Whether an instruction faults again and again although it was served: it may need two pages of which the one takes
    /// the other's place. Then it is not made through the window.
    func isRepeated(_ number: UInt32, _ instruction: Int) -> Bool {
      let place = UInt64(number) << 7 | UInt64(instruction)
      let isSame = lastFault.place == place && lastFault.budget == cpu.s.pointee.remaining
      lastFault = (place, cpu.s.pointee.remaining, isSame ? lastFault.times + 1 : 0)
      return lastFault.times > 4
    }
  }

#endif
