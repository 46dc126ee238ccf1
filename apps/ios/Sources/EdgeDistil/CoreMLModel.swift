#if canImport(CoreML)
import CoreML
import Foundation

/// A question-answering package of `edge-distil export --coreml`, run by Core ML.
public final class CoreMLModel: QuestionAnsweringModel {
    public let lengths: Lengths
    private let model: MLModel
    private let inputs: Set<String>

    /// Open a package that Xcode compiled into the application.
    ///
    /// - Parameter url: Of the `.mlmodelc`.
    /// - Throws: `EdgeDistilError.bundle` where it is no package of edge-distil's for question
    ///   answering, and whatever Core ML throws.
    public init(compiled url: URL, computeUnits: MLComputeUnits = .all) throws {
        let configuration = MLModelConfiguration()
        configuration.computeUnits = computeUnits
        model = try MLModel(contentsOf: url, configuration: configuration)
        inputs = Set(model.modelDescription.inputDescriptionsByName.keys)
        let metadata =
            model.modelDescription.metadata[.creatorDefinedKey] as? [String: String] ?? [:]
        let task = metadata["edge_distil.task"] ?? "none"
        guard task == "question-answering" else {
            throw EdgeDistilError.bundle(
                "\(url.lastPathComponent) has the task \(task), expected question-answering: "
                    + "export a question-answering checkpoint with edge-distil export --coreml")
        }
        lengths = try Lengths(metadata: metadata["edge_distil.lengths"] ?? "")
    }

    /// Compile a downloaded `.mlpackage` on the device and open it.
    public static func open(
        package url: URL, computeUnits: MLComputeUnits = .all
    ) async throws -> CoreMLModel {
        try CoreMLModel(
            compiled: try await MLModel.compileModel(at: url), computeUnits: computeUnits)
    }

    public func logits(_ features: Features) throws -> Logits {
        let values = [
            "input_ids": features.inputIds, "attention_mask": features.attentionMask,
            "token_type_ids": features.tokenTypeIds,
        ]
        let arrays = values.filter { inputs.contains($0.key) }.mapValues { row in
            MLMultiArray(MLShapedArray<Int32>(scalars: row, shape: [1, row.count]))
        }
        let found = try model.prediction(from: MLDictionaryFeatureProvider(dictionary: arrays))
        return Logits(
            start: try Self.row("start_logits", of: found),
            end: try Self.row("end_logits", of: found))
    }

    /// An output `(1, sequence)`, of float16 or float32.
    private static func row(_ name: String, of found: any MLFeatureProvider) throws -> [Float] {
        guard let array = found.featureValue(for: name)?.multiArrayValue else {
            throw EdgeDistilError.model("the package gave no \(name): export it again")
        }
        return MLShapedArray<Float>(converting: array).scalars
    }
}
#endif
