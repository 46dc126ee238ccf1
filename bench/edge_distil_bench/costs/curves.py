"""Scaling curves: forward passes over lengths, batches and threads, models in turns."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

from edge_distil._writing.journal import Journal
from edge_distil_bench.protocol.design import FULL
from edge_distil_bench.protocol.processes import Participant, Worker, started
from edge_distil_bench.records import Point

Shape = tuple[str, int, int]  # axis, tokens, batch
_TURNS = 2  # of each model at a shape: A B B A, so that a drift meets all alike


def measure_curves(
    participants: Sequence[Participant],
    shapes: Sequence[Shape],
    *,
    passes: int,
    seconds: float,
    journal: Journal,
    group: str,
    seed: int = FULL.seed,
    progress: Callable[[int, int], None] | None = None,
) -> list[Point]:
    """Time forward passes on random ids.

    The shapes come in random order: otherwise a clock rate that falls with time would look like a
    cost that grows with length. Each turn begins with a pass that is not counted.

    Args:
        participants: The models, each with its threads; all run side by side.
        shapes: What is varied (`Point.axis`), tokens of a row, and rows.
        passes: Counted passes of each model at each shape, at most.
        seconds: Time for them, at most; each turn counts one pass at least.
        journal: Where each shape's figures are kept as soon as they are known.
        group: A name for these participants, unique in the journal.
        seed: Of the orders.
        progress: Called with the number of shapes done and of all.

    Returns:
        A point for each shape and participant, in the order given.

    Raises:
        BenchmarkError: A model cannot run a shape; what was measured before is kept.
    """
    names = {shape: f"{group}/{'-'.join(map(str, shape))}" for shape in shapes}
    drawn = random.Random(f"{seed}/{group}").sample(list(names), len(names))
    missing = [shape for shape in drawn if names[shape] not in journal]
    _report(progress, len(names) - len(missing), len(names))
    with started(participants if missing else []) as workers:
        for done, shape in enumerate(missing, len(names) - len(missing) + 1):
            measure = partial(_measure, workers, shape, passes, seconds, seed)
            journal.recall(names[shape], measure)
            _report(progress, done, len(names))
    return [
        Point(one.model, *shape, one.threads, tuple(forward_ns))
        for shape in shapes
        for one, forward_ns in zip(participants, journal.recall(names[shape], list), strict=True)
    ]


def _measure(
    workers: Sequence[Worker], shape: Shape, passes: int, seconds: float, seed: int
) -> list[list[int]]:
    """Return the times of each worker's passes at one shape, in nanoseconds."""
    _, tokens, batch = shape
    order = list(range(len(workers)))
    random.Random(f"{seed}/{shape}").shuffle(order)
    taken: list[list[int]] = [[] for _ in workers]
    for index in (*order, *reversed(order)):
        batched = {"tokens": tokens, "batch": batch}
        workers[index].ask(forward={**batched, "passes": 1, "seconds": 0})
        turn = {**batched, "passes": -(-passes // _TURNS), "seconds": seconds / _TURNS}
        taken[index] += workers[index].ask(forward=turn)["forward_ns"]
    return taken


def _report(progress: Callable[[int, int], None] | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
