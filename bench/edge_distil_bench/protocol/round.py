"""One list of inputs in one round of fresh processes: warm-up, then blocks."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil_bench.machine.sensors import read_sensors
from edge_distil_bench.protocol.columns import Columns, add_reply
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.order import Asked, Turn, visit
from edge_distil_bench.protocol.processes import Worker
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.records import Reading, plain

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
class Round:
    """What is measured.

    Attributes:
        workers: Processes, each with the models that share it.
        workload: What they are asked.
        protocol: Its numbers.
        process: Number of the round.
        folder: For the file of the queries.
        block_done: Is told of every block.
    """

    workers: Sequence[Worker]
    workload: Workload
    protocol: Protocol
    process: int
    folder: Path
    block_done: Callable[[], None]

    def measure(self) -> dict[str, Any]:
        """Measure, and return runs, readings and seconds as plain JSON values."""
        started = time.monotonic()
        queries = self.workload.queries
        queries.write(file := self.folder / f"{queries.inputs.id}.json")
        columns = [[Columns() for _ in worker.participants] for worker in self.workers]
        seconds = []
        for worker, own in zip(self.workers, columns, strict=True):
            worker.ask(queries=str(file))
            seconds.append(self._warm_up(worker, own))
        readings = self._blocks(columns, self._turns(seconds))
        runs = [
            one.run(participant, queries.inputs.id, self.process, host)
            for host, (worker, own) in enumerate(zip(self.workers, columns, strict=True))
            for participant, one in zip(worker.participants, own, strict=True)
        ]
        return {
            "runs": [plain(run) for run in runs],
            "readings": [plain(reading) for reading in readings],
            "seconds": time.monotonic() - started,
        }

    def _warm_up(self, worker: Worker, columns: Sequence[Columns]) -> list[float]:
        """Run every model until it is warm, and return the median seconds of a query of each.

        A process that has answered other queries has the clock rate and the memory already.
        """
        items = len(self.workload.queries.texts)
        longest = 0.0 if worker.warm else self.protocol.warmup_seconds / len(columns)
        least = _RUNS_WHEN_WARM if worker.warm else self.protocol.warmup_runs
        worker.warm = True
        for slot in range(len(columns)):
            count, end = 0, time.perf_counter() + longest
            while count < least or time.perf_counter() < end:
                asked = [Asked(slot, count % items, False)]
                add_reply(columns, asked, None, _ask(worker, asked))
                count += 1
        return [statistics.median(one.total_ns) / 1e9 for one in columns]

    def _turns(self, seconds: Sequence[Sequence[float]]) -> list[list[Turn]]:
        """Return each model's turn, with as many repeats as it takes to reach the time.

        That of two copies of one model is the same: nothing but chance may tell them apart.

        Args:
            seconds: Of one query; a list a worker, a figure a slot.
        """
        queries = self.workload.blocks(self.protocol) * 2 * self.protocol.turn
        wanted = self.workload.effort.seconds / self.protocol.processes
        least: dict[str, float] = {}
        for worker, own in zip(self.workers, seconds, strict=True):
            for one, taken in zip(worker.participants, own, strict=True):
                least[one.model] = min(taken, least.get(one.model, taken))
        return [
            [
                Turn(max(1, math.ceil(wanted / (queries * least[one.model]))), self.protocol.lead)
                for one in worker.participants
            ]
            for worker in self.workers
        ]

    def _blocks(
        self, columns: Sequence[Sequence[Columns]], turns: Sequence[Sequence[Turn]]
    ) -> list[Reading]:
        blocks = self.workload.blocks(self.protocol)
        shuffled = random.Random(f"{self.protocol.seed}/order/{self.process}")
        hosts = list(range(len(self.workers)))
        slots = [list(range(len(own))) for own in columns]
        readings = []
        for block in range(blocks):
            items = self._items((self.process * blocks + block) * self.protocol.turn)
            for drawn in (hosts, *slots):
                shuffled.shuffle(drawn)
            halves = [(host, False) for host in hosts] + [(host, True) for host in hosts[::-1]]
            for host, mirrored in halves:
                asked = visit(items, slots[host], turns[host], mirrored=mirrored)
                add_reply(columns[host], asked, block, _ask(self.workers[host], asked))
            readings.append(read_sensors())
            self.block_done()
        return readings

    def _items(self, first: int) -> list[int]:
        """Return the next queries of a seeded order that every model and process follows."""
        count = len(self.workload.queries.texts)
        order = random.Random(f"{self.protocol.seed}/items").sample(range(count), count)
        return [order[(first + i) % count] for i in range(self.protocol.turn)]


def _ask(worker: Worker, asked: Sequence[Asked]) -> dict[str, Any]:
    if len(worker.participants) > 1:
        return worker.ask(interleave=[(one.slot, one.item) for one in asked])
    return worker.ask(run=[one.item for one in asked])
