import Foundation

/// What the device said of its temperature, and when.
public struct ThermalReading: Equatable, Sendable {
    /// Since the measurement began.
    public let seconds: Double
    public let state: String
}

/// What this device and its software are.
public enum Device {
    /// `"nominal"`, `"fair"`, `"serious"` or `"critical"`; `nil` where the system does not say.
    public static var thermalState: String? {
        #if canImport(Darwin)
        switch ProcessInfo.processInfo.thermalState {
        case .nominal: return "nominal"
        case .fair: return "fair"
        case .serious: return "serious"
        case .critical: return "critical"
        @unknown default: return nil
        }
        #else
        return nil
        #endif
    }

    /// The model's identifier, like `"iPhone9,4"`.
    public static var identifier: String {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: &name.machine) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The environment record of a document of measurements.
    ///
    /// A device that grew warm counts as loaded: it throttles.
    public static func environment(_ thermal: [ThermalReading]) -> [JSON.Member] {
        let info = ProcessInfo.processInfo
        let warm = thermal.first { $0.state != "nominal" }
        let reason = warm.map { "the device said \($0.state) after \(Int($0.seconds)) s" }
        let said = thermal.map { "\($0.state) after \(Int($0.seconds)) s" }
        return [
            .init("cpu", .string(identifier)),
            .init("system", .string(info.operatingSystemVersionString)),
            .init("cores", .integer(info.activeProcessorCount)),
            .init("memory_bytes", .integer(Int(info.physicalMemory))),
            .init("low_power_mode", lowPowerMode.map(JSON.bool) ?? .null),
            .init("thermal_states", thermal.isEmpty ? .null : JSON(said)),
            .init("loaded", .bool(warm != nil || lowPowerMode == true)),
            .init("loaded_reason", JSON(reason ?? (lowPowerMode == true ? "low power mode" : nil))),
        ]
    }

    private static var lowPowerMode: Bool? {
        #if canImport(Darwin)
        return ProcessInfo.processInfo.isLowPowerModeEnabled
        #else
        return nil
        #endif
    }
}
