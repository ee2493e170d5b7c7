// swift-tools-version:6.2
import PackageDescription

// Measured work, apart from the package that is measured: nobody who only wants Trapline builds this.
let package = Package(
  name: "trapline-benchmarks",
  dependencies: [.package(name: "trapline", path: "..")],
  targets: [
    .executableTarget(
      name: "decode-throughput",
      dependencies: [.product(name: "ISA", package: "trapline")]),
    .executableTarget(
      name: "event-trace",
      dependencies: [.product(name: "Tracing", package: "trapline")]),
  ]
)
