import Foundation

extension JSON {
    /// Read a document.
    ///
    /// - Throws: `EdgeDistilError.bundle` where it is not JSON.
    public init(reading data: Data) throws {
        var reader = JSONReader(bytes: [UInt8](data))
        self = try reader.document()
    }
}

/// Reads JSON (RFC 8259) from UTF-8.
private struct JSONReader {
    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws -> JSON {
        let found = try value()
        skipSpace()
        guard at == bytes.count else { throw wrong("nothing more") }
        return found
    }

    private mutating func value() throws -> JSON {
        skipSpace()
        switch peek() {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object() throws -> JSON {
        var members: [JSON.Member] = []
        try list(until: "}") { reader in
            reader.skipSpace()
            let name = try reader.string()
            reader.skipSpace()
            try reader.expect(":")
            members.append(JSON.Member(name, try reader.value()))
        }
        return .object(members)
    }

    private mutating func array() throws -> JSON {
        var values: [JSON] = []
        try list(until: "]") { reader in values.append(try reader.value()) }
        return .array(values)
    }

    /// Read what stands between brackets, comma by comma.
    private mutating func list(
        until end: Unicode.Scalar, _ element: (inout JSONReader) throws -> Void
    ) throws {
        at += 1
        skipSpace()
        if peek() == UInt8(ascii: end) { at += 1; return }
        while true {
            try element(&self)
            skipSpace()
            if peek() == UInt8(ascii: end) { at += 1; return }
            try expect(",")
        }
    }

    private mutating func string() throws -> String {
        try expect("\"")
        var found: [UInt8] = []
        while let byte = peek() {
            at += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: found, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") {
                found += Array(String(try escaped()).utf8)
            } else {
                found.append(byte)
            }
        }
        throw wrong("the end of a string")
    }

    private mutating func escaped() throws -> Unicode.Scalar {
        guard let byte = peek() else { throw wrong("an escaped character") }
        at += 1
        switch Unicode.Scalar(byte) {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "u": return try unicode()
        case let plain: return plain
        }
    }

    /// Read four hexadecimal digits, and four more where they are half of a UTF-16 pair.
    private mutating func unicode() throws -> Unicode.Scalar {
        let high = try hexadecimal()
        guard (0xD800..<0xDC00).contains(high) else {
            guard let scalar = Unicode.Scalar(high) else { throw wrong("a whole UTF-16 pair") }
            return scalar
        }
        try expect("\\")
        try expect("u")
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00))
        else { throw wrong("a whole UTF-16 pair") }
        return scalar
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard at + 4 <= bytes.count,
            let value = UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw wrong("four hexadecimal digits") }
        at += 4
        return value
    }

    private mutating func number() throws -> JSON {
        let start = at
        while let byte = peek(), "+-.eE0123456789".utf8.contains(byte) { at += 1 }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if let value = Int(text) { return .integer(value) }
        guard let value = Double(text) else { throw wrong("a value") }
        return .real(value)
    }

    private mutating func word(_ text: String, _ value: JSON) throws -> JSON {
        guard bytes[at...].starts(with: text.utf8) else { throw wrong(text) }
        at += text.utf8.count
        return value
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws {
        guard peek() == UInt8(ascii: scalar) else { throw wrong("\(scalar)") }
        at += 1
    }

    private mutating func skipSpace() {
        while let byte = peek(), [32, 9, 10, 13].contains(byte) { at += 1 }
    }

    private func peek() -> UInt8? { at < bytes.count ? bytes[at] : nil }

    private func wrong(_ expected: String) -> EdgeDistilError {
        .bundle("not JSON at byte \(at), expected \(expected): copy the bundle again")
    }
}
