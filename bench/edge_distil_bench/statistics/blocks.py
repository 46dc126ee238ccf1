"""Two models' times in the same blocks, on the same queries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_distil.errors import InputError
from edge_distil_bench.records import TIMED, Run
from edge_distil_bench.statistics.samples import Samples, timed

_ITEM_BITS = 32  # a block's number and a query's, in one integer


def log_ratios(own: Sequence[Run], other: Sequence[Run], stage: str) -> list[NDArray[np.float64]]:
    """Return ``log(time(other) / time(own))`` of each block; one array a process that both have.

    Args:
        own: Runs of one model.
        other: Runs of the other one.
        stage: See `samples.timed`.

    Raises:
        InputError: They have no query in common.
    """
    beside = {run.process: run for run in other}
    pairs = [(run, beside[run.process]) for run in own if run.process in beside]
    ratios = [block_log_ratios(timed(b, stage), timed(a, stage)) for a, b in pairs]
    ratios = [found for found in ratios if found.size]
    if not ratios:
        raise InputError(
            f"{own[0].model} and {other[0].model} share no block of {own[0].inputs}, expected the "
            "same queries in the same order: measure them with one protocol"
        )
    return ratios


def block_log_ratios(reference: Samples, own: Samples) -> NDArray[np.float64]:
    """Return each block's log ratio over the same queries.

    A query's time in a block is the median of its samples there, however many a fast model took; a
    block's ratio is the median over its queries. One that was interrupted decides on neither.

    >>> columns = (np.array([0, 0, 1, 1]), np.array([7, 8, 7, 8]), np.zeros(4))
    >>> once = Samples(*columns, np.array([2.0, 4.0, 2.0, 4.0]))
    >>> np.exp(block_log_ratios(once, once._replace(seconds=np.array([1.0, 2.0, 2.0, 4.0]))))
    array([2., 1.])
    """
    keys, times = _by_query(reference)
    own_keys, own_times = _by_query(own)
    _, first, second = np.intersect1d(keys, own_keys, assume_unique=True, return_indices=True)
    ratios = np.log(times[first] / own_times[second])
    _, found = _medians(keys[first] >> _ITEM_BITS, ratios)
    return found


def took_turns(own: Sequence[Run], other: Sequence[Run]) -> bool:
    """Return whether two models ran side by side in every round, rather than one after the other.

    Args:
        own: Runs of one model, in the order of their rounds.
        other: Runs of the other one.
    """
    rounds = [[run.process for run in runs] for runs in (own, other)]
    return rounds[0] == rounds[1] and all(map(_overlap, own, other))


def _overlap(own: Run, other: Run) -> bool:
    begins = [run.start_ns[run.phase.index(TIMED)] for run in (own, other)]
    return max(begins) < min(own.start_ns[-1], other.start_ns[-1])


def _by_query(samples: Samples) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return _medians((samples.block << _ITEM_BITS) + samples.item, samples.seconds)


def _medians(
    keys: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the keys in order, and the median of each one's values.

    >>> _medians(np.array([1, 0, 1, 1]), np.array([5.0, 3.0, 4.0, 9.0]))
    (array([0, 1]), array([3., 5.]))
    """
    order = np.lexsort((values, keys))
    ranked = values[order]
    found, first, count = np.unique(keys[order], return_index=True, return_counts=True)
    return found, (ranked[first + (count - 1) // 2] + ranked[first + count // 2]) / 2
