"""Samples of several models on the same queries: fresh processes, randomised ABBA blocks.

Source of the design: Kalibera and Jones 2013, "Rigorous Benchmarking in Reasonable Time"
(repetition at the level of processes, where the variation is); Hoefler and Belli 2015.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_distil._writing.journal import Journal
from edge_distil_bench.measurements import (
    LEAD,
    STAGES,
    TIMED,
    WARMUP,
    Reading,
    Run,
    plain,
    record,
)
from edge_distil_bench.processes import Contestant, Worker, started
from edge_distil_bench.protocol import Effort, Protocol
from edge_distil_bench.queries import Queries
from edge_distil_bench.sensors import read_sensors

Progress = Callable[[int, int], None]
_NO_BLOCK = -1
_RUNS_WHEN_WARM = 3


@dataclass(frozen=True)
class Workload:
    """Queries, and how long they are measured."""

    queries: Queries
    effort: Effort

    def blocks(self, protocol: Protocol) -> int:
        """Return the blocks of each process."""
        return math.ceil(self.effort.queries / protocol.processes / (2 * protocol.turn))


@dataclass
class _Column:
    """The samples of one worker, as they come."""

    phase: list[str] = field(default_factory=list)
    block: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    start_ns: list[int] = field(default_factory=list)
    stage_ns: dict[str, list[int]] = field(default_factory=dict)
    total_ns: list[int] = field(default_factory=list)

    def add(self, phase: Sequence[str], block: int, items: Sequence[int], reply: Any) -> None:
        self.phase += phase
        self.block += [block] * len(items)
        self.item += items
        self.start_ns += reply["start_ns"]
        self.total_ns += reply["total_ns"]
        for stage in STAGES:
            if stage in reply["stage_ns"]:
                self.stage_ns.setdefault(stage, []).extend(reply["stage_ns"][stage])


def sample(
    contestants: Sequence[Contestant],
    workloads: Sequence[Workload],
    protocol: Protocol,
    *,
    journal: Journal,
    group: str,
    progress: Progress | None = None,
) -> tuple[list[Run], list[Reading]]:
    """Measure models side by side; what the journal holds is not measured again.

    Args:
        contestants: The models; all answer every query.
        workloads: Measured one after the other in the same processes.
        protocol: Its numbers.
        journal: Where each process's samples are kept as soon as they are known.
        group: A name for these contestants, unique in the journal.
        progress: Called with the number of blocks done and of all.

    Raises:
        BenchmarkError: A worker cannot go on; what was measured before is kept.
    """
    tally = _Tally(sum(w.blocks(protocol) for w in workloads) * protocol.processes, progress)
    units: list[dict[str, Any]] = []
    for process in range(protocol.processes):
        names = [f"{group}/{w.queries.inputs.id}/{process}" for w in workloads]
        if all(name in journal for name in names):
            tally.skip(sum(w.blocks(protocol) for w in workloads))
            units += [journal.recall(name, dict) for name in names]
            continue
        with started(contestants) as workers, TemporaryDirectory() as folder:
            for name, workload in zip(names, workloads, strict=True):
                if name in journal:
                    tally.skip(workload.blocks(protocol))
                unit = _Unit(workers, workload, protocol, process, Path(folder), tally)
                units.append(journal.recall(name, unit.measure))
    runs = [record(Run, run) for unit in units for run in unit["runs"]]
    return runs, [record(Reading, one) for unit in units for one in unit["readings"]]


class _Tally:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def skip(self, blocks: int) -> None:
        self.done += blocks
        if self.progress is not None:
            self.progress(self.done, self.total)


@dataclass
class _Unit:
    """One list of inputs in one round of processes."""

    workers: Sequence[Worker]
    workload: Workload
    protocol: Protocol
    process: int
    folder: Path
    tally: _Tally

    def measure(self) -> dict[str, Any]:
        queries = self.workload.queries
        file = self.folder / f"{queries.inputs.id}.json"
        queries.write(file)
        columns = [_Column() for _ in self.workers]
        seconds = []
        for worker, column in zip(self.workers, columns, strict=True):
            worker.ask(queries=str(file))
            seconds.append(self._warm_up(worker, column))
        readings = self._blocks(columns, self._repeats(seconds))
        runs = [self._run(*pair) for pair in zip(self.workers, columns, strict=True)]
        return {"runs": [plain(run) for run in runs], "readings": [plain(r) for r in readings]}

    def _warm_up(self, worker: Worker, column: _Column) -> float:
        """Run until it is warm, and return the median seconds of a query.

        A process that has answered other queries has the clock rate and the memory already.
        """
        count, items, end = 0, len(self.workload.queries.texts), time.perf_counter()
        end += 0.0 if worker.warm else self.protocol.warmup_seconds
        runs = _RUNS_WHEN_WARM if worker.warm else self.protocol.warmup_runs
        worker.warm = True
        while count < runs or time.perf_counter() < end:
            item = count % items
            column.add([WARMUP], _NO_BLOCK, [item], worker.ask(run=[item]))
            count += 1
        return statistics.median(column.total_ns[-count:]) / 1e9

    def _repeats(self, seconds: Sequence[float]) -> list[int]:
        """Return how often each worker answers a query in a turn, so that the time is reached.

        Two workers of one model do so equally often: nothing but chance may tell them apart.

        Args:
            seconds: Of one query, a worker.
        """
        queries = self.workload.blocks(self.protocol) * 2 * self.protocol.turn
        wanted = self.workload.effort.seconds / self.protocol.processes
        names = [worker.contestant.model for worker in self.workers]
        least = {
            name: min(s for other, s in zip(names, seconds, strict=True) if other == name)
            for name in names
        }
        return [max(1, math.ceil(wanted / (queries * least[name]))) for name in names]

    def _blocks(self, columns: Sequence[_Column], repeats: Sequence[int]) -> list[Reading]:
        blocks, turn = self.workload.blocks(self.protocol), self.protocol.turn
        shuffled = random.Random(f"{self.protocol.seed}/order/{self.process}")
        order = list(range(len(columns)))
        readings = []
        for block in range(blocks):
            items = self._items((self.process * blocks + block) * turn)
            shuffled.shuffle(order)
            for index in (*order, *reversed(order)):
                asked = [items[0], *(items * repeats[index])]
                phases = [LEAD, *[TIMED] * (len(asked) - 1)]
                reply = self.workers[index].ask(run=asked)
                columns[index].add(phases, block, asked, reply)
            readings.append(read_sensors())
            self.tally.skip(1)
        return readings

    def _items(self, first: int) -> list[int]:
        """Return the next queries of a seeded order that every model and process follows."""
        count = len(self.workload.queries.texts)
        order = random.Random(f"{self.protocol.seed}/items").sample(range(count), count)
        return [order[(first + i) % count] for i in range(self.protocol.turn)]

    def _run(self, worker: Worker, column: _Column) -> Run:
        one = worker.contestant
        return Run(
            model=one.model,
            copy=one.copy,
            inputs=self.workload.queries.inputs.id,
            threads=one.threads,
            process=self.process,
            phase=tuple(column.phase),
            block=tuple(column.block),
            item=tuple(column.item),
            start_ns=tuple(column.start_ns),
            stage_ns={stage: tuple(values) for stage, values in column.stage_ns.items()},
            total_ns=tuple(column.total_ns),
        )
