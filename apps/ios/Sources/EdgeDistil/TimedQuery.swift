import Dispatch

enum Clock {
    /// Nanoseconds of a clock that never goes back.
    static func now() -> Int { Int(DispatchTime.now().uptimeNanoseconds) }
}

/// A question and the context that holds its answer.
public struct Query: Equatable, Sendable {
    public let question: String
    public let context: String

    public init(question: String, context: String) {
        self.question = question
        self.context = context
    }
}

extension QuestionAnswering {
    /// Answer a query as `answers` does, and say how long each stage took.
    ///
    /// Decoding is what remains of the whole.
    public func timed(
        _ query: Query, options: Options = Options()
    ) throws -> (answers: [Answer], timing: Timing) {
        var timing = Timing()
        timing.start = Clock.now()
        let windows = try self.windows(query.question, query.context, options)
        var last = Clock.now()
        timing.tokenize = last - timing.start
        var logits: [Logits] = []
        for window in windows {
            let features = try self.features(window)
            let built = Clock.now()
            timing.features += built - last
            logits.append(try model.logits(features))
            last = Clock.now()
            timing.forward += last - built
        }
        let answers = decode(windows, logits, query.context, options)
        timing.total = Clock.now() - timing.start
        timing.decode = timing.total - timing.tokenize - timing.features - timing.forward
        return (answers, timing)
    }
}
