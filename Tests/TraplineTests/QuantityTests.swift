import Testing
import TraplineCommands

@Suite struct QuantityTests {
  @Test(
    "a size is a number with a unit",
    arguments: [("64M", 64 << 20), ("1G", 1 << 30), ("65536K", 64 << 20), ("3584m", 3584 << 20), ("4k", 4096)])
  func sizes(text: String, bytes: Int) throws { #expect(try ByteSize(parsing: text).bytes == UInt64(bytes)) }

  @Test(
    "nonsense is no size",
    arguments: [
      "", "64", "M", "-64M", "+64M", " 64M", "64 M", "64MB", "0x40M", "6.5M", "64T", "99999999999G", "١M", "64Ｍ",
    ])
  func badSizes(text: String) { #expect(throws: QuantityError.self) { try ByteSize(parsing: text) } }

  @Test("addresses are hexadecimal or decimal", arguments: [("0x7c00", 0x7c00), ("31744", 0x7c00), ("0XFFFFFFFF", 0xffff_ffff)])
  func addresses(text: String, value: Int) throws { #expect(try AddressArgument(parsing: text).value == UInt64(value)) }

  @Test("nonsense is no address", arguments: ["", "0x", "7c00", "-1", "0x1_0", "0x100000000", "0x+1", "1e3"])
  func badAddresses(text: String) { #expect(throws: QuantityError.self) { try AddressArgument(parsing: text) } }

  @Test("counts take thousands", arguments: [("1000000", 1_000_000), ("1_000", 1000), ("20M", 20_000_000), ("0", 0)])
  func counts(text: String, value: Int) throws { #expect(try InstructionCount(parsing: text).value == UInt64(value)) }

  @Test("nonsense is no count", arguments: ["", "M", "-1", "1.5M", "99999999999999999999", "99999999999999G"])
  func badCounts(text: String) { #expect(throws: QuantityError.self) { try InstructionCount(parsing: text) } }

  @Test(
    "times have units",
    arguments: [("5", 5000), ("0.5", 500), ("2.5s", 2500), ("300ms", 300), ("2m", 120_000)])
  func times(text: String, milliseconds: Int) throws {
    #expect(try TimeArgument(parsing: text).duration == .milliseconds(milliseconds))
  }

  @Test("nonsense is no time", arguments: ["", "s", "0", "-1", "1h", "1e3", "inf", "nan", ".5", "1..2", "0x10", "1e400"])
  func badTimes(text: String) { #expect(throws: QuantityError.self) { try TimeArgument(parsing: text) } }
}
