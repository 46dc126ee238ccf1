import Foundation
import XCTest

@testable import EdgeDistil

final class TokenizerTests: XCTestCase {
    func testTokensAndOffsetsAreThoseOfTheTokenizersLibrary() throws {
        let tokenizer = try Golden.tokenizer()
        let cases = try Golden.cases("tokens")
        XCTAssertGreaterThan(cases.count, 10)
        for one in cases {
            let text = try XCTUnwrap(one["text"]?.string)
            let expected = try XCTUnwrap(one["tokens"]?.array).map(\.integers)
            let found = tokenizer.encode(text).map { [$0.id, $0.start, $0.end, $0.word] }
            XCTAssertEqual(found, expected, text)
        }
    }

    func testWindowsAreThoseOfTheRuntime() throws {
        let tokenizer = try Golden.tokenizer()
        for one in try Golden.cases("questions") {
            let params = try XCTUnwrap(one["params"])
            let length = params["max_seq_len"]?.integer ?? 384
            let windows = try tokenizer.windows(
                question: one["question"]!.string!, context: one["context"]!.string!,
                maxLength: length,
                stride: params["doc_stride"]?.integer ?? min(length / 2, 128),
                maxQuestion: params["max_question_len"]?.integer ?? 64)
            let expected = try XCTUnwrap(one["windows"]?.array)
            XCTAssertEqual(windows.map(\.ids), expected.map { $0["ids"]!.integers })
            XCTAssertEqual(windows.map(\.typeIds), expected.map { $0["type_ids"]!.integers })
            XCTAssertEqual(
                windows.map { $0.context.map { [$0.start, $0.end] } },
                expected.map { $0["offsets"]!.array!.map(\.integers) })
        }
    }

    func testNoRoomBesideTheQuestion() throws {
        XCTAssertThrowsError(
            try Golden.tokenizer().windows(
                question: "one two three", context: "four", maxLength: 10, stride: 4, maxQuestion: 64))
    }

    func testAnotherTokenizerIsRefused() throws {
        let json = try JSON(reading: Data(#"{"normalizer": {"type": "NFC"}}"#.utf8))
        XCTAssertThrowsError(try Tokenizer(json)) { error in
            XCTAssertTrue("\(error)".contains("NFC"), "\(error)")
        }
    }

    func testSettingsThatItCannotFollowAreRefused() throws {
        let json = try JSON(reading: Data(contentsOf: Golden.tokenizerFile))
        let left = Data(#"{"truncation_side": "left"}"#.utf8)
        let split = Data(#"{"split_special_tokens": true}"#.utf8)
        for (config, word) in [(left, "left"), (split, "split_special_tokens")] {
            XCTAssertThrowsError(try Tokenizer(json, config: JSON(reading: config))) { error in
                XCTAssertTrue("\(error)".contains(word), "\(error)")
            }
        }
        let usual = Data(#"{"truncation_side": "right", "split_special_tokens": false}"#.utf8)
        XCTAssertNoThrow(try Tokenizer(json, config: JSON(reading: usual)))
    }

    func testEntriesThatOnlyLookAlikeStayApart() throws {
        let json = try JSON(reading: Data(#"{"\u00e9": 1, "e\u0301": 2, "\ud83d\ude80": 3}"#.utf8))
        XCTAssertEqual(json.members?.map(\.value), [1, 2, 3])
        XCTAssertEqual(json.members?[2].name, "🚀")
    }

    func testWhatIsNoJSONIsRefused() {
        for text in ["", "{", "[1,]", "{\"a\" 1}", "\"\\ud800\"", "nul", "1 2", "\"a"] {
            XCTAssertThrowsError(try JSON(reading: Data(text.utf8)), text)
        }
    }
}
