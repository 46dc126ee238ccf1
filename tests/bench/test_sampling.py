"""ABBA blocks: balanced, the same for all, seeded, complete, and resumed where they stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge_distil._writing.journal import Journal
from edge_distil.errors import BenchmarkError
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.processes import Participant
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.protocol.sampling import Ending, Workload, sample
from edge_distil_bench.records import LEAD, STAGES, TIMED, WARMUP, Reading, Run

PROTOCOL = Protocol("test", processes=2, warmup_runs=4, warmup_seconds=0.0, turn=2)
# Of five queries, each twice (once a half of a block), over two processes: at least 10, so 16.
EFFORT = Effort(queries=10)


Measured = tuple[list[Run], list[Reading], list[tuple[int, int]]]


@pytest.fixture(scope="module")
def measured(participants: list[Participant], queries: Queries, padded: Queries) -> Measured:
    progress: list[tuple[int, int]] = []
    runs, readings = sample(
        participants,
        [Workload(queries, EFFORT), Workload(padded, EFFORT)],
        PROTOCOL,
        journal=Journal(None, {}),
        group="test",
        progress=lambda *done: progress.append(done),
    )
    return runs, readings, progress


def turns(run: Run) -> list[tuple[int, int, list[int]]]:
    """When each turn began, its block, and its timed items."""
    found: list[tuple[int, int, list[int]]] = []
    for phase, block, item, start in zip(run.phase, run.block, run.item, run.start_ns, strict=True):
        if phase == LEAD:
            found.append((start, block, []))
        elif phase == TIMED:
            found[-1][2].append(item)
    return found


def groups(runs: list[Run]) -> list[list[Run]]:
    """Runs that were made side by side."""
    keys = dict.fromkeys((run.inputs, run.process) for run in runs)
    return [[run for run in runs if (run.inputs, run.process) == key] for key in keys]


def test_there_is_a_run_for_each_model_inputs_and_process(measured: Measured) -> None:
    runs, readings, progress = measured
    keys = {(run.model, run.copy, run.inputs, run.process) for run in runs}
    assert len(keys) == len(runs) == 3 * 2 * 2
    blocks = {(run.inputs, run.process, block) for run in runs for block in run.block if block >= 0}
    assert len(blocks) == len(readings) == progress[-1][0] == progress[-1][1]


def test_columns_are_whole_and_in_order(measured: Measured) -> None:
    for run in measured[0]:
        columns = [run.block, run.item, run.start_ns, run.total_ns, *run.stage_ns.values()]
        assert {len(column) for column in columns} == {len(run.phase)}
        assert set(run.stage_ns) == set(STAGES)
        assert [sum(row) for row in zip(*run.stage_ns.values(), strict=True)] == list(run.total_ns)
        ends = [s + t for s, t in zip(run.start_ns, run.total_ns, strict=True)]
        assert all(end <= start for end, start in zip(ends, run.start_ns[1:], strict=False))
        assert all(
            (phase == WARMUP) == (block < 0)
            for phase, block in zip(run.phase, run.block, strict=True)
        )


def test_the_warm_up_is_kept(measured: Measured) -> None:
    """A process that has answered other inputs is warm; it has three runs to get used to these."""
    assert [run.phase.count(WARMUP) for run in measured[0] if run.inputs == "questions"] == [4] * 6
    assert [run.phase.count(WARMUP) for run in measured[0] if run.inputs == "padded"] == [3] * 6


def test_models_of_one_process_take_turns_query_by_query(measured: Measured) -> None:
    """Over a block none comes earlier or later than another, or answers other queries."""
    for side_by_side in groups(measured[0]):
        assert {run.host for run in side_by_side} == {0}
        turns_of_all = sorted(
            (start, block, index, items)
            for index, run in enumerate(side_by_side)
            for start, block, items in turns(run)
        )
        models, size = len(side_by_side), 2 * PROTOCOL.turn * len(side_by_side)
        for first in range(0, len(turns_of_all), size):
            block = turns_of_all[first : first + size]
            order = [index for _, _, index, _ in block]
            places = [sum(at for at, i in enumerate(order) if i == m) for m in range(models)]
            assert Counter(order) == dict.fromkeys(range(models), 2 * PROTOCOL.turn)
            assert len(set(places)) == 1
            assert len({number for _, number, _, _ in block}) == 1
            assert {len(items) for *_, items in block} == {1}
            for at in range(0, size, models):  # all answer a query before the next one comes
                assert len({tuple(items) for *_, items in block[at : at + models]}) == 1
                assert len({index for _, _, index, _ in block[at : at + models]}) == models


def test_processor_time_is_of_the_forward_pass(measured: Measured) -> None:
    """One thread: it uses no more of the processor than time passes, but for the clocks' ticks."""
    for run in measured[0]:
        assert len(run.cpu_ns) == len(run.total_ns)
        assert 0 < sum(run.cpu_ns) < 1.1 * sum(run.total_ns)


def test_who_shares_a_process_and_who_does_not(
    participants: list[Participant], queries: Queries
) -> None:
    """A copy that is apart runs in a process of its own, as peers do, in blocks of both."""
    three = [*participants[:2], replace(participants[0], copy=2, apart=True)]
    protocol = replace(PROTOCOL, processes=1)
    runs, _ = sample(
        three, [Workload(queries, Effort(8))], protocol, journal=Journal(None, {}), group="g"
    )
    assert [run.host for run in runs] == [0, 0, 1]
    assert [run.phase.count(TIMED) for run in runs] == [8, 8, 8]
    assert [run.phase.count(LEAD) for run in runs] == [8, 8, 4]  # alone: one a half of a block
    assert len({tuple(sorted(set(zip(r.block, r.item, strict=True)))) for r in runs}) == 1


