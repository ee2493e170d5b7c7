import ISA
import Testing

@Suite("Operation table")
struct OperationTableTests {
  @Test("every operation has a row of its own, in order")
  func complete() {
    #expect(Operation.table.count == Operation.allCases.count)
    for (index, operation) in Operation.allCases.enumerated() {
      #expect(Int(operation.rawValue) == index)
      #expect(operation.facts.operation == operation)
      #expect(!operation.mnemonic.isEmpty)
      #expect(operation.isInstruction == (operation.instructionClass != .none))
    }
  }

  @Test("an operation is sensitive exactly when a row says why")
  func sensitive() {
    for operation in Operation.allCases {
      #expect((operation.property == .sensitive) == (SensitiveInstructions.row(for: operation) != nil), "\(operation)")
    }
    let covered = SensitiveInstructions.rows.flatMap(\.operations)
    #expect(Set(covered).count == covered.count, "no operation is in two rows")
  }

  @Test("what ring 3 can't run is privileged")
  func privileged() {
    for operation: Operation in [.hlt, .lgdt, .lidt, .movToControl, .wrmsr, .invlpg, .clts, .cli, .sti, .in, .outs] {
      #expect(operation.property == .privileged, "\(operation)")
    }
  }
}
