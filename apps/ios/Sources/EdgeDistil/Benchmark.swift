import Foundation

/// A list of queries.
public struct Workload: Sendable {
    public let id: String
    public let description: String
    public let queries: [Query]

    public init(id: String, description: String, queries: [Query]) {
        (self.id, self.description, self.queries) = (id, description, queries)
    }
}

/// A model to measure.
public struct Contestant {
    public let model: MeasuredModel
    /// Opens the model again: every round does so.
    public let open: () throws -> QuestionAnswering

    public init(model: MeasuredModel, open: @escaping () throws -> QuestionAnswering) {
        (self.model, self.open) = (model, open)
    }
}

/// Measures models side by side: randomised ABBA blocks over the same queries.
///
/// The first model runs twice, against itself: what that comparison shows is noise.
public final class Benchmark {
    /// What this protocol does otherwise than the one of `edge-distil study`.
    public static let notes = [
        "Measured in one application: a round opens every model again, in place of a fresh process.",
        "Memory, cold start and the matrix-multiply limit were not measured.",
    ]

    private let contestants: [Contestant]
    private let workload: Workload
    private let effort: Effort
    private let threads: Int
    private var random: SplitMix64
    private var done = 0
    private var started = 0
    /// What the device said of its temperature, whenever it said something else than before.
    public private(set) var thermalStates: [ThermalReading] = []
    /// Called with the number of blocks done and of all.
    public var progress: (Int, Int) -> Void = { _, _ in }
    /// Stops the measurement where it returns true.
    public var isCancelled: () -> Bool = { false }

    /// - Parameter threads: Recorded only: Core ML takes no number of threads.
    public init(
        _ contestants: [Contestant], on workload: Workload, effort: Effort,
        threads: Int = ProcessInfo.processInfo.activeProcessorCount
    ) {
        (self.contestants, self.workload) = (contestants, workload)
        (self.effort, self.threads) = (effort, threads)
        random = SplitMix64(state: effort.seed)
    }

    /// Measure all rounds.
    ///
    /// - Throws: `CancellationError` when stopped, and whatever a model throws.
    public func run() throws -> (inputs: MeasuredInputs, runs: [Run]) {
        guard !contestants.isEmpty, !workload.queries.isEmpty else {
            throw EdgeDistilError.input("nothing to measure, expected a model and a query at least")
        }
        let items = Array(workload.queries.indices).shuffled(using: &random)
        started = Clock.now()
        readThermalState()
        var runs: [Run] = []
        var inputs: MeasuredInputs?
        for round in 0..<effort.rounds {
            var instances = try opened(round)
            inputs = try inputs ?? measuredInputs(instances[0].answering)
            try measure(&instances, items)
            runs += instances.map(\.run)
        }
        return (inputs!, runs)
    }

    private struct Instance {
        let answering: QuestionAnswering
        var run: Run
        var secondsAQuery = 0.0
        var repeats = 1
    }

    private func opened(_ round: Int) throws -> [Instance] {
        try ([(contestants[0], 1)] + contestants.map { ($0, 0) }).map { contestant, copy in
            let run = Run(
                model: contestant.model.id, copy: copy, inputs: workload.id, threads: threads,
                process: round)
            return Instance(answering: try contestant.open(), run: run)
        }
    }

    private func measure(_ instances: inout [Instance], _ items: [Int]) throws {
        for index in instances.indices { try warmUp(&instances[index]) }
        setRepeats(&instances)
        let round = instances[0].run.process
        var order = Array(instances.indices)
        for block in 0..<effort.blocks {
            let first = (round * effort.blocks + block) * effort.turn
            let asked = (0..<effort.turn).map { items[(first + $0) % items.count] }
            order.shuffle(using: &random)
            for index in order + order.reversed() {
                try take(.lead, block, asked[0], &instances[index])
                for _ in 0..<instances[index].repeats {
                    for item in asked { try take(.timed, block, item, &instances[index]) }
                }
            }
            done += 1
            readThermalState()
            progress(done, effort.blocks * effort.rounds)
        }
    }

    private func readThermalState() {
        guard let state = Device.thermalState, state != thermalStates.last?.state else { return }
        let seconds = Double(Clock.now() - started) / 1e9
        thermalStates.append(ThermalReading(seconds: seconds, state: state))
    }

    private func warmUp(_ instance: inout Instance) throws {
        let end = Clock.now() + Int(effort.warmupSeconds * 1e9)
        var count = 0
        while count < effort.warmupRuns || Clock.now() < end {
            try take(.warmup, -1, count % workload.queries.count, &instance)
            count += 1
        }
        let totals = instance.run.samples.map(\.timing.total).sorted()
        instance.secondsAQuery = Double(totals[totals.count / 2]) / 1e9
    }

    /// Let a fast model answer each query several times in a turn, so that the time is reached.
    /// The two instances of one model do so equally often.
    private func setRepeats(_ instances: inout [Instance]) {
        let queries = Double(effort.blocks * 2 * effort.turn)
        let wanted = effort.seconds / Double(effort.rounds)
        for index in instances.indices {
            let same = instances.filter { $0.run.model == instances[index].run.model }
            let least = max(1e-9, same.map(\.secondsAQuery).min()!)
            instances[index].repeats = max(1, Int((wanted / (queries * least)).rounded(.up)))
        }
    }

    private func take(
        _ phase: Run.Phase, _ block: Int, _ item: Int, _ instance: inout Instance
    ) throws {
        if isCancelled() { throw CancellationError() }
        let timing = try instance.answering.timed(workload.queries[item]).timing
        instance.run.samples.append(
            Run.Sample(phase: phase, block: block, item: item, timing: timing))
    }

    /// Record the queries' lengths.
    ///
    /// - Throws: `EdgeDistilError.input` where a query needs more than one window.
    private func measuredInputs(_ answering: QuestionAnswering) throws -> MeasuredInputs {
        let tokens = try workload.queries.map { query in
            let windows = try answering.windows(query.question, query.context, .init())
            guard windows.count == 1 else {
                throw EdgeDistilError.input(
                    "a query needs \(windows.count) windows, expected one: "
                        + "shorten it (\(query.question))")
            }
            return try answering.model.lengths.fit(windows[0].ids.count)
        }
        let padded = answering.model.lengths.kind == .fixed ? tokens[0] : nil
        return MeasuredInputs(
            id: workload.id, description: workload.description, tokens: tokens, paddedTo: padded)
    }
}
