import Foundation

/// A JSON value that keeps what Foundation loses: the order of an object's members, and names that
/// look alike but differ in bytes, as a vocabulary has them.
public enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case real(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    public struct Member: Equatable, Sendable {
        public let name: String
        public let value: JSON

        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// The member of an object; `nil` where there is none, or this is not an object.
    public subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    public var string: String? {
        if case .string(let value) = self { return value }
        return nil
    }

    public var integer: Int? {
        if case .integer(let value) = self { return value }
        return nil
    }

    public var number: Double? {
        if case .real(let value) = self { return value }
        return integer.map(Double.init)
    }

    public var bool: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    public var array: [JSON]? {
        if case .array(let values) = self { return values }
        return nil
    }

    public var members: [Member]? {
        if case .object(let members) = self { return members }
        return nil
    }
}

extension JSON {
    /// Write it in one line.
    public var text: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .real(let value): return value.isFinite ? "\(value)" : "null"
        case .string(let value): return JSON.quoted(value)
        case .array(let values): return "[" + values.map(\.text).joined(separator: ", ") + "]"
        case .object(let members):
            let written = members.map { JSON.quoted($0.name) + ": " + $0.value.text }
            return "{" + written.joined(separator: ", ") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var written = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": written.append(contentsOf: ["\\", scalar])
            case _ where scalar.value < 32:
                written.append(contentsOf: String(format: "\\u%04x", scalar.value).unicodeScalars)
            default: written.append(scalar)
            }
        }
        written.append("\"")
        return String(written)
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(nilLiteral: ()) { self = .null }

    /// Null where there is no value.
    public init(_ value: String?) { self = value.map(JSON.string) ?? .null }
    public init(_ value: Int?) { self = value.map(JSON.integer) ?? .null }
    public init(_ values: [Int]) { self = .array(values.map(JSON.integer)) }
    public init(_ values: [String]) { self = .array(values.map(JSON.string)) }
}
