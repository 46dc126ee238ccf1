"""From nothing to the first answer, in fresh processes.

The files come from the system's cache, as on every start of a device but the first: each model is
started once before, and that start is not counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_distil._writing.journal import Journal
from edge_distil_bench.protocol.design import FULL
from edge_distil_bench.protocol.processes import Participant, started
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.records import ColdStart


def measure_cold_starts(
    participants: Sequence[Participant],
    queries: Queries,
    count: int,
    *,
    journal: Journal,
    group: str = "cold-starts",
    seed: int = FULL.seed,
    progress: Callable[[int, int], None] | None = None,
) -> list[ColdStart]:
    """Start models in turns, in an order drawn afresh for each turn.

    Args:
        participants: The models; `ColdStart` has one record of each, in this order.
        queries: Each process answers the first of them.
        count: Processes of each model.
        journal: Where each turn is kept as soon as it is known.
        group: A name for these participants, unique in the journal.
        seed: Of the orders.
        progress: Called with the number of turns done and of all.

    Raises:
        BenchmarkError: A process cannot go on; what was measured before is kept.
    """
    names = [f"{group}/{turn}" for turn in range(count)]
    turns: list[list[list[int]]] = []
    with TemporaryDirectory() as folder:
        queries.write(file := Path(folder, "queries.json"))
        if any(name not in journal for name in names):
            _turn(participants, file, range(len(participants)))  # fills the system's file cache
        for done, name in enumerate(names, 1):
            order = list(range(len(participants)))
            random.Random(f"{seed}/{name}").shuffle(order)
            turns.append(journal.recall(name, partial(_turn, participants, file, order)))
            if progress is not None:
                progress(done, count)
    return [
        ColdStart(one.model, one.threads, *zip(*(turn[i] for turn in turns), strict=True))
        for i, one in enumerate(participants)
    ]


def _turn(participants: Sequence[Participant], file: Path, order: Sequence[int]) -> list[list[int]]:
    """Start each model once, in this order; return their figures in that of `participants`."""
    figures = {index: _start(participants[index], file) for index in order}
    return [figures[index] for index in range(len(participants))]


def _start(participant: Participant, file: Path) -> list[int]:
    """Return the figures of one process, in the order of `ColdStart`."""
    with started([participant]) as [worker]:
        worker.ask(queries=str(file))
        first = worker.ask(run=[0])["total_ns"][0]
    return [worker.ready["import_ns"], worker.ready["session_ns"], first, worker.process_ns]
