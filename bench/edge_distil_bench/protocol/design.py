"""The numbers of the measuring protocol."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Protocol:
    """How much is measured, and in what order.

    A block holds ``turn`` queries, which every model answers twice: models that share a process
    one after the other query by query, in an order drawn for each block and turned round after
    each query; then all once more in the opposite order (ABBA).

    Attributes:
        name: For people.
        processes: Rounds of fresh processes; where `sequential`, those before the first look.
        warmup_runs: Runs before the first timed one, at least, in each process.
        warmup_seconds: Time of these runs, at least.
        turn: Queries of a block, each timed twice, at least.
        cold_starts: Fresh processes to the first answer, a model.
        seed: Of every order and every sample.
        lead: Whether a turn of a model that shares its process begins with a run that is not
            counted, for the caches hold another model's weights. Models that fill them by
            themselves need none: MiniLM took as long with one as without (23 to 90 MB, Xeon).
        sequential: Whether rounds are added until the figures decide; see
            `edge_distil_bench.protocol.looks`.
    """

    name: str
    processes: int
    warmup_runs: int = 10
    warmup_seconds: float = 3.0
    turn: int = 6
    cold_starts: int = 20
    seed: int = 2019
    lead: bool = True
    sequential: bool = False


@dataclass(frozen=True)
class Effort:
    """How long one list of inputs is measured: both are reached, by every model.

    Attributes:
        queries: Timed queries of each model, over the rounds of `Protocol.processes`.
        seconds: Time of these queries. A fast model answers each query several times in a turn,
            rather than that the slow ones wait for it.
    """

    queries: int
    seconds: float = 0.0


# MLPerf Mobile's rule for a single stream: 1,024 queries and 60 s.
FULL, FULL_HEADLINE = Protocol("full", processes=5), Effort(1024, 60)
QUICK, QUICK_HEADLINE = Protocol("quick", processes=2), Effort(128, 10)
