// swift-tools-version:6.2
import PackageDescription

/// The binary translator needs x86-64 Linux; TRAPLINE_TRANSLATOR=0 leaves it out there too.
let hasTranslator = Context.environment["TRAPLINE_TRANSLATOR"] != "0"
let translator: [SwiftSetting] = hasTranslator ? [.define("TRANSLATOR", .when(platforms: [.linux]))] : []

let package = Package(
  name: "trapline",
  products: [
    .library(name: "Trapline", targets: ["Trapline"]),
    .library(name: "ISA", targets: ["ISA"]),
    .library(name: "Tracing", targets: ["Tracing"]),
    .executable(name: "trapline", targets: ["trapline-cli"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CCapstone", pkgConfig: "capstone",
      providers: [.apt(["libcapstone-dev"]), .brew(["capstone"])]),
    .systemLibrary(
      name: "CLZMA", pkgConfig: "liblzma",
      providers: [.apt(["liblzma-dev"]), .brew(["xz"])]),
    .target(name: "CHost"),
    .target(name: "ISA", dependencies: ["CCapstone"]),
    .target(name: "Tracing"),
    .target(name: "Memory", dependencies: ["CHost", "Tracing"]),
    .target(name: "Translation"),
    .target(
      name: "Processor", dependencies: ["CHost", "ISA", "Memory", "Tracing", "Translation"], swiftSettings: translator),
    .target(name: "Devices", dependencies: ["Memory", "Tracing"]),
    .target(name: "Vmkernel", dependencies: ["Devices", "Memory", "Tracing"]),
    .target(
      name: "Platforms", dependencies: ["CHost", "Devices", "Memory", "Tracing", "Vmkernel"],
      resources: [.embedInCode("Costs/costs.txt")]),
    .target(name: "Loading", dependencies: ["CLZMA", "Memory"]),
    .target(name: "Trapline", dependencies: ["Processor", "Devices", "Platforms", "Loading", "Memory", "Tracing", "ISA"]),
    .target(name: "Charts"),
    .target(
      name: "TraplineCommands",
      dependencies: [
        "Charts", "Trapline", "Processor", "Devices", "Platforms", "Loading", "Memory", "Tracing", "ISA",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "trapline-cli", dependencies: ["TraplineCommands"]),
    .target(name: "Oracle", dependencies: ["CHost", "ISA", "Processor", "Memory"]),
    .executableTarget(
      name: "trapline-check",
      dependencies: [
        "Oracle", "Trapline", "TraplineCommands", "Processor", "Loading",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(name: "Fuzzing", dependencies: ["Processor", "Memory", "ISA"]),
    .executableTarget(
      name: "trapline-fuzz",
      dependencies: ["Fuzzing", "Processor", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
    .testTarget(name: "ISATests", dependencies: ["ISA", "Oracle"]),
    .testTarget(name: "TracingTests", dependencies: ["Tracing"]),
    .testTarget(name: "MemoryTests", dependencies: ["Memory"]),
    .testTarget(name: "TranslationTests", dependencies: ["Translation", "ISA"]),
    .testTarget(name: "ProcessorTests", dependencies: ["Processor", "Oracle", "Translation"], swiftSettings: translator),
    .testTarget(name: "DevicesTests", dependencies: ["Devices"]),
    .testTarget(name: "VmkernelTests", dependencies: ["Vmkernel", "Devices", "Memory", "Tracing"]),
    .testTarget(name: "PlatformsTests", dependencies: ["Platforms", "Devices", "Tracing"]),
    .testTarget(name: "LoadingTests", dependencies: ["Loading"]),
    .testTarget(
      name: "TraplineTests",
      dependencies: ["Trapline", "TraplineCommands", "Loading", "Platforms", "Processor", "Tracing", "ISA"]),
    .testTarget(name: "ChartsTests", dependencies: ["Charts"]),
    .testTarget(
      name: "ConformanceTests", dependencies: ["Fuzzing", "Trapline", "Oracle", "Processor", "ISA"], swiftSettings: translator),
  ]
)
