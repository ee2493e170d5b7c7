// The initial RAM file system of `trapline linux`: busybox, the program, and an init that runs it between the two serial
// lines. The second line is the program's; how its terminal is set is said in ProgramLine.swift.

import Loading

/// What goes into the guest.
struct GuestFiles {
  /// The program and its arguments; empty for a shell.
  var command: [String]
  /// Files of the host's, and their names in the guest.
  var files: [GuestFile]
  var hasDrives: Bool
  /// The second line is a terminal that somebody sits at.
  var isInteractive: Bool

  func archive(_ guest: DebianGuest) throws(Refusal) -> [UInt8] {
    var archive = Initramfs()
    for name in ["bin", "dev", "proc", "sys", "tmp", "mnt", "modules", "root", "run"] {
      archive.add(name, mode: Initramfs.directory)
    }
    archive.add("dev/console", mode: 0o020600, device: (5, 1))
    archive.add("bin/busybox", mode: Initramfs.program, try contents(of: guest.busybox))
    var script = Self.prologue
    if hasDrives {
      for path in try guest.modules {
        let name = lastName(path)
        archive.add("modules/\(name)", mode: Initramfs.file, try contents(of: path))
        script += "insmod /modules/\(name)\n"
      }
    }
    for file in files { archive.add("root/\(file.name)", mode: Initramfs.program, try contents(of: file.path)) }
    let words = try addProgram(to: &archive).map(Self.quoted).joined(separator: " ")
    archive.add(
      "init", mode: Initramfs.program, Array((script + (isInteractive ? Self.session(words) : Self.job(words))).utf8))
    archive.finish()
    return archive.bytes
  }

  /// - Returns: the command as the guest's shell is to run it.
  private func addProgram(to archive: inout Initramfs) throws(Refusal) -> [String] {
    guard let program = command.first else { return ["sh"] }
    guard program.contains("/") else { return command }
    let bytes = try contents(of: program)
    if let objection = LinuxProgram.objection(to: bytes) { throw Refusal("\(shown(program)) \(objection)") }
    let name = lastName(program)
    archive.add("root/\(name)", mode: Initramfs.program, bytes)
    return ["./\(name)"] + command.dropFirst()
  }

  /// A word that a shell takes as it is.
  private static func quoted(_ word: String) -> String {
    "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  // MARK: init

  private static let prologue = """
    #!/bin/busybox sh
    /bin/busybox --install -s /bin
    export PATH=/bin HOME=/root TERM=linux
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t devtmpfs dev /dev
    cd /root
    exec 3<>/dev/ttyS1

    """

  /// Standard error's line is the kernel's console until the mark.
  private static let beginning = """
    dmesg -n 1
    stty -F /dev/ttyS0 -opost
    printf '\\036\\036\\n' >/dev/ttyS0

    """

  /// Between pipes, as a program in a host's pipeline is.
  private static func job(_ words: String) -> String {
    """
    stty -F /dev/ttyS1 115200 raw -echo -opost icanon iexten crtscts \
      eof ^D lnext ^V eol undef eol2 undef erase undef kill undef werase undef rprnt undef
    mkfifo /run/input
    cat <&3 >/run/input &
    \(beginning){ \(words); echo $? >/run/status; } </run/input 2>/dev/ttyS0 3>&- | cat >&3
    status=$(cat /run/status)
    \(ending)
    """
  }

  /// At a terminal, with job control.
  private static func session(_ words: String) -> String {
    """
    stty -F /dev/ttyS1 115200 sane -opost crtscts
    \(beginning)setsid -c \(words) <&3 >&3 2>&1 3>&-
    status=$?
    \(ending)
    """
  }

  /// Setting a terminal waits until its output has gone. Port 0xf4 takes the status: (v << 1) | 1 comes out.
  private static let ending = """
    exec >/dev/null 2>&1
    sync
    stty -F /dev/ttyS1 sane
    stty -F /dev/ttyS0 sane
    printf "\\\\$(printf %03o $status)" | dd of=/dev/port bs=1 count=1 seek=244 conv=notrunc
    poweroff -f

    """
}

/// A file of the host's that the guest gets: `data.txt`, or `data.txt:input`.
struct GuestFile: Equatable, Sendable {
  var path: String
  var name: String

  init(parsing text: String) throws(QuantityError) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    path = parts[0]
    name = parts.count > 1 ? parts[1] : lastName(path)
    if path.isEmpty || name.isEmpty || name.contains("/") {
      throw QuantityError(description: "write FILE, or FILE:NAME with the name that it has in the guest's /root")
    }
  }
}
