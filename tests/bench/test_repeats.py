"""Real processes, tiny models: how often each answers, as `simulated` imitates it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from simulated import Simulated, simulate_runs

import edge_distil
from edge_distil._writing.journal import Journal
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.processes import participant
from edge_distil_bench.protocol.queries import make_queries
from edge_distil_bench.protocol.sampling import Workload, sample
from edge_distil_bench.records import Run

PROTOCOL = Protocol("tiny", processes=2, warmup_runs=3, warmup_seconds=0.0, turn=3)
EFFORT = Effort(24, 0.2)  # a tiny model answers in a fraction of a millisecond: many repeats
TEXTS = [("Who?", f"ada wrote {n} notes") for n in range(5)]


def shape(run: Run) -> tuple[object, ...]:
    """What a run is but for its times; warm-up apart, which ends with the clock."""
    kept = [i for i, phase in enumerate(run.phase) if phase != "warmup"]
    columns = [tuple(column[i] for i in kept) for column in (run.phase, run.block, run.item)]
    return (run.model, run.copy, run.inputs, run.threads, run.process, *columns)


def test_copies_of_a_model_answer_equally_often(tiny: Path) -> None:
    bundle = tiny / "question_answering"
    queries = make_queries(edge_distil.load(bundle).encoder, "questions", "", TEXTS)
    copies = [participant("tiny/fp32", bundle, "fp32", 1, copy) for copy in (0, 1)]
    workload = Workload(queries, EFFORT)
    runs, _ = sample(copies, [workload], PROTOCOL, journal=Journal(None, {}), group="tiny")
    assert len(runs) == 4
    for first, second in zip(runs[::2], runs[1::2], strict=True):
        assert (first.copy, second.copy) == (0, 1)
        assert first.phase.count("timed") == second.phase.count("timed")
        assert first.phase.count("timed") > EFFORT.queries / PROTOCOL.processes


def test_simulated_runs_have_the_columns_of_real_ones(tiny: Path) -> None:
    """Without a time to reach, what is asked in which order does not depend on the clock."""
    bundle, effort = tiny / "question_answering", Effort(24)
    queries = make_queries(edge_distil.load(bundle).encoder, "questions", "", TEXTS)
    real = [participant("tiny/fp32", bundle, "fp32", 1, copy) for copy in (0, 1)]
    workload = Workload(queries, effort)
    runs, _ = sample(real, [workload], PROTOCOL, journal=Journal(None, {}), group="tiny")
    made = Simulated("tiny/fp32", 1e-3)
    simulated = simulate_runs([made, replace(made, copy=1)], queries.inputs, 1, PROTOCOL, effort)
    assert list(map(shape, simulated)) == list(map(shape, runs))