def test_rounds_are_added_until_they_decide(
    participants: list[Participant], queries: Queries
) -> None:
    asked: list[int] = []

    def decided(runs: Sequence[Run]) -> bool:
        asked.append(len({run.process for run in runs}))
        return len(asked) == 2

    protocol = replace(PROTOCOL, sequential=True)
    options = {"journal": Journal(None, {}), "group": "g"}
    workloads = [Workload(queries, EFFORT)]
    runs, _ = sample(participants[:1], workloads, protocol, **options, ending=Ending(decided, 1e9))
    assert asked == [2, 3]
    assert [run.process for run in runs] == [0, 1, 2]
    runs, _ = sample(
        participants[:1], workloads, protocol, **options, ending=Ending(lambda _: False, 0)
    )
    assert [run.process for run in runs] == [0, 1]  # no time for more


def test_every_item_is_answered_when_the_effort_is_twice_as_many(
    measured: Measured, queries: Queries
) -> None:
    for model in ("tiny/fp32", "tiny/int8"):
        of_model = [
            r for r in measured[0] if (r.model, r.copy, r.inputs) == (model, 0, "questions")
        ]
        timed = [
            i for run in of_model for i, p in zip(run.item, run.phase, strict=True) if p == TIMED
        ]
        assert set(timed) == set(range(len(queries.texts)))
        assert len(timed) >= EFFORT.queries


def test_a_seed_is_an_order(participants: list[Participant], queries: Queries) -> None:
    def orders(seed: int) -> tuple[list[tuple[int, ...]], list[int]]:
        protocol = replace(PROTOCOL, processes=1, warmup_runs=1, seed=seed)
        workload = Workload(queries, Effort(32))
        runs, _ = sample(
            participants[:2], [workload], protocol, journal=Journal(None, {}), group="g"
        )
        started = sorted((start, index) for index, r in enumerate(runs) for start, _, _ in turns(r))
        return [run.item for run in runs], [index for _, index in started]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_a_fast_model_repeats_until_the_time_is_reached(
    participants: list[Participant], queries: Queries
) -> None:
    protocol = replace(PROTOCOL, processes=1)
    runs, _ = sample(
        participants[:1],
        [Workload(queries, Effort(4, seconds=0.2))],
        protocol,
        journal=Journal(None, {}),
        group="g",
    )
    assert runs[0].phase.count(TIMED) > 4
    assert runs[0].phase.count(TIMED) % 4 == 0


def test_what_was_measured_is_not_measured_again(
    participants: list[Participant], queries: Queries, padded: Queries, tmp_path: Path
) -> None:
    """The second list of inputs fails, the first is kept; a journal cut short begins again."""
    path, key = tmp_path / "journal.json", {"a": 1}
    workload = Workload(queries, EFFORT)
    broken = Workload(replace(padded, texts=(("only one text",),)), EFFORT)
    two = participants[:2]
    with pytest.raises(BenchmarkError, match="has 1 texts"):
        sample(two, [workload, broken], PROTOCOL, journal=Journal(path, key), group="g")
    kept = json.loads(path.read_text())["figures"]
    assert list(kept) == ["g/questions/0"]

    progress: list[tuple[int, int]] = []
    runs, _ = sample(
        two, [workload], PROTOCOL, journal=Journal(path, key), group="g",
        progress=lambda *done: progress.append(done),
    )  # fmt: skip
    assert [list(run.total_ns) for run in runs[:2]] == [
        run["total_ns"] for run in kept["g/questions/0"]["runs"]
    ]
    assert progress[-1][0] == progress[-1][1]

    path.write_text(path.read_text()[:-40])
    assert "g/questions/0" not in Journal(path, key)
    assert "g/questions/0" not in Journal(path, {"a": 2})


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from conftest import TEXTS, TINY
from pathlib import Path
from edge_distil_bench.protocol.processes import participant
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.queries import make_queries
from edge_distil_bench.protocol.sampling import Workload, sample
from edge_distil.encoder import open_encoder
from edge_distil._writing.journal import Journal

queries = make_queries(open_encoder(TINY), "questions", "", TEXTS)
protocol = Protocol("test", processes=4, warmup_runs=2, warmup_seconds=0.3, turn=2)
one = participant("tiny/fp32", TINY, "fp32", 1)
runs, _ = sample([one], [Workload(queries, Effort(16))], protocol,
                 journal=Journal(Path(sys.argv[1]), {{}}), group="g")
print(*(run.start_ns[0] for run in runs))
"""


def test_a_killed_measurement_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    script = SCRIPT.format(here=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, str(path)]
    first = subprocess.Popen(command)
    while not path.exists():
        assert first.poll() is None
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    before = json.loads(path.read_text())["figures"]
    assert 1 <= len(before) < 4
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    after = json.loads(path.read_text())["figures"]
    assert {name: after[name] for name in before} == before
    assert sorted(after) == [f"g/questions/{process}" for process in range(4)]
    assert len(ended.stdout.split()) == 4
