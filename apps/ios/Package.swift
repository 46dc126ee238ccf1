// swift-tools-version:5.9
import PackageDescription

let package = Package(
    name: "EdgeDistil",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "EdgeDistil", targets: ["EdgeDistil"])],
    targets: [
        .target(name: "EdgeDistil"),
        // Lets another program, on any system, hold the tokenizer against its own.
        .executableTarget(name: "edge-distil-check", dependencies: ["EdgeDistil"]),
        .testTarget(name: "EdgeDistilTests", dependencies: ["EdgeDistil"], exclude: ["golden"]),
    ]
)
