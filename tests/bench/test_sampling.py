"""ABBA blocks: balanced, the same for all, seeded, complete, and resumed where they stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from edge_distil._writing.journal import Journal
from edge_distil.errors import BenchmarkError
from edge_distil_bench.measurements import LEAD, STAGES, TIMED, WARMUP, Reading, Run
from edge_distil_bench.processes import Contestant
from edge_distil_bench.protocol import Effort, Protocol
from edge_distil_bench.queries import Queries
from edge_distil_bench.sampling import Workload, sample

PROTOCOL = Protocol("test", processes=2, warmup_runs=4, warmup_seconds=0.0, turn=2)
# Of five queries, each twice (once a half of a block), over two processes: at least 10, so 16.
EFFORT = Effort(queries=10)


Measured = tuple[list[Run], list[Reading], list[tuple[int, int]]]


@pytest.fixture(scope="module")
def measured(contestants: list[Contestant], queries: Queries, padded: Queries) -> Measured:
    progress: list[tuple[int, int]] = []
    runs, readings = sample(
        contestants,
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


def test_blocks_are_palindromes_of_turns_over_the_same_items(measured: Measured) -> None:
    for side_by_side in groups(measured[0]):
        turns_of_all = sorted(
            (start, block, index, items)
            for index, run in enumerate(side_by_side)
            for start, block, items in turns(run)
        )
        size = 2 * len(side_by_side)
        for first in range(0, len(turns_of_all), size):
            block = turns_of_all[first : first + size]
            order = [index for _, _, index, _ in block]
            assert order == order[::-1]
            assert Counter(order) == dict.fromkeys(range(len(side_by_side)), 2)
            assert len({number for _, number, _, _ in block}) == 1
            assert len({tuple(items) for _, _, _, items in block}) == 1
            assert {len(items) for _, _, _, items in block} == {PROTOCOL.turn}


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


def test_a_seed_is_an_order(contestants: list[Contestant], queries: Queries) -> None:
    def orders(seed: int) -> tuple[list[tuple[int, ...]], list[int]]:
        protocol = replace(PROTOCOL, processes=1, warmup_runs=1, seed=seed)
        workload = Workload(queries, Effort(32))
        runs, _ = sample(
            contestants[:2], [workload], protocol, journal=Journal(None, {}), group="g"
        )
        started = sorted((start, index) for index, r in enumerate(runs) for start, _, _ in turns(r))
        return [run.item for run in runs], [index for _, index in started]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_a_fast_model_repeats_until_the_time_is_reached(
    contestants: list[Contestant], queries: Queries
) -> None:
    protocol = replace(PROTOCOL, processes=1)
    runs, _ = sample(
        contestants[:1],
        [Workload(queries, Effort(4, seconds=0.2))],
        protocol,
        journal=Journal(None, {}),
        group="g",
    )
    assert runs[0].phase.count(TIMED) > 4
    assert runs[0].phase.count(TIMED) % 4 == 0


def test_what_was_measured_is_not_measured_again(
    contestants: list[Contestant], queries: Queries, padded: Queries, tmp_path: Path
) -> None:
    """The second list of inputs fails, the first is kept; a journal cut short begins again."""
    path, key = tmp_path / "journal.json", {"a": 1}
    workload = Workload(queries, EFFORT)
    broken = Workload(replace(padded, texts=(("only one text",),)), EFFORT)
    two = contestants[:2]
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
from edge_distil_bench.processes import contestant
from edge_distil_bench.protocol import Effort, Protocol
from edge_distil_bench.queries import make_queries
from edge_distil_bench.sampling import Workload, sample
from edge_distil.encoder import open_encoder
from edge_distil._writing.journal import Journal

queries = make_queries(open_encoder(TINY), "questions", "", TEXTS)
protocol = Protocol("test", processes=4, warmup_runs=2, warmup_seconds=0.3, turn=2)
one = contestant("tiny/fp32", TINY, "fp32", 1)
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
