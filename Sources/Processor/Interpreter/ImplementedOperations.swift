// Which operations the interpreter executes, read from the table that it runs by: `trapline isa` can't claim more.

import ISA

extension Processor {
  /// The operations that have a handler of their own; all others raise #UD. Where the host
  /// has no x87 unit, the handler of x87 instructions ignores them (and CPUID says so) and isn't counted.
  public static func implementedOperations() -> Set<Operation> {
    let table = HandlerTable()
    defer { table.general.deallocate() }
    func address(_ operation: Operation) -> UInt {
      unsafeBitCast(table.general[Int(operation.rawValue)], to: UInt.self)
    }
    let none = address(.undefined)
    return Set(Operation.allCases.filter { $0.isInstruction && ($0 != .x87 || HostUnit.isAvailable) && address($0) != none })
  }
}
