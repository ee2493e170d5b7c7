// The interpreter's outer loop: what happens between blocks. Everything that can hold or divert a processor is looked at
// here and only here: the end of the slice, shadows, debug traps, interrupts, single-stepping, faults and devices.

import CHost
import ISA

extension Processor {
  /// Executes until the retired count is `target` or something needs the machine.
  ///
  /// Each retired instruction counts one, each iteration of a repeated string instruction too. The same guest with the
  /// same answers takes the same path whatever the targets are.
  public func run(until target: UInt64) -> Exit {
    #if TRANSLATOR
      beginTranslated()
      defer { if cpu.s.pointee.translator != nil { chost_translator_bind(nil) } }
    #endif
    let exit = runInterpreter(until: target)
    if exit != .budget { cpu.noteExit() }
    // Outside, the host's x87 unit is the host's.
    cpu.parkX87()
    return exit
  }

  @inline(__always)
  private func runInterpreter(until target: UInt64) -> Exit {
    let s = cpu.s
    let end = Int64(clamping: target)
    s.pointee.remaining = end &- cpu.retired
    s.pointee.sliceEnd = end
    var deliveries = 0
    while true {
      s.pointee.attention = s.pointee.deviceLogCount > 0 ? Attention.deviceLog : 0
      s.pointee.deviceLogCursor = 0
      if s.pointee.remaining <= 0 { return .budget }

      if deliveryPending {
        deliveries += 1
        if let exit = finishDelivery() { return exit }
        if stopsAfterDelivery, !deliveryPending { return .budget }
        // A guest that faults for ever retires nothing: give the machine a chance to look at the clock.
        if deliveries >= Self.deliveriesPerRun { return .budget }
        continue
      }
      if s.pointee.deviceLogCount == 0, let exit = boundary() {
        if case .some(let exit) = exit { return exit }
        continue
      }

      let block: UnsafeMutablePointer<BlockHeader>
      do {
        block = try findBlock()
      } catch {
        if let exit = fault(error) { return exit }
        continue
      }
      s.pointee.blockEIP = s.pointee.eip
      s.pointee.leave = .resolve
      cpu.execute(from: UnsafeMutableRawPointer(block + 1))

      switch s.pointee.leave {
      case .resolve:
        if s.pointee.deviceLogCount > 0 { cpu.forgetDeviceLog() }
      case .fault:
        if let exit = fault(s.pointee.pendingFault) { return exit }
      case .halt:
        if s.pointee.pendingDebug == 0 {
          cpu.record(.halt)
          return .halt
        }
      case .portAccess:
        guard let served = servePort() else { return deviceExit() }
        if !served { return .served }
      case .served: return .served
      }
    }
  }

  /// Deliveries of exceptions in one run, after which the machine gets control even if nothing was retired.
  public static let deliveriesPerRun = 100_000

  // MARK: Between instructions

  /// What must be done before the next instruction: nil for nothing, an exit, or `.some(nil)` when something was done
  /// and the boundary must be looked at again.
  @inline(__always)
  private func boundary() -> Exit?? {
    let s = cpu.s
    if s.pointee.pendingDebug == 0, !s.pointee.interruptRequested { return nil }
    let isShadowed = s.pointee.shadowAt == cpu.retired
    if s.pointee.pendingDebug != 0, !(isShadowed && s.pointee.shadowsDebug) {
      pending = .debugTrap
      return .some(nil)
    }
    if s.pointee.interruptRequested, !isShadowed, cpu.systemFlag(EFlags.if.rawValue) { return .interruptWindow }
    return nil
  }

  /// The block to enter at EIP; of one instruction where the processor must be looked at after each.
  @inline(__always)
  private func findBlock() throws(GuestFault) -> UnsafeMutablePointer<BlockHeader> {
    let s = cpu.s
    let context = s.pointee.context
    let eip = s.pointee.eip
    if context & EngineMode.single != 0 {
      return try singleStep(context)
    }
    let cached = s.pointee.jumpCache[JumpCache.slot(eip)].assumingMemoryBound(to: BlockHeader.self)
    let block = cached.pointee.key == UInt64(eip) | context ? cached : try blocks.block(cpu, context: context)
    if s.pointee.remaining < Int64(block.pointee.count) || holdsSomethingOff {
      // The slice ends inside the block, or a shadow does: go there one instruction at a time.
      s.pointee.linkFrom = nil
      s.pointee.attention |= Attention.single
      return try blocks.block(cpu, context: (context | EngineMode.single) & ~EngineMode.flat)
    }
    if let from = s.pointee.linkFrom {
      from.assumingMemoryBound(to: Step.self).pointee.link = UnsafeMutableRawPointer(block)
      s.pointee.linkFrom = nil
    }
    return block
  }

