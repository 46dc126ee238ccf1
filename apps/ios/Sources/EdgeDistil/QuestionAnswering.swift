import Foundation

/// Runs a question-answering model.
public protocol QuestionAnsweringModel {
    var lengths: Lengths { get }

    /// The logits of each token, padding included.
    func logits(_ features: Features) throws -> Logits
}

/// Scores of each token as the first and as the last of the answer.
public struct Logits: Equatable, Sendable {
    public let start: [Float]
    public let end: [Float]

    public init(start: [Float], end: [Float]) {
        self.start = start
        self.end = end
    }
}

/// An answer and where it stands.
public struct Answer: Equatable, Sendable {
    public let text: String
    /// Probability of the span, added up over equal answers.
    public var score: Double
    /// Scalars of the context: `Array(context.unicodeScalars)[start..<end]`.
    public let start: Int
    public let end: Int

    /// Where the answer stands in the context, for highlighting.
    public func range(in context: String) -> Range<String.Index> {
        let scalars = context.unicodeScalars
        let lower = scalars.index(scalars.startIndex, offsetBy: start)
        return lower..<scalars.index(lower, offsetBy: end - start)
    }
}

/// Answers questions with a span of a given context, as edge-distil's Python runtime does.
public struct QuestionAnswering {
    /// Parameters, with the names and defaults of the Python runtime.
    public struct Options: Sendable {
        public var topK = 1
        /// Tokens by which windows overlap; by default 128 or, for short windows, half of them.
        public var docStride: Int?
        public var maxAnswerLength = 15
        /// Window length; by default 384, or the longest that the model takes.
        public var maxSequenceLength: Int?
        public var maxQuestionLength = 64
        /// Let "no answer" (an empty text) compete.
        public var handleImpossibleAnswer = false
        /// Widen answers to whole words. Turn it off for scripts without spaces.
        public var alignToWords = true

        public init() {}

        /// Spans to take from a window: aligning to words makes some of them equal.
        var spansAWindow: Int { alignToWords ? topK * 2 + 10 : topK }
    }

    public let tokenizer: Tokenizer
    public let model: any QuestionAnsweringModel

    public init(tokenizer: Tokenizer, model: any QuestionAnsweringModel) {
        self.tokenizer = tokenizer
        self.model = model
    }

    /// Answer a question.
    ///
    /// - Returns: At least one answer, the best first.
    /// - Throws: `EdgeDistilError.input` for an empty text or a parameter out of range.
    public func answers(
        _ question: String, in context: String, options: Options = Options()
    ) throws -> [Answer] {
        let windows = try self.windows(question, context, options)
        let logits = try windows.map { try model.logits(try features($0)) }
        return decode(windows, logits, context, options)
    }

    /// The first stage: tokenize.
    func windows(_ question: String, _ context: String, _ options: Options) throws -> [Window] {
        for (name, text) in [("question", question), ("context", context)]
        where text.unicodeScalars.allSatisfy(\.isBlank) {
            throw EdgeDistilError.input("the \(name) is empty, expected some text")
        }
        let longest = min(options.maxSequenceLength ?? 384, model.lengths.longest)
        let stride = options.docStride ?? min(longest / 2, 128)
        guard min(options.topK, options.maxAnswerLength, options.maxQuestionLength) >= 1,
            (0...max(0, longest)).contains(stride)
        else {
            throw EdgeDistilError.input(
                "an option is out of range, expected counts and lengths of at least 1 and a stride "
                    + "of 0 to \(longest)")
        }
        return try tokenizer.windows(
            question: question, context: context, maxLength: longest, stride: stride,
            maxQuestion: options.maxQuestionLength)
    }

    /// The second stage: build the model's inputs.
    func features(_ window: Window) throws -> Features {
        Features(window, length: try model.lengths.fit(window.ids.count), padId: tokenizer.padId)
    }

    /// The last stage: find the best spans of all windows.
    func decode(
        _ windows: [Window], _ logits: [Logits], _ context: String, _ options: Options
    ) -> [Answer] {
        let scalars = Array(context.unicodeScalars)
        var found = AnswersByText()
        var noAnswer = 1.0
        for (window, row) in zip(windows, logits) {
            let (start, end) = probabilities(window, row)
            noAnswer = min(noAnswer, Double(start[0] * end[0]))
            var own = AnswersByText()
            for span in bestSpans(window, start, end, options) {
                let place = Spans.scalars(
                    span, in: window.context, alignToWords: options.alignToWords)
                let answer = Self.answer(scalars, place, Double(span.score))
                // Spans of one text are different events of one distribution.
                own.add(answer) { $0.score = min($0.score + answer.score, 1) }
            }
            for answer in own.all {
                found.add(answer) { if answer.score > $0.score { $0 = answer } }
            }
        }
        var all = found.all
        if options.handleImpossibleAnswer || all.isEmpty {
            all.append(Answer(text: "", score: noAnswer, start: 0, end: 0))
        }
        return Array(Self.sorted(all).prefix(options.topK))
    }

    /// Start and end probabilities of every token of a window, over the context and `[CLS]`.
    private func probabilities(_ window: Window, _ logits: Logits) -> ([Float], [Float]) {
        let context = window.contextStart..<window.contextStart + window.context.count
        let allowed = window.ids.indices.map {
            context.contains($0) || window.ids[$0] == tokenizer.clsId
        }
        return (
            Spans.softmax(logits.start, over: allowed), Spans.softmax(logits.end, over: allowed)
        )
    }

    private func bestSpans(
        _ window: Window, _ start: [Float], _ end: [Float], _ options: Options
    ) -> [Span] {
        let context = window.contextStart..<window.contextStart + window.context.count
        return Spans.best(
            start: Array(start[context]), end: Array(end[context]),
            longest: options.maxAnswerLength, count: options.spansAWindow)
    }

    private static func answer(
        _ context: [Unicode.Scalar], _ place: Range<Int>, _ score: Double
    ) -> Answer {
        let text = String(String.UnicodeScalarView(context[place]))
        return Answer(text: text, score: score, start: place.lowerBound, end: place.upperBound)
    }

    /// The best first, ties in the order in which they were found: Swift's sort promises no such order.
    private static func sorted(_ answers: [Answer]) -> [Answer] {
        answers.enumerated()
            .sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }
            .map(\.element)
    }
}
