import Foundation

/// The document that `edge-distil study --merge` reads: raw samples, no conclusions.
///
/// Its format is described in `bench/edge_distil_bench/records/document.py`, schema version 1. Times are whole
/// nanoseconds of a monotonic clock. What could not be read is null, never 0.
public struct Measurements {
    public static let schema = "edge-distil/measurements"
    public static let schemaVersion = 1

    /// A name for people.
    public var device: String
    public var created: Date
    /// Every number of the protocol that ran.
    public var protocolNumbers: [JSON.Member]
    /// What the device and its software are.
    public var environment: [JSON.Member]
    public var models: [MeasuredModel]
    public var inputs: [MeasuredInputs]
    public var runs: [Run]

    public init(
        device: String, created: Date, protocolNumbers: [JSON.Member], environment: [JSON.Member],
        models: [MeasuredModel], inputs: [MeasuredInputs], runs: [Run]
    ) {
        (self.device, self.created) = (device, created)
        (self.protocolNumbers, self.environment) = (protocolNumbers, environment)
        (self.models, self.inputs, self.runs) = (models, inputs, runs)
    }

    public var json: JSON {
        .object([
            .init("schema", .string(Self.schema)),
            .init("schema_version", .integer(Self.schemaVersion)),
            .init("device", .string(device)),
            .init("created", .string(ISO8601DateFormatter().string(from: created))),
            .init("protocol", .object(protocolNumbers)),
            .init("environment", .object(environment)),
            .init("models", .array(models.map(\.json))),
            .init("inputs", .array(inputs.map(\.json))),
            .init("runs", .array(runs.map(\.json))),
        ] + Self.notMeasured.map { .init($0, .array([])) })
    }

    /// What a phone's application cannot measure, or nobody needs from it.
    private static let notMeasured = [
        "memory", "cold_starts", "curves", "limits", "accuracy", "checks", "readings",
    ]

    /// Write the document.
    public func write(to url: URL) throws {
        try Data((json.text + "\n").utf8).write(to: url, options: .atomic)
    }
}

/// A model file that was timed.
public struct MeasuredModel: Sendable {
    /// Unique in the document: `"distilbert-base/fp16"`.
    public let id: String
    public let model: String
    public let variant: String
    /// What ran it: `"Core ML, iOS 18.1"`.
    public let engine: String
    /// False where the weights are random.
    public let trained: Bool
    public let bytes: Int
    /// How it was run: compute units.
    public let options: [JSON.Member]

    public init(
        model: String, variant: String, engine: String, trained: Bool = true, bytes: Int,
        options: [JSON.Member] = []
    ) {
        id = "\(model)/\(variant)"
        (self.model, self.variant, self.engine) = (model, variant, engine)
        (self.trained, self.bytes, self.options) = (trained, bytes, options)
    }

    var json: JSON {
        .object([
            .init("id", .string(id)), .init("model", .string(model)),
            .init("variant", .string(variant)), .init("engine", .string(engine)),
            .init("trained", .bool(trained)), .init("bytes", .integer(bytes)),
            .init("sha256", nil), .init("tokenizer_sha256", nil), .init("parameters", nil),
            .init("flops", nil), .init("options", .object(options)),
        ])
    }
}

/// A list of queries that all models answered.
public struct MeasuredInputs: Sendable {
    public let id: String
    public let description: String
    /// Length of each query in tokens as it was run, padding included.
    public let tokens: [Int]
    /// Length that all were padded to; `nil` where they differ.
    public let paddedTo: Int?

    var json: JSON {
        .object([
            .init("id", .string(id)), .init("description", .string(description)),
            .init("tokens", JSON(tokens)), .init("padded_to", JSON(paddedTo)),
        ])
    }
}

/// One query, in nanoseconds; the stages add up to the total.
public struct Timing: Equatable, Sendable {
    public var start = 0
    public var tokenize = 0
    public var features = 0
    public var forward = 0
    public var decode = 0
    public var total = 0
}

/// The samples of one model on one list of inputs in one round: columns of equal length.
public struct Run: Sendable {
    public enum Phase: String, Sendable { case warmup, lead, timed }

    public struct Sample: Sendable {
        public let phase: Phase
        /// Number of the ABBA block; -1 during warm-up.
        public let block: Int
        public let item: Int
        public let timing: Timing
    }

    public let model: String
    /// 1 for the second instance of a model, which the A/A comparison is made with.
    public let copy: Int
    public let inputs: String
    public let threads: Int
    public let process: Int
    public var samples: [Sample] = []

    var json: JSON {
        func column(_ value: (Sample) -> Int) -> JSON { JSON(samples.map(value)) }
        return .object([
            .init("model", .string(model)), .init("copy", .integer(copy)),
            .init("inputs", .string(inputs)), .init("threads", .integer(threads)),
            .init("process", .integer(process)),
            .init("phase", JSON(samples.map(\.phase.rawValue))),
            .init("block", column(\.block)), .init("item", column(\.item)),
            .init("start_ns", column(\.timing.start)),
            .init("stage_ns", .object([
                .init("tokenize", column(\.timing.tokenize)),
                .init("features", column(\.timing.features)),
                .init("forward", column(\.timing.forward)),
                .init("decode", column(\.timing.decode)),
            ])),
            .init("total_ns", column(\.timing.total)),
        ])
    }
}
