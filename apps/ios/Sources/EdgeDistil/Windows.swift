import Foundation

/// What the model sees at once: `[CLS] question [SEP] part of the context [SEP]`.
public struct Window: Equatable, Sendable {
    public let ids: [Int]
    /// 0 for the question, 1 for the context, each with the `[SEP]` after it.
    public let typeIds: [Int]
    /// The tokens of the context that stand in this window.
    public let context: [Token]
    /// Place of the first of these among `ids`.
    public let contextStart: Int
}

extension Tokenizer {
    /// Tokenize a question and a context of any length into windows over the context.
    ///
    /// - Parameters:
    ///   - maxLength: Length of a window in tokens, special tokens included.
    ///   - stride: Tokens by which neighbouring windows overlap.
    ///   - maxQuestion: The question is cut to so many tokens.
    /// - Throws: `EdgeDistilError.input` where question and stride leave no room for the context.
    public func windows(
        question: String, context: String, maxLength: Int, stride: Int, maxQuestion: Int
    ) throws -> [Window] {
        let first = encode(question).prefix(maxQuestion).map(\.id)
        let room = maxLength - 3 - first.count
        guard room > stride else {
            throw EdgeDistilError.input(
                "a window of \(maxLength) tokens leaves \(room) beside a question of "
                    + "\(first.count), expected more than the stride of \(stride): "
                    + "raise maxLength or lower stride or maxQuestion")
        }
        return parts(of: encode(context), room: room, stride: stride).map { part in
            Window(
                ids: [clsId] + first + [sepId] + part.map(\.id) + [sepId],
                typeIds: [Int](repeating: 0, count: first.count + 2)
                    + [Int](repeating: 1, count: part.count + 1),
                context: Array(part),
                contextStart: first.count + 2)
        }
    }

    private func parts(of tokens: [Token], room: Int, stride: Int) -> [ArraySlice<Token>] {
        var found: [ArraySlice<Token>] = []
        var start = 0
        repeat {
            found.append(tokens[start..<min(start + room, tokens.count)])
            start += room - stride
        } while found.last!.endIndex < tokens.count
        return found
    }
}

/// The sequence lengths that a Core ML package takes; `edge_distil.lengths` of its metadata.
public struct Lengths: Equatable, Sendable {
    public enum Kind: String, Sendable { case fixed, enumerated, range }

    public let kind: Kind
    /// The length, the lengths in rising order, or the least and the greatest.
    public let values: [Int]

    public init(kind: Kind, values: [Int]) {
        self.kind = kind
        self.values = values
    }

    /// Read what the package says: `{"kind": "range", "values": [2, 512]}`.
    ///
    /// - Throws: `EdgeDistilError.bundle` where it says nothing of the kind.
    public init(metadata: String) throws {
        guard let json = try? JSON(reading: Data(metadata.utf8)),
            let kind = json["kind"]?.string.flatMap(Kind.init),
            let values = json["values"]?.array?.compactMap(\.integer), !values.isEmpty
        else {
            throw EdgeDistilError.bundle(
                "the package's edge_distil.lengths is \"\(metadata)\", expected kind and values: "
                    + "export it with edge-distil export --coreml")
        }
        self.init(kind: kind, values: values)
    }

    public var longest: Int { values[values.count - 1] }

    /// The length that a sequence is padded to.
    ///
    /// - Throws: `EdgeDistilError.input` where the sequence is longer than the package takes.
    public func fit(_ tokens: Int) throws -> Int {
        guard tokens <= longest else {
            throw EdgeDistilError.input(
                "a text has \(tokens) tokens, the Core ML package takes at most \(longest): "
                    + "shorten it, or export with greater --coreml-lengths")
        }
        return kind == .range ? max(tokens, values[0]) : values.first { $0 >= tokens }!
    }
}

/// The inputs of a model, each `(1, sequence)`.
public struct Features: Equatable, Sendable {
    public let inputIds: [Int32]
    public let attentionMask: [Int32]
    public let tokenTypeIds: [Int32]

    /// Pad a window on the right.
    ///
    /// - Parameter length: In tokens, at least the window's.
    public init(_ window: Window, length: Int, padId: Int) {
        let tokens = window.ids.count
        func padded(_ values: [Int], with filler: Int) -> [Int32] {
            (values + [Int](repeating: filler, count: length - tokens)).map(Int32.init)
        }
        inputIds = padded(window.ids, with: padId)
        attentionMask = padded([Int](repeating: 1, count: tokens), with: 0)
        tokenTypeIds = padded(window.typeIds, with: 0)
    }
}
