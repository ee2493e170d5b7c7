import Glibc
import Trapline
import Devices
import Loading
final class Out: SerialBackend { func write(_ b: UInt8) { var x = b; _ = Glibc.write(1, &x, 1) } }
import Glibc
@main struct Main { static func main() throws {
  var c = MachineConfiguration(); c.memorySize = 256 << 20; c.serial = Out()
  let vm = try VirtualMachine(c)
  let f = try ImageFile(path: CommandLine.arguments[1])
  try vm.load(f.bytes, LoadRequest(fileName: "x", append: CommandLine.arguments.count > 2 ? CommandLine.arguments[2] : ""))
  let t = ContinuousClock().now
  let o = vm.run()
  let d = ContinuousClock().now - t
  print(o, vm.processor.retired, d, Double(vm.processor.retired) / Double(d.components.attoseconds/1000 + d.components.seconds * 1_000_000_000_000_000) * 1e9 , "MIPS", vm.processor.counters, vm.exits)
} }
