import Foundation
import XCTest

@testable import EdgeDistil

final class BenchmarkTests: XCTestCase {
    private func measured() throws -> (inputs: MeasuredInputs, runs: [Run]) {
        let cases = Array(try Golden.cases("questions").prefix(5))
        let tokenizer = try Golden.tokenizer()
        let model = RecordedModel(windows: cases.flatMap { $0["windows"]!.array! })
        let contestants = ["fp16", "int8"].map { variant in
            Contestant(
                model: MeasuredModel(
                    model: "minilm-l6-squad", variant: variant, engine: "recorded", bytes: 1)
            ) { QuestionAnswering(tokenizer: tokenizer, model: model) }
        }
        let queries = cases.map {
            Query(question: $0["question"]!.string!, context: $0["context"]!.string!)
        }
        var effort = Effort(name: "test", rounds: 2, queries: 24, seconds: 0)
        effort.warmupSeconds = 0
        return try Benchmark(
            contestants, on: Workload(id: "questions", description: "five", queries: queries),
            effort: effort, threads: 1
        ).run()
    }

    func testEveryModelAnswersTheSameQueriesEquallyOften() throws {
        let (inputs, runs) = try measured()
        XCTAssertEqual(inputs.tokens.count, 5)
        XCTAssertEqual(
            runs.map { "\($0.model) \($0.copy) \($0.process)" },
            (0..<2).flatMap { round in
                ["fp16 1", "fp16 0", "int8 0"].map { "minilm-l6-squad/\($0) \(round)" }
            })
        for round in 0..<2 {
            let items = runs.filter { $0.process == round }.map { run in
                run.samples.filter { $0.phase == .timed }.map(\.item)
            }
            XCTAssertEqual(items[0].count, 12)
            XCTAssertEqual(items[0], items[1])
            XCTAssertEqual(items[0], items[2])
        }
    }

    func testWarmUpComesFirstAndOneLeadBeforeEachTurn() throws {
        for run in try measured().runs {
            let phases = run.samples.map(\.phase)
            XCTAssertEqual(phases.prefix(10), ArraySlice(repeating: .warmup, count: 10))
            XCTAssertEqual(phases.filter { $0 == .lead }.count, 2)
            XCTAssertEqual(phases[10], .lead)
            XCTAssertEqual(run.samples[10].item, run.samples[11].item)
        }
    }

    func testStagesAddUpAndTimeGoesOn() throws {
        for run in try measured().runs {
            var last = 0
            for timing in run.samples.map(\.timing) {
                let sum = timing.tokenize + timing.features + timing.forward + timing.decode
                XCTAssertEqual(sum, timing.total)
                XCTAssertGreaterThanOrEqual(min(timing.decode, timing.forward), 0)
                XCTAssertGreaterThanOrEqual(timing.start, last)
                last = timing.start + timing.total
            }
        }
    }

    func testItStopsWhenAsked() throws {
        let benchmark = Benchmark(
            [
                Contestant(model: MeasuredModel(model: "m", variant: "v", engine: "e", bytes: 1)) {
                    QuestionAnswering(tokenizer: try Golden.tokenizer(), model: RecordedModel())
                }
            ],
            on: Workload(id: "q", description: "", queries: [Query(question: "a", context: "b")]),
            effort: .quick)
        benchmark.isCancelled = { true }
        XCTAssertThrowsError(try benchmark.run()) { XCTAssertTrue($0 is CancellationError) }
    }

    /// Writes the document to the place that `EDGE_DISTIL_MEASUREMENTS` names, for the Python tests.
    func testTheDocumentCanBeRead() throws {
        let (inputs, runs) = try measured()
        let models = ["fp16", "int8"].map {
            MeasuredModel(model: "minilm-l6-squad", variant: $0, engine: "recorded", bytes: 1)
        }
        let document = Measurements(
            device: "Test \"device\"", created: Date(timeIntervalSince1970: 0),
            protocolNumbers: Effort.quick.json(notes: Benchmark.notes),
            environment: Device.environment([ThermalReading(seconds: 2, state: "fair")]),
            models: models, inputs: [inputs], runs: runs)
        let folder = FileManager.default.temporaryDirectory
        let place = ProcessInfo.processInfo.environment["EDGE_DISTIL_MEASUREMENTS"]
        let file = place.map(URL.init(fileURLWithPath:))
            ?? folder.appendingPathComponent("\(UUID()).json")
        try document.write(to: file)
        let read = try JSON(reading: Data(contentsOf: file))
        XCTAssertEqual(read["schema"], "edge-distil/measurements")
        XCTAssertEqual(read["device"], "Test \"device\"")
        XCTAssertEqual(read["created"], "1970-01-01T00:00:00Z")
        XCTAssertEqual(read["runs"]?.array?.count, 6)
        if place == nil { try FileManager.default.removeItem(at: file) }
    }
}
