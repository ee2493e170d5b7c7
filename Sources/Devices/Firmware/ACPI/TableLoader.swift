// How firmware gets the tables: two blobs without addresses, and a script that says where they go, which words of them
// are pointers, and where checksums stand (QEMU's BIOS linker/loader; SeaBIOS's romfile_loader.h). A command is 128 bytes:
//
//   allocate     | 1 | file (56) | alignment | zone |          zone 1: anywhere; 2: where the RSDP is looked for
//   add pointer  | 2 | pointer's file (56) | target's file (56) | offset | size (1) |
//   add checksum | 3 | file (56) | offset | start | length |

extension ACPITables {
  private static let tablesFile = "etc/acpi/tables"
  private static let pointerFile = "etc/acpi/rsdp"

  /// The files for fw_cfg.
  public static func firmwareFiles(_ configuration: Configuration) -> [(name: String, bytes: [UInt8])] {
    let tables = ACPITables(configuration)
    let pointer = rootPointer(to: UInt32(tables.rootOffset))
    var script = allocate(pointerFile, alignment: 16, zone: 2) + allocate(tablesFile, alignment: 64, zone: 1)
    for at in tables.pointers { script += addPointer(in: tablesFile, at: at) }
    script += addPointer(in: pointerFile, at: rootPointerAddress)
    for table in tables.checked {
      script += addChecksum(tablesFile, at: table.lowerBound + checksumOffset, of: table)
    }
    script += addChecksum(pointerFile, at: rootPointerChecksum, of: pointer.indices)
    return [(pointerFile, pointer), (tablesFile, tables.bytes), ("etc/table-loader", script)]
  }

  private static func command(_ number: UInt32, _ body: [UInt8]) -> [UInt8] {
    let bytes = AML.little(number) + body
    return bytes + [UInt8](repeating: 0, count: 128 - bytes.count)
  }

  private static func file(_ name: String) -> [UInt8] {
    Array(name.utf8) + [UInt8](repeating: 0, count: 56 - name.utf8.count)
  }

  private static func allocate(_ name: String, alignment: UInt32, zone: UInt8) -> [UInt8] {
    command(1, file(name) + AML.little(alignment) + [zone])
  }

  /// All pointers are to the tables.
  private static func addPointer(in name: String, at offset: Int) -> [UInt8] {
    command(2, file(name) + file(tablesFile) + AML.little(UInt32(offset)) + [4])
  }

  private static func addChecksum(_ name: String, at offset: Int, of range: Range<Int>) -> [UInt8] {
    command(
      3,
      file(name) + AML.little(UInt32(offset)) + AML.little(UInt32(range.lowerBound)) + AML.little(UInt32(range.count)))
  }
}
