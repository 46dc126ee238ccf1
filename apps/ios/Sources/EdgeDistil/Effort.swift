/// The numbers of the protocol; names as in `bench/edge_distil_bench/protocol/design.py`.
public struct Effort: Equatable, Sendable {
    public var name: String
    /// Rounds, each with models opened again: an application cannot start processes.
    public var rounds: Int
    /// Timed queries of each model, and their time, at least, over all rounds.
    public var queries: Int
    public var seconds: Double
    public var warmupRuns = 10
    public var warmupSeconds = 3.0
    /// Timed queries in a turn; a block holds twice as many of each model.
    public var turn = 6
    public var seed: UInt64 = 2019

    public init(name: String, rounds: Int, queries: Int, seconds: Double) {
        (self.name, self.rounds, self.queries, self.seconds) = (name, rounds, queries, seconds)
    }

    /// MLPerf Mobile's rule for a single stream: 1,024 queries and 60 s.
    public static let full = Effort(name: "full", rounds: 5, queries: 1024, seconds: 60)
    public static let quick = Effort(name: "quick", rounds: 2, queries: 128, seconds: 10)

    var blocks: Int { (queries + rounds * 2 * turn - 1) / (rounds * 2 * turn) }

    /// The protocol record of a document of measurements.
    public func json(notes: [String]) -> [JSON.Member] {
        [
            .init("name", .string(name)), .init("processes", .integer(rounds)),
            .init("queries", .integer(queries)), .init("seconds", .real(seconds)),
            .init("warmup_runs", .integer(warmupRuns)),
            .init("warmup_seconds", .real(warmupSeconds)), .init("turn", .integer(turn)),
            .init("seed", .integer(Int(seed))), .init("notes", JSON(notes)),
        ]
    }
}
