// Debian's kernel and busybox for the i386, fetched by package name, once, into a cache. apt works in a state directory of its
// own, so that the host's packages and architectures stay what they are.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// The files of a Debian guest in a cache directory.
struct DebianGuest {
  /// `686` or `686-pae`.
  let flavour: String
  /// Where they are.
  let folder: String

  /// - Parameter cache: nil for $XDG_CACHE_HOME/trapline or ~/.cache/trapline.
  init(flavour: String, cache: String?) throws(Refusal) {
    self.flavour = flavour
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    guard
      let base = cache ?? variable("XDG_CACHE_HOME").map({ $0 + "/trapline" })
        ?? variable("HOME").map({ $0 + "/.cache/trapline" })
    else { throw Refusal("there is no HOME to keep the kernel in: say where with --cache") }
    folder = base + "/debian-\(flavour)"
  }

  var kernel: String { folder + "/vmlinuz" }
  var busybox: String { folder + "/busybox" }
  /// Kernel modules, in the order in which they are to be loaded.
  var modules: [String] {
    get throws(Refusal) {
      let list = String(decoding: try contents(of: folder + "/modules.list"), as: UTF8.self)
      return list.split(separator: "\n").map { folder + "/" + $0 }
    }
  }

  var isThere: Bool { access(folder + "/modules.list", R_OK) == 0 }

  /// What the guest needs for its disks.
  private static let wantedModules = [
    "ata_piix", "sd_mod", "virtio_pci", "virtio_blk", "crc32c_generic", "ext4",
  ]

  // MARK: Fetching

  /// Fetches what isn't there yet.
  /// - Parameter say: told of each step.
  func fetch(_ say: (String) -> Void) throws(Refusal) {
    if isThere { return }
    // A folder of this process's own: two may fetch at once.
    let work = "\(folder).\(getpid())"
    do {
      try fetch(into: work, say)
    } catch {
      _ = try? HostProgram("rm", ["-rf", work]).run()
      throw error
    }
  }

  private func fetch(into work: String, _ say: (String) -> Void) throws(Refusal) {
    try Self.run(
      "mkdir",
      ["-p", work + "/state/lists/partial", work + "/cache/archives/partial", work + "/packages", work + "/files"])
    try Self.run("touch", [work + "/state/status"])
    let options = [
      "-o", "APT::Architecture=i386", "-o", "APT::Architectures::=i386", "-o", "Dir::State=\(work)/state",
      "-o", "Dir::State::status=\(work)/state/status", "-o", "Dir::Cache=\(work)/cache", "-o",
      "APT::Sandbox::User=root",
    ]
    say("asking Debian's archive for linux-image-\(flavour)")
    // (Other archives that the host knows may have no i386 packages: what counts is whether ours are found.)
    let update = try HostProgram("apt-get", options + ["-q", "update"]).run()
    if update.status == 127 { throw Refusal("fetching a kernel needs Debian's apt-get, which this host doesn't have") }
    let depends = try HostProgram("apt-cache", options + ["depends", "linux-image-\(flavour)"]).run()
    let image = depends.output.split(separator: "\n").lazy
      .compactMap { line in line.firstRange(of: "Depends: linux-image-").map { String(line[$0.upperBound...]) } }.first
    guard let image else {
      throw Refusal(
        "Debian's archive can't be reached, and there is no kernel in the cache: \(Self.lastLine(update.output))")
    }
    let packages = ["linux-image-" + image, "busybox-static"]
    say("fetching \(packages.joined(separator: " and ")), some 53 MB")
    let download = try HostProgram(
      "env", ["-C", work + "/packages", "apt-get"] + options + ["-q", "download"] + packages
    ).run()
    guard download.status == 0 else {
      throw Refusal("the packages can't be fetched: \(Self.lastLine(download.output))")
    }
    say("unpacking")
    let list = try HostProgram("ls", [work + "/packages"]).run()
    for package in list.output.split(separator: "\n") {
      try Self.run("dpkg-deb", ["-x", work + "/packages/\(package)", work + "/files"])
    }
    try Self.run("cp", [work + "/files/boot/vmlinuz-\(image)", work + "/vmlinuz"])
    try Self.run("cp", [work + "/files/bin/busybox", work + "/busybox"])
    try collectModules(work, image)
    try Self.run("rm", ["-rf", work + "/files", work + "/packages", work + "/state", work + "/cache"])
    // All or nothing: a fetch that was cut short is begun again.
    try Self.run("rm", ["-rf", folder])
    try Self.run("mv", [work, folder])
  }

  /// Copies the wanted modules and those that they need, and writes down their order.
  private func collectModules(_ work: String, _ image: String) throws(Refusal) {
    let found = try HostProgram("find", [work + "/files/lib/modules/\(image)", "-name", "*.ko"]).run()
    var paths: [String: String] = [:]
    for line in found.output.split(separator: "\n") {
      paths[Self.moduleName(lastName(String(line)).dropLast(3))] = String(line)
    }
    try Self.run("mkdir", ["-p", work + "/modules"])
    var order: [String] = []
    func add(_ name: String) throws(Refusal) {
      guard !order.contains(name), let path = paths[name] else { return }
      for needed in Self.dependencies(try contents(of: path)) { try add(needed) }
      order.append(name)
      try Self.run("cp", [path, work + "/modules/\(name).ko"])
    }
    for name in Self.wantedModules { try add(name) }
    let file = try OutputFile(path: work + "/modules.list", on: nil)
    file.sink.append(order.map { "modules/\($0).ko\n" }.joined())
    if let problem = file.finish() { throw Refusal(problem, status: ExitStatus.inputOutput) }
  }

  /// File names and dependencies have it either way.
  private static func moduleName(_ name: Substring) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

  /// A module's own word on what it needs: `depends=a,b` in its .modinfo.
  static func dependencies(_ module: [UInt8]) -> [String] {
    let key = Array("\0depends=".utf8)
    guard module.count > key.count else { return [] }
    var at = 0
    while at + key.count < module.count {
      guard let next = module[at...].firstIndex(of: 0) else { return [] }
      if module[next...].starts(with: key) {
        let value = module[(next + key.count)...].prefix { $0 != 0 }
        return String(decoding: value, as: UTF8.self).split(separator: ",").map(moduleName)
      }
      at = next + 1
    }
    return []
  }

  private static func run(_ program: String, _ arguments: [String]) throws(Refusal) {
    let result = try HostProgram(program, arguments).run()
    if result.status != 0 {
      throw Refusal("\(program) failed: \(lastLine(result.output))", status: ExitStatus.inputOutput)
    }
  }

  private static func lastLine(_ text: String) -> String {
    shown(text.split(separator: "\n").last.map(String.init) ?? "it says nothing")
  }
}
