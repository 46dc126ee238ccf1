import EdgeDistil
import SwiftUI
import UIKit

/// Measures all models of the application side by side, and shares the document.
struct BenchmarkView: View {
    @StateObject private var measurement = Measurement()
    @State private var units = ComputeUnits.all
    @State private var isQuick = true

    var body: some View {
        NavigationStack {
            Form {
                Section {
                    Toggle("Quick", isOn: $isQuick)
                    Picker("Runs on", selection: $units) {
                        ForEach(ComputeUnits.allCases) { Text($0.name).tag($0) }
                    }
                } footer: {
                    Text("Quick: 128 queries and 10 s a model; else 1,024 queries and 60 s. Plug "
                        + "the device in, leave this view open, and turn low power mode off.")
                }
                .disabled(measurement.isRunning)
                Section { control }
                if let failure = measurement.failure {
                    Section { Text(failure).foregroundStyle(.red) }
                }
                if let result = measurement.result { summary(result) }
            }
            .navigationTitle("Measure")
        }
    }

    @ViewBuilder private var control: some View {
        if measurement.isRunning {
            ProgressView(value: measurement.progress)
            Button("Stop", role: .cancel) { measurement.stop() }
        } else {
            Button("Measure") {
                measurement.start(units, isQuick ? .quick : .full)
            }
        }
    }

    private func summary(_ result: Measurement.Result) -> some View {
        Section("Forward pass, median") {
            ForEach(result.medians, id: \.model) { one in
                LabeledContent(one.model, value: String(format: "%.2f ms", one.milliseconds))
            }
            ShareLink("measurements.json", item: result.file)
        }
    }
}

/// A measurement that runs in the background.
@MainActor
final class Measurement: ObservableObject {
    struct Result: Sendable {
        let file: URL
        let medians: [Median]
    }

    struct Median: Sendable {
        let model: String
        let milliseconds: Double
    }

    @Published private(set) var progress = 0.0
    @Published private(set) var isRunning = false
    @Published private(set) var result: Result?
    @Published private(set) var failure: String?
    private var task: Task<Void, Never>?

    func start(_ units: ComputeUnits, _ effort: Effort) {
        (progress, isRunning, result, failure) = (0, true, nil, nil)
        UIApplication.shared.isIdleTimerDisabled = true
        task = Task.detached(priority: .userInitiated) { [weak self] in
            do {
                let found = try Self.measure(units, effort) { share in
                    Task { @MainActor [weak self] in self?.progress = share }
                }
                await self?.finish(found, nil)
            } catch {
                await self?.finish(nil, error is CancellationError ? nil : "\(error)")
            }
        }
    }

    func stop() { task?.cancel() }

    private func finish(_ found: Result?, _ error: String?) {
        (isRunning, result, failure) = (false, found, error)
        UIApplication.shared.isIdleTimerDisabled = false
    }

    private nonisolated static func measure(
        _ units: ComputeUnits, _ effort: Effort, progress: @escaping (Double) -> Void
    ) throws -> Result {
        let queries = try Resources.queries()
        let contestants = Resources.models.map { model in
            Contestant(model: model.measured(units)) { try model.open(units) }
        }
        let benchmark = Benchmark(
            contestants,
            on: Workload(
                id: "questions", description: "\(queries.count) questions of passages.json",
                queries: queries),
            effort: effort)
        benchmark.isCancelled = { Task.isCancelled }
        benchmark.progress = { done, all in progress(Double(done) / Double(all)) }
        let created = Date()
        let found = try benchmark.run()
        let document = Measurements(
            device: Device.identifier, created: created,
            protocolNumbers: effort.json(notes: Benchmark.notes),
            environment: Device.environment(benchmark.thermalStates),
            models: contestants.map(\.model), inputs: [found.inputs], runs: found.runs)
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("measurements.json")
        try document.write(to: file)
        return Result(file: file, medians: contestants.map { median($0.model.id, found.runs) })
    }

    private nonisolated static func median(_ model: String, _ runs: [Run]) -> Median {
        let times = runs.filter { $0.model == model && $0.copy == 0 }
            .flatMap(\.samples).filter { $0.phase == .timed }.map(\.timing.forward).sorted()
        return Median(model: model, milliseconds: Double(times[times.count / 2]) / 1e6)
    }
}
