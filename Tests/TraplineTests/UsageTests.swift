import Testing
import TraplineCommands

@Suite struct UsageTests {
  @Test(
    "bad usage is one sentence on standard error, and status 2",
    arguments: [
      (["rnu"], "there is no subcommand 'rnu'; did you mean 'run'?"),
      (["frobnicate"], "there is no subcommand 'frobnicate'; there are run, trace, diff, linux, mmu, translate, disasm, isa, costs"),
      (["run"], "missing expected argument '<guest>'"),
      (["run", "x", "--memroy", "1G"], "unknown option '--memroy'. Did you mean '--memory'?"),
      (["run", "--memroy"], "unknown option '--memroy'. Did you mean '--memory'?"),
      (["run", "x", "--memory", "64"], "it has no unit: write a number and K, M or G, as in 64M"),
      (["run", "x", "--memory", "0M"], "--memory must be a multiple of 4K, at least 4K and at most 3584M"),
      (["run", "x", "--memory", "5K"], "--memory must be a multiple of 4K"),
      (["run", "x", "--memory", "4G"], "at most 3584M"),
      (["run", "x", "--mode", "virtual"], "the value 'virtual' is invalid for '--mode <mode>'"),
      (["run", "x", "--timeout", "soon"], "it is no time"),
      (["run", "x", "--filter", "kind=exception"], "--filter needs --trace FILE"),
      (["run", "x", "--trace", "-", "--filter", "kind=nothing"], "there is no event kind 'nothing'"),
      (["run", "x", "--trace-format", "text"], "--trace-format needs --trace FILE"),
      (["run", "x", "--output", "y"], "--output takes the summary"),
      (["run", "x", "--serial", "pipe:"], "the pipe has no name"),
      (["disasm", "x", "--rom", "--mode", "real"], "a ROM ends at 4 GiB"),
      (["disasm", "x", "--start", "2", "--end", "1"], "--end must be above --start"),
      (["translate"], "missing expected argument '<guest>'"),
      (["translate", "x", "--top", "0"], "--top must be at least 1"),
      (["run", "x", "--engine", "interpreter", "--statistics"], "--statistics is about the translator"),
      (["isa", "x"], "unexpected argument 'x'"),
      (["diff", "x"], "two traces are missing; or a guest, and --between workstation,esx"),
      (["diff", "x", "y", "--syscall", "jump"], "there is no system call 'jump'"),
      (["diff", "x", "y", "--all", "--limit", "3"], "leave --limit out"),
      (["diff", "x", "y", "--width", "3"], "--width must be from 40 to 1000"),
    ])
  func badUsage(arguments: [String], sentence: String) {
    let console = Console(input: [])
    #expect(TraplineCommand.run(arguments, on: console) == 2)
    #expect(console.outputText.isEmpty)
    let lines = console.errorText.split(separator: "\n")
    #expect(lines.first?.contains(sentence) == true, "\(console.errorText)")
    #expect(lines.first?.hasPrefix("trapline: ") == true)
    #expect(lines.count <= 2)
  }

  @Test("no arguments are a mistake that shows the help")
  func noArguments() {
    let result = trapline()
    #expect(result.status == 2)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("SUBCOMMANDS:"))
  }

  @Test(
    "help ends with two examples", arguments: [["--help"], ["run", "--help"], ["help", "disasm"], ["isa", "-h"], ["translate", "--help"]])
  func help(arguments: [String]) {
    let console = Console(input: [])
    #expect(TraplineCommand.run(arguments, on: console) == 0)
    let lines = console.outputText.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.suffix(3).first?.hasPrefix("EXAMPLES") == true, "\(console.outputText)")
    #expect(lines.suffix(2).allSatisfy { $0.hasPrefix("  trapline ") })
    #expect(console.errorText.isEmpty)
  }

  @Test("the version is one line")
  func version() {
    let result = trapline("--version")
    #expect(result.status == 0)
    #expect(result.output == "0.1.0\n")
  }
}
