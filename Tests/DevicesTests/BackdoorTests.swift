import Testing

@testable import Devices

@Suite("VMware's backdoor") struct BackdoorTests {
  private let backdoor = Backdoor(
    product: .esx, processorHertz: 5_000_000_000, busHertz: 1_000_000_000, memorySize: 64 << 20, unixTime: 1000)

  private func call(_ command: Backdoor.Command, now: UInt64 = 0) -> BackdoorRegisters {
    var registers = BackdoorRegisters(ebx: 7, ecx: 0xabcd_0000 | UInt32(command.rawValue))
    #expect(backdoor.call(&registers, now: now))
    return registers
  }

  @Test("without the magic number the port is an empty one") func magic() {
    var registers = BackdoorRegisters(eax: 1, ecx: 10)
    let before = registers
    #expect(!backdoor.call(&registers, now: 0))
    #expect(registers == before)
  }

  @Test("the version answers with the magic number and the product") func version() {
    let answer = call(.version)
    #expect(answer.eax == 6 && answer.ebx == Backdoor.magic && answer.ecx == 2)
  }

  @Test("frequencies beyond 32 bits come in two registers") func frequencies() {
    let answer = call(.frequencies)
    #expect(UInt64(answer.ebx) << 32 | UInt64(answer.eax) == 5_000_000_000)
    #expect(answer.ecx == 1_000_000_000)
    #expect(call(.processorSpeed).eax == 5000)
  }

  @Test("time is virtual time") func time() {
    let answer = call(.time, now: 3_000_002_000)
    #expect(answer.eax == 1003 && answer.ebx == 2)
    let full = call(.fullTime, now: 3_000_002_000)
    #expect(full.eax == Backdoor.magic && full.esi == 0 && full.edx == 1003 && full.ebx == 2)
  }

  @Test("memory is in MiB; messages, vCPU information and stolen time are not to be had") func others() {
    #expect(call(.memorySize).eax == 64)
    #expect(call(.message).ecx >> 16 == 0)
    #expect(call(.processorInformation).eax == 1 << 31)
    #expect(call(.stealClock).eax == 0)
  }

  @Test("an unknown command says so", arguments: [0, 2, 39, 0xffff] as [UInt32]) func unknown(command: UInt32) {
    var registers = BackdoorRegisters(ebx: 7, ecx: command)
    #expect(backdoor.call(&registers, now: 0))
    #expect(registers.eax == ~0 && registers.ebx == 7)
  }
}
