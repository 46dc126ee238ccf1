"""Latency of several models side by side: taken in turns, with intervals that assume no shape.

Timings on a machine that does other work drift for seconds at a time and have a long tail.
Taking turns lets the drift meet all models alike, a ratio within a round cancels it, and an
interval from order statistics needs no normal distribution.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from edge_distil.errors import InputError
from edge_distil_bench.statistics.distribution import CONFIDENCE, Estimate, quantile

# With fewer values even the least and the greatest hold the median less often than CONFIDENCE.
FEWEST = 6
REPEATS = 3  # timed runs a turn: one that was interrupted does not decide


def alternate(
    runs: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    seconds: float = math.inf,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[float]]:
    """Time functions in turns, A B C then C B A, so that none always follows the same one.

    A turn begins with a run that is not timed: the one before has filled the caches with another
    model's weights, which is not how a model runs that is alone.

    Args:
        runs: Name -> what to time.
        rounds: Turns of each.
        seconds: Stop after so long, though not before `FEWEST` rounds.
        progress: Called with the number of rounds done and of all.

    Returns:
        Name -> seconds, one figure a round: the median of `REPEATS` runs.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs)
    end = time.perf_counter() + seconds
    for done in range(rounds):
        if done >= FEWEST and time.perf_counter() > end:
            break
        for name in order:
            times[name].append(_turn(runs[name]))
        order.reverse()
        if progress is not None:
            progress(done + 1, rounds)
    return times


def speedup(reference: Sequence[float], own: Sequence[float]) -> Estimate:
    """How many times as fast as the reference, from ratios within the rounds.

    >>> speedup([2.0, 4.0, 2.0, 2.0, 2.0, 6.0], [1.0, 2.0, 1.0, 1.0, 1.0, 2.0])
    Estimate(value=2.0, low=2.0, high=3.0)

    Args:
        reference: Seconds of the reference, one a round.
        own: Seconds of the other, in the same rounds.
    """
    return median_interval([a / b for a, b in zip(reference, own, strict=True)])


def median_interval(values: Sequence[float]) -> Estimate:
    """Return the median and its interval; see `edge_distil_bench.statistics.distribution.quantile`.

    >>> median_interval([5, 1, 2, 9, 3, 4])
    Estimate(value=3.5, low=1.0, high=9.0)

    Raises:
        InputError: There are fewer than `FEWEST` values.
    """
    if len(values) < FEWEST:
        raise InputError(
            f"got {len(values)} timings, expected at least {FEWEST} for an interval of "
            f"{CONFIDENCE:.0%}: take more rounds"
        )
    return quantile(values, 0.5)


def _turn(run: Callable[[], object]) -> float:
    run()
    timed = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run()
        timed.append(time.perf_counter() - started)
    return statistics.median(timed)
