import TraplineCommands

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

@main struct Main {
  static func main() { exit(TraplineCommand.run(Array(CommandLine.arguments.dropFirst()), on: Console())) }
}
