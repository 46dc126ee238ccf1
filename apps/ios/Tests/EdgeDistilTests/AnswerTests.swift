import XCTest

@testable import EdgeDistil

final class AnswerTests: XCTestCase {
    /// Logits are recorded with seven digits, and sums are taken in another order.
    private let tolerance = 1e-5

    func testAnswersAreThoseOfTheRuntime() throws {
        let tokenizer = try Golden.tokenizer()
        let cases = try Golden.cases("questions")
        XCTAssertGreaterThan(cases.count, 40)
        for one in cases {
            let name = try XCTUnwrap(one["id"]?.string)
            let answering = QuestionAnswering(
                tokenizer: tokenizer, model: RecordedModel(windows: one["windows"]!.array!))
            let context = try XCTUnwrap(one["context"]?.string)
            let found = try answering.answers(
                one["question"]!.string!, in: context, options: options(one["params"]!))
            let expected = try XCTUnwrap(one["answers"]?.array)
            XCTAssertEqual(found.map(\.text), expected.map { $0["text"]!.string! }, name)
            XCTAssertEqual(found.map(\.start), expected.map { $0["start"]!.integer! }, name)
            XCTAssertEqual(found.map(\.end), expected.map { $0["end"]!.integer! }, name)
            for (answer, score) in zip(found, expected.map { $0["score"]!.number! }) {
                XCTAssertEqual(answer.score, score, accuracy: tolerance, name)
                XCTAssertEqual(String(context[answer.range(in: context)]), answer.text, name)
            }
        }
    }

    private func options(_ params: JSON) -> QuestionAnswering.Options {
        var options = QuestionAnswering.Options()
        options.topK = params["top_k"]?.integer ?? options.topK
        options.docStride = params["doc_stride"]?.integer
        options.maxAnswerLength = params["max_answer_len"]?.integer ?? options.maxAnswerLength
        options.maxSequenceLength = params["max_seq_len"]?.integer
        options.maxQuestionLength = params["max_question_len"]?.integer ?? options.maxQuestionLength
        options.handleImpossibleAnswer = params["handle_impossible_answer"]?.bool ?? false
        options.alignToWords = params["align_to_words"]?.bool ?? true
        return options
    }

    func testSpansByHand() {
        let found = Spans.best(
            start: [0.5, 0.25, 0], end: [0.25, 0.5, 0.125], longest: 2, count: 3)
        XCTAssertEqual(found, [
            Span(first: 0, last: 1, score: 0.25), Span(first: 0, last: 0, score: 0.125),
            Span(first: 1, last: 1, score: 0.125),
        ])
    }

    func testPaddingHasNoShare() {
        XCTAssertEqual(Spans.softmax([0, 0, 99], over: [true, true]), [0.5, 0.5])
    }

    func testLengths() throws {
        let some = Lengths(kind: .enumerated, values: [64, 128])
        XCTAssertEqual(try some.fit(65), 128)
        XCTAssertEqual(try Lengths(kind: .range, values: [2, 128]).fit(65), 65)
        XCTAssertEqual(try Lengths(kind: .fixed, values: [384]).fit(7), 384)
        XCTAssertThrowsError(try some.fit(129))
        let read = try Lengths(metadata: #"{"kind": "enumerated", "values": [64, 128]}"#)
        XCTAssertEqual(read, some)
        XCTAssertThrowsError(try Lengths(metadata: "[384]"))
    }

    func testFeaturesArePadded() {
        let window = Window(ids: [101, 7, 102], typeIds: [0, 0, 1], context: [], contextStart: 2)
        let features = Features(window, length: 5, padId: 9)
        XCTAssertEqual(features.inputIds, [101, 7, 102, 9, 9])
        XCTAssertEqual(features.attentionMask, [1, 1, 1, 0, 0])
        XCTAssertEqual(features.tokenTypeIds, [0, 0, 1, 0, 0])
    }

    func testEmptyTextsAreRefused() throws {
        let answering = QuestionAnswering(tokenizer: try Golden.tokenizer(), model: RecordedModel())
        XCTAssertThrowsError(try answering.answers(" ", in: "text"))
        XCTAssertThrowsError(try answering.answers("text", in: "\n"))
        for blank in ["\u{1C}", "\u{1D} \u{1E}", "\u{1F}", "\u{85}\u{3000}"] {  // str.isspace
            XCTAssertThrowsError(try answering.answers(blank, in: "text")) { error in
                XCTAssertTrue("\(error)".contains("the question is empty"), "\(error)")
            }
        }
    }
}
