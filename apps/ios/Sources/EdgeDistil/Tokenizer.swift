import Foundation

/// A token and where it stands.
public struct Token: Equatable, Sendable {
    /// Of the vocabulary.
    public let id: Int
    /// Scalars of the original text: `Array(text.unicodeScalars)[start..<end]`.
    public let start: Int
    public let end: Int
    /// Number of the word that it is a piece of: pieces of one word share it.
    public let word: Int
}

/// The tokenizer of a bundle: `tokenizer.json` of BERT and DistilBERT.
///
/// Gives the ids and the offsets that Hugging Face's `tokenizers` gives, which the tests hold it to.
public struct Tokenizer: Sendable {
    public let padId: Int
    public let clsId: Int
    public let sepId: Int
    private let normalizer: Normalizer
    private let pieces: WordPiece
    private let special: [SpecialToken]
    private let firstOfSpecial: Set<Unicode.Scalar>

    private struct SpecialToken: Sendable {
        let text: [Unicode.Scalar]
        let id: Int
    }

    /// Open a bundle's `tokenizer.json`, and `tokenizer_config.json` where it lies beside it.
    ///
    /// - Throws: `EdgeDistilError.bundle` where it cannot be read, or is no BERT tokenizer.
    public init(contentsOf url: URL) throws {
        let beside = url.deletingLastPathComponent().appendingPathComponent("tokenizer_config.json")
        let isThere = FileManager.default.fileExists(atPath: beside.path)
        let config = isThere ? try JSON(reading: Data(contentsOf: beside)) : nil
        try self.init(JSON(reading: Data(contentsOf: url)), config: config)
    }

    /// - Parameters:
    ///   - json: `tokenizer.json`.
    ///   - config: `tokenizer_config.json`.
    public init(_ json: JSON, config: JSON? = nil) throws {
        try TokenizerFile.check(json)
        try TokenizerFile.checkSettings(json, config)
        pieces = try TokenizerFile.wordPiece(json)
        normalizer = TokenizerFile.normalizer(json)
        let added = try TokenizerFile.addedTokens(json)
        special = added.map { SpecialToken(text: Array($0.text.unicodeScalars), id: $0.id) }
        firstOfSpecial = Set(special.compactMap(\.text.first))
        (clsId, sepId) = try TokenizerFile.clsAndSep(json)
        padId = added.first { $0.text == "[PAD]" }?.id ?? 0
    }

    /// Tokenize a text, without the special tokens around it.
    public func encode(_ text: String) -> [Token] {
        let scalars = Array(text.unicodeScalars)
        var tokens: [Token] = []
        var words = 0, plain = 0, at = 0
        while at < scalars.count {
            guard let found = specialToken(scalars, at) else { at += 1; continue }
            append(scalars[plain..<at], to: &tokens, &words)
            tokens.append(Token(id: found.id, start: at, end: found.end, word: words))
            words += 1
            at = found.end
            plain = at
        }
        append(scalars[plain...], to: &tokens, &words)
        return tokens
    }

    /// The longest special token that is written out at a place of the text.
    private func specialToken(_ scalars: [Unicode.Scalar], _ at: Int) -> (id: Int, end: Int)? {
        guard firstOfSpecial.contains(scalars[at]) else { return nil }
        return special
            .filter { scalars[at...].starts(with: $0.text) }
            .max { $0.text.count < $1.text.count }
            .map { ($0.id, at + $0.text.count) }
    }

    private func append(
        _ scalars: ArraySlice<Unicode.Scalar>, to tokens: inout [Token], _ words: inout Int
    ) {
        let normalized = normalizer.normalize(scalars, from: scalars.startIndex)
        for word in split(normalized) {
            for piece in pieces.cut(word.map(\.scalar)) {
                let start = word[word.startIndex + piece.start].origin
                let end = word[word.startIndex + piece.end - 1].origin + 1
                tokens.append(Token(id: piece.id, start: start, end: end, word: words))
            }
            words += 1
        }
    }

    /// Split at white space, which goes, and at punctuation, each a word by itself.
    private func split(_ text: [Aligned]) -> [ArraySlice<Aligned>] {
        var words: [ArraySlice<Aligned>] = []
        var start = 0
        for (index, one) in text.enumerated() {
            let isPunctuation = one.scalar.isPunctuation
            guard isPunctuation || one.scalar.properties.isWhitespace else { continue }
            if start < index { words.append(text[start..<index]) }
            if isPunctuation { words.append(text[index...index]) }
            start = index + 1
        }
        if start < text.count { words.append(text[start...]) }
        return words
    }
}
