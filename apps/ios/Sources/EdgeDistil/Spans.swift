import Foundation

/// A run of tokens that may be the answer.
public struct Span: Equatable, Sendable {
    public let first: Int
    public let last: Int
    public let score: Float
}

enum Spans {
    /// Logit of the tokens that cannot be in an answer.
    private static let masked: Float = -10_000

    /// Softmax over the tokens that share in it; `logits` may be padded on the right.
    static func softmax(_ logits: [Float], over allowed: [Bool]) -> [Float] {
        let kept = zip(logits, allowed).map { $1 ? $0 : masked }
        let greatest = kept.max() ?? 0
        let powers = kept.map { Float(exp(Double($0 - greatest))) }
        let sum = powers.reduce(0.0) { $0 + Double($1) }
        return powers.map { Float(Double($0) / sum) }
    }

    /// The spans with the greatest product of probabilities.
    ///
    /// - Parameters:
    ///   - start: Probability that the answer starts at a token.
    ///   - end: The same for its last token.
    ///   - longest: Most tokens in a span.
    ///   - count: Most spans to return.
    /// - Returns: The best first, ties in order of the tokens.
    static func best(start: [Float], end: [Float], longest: Int, count: Int) -> [Span] {
        var found: [Span] = []
        for first in start.indices {
            for last in first..<min(first + longest, end.count) {
                let score = start[first] * end[last]
                if found.count == count, score <= found[count - 1].score { continue }
                let place = found.firstIndex { $0.score < score } ?? found.count
                found.insert(Span(first: first, last: last, score: score), at: place)
                if found.count > count { found.removeLast() }
            }
        }
        return found
    }

    /// Where a span stands in the context, widened to whole words of the window where asked for.
    static func scalars(_ span: Span, in tokens: [Token], alignToWords: Bool) -> Range<Int> {
        var (first, last) = (span.first, span.last)
        if alignToWords {
            while first > 0, tokens[first - 1].word == tokens[first].word { first -= 1 }
            while last + 1 < tokens.count, tokens[last + 1].word == tokens[last].word { last += 1 }
        }
        return tokens[first].start..<max(tokens[first].start, tokens[last].end)
    }
}
