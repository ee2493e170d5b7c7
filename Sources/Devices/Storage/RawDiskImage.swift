// A disk in a file, sector after sector. Writes go to the host's kernel at once: nothing waits in this process, so its
// death loses nothing, and a flush makes the kernel put them on the medium.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A raw image file, or a block device.
public final class RawDiskImage: DiskImage {
  public let label: String
  public let sectorCount: UInt64
  public let isReadOnly: Bool
  public private(set) var failure: HostStorageFailure?
  /// The open file: another process can be given it, and shares its lock then.
  public let descriptor: Int32
  /// Told of each call of the host.
  public weak var observer: (any HostCallObserver)?

  /// Opens an image. One that can be written is locked against other processes until the object goes.
  public init(path: String, isReadOnly: Bool = false) throws(DiskImageError) {
    let label = Self.printable(path)
    self.label = label
    self.isReadOnly = isReadOnly
    if path.isEmpty || path.utf8.contains(0) {
      throw .cantOpen(image: label, reason: "a file name has at least one character and no NUL")
    }
    // Without O_NONBLOCK a named pipe would hold up the open for ever.
    let descriptor = open(path, (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cantOpen(image: label, reason: Self.reason(errno, isReadOnly: isReadOnly)) }
    do throws(DiskImageError) {
      sectorCount = try Self.sectors(of: descriptor, label)
      // Readers share, a writer is alone.
      if flock(descriptor, (isReadOnly ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0, errno == EWOULDBLOCK {
        throw .inUse(image: label)
      }
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
  }

  /// An image that another process has opened and locked; the descriptor is this object's from here on.
  public init(adopting descriptor: Int32, label: String, isReadOnly: Bool) throws(DiskImageError) {
    self.label = Self.printable(label)
    self.isReadOnly = isReadOnly
    sectorCount = try Self.sectors(of: descriptor, self.label)
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  private static func reason(_ error: Int32, isReadOnly: Bool) -> String {
    let text = text(error)
    let isProtected = error == EACCES || error == EROFS || error == EPERM
    return !isReadOnly && isProtected ? "\(text); attach it read-only?" : text
  }

  private static func text(_ error: Int32) -> String { String(cString: strerror(error)).lowercased() }

  /// A name with its control characters replaced: it may end up on a terminal.
  private static func printable(_ text: String) -> String {
    let isControl = { (scalar: Unicode.Scalar) in scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isControl(scalar) ? "?" : scalar) }
    return String(result)
  }

  private static func sectors(of descriptor: Int32, _ label: String) throws(DiskImageError) -> UInt64 {
    var information = stat()
    guard fstat(descriptor, &information) == 0 else {
      throw .cantOpen(image: label, reason: text(errno))
    }
    let kind = information.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFBLK else { throw .notAFile(image: label) }
    // A block device tells its size only so.
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else { throw .cantOpen(image: label, reason: text(errno)) }
    let size = UInt64(end)
    let sectorSize = UInt64(DiskLimits.sectorSize)
    guard size > 0 else { throw .empty(image: label) }
    guard size % sectorSize == 0 else {
      throw .partialSector(image: label, size: size, sectorSize: DiskLimits.sectorSize)
    }
    guard size / sectorSize <= DiskLimits.mostSectors else { throw .tooLarge(image: label, size: size) }
    return size / sectorSize
  }

  public func read(_ sector: UInt64, into target: UnsafeMutableRawBufferPointer) throws(DiskRequestError) {
    try transfer(.read, sector, target.count) { done, offset in
      observer.tell(.pread, descriptor, UInt32(clamping: target.count - done), UInt32(truncatingIfNeeded: offset)) {
        pread(descriptor, target.baseAddress! + done, target.count - done, offset)
      }
    }
  }

  public func write(_ sector: UInt64, from source: UnsafeRawBufferPointer) throws(DiskRequestError) {
    try transfer(.write, sector, source.count) { done, offset in
      observer.tell(.pwrite, descriptor, UInt32(clamping: source.count - done), UInt32(truncatingIfNeeded: offset)) {
        pwrite(descriptor, source.baseAddress! + done, source.count - done, offset)
      }
    }
  }

  public func flush() throws(DiskRequestError) {
    if isReadOnly { return }
    #if canImport(Darwin)
      let result = fcntl(descriptor, F_FULLFSYNC)
    #else
      let result = observer.tell(.dataSync, descriptor) { Int(fdatasync(descriptor)) }
    #endif
    if result != 0 { throw fail(.flush, 0, errno) }
  }

  private func transfer(
    _ operation: HostStorageFailure.Operation, _ sector: UInt64, _ count: Int, _ some: (Int, off_t) -> Int
  ) throws(DiskRequestError) {
    precondition(
      sector <= sectorCount && UInt64(count / DiskLimits.sectorSize) <= sectorCount - sector,
      "the device asked for what isn't there")
    let start = off_t(sector) * off_t(DiskLimits.sectorSize)
    var done = 0
    while done < count {
      let moved = some(done, start + off_t(done))
      if moved > 0 {
        done += moved
      } else if moved == 0 {
        throw fail(operation, sector, 0)
      } else if errno != EINTR {
        throw fail(operation, sector, errno)
      }
    }
  }

  private func fail(_ operation: HostStorageFailure.Operation, _ sector: UInt64, _ error: Int32) -> DiskRequestError {
    if failure == nil {
      let reason = error == 0 ? "the file has become shorter" : Self.text(error)
      let place = operation == .flush ? "" : " at sector \(sector)"
      failure = HostStorageFailure(
        image: label, operation: operation, sector: sector, errno: error,
        description: "can't \(operation.rawValue) the disk image \(label)\(place): \(reason)")
    }
    return DiskRequestError()
  }
}
