import Foundation
import XCTest

@testable import EdgeDistil

/// Files of the repository, found from this one.
enum Golden {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    static func cases(_ name: String) throws -> [JSON] {
        let file = tests.appendingPathComponent("golden/\(name).json")
        return try XCTUnwrap(try JSON(reading: Data(contentsOf: file)).array)
    }

    /// Of the embedded checkpoint.
    static func tokenizer() throws -> Tokenizer { try Tokenizer(contentsOf: tokenizerFile) }

    static var tokenizerFile: URL {
        let apps = tests.deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return apps.appendingPathComponent("models/minilm-l6-squad/tokenizer.json")
    }
}

extension JSON {
    var integers: [Int] { (array ?? []).compactMap(\.integer) }
    var floats: [Float] { (array ?? []).compactMap(\.number).map(Float.init) }
}

/// Gives the logits that the real model gave for the same token ids.
struct RecordedModel: QuestionAnsweringModel {
    let lengths: Lengths
    var recorded: [[Int32]: Logits] = [:]

    init(lengths: Lengths = Lengths(kind: .range, values: [2, 512]), windows: [JSON] = []) {
        self.lengths = lengths
        for window in windows {
            recorded[window["ids"]!.integers.map(Int32.init)] = Logits(
                start: window["start_logits"]!.floats, end: window["end_logits"]!.floats)
        }
    }

    func logits(_ features: Features) throws -> Logits {
        let tokens = features.attentionMask.reduce(0, +)
        guard let found = recorded[Array(features.inputIds.prefix(Int(tokens)))] else {
            throw EdgeDistilError.model("the model was asked for other tokens than recorded")
        }
        let padding = [Float](repeating: 50, count: features.inputIds.count - Int(tokens))
        return Logits(start: found.start + padding, end: found.end + padding)
    }
}
