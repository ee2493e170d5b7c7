// The VMX process: the devices of a hosted machine that have to do with the host, and the system calls behind them. It has
// the whole board, built as the monitor built its own, over the same guest memory; which devices live here and which in the
// monitor is the serving table's to say. It sleeps until the monitor rings, does one request, rings back.

import Devices
import Memory
import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The process's whole life.
public enum VMXProgram {
  /// Whether somebody has given this process a doorbell.
  public static var hasMonitor: Bool {
    var status = stat()
    return fstat(VMXDescriptor.doorbell, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  /// Serves the monitor that started this process, until that ends.
  /// - Returns: the exit status: 0 when the monitor said so or is gone, 70 when it spoke another language.
  public static func run() -> Int32 {
    // Keys that interrupt are the monitor's to act on; a reader that has gone is an error of the write.
    for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE] { _ = signal(number, SIG_IGN) }
    guard let page = try? SharedPage(adopting: VMXDescriptor.sharedPage) else { return 70 }
    let text = String(decoding: page.bulkBytes(page.request.pointee.bulkBytes), as: UTF8.self)
    guard let configuration = VMXConfiguration(parsing: text),
      let machine = try? VMXMachine(configuration, page, Doorbell(descriptor: VMXDescriptor.doorbell))
    else { return 70 }
    machine.serve()
    return 0
  }
}

/// The board's half in the VMX process.
final class VMXMachine {
  private let page: SharedPage
  private let doorbell: Doorbell
  private let memory: GuestPhysicalMemory
  private let devices: PCDevices
  private let bus = Bus()
  private let log: RequestLog
  private let images: [RawDiskImage]

  init(_ configuration: VMXConfiguration, _ page: SharedPage, _ doorbell: Doorbell) throws {
    self.page = page
    self.doorbell = doorbell
    let log = RequestLog(page)
    self.log = log
    let machine = try MachineMemory(adopting: VMXDescriptor.machineMemory, size: configuration.machineSize)
    let map = try MachineMemory(adopting: VMXDescriptor.pageMap, size: GuestPhysicalMemory.pageCount * 8)
    memory = GuestPhysicalMemory(adopting: machine, map: map, ramSize: configuration.ramSize)
    let dma = GuestMemoryDMA(memory: memory)
    dma.wrote = { log.wrote($0, $1) }

    var board = PCDevices.Configuration(ramSize: configuration.ramSize)
    board.unixTime = configuration.unixTime
    board.hasAPIC = configuration.hasAPIC
    board.bootMedium = configuration.bootMedium
    board.dma = dma
    board.serial = configuration.serial.map { line in
      guard line.input != nil || line.output != nil else { return NullBackend() }
      let backend = DescriptorBackend(input: line.input, output: line.output)
      backend.observer = log
      return backend
    }
    if let output = configuration.debugConsole {
      let backend = DescriptorBackend(input: nil, output: output)
      backend.observer = log
      board.debugConsole = backend
    }
    var images: [RawDiskImage] = []
    for image in configuration.images {
      let raw = try RawDiskImage(adopting: image.descriptor, label: image.label, isReadOnly: image.imageIsReadOnly)
      raw.observer = log
      images.append(raw)
      try board.drives.add(
        Drive(
          image: raw, interface: image.interface, medium: image.medium, isReadOnly: image.isReadOnly,
          geometry: image.geometry))
    }
    self.images = images
    board.network = configuration.adapter.map {
      NetworkConfiguration(backend: NetworkPart.network(of: configuration.network, observer: log), address: $0)
    }
    devices = PCDevices(board, on: bus)
    devices.interrupts.remote = log
    devices.router.remote = log
    let elsewhere = Set(configuration.monitorDevices)
    bus.silence { elsewhere.contains($0.name) }
  }

  /// Serves requests until the monitor ends.
  func serve() {
    // The board stands.
    guard doorbell.ring() else { return }
    while doorbell.wait() {
      let request = page.request.pointee
      log.begin(request)
      let kind = VMXRequestKind(rawValue: request.kind) ?? .end
      bus.advance(to: request.now)
      if request.earlierSize > 0 {
        bus.writePort(
          UInt16(truncatingIfNeeded: request.earlierAddress), size: AccessSize(bytes: request.earlierSize),
          value: request.earlierValue)
      }
      var answer = VMXAnswer()
      answer.value = carryOut(kind, request, &answer)
      tellState(&answer)
      log.end(&answer)
      page.answer.pointee = answer
      if !doorbell.ring() || kind == .end { break }
    }
  }

  private func carryOut(_ kind: VMXRequestKind, _ request: VMXRequest, _ answer: inout VMXAnswer) -> UInt32 {
    let port = UInt16(truncatingIfNeeded: request.address)
    let address = GuestPhysicalAddress(request.address)
    let size = AccessSize(bytes: request.size)
    switch kind {
    case .portRead: return bus.readPort(port, size: size)
    case .portWrite: bus.writePort(port, size: size, value: request.value)
    case .memoryRead: return bus.readMemory(address, size: size)
    case .memoryWrite: bus.writeMemory(address, size: size, value: request.value)
    case .advance: break
    case .poll:
      // A guest that idles wants its last line out.
      if request.value != 0 { devices.flushOutput() }
      devices.pollInput()
    case .flush, .end: devices.flushOutput()
    case .reset: bus.reset()
    case .settle: devices.settleAsFirmware()
    case .save: answer.bulkBytes = page.putBulk(DeviceStates.bytes(of: bus.save()))
    case .transmit: break
    }
    return 0
  }

  /// What the monitor wants to know after each request.
  private func tellState(_ answer: inout VMXAnswer) {
    answer.nextDeadline = bus.nextDeadline ?? .max
    let waiting = devices.requests.waiting
    devices.requests.clear()
    answer.exitStatus = waiting.exitStatus ?? 0
    answer.resetPort = UInt32(waiting.resetPort ?? 0)
    let bits = [
      waiting.exitStatus != nil, waiting.isPowerOff, waiting.resetPort != nil, waiting.a20 != nil, waiting.a20 == true,
      waiting.ignoresNumericErrors,
    ]
    for (bit, isSet) in bits.enumerated() where isSet { answer.requests |= 1 << UInt32(bit) }
    answer.inputEnded = devices.serial.allSatisfy { $0.backend.inputEnded } ? 1 : 0
    switch devices.outputState {
    case .open: break
    case .closedByReader: answer.outputState = 1
    case .failed(let errno): (answer.outputState, answer.outputError) = (2, errno)
    }
    if let failure = images.lazy.compactMap(\.failure).first, answer.bulkBytes == 0 {
      answer.hasStorageFailure = 1
      answer.bulkBytes = page.putBulk(StorageFailures.bytes(of: failure))
    }
  }
}
