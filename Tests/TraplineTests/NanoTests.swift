// `trapline nano`: the technique table, the counts, the published orders, and the translator that traps all it can.

import Foundation
import ISA
import Loading
import Platforms
import Processor
import Testing
import Trapline

@testable import TraplineCommands

@Suite struct NanoTests {
  private static let guests: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let build = Process()
    build.executableURL = root.appendingPathComponent("Tools/build-guests")
    let output = root.appendingPathComponent(".build/guests")
    build.arguments = ["--output", output.path, "nano"]
    build.standardOutput = FileHandle.nullDevice
    guard (try? build.run()) != nil else { return nil }
    build.waitUntilExit()
    return build.terminationStatus == 0 ? output.path : nil
  }()

  private func instruction(
    _ operation: ISA.Operation, isUser: Bool = false, endsInUser: Bool = false, control: UInt8? = nil,
    isUnchanged: Bool = false
  ) -> ExecutedInstruction {
    ExecutedInstruction(
      operation: operation, isUser: isUser, endsInUser: endsInUser, control: control, isUnchanged: isUnchanged)
  }

  @Test("the built-in model has a figure for all that the technique table asks for")
  func figures() {
    for technique in Technique.allCases {
      var names: Set<String> = []
      for operation in ISA.Operation.allCases {
        for isUser in [false, true] {
          for endsInUser in [false, true] {
            let executed = instruction(operation, isUser: isUser, endsInUser: endsInUser)
            names.formUnion(technique.handling(of: executed).figures.map(\.name))
            names.insert(executed.native ?? "instruction")
          }
        }
      }
      for happening in Happening.allCases {
        let outcome = happening.outcome(technique)
        names.formUnion(outcome.handling.figures.map(\.name))
        names.formUnion(outcome.figures)
      }
      for name in names { #expect(CostModel.standard.cycles(name) != nil, "\(name)") }
    }
  }

  @Test("trap-and-emulate lets nothing privileged or sensitive of the kernel run, and bare silicon everything")
  func extremes() {
    for operation in ISA.Operation.allCases where operation.isInstruction {
      let isSensitive = operation.property == .privileged || operation.property == .sensitive
      #expect(Technique.trap.handling(of: instruction(operation)) == (isSensitive ? .trap : .direct), "\(operation)")
      #expect(Technique.bare.handling(of: instruction(operation)) == .direct)
    }
  }

  @Test("hardware exits for a CR3 load only where it has no second table, and for CR0 only when it changes")
  func controlRegisters() {
    let load = instruction(.movToControl, control: 3), same = instruction(.movToControl, control: 0, isUnchanged: true)
    let change = instruction(.movToControl, control: 0)
    #expect(Technique.hardwareShadow.handling(of: load) == .exit)
    #expect(Technique.hardwareNested.handling(of: load) == .direct)
    #expect(Technique.hardwareNested.handling(of: same) == .direct)
    #expect(Technique.hardwareNested.handling(of: change) == .exit)
    #expect(Technique.translation.handling(of: same) == .inPlace)
    #expect(Technique.translation.handling(of: change) == .callout)
  }

  @Test("every published order comes out of counts and primitives")
  func orders() throws {
    let techniques: [Technique] = [.bare, .translation, .hardwareShadow]
    let lab = try NanoLab(NanoBenchmark.nano, folder: try #require(Self.guests))
    let results = try lab.results(NanoBenchmark.nano, techniques, .standard, measures: false)
    let report = NanoReport(results, techniques, processor: "")
    for benchmark in NanoBenchmark.nano { #expect(report.keepsOrder(benchmark) == true, "\(benchmark.name)") }
  }

  @Test("one turn of a loop is counted exactly: a true page fault, one IN, one write to a traced table")
  func counts() throws {
    let result = trapline(
      "nano", "in", "pgfault", "ptemod-same", "--technique", "translation", "--no-measure", "--json", "--guests",
      try #require(Self.guests))
    #expect(result.status == 0)
    #expect(result.output.contains(#""counts":{"instructions":"1","in in the cache":"1"}"#))
    #expect(result.output.contains(#""counts":{"instructions":"3","iret callout":"1","page fault trap":"1"}"#))
    #expect(result.output.contains(#""counts":{"instructions":"1","trace hit in the cache":"1"}"#))
  }

  @Test("what doesn't exist is refused in one sentence")
  func refusals() {
    let name = trapline("nano", "nosuch")
    #expect(name.status == 2 && name.errors.contains("there is no nanobenchmark 'nosuch'"))
    let technique = trapline("nano", "--technique", "bare,nosuch")
    #expect(technique.status == 2 && technique.errors.contains("there is no technique 'nosuch'"))
    let folder = trapline("nano", "--guests", "/nonexistent")
    #expect(folder.status == 2 && folder.errors.contains("Tools/build-guests builds it"))
  }

  @Test("a translator that traps all it can leaves the machine as any other does, with more callouts")
  func trapping() throws {
    guard EngineKind.translator.isAvailable else { return }
    // mov esp, 0x7000; mov ecx, 5000; 1: cli; pushf; popf; clts; dec ecx; jnz 1b; mov al, 0; out 0xf4, al
    let code: [UInt8] = [
      0xbc, 0x00, 0x70, 0x00, 0x00, 0xb9, 0x88, 0x13, 0x00, 0x00, 0xfa, 0x9c, 0x9d, 0x0f, 0x06, 0x49, 0x75, 0xf8, 0xb0, 0x00,
      0xe6, 0xf4,
    ]
    var hashes: [String] = []
    var callouts: [UInt64] = []
    for traps in [false, true] {
      var configuration = MachineConfiguration()
      configuration.engine = .translator
      configuration.trapsSensitive = traps
      let machine = try VirtualMachine(configuration)
      try machine.load(code, LoadRequest(mode: .protected))
      #expect(machine.run() == .guestExit(status: 1))
      hashes.append("\(machine.stateHash)")
      callouts.append(machine.processor.translatorStatistics?.callouts.reduce(0, +) ?? 0)
    }
    #expect(hashes[0] == hashes[1])
    #expect(callouts[0] < 5000 && callouts[1] > 15000, "\(callouts)")
  }
}