  /// An interrupt or a debug trap waits for the end of a shadow, which is after the next instruction.
  @inline(__always) private var holdsSomethingOff: Bool {
    let s = cpu.s
    return (s.pointee.interruptRequested || s.pointee.pendingDebug != 0) && s.pointee.shadowAt == cpu.retired
  }

  /// With TF or breakpoints: the trap that follows the instruction is set up before it, so that whatever clears traps
  /// (an interrupt, an exception) clears this one too.
  @inline(never)
  private func singleStep(_ context: UInt64) throws(GuestFault) -> UnsafeMutablePointer<BlockHeader> {
    let s = cpu.s
    s.pointee.linkFrom = nil
    s.pointee.attention |= Attention.single
    if s.pointee.deviceLogCount == 0, let fault = cpu.debugCheckBeforeInstruction() { throw fault }
    let block = try blocks.block(cpu, context: context & ~EngineMode.flat)
    if cpu.systemFlag(EFlags.tf.rawValue) { s.pointee.pendingDebug |= DR6.bs.rawValue }
    if s.pointee.deviceLogCount == 0, cpu.records(.callout) { cpu.recordCallout(blocks.operation(of: block)) }
    return block
  }

  // MARK: Faults and devices

  /// Takes note of a fault; an exit when the machine is needed.
  @inline(never)
  private func fault(_ fault: GuestFault) -> Exit? {
    let s = cpu.s
    s.pointee.pendingDebug = 0
    s.pointee.linkFrom = nil
    switch fault.kind {
    case .deviceAccess:
      return deviceExit()
    case .exception:
      if s.pointee.deviceLogCount > 0 { cpu.forgetDeviceLog() }
      pending = .fault(fault)
      return nil
    case .waitsForInterrupt:
      if s.pointee.deviceLogCount > 0 { cpu.forgetDeviceLog() }
      return .halt
    case .shutdown:
      return .shutdown
    }
  }

  private var deliveryPending: Bool {
    if case .nothing = pending { return false }
    return true
  }

  /// Delivers what is pending; it stays pending while a device must answer first.
  private func finishDelivery() -> Exit? {
    let outcome: Delivery
    switch pending {
    case .nothing: return nil
    case .fault(let fault): outcome = cpu.deliverFault(fault)
    case .debugTrap: outcome = cpu.deliverDebugTrap()
    case .interrupt(let vector): outcome = cpu.deliverInterrupt(vector: vector)
    }
    switch outcome {
    case .needsDevice: return deviceExit()
    case .replaced: return nil
    case .delivered:
      pending = .nothing
      if cpu.s.pointee.deviceLogCount > 0 { cpu.forgetDeviceLog() }
      return nil
    case .shutdown:
      pending = .nothing
      cpu.record(.shutdown)
      return .shutdown
    }
  }

  /// Lets the machine carry out the IN or OUT that has just been prepared.
  /// - Returns: whether the processor goes on, with a new end of the slice; nil when nobody serves ports.
  @inline(__always)
  func servePort() -> Bool? {
    guard let service = portService else { return nil }
    cpu.noteExit()
    cpu.parkX87()
    let s = cpu.s
    let target = service.serve(service.machine)
    if target == PortService.leave { return false }
    let end = Int64(clamping: target)
    s.pointee.remaining = end &- cpu.retired
    s.pointee.sliceEnd = end
    return true
  }

  /// The exit that `exitAccess` asks for.
  func deviceExit() -> Exit {
    let access = cpu.s.pointee.exitAccess
    let port = UInt16(truncatingIfNeeded: access.address)
    switch access.kind {
    case .portRead: return .portRead(port: port, size: access.size)
    case .portWrite: return .portWrite(port: port, size: access.size, value: access.value)
    case .memoryRead: return .memoryRead(address: access.address, size: access.size)
    case .memoryWrite: return .memoryWrite(address: access.address, size: access.size, value: access.value)
    }
  }
}
