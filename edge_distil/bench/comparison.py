"""How many times as fast is one model as another, and may that be claimed?

Models of one round of processes answered the same queries in turns, block by block, so a ratio
within a block cancels what slows both. What it does not cancel is the process: memory lies
elsewhere in each, and stays there. So the estimate is the median of the blocks' log ratios, and its
interval a bootstrap over blocks nested in processes (Kalibera and Jones 2013, "Rigorous
Benchmarking in Reasonable Time", 9.3; Davison and Hinkley 1997, "Bootstrap Methods and their
Application", 3.8).

A model is compared with itself, too, in two processes of each round. What that comparison shows is
the least that this machine can tell apart, and nothing within its band is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_distil.bench.bootstrap import nested_interval
from edge_distil.bench.distribution import Estimate
from edge_distil.bench.measurements import Run
from edge_distil.bench.samples import END_TO_END, Samples, select, timed
from edge_distil.errors import InputError

_ITEM_BITS = 32  # a block's number and a query's, in one integer


@dataclass(frozen=True)
class Comparison:
    """One model against another under one condition.

    Attributes:
        model: `Model.id`.
        reference: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of both engines.
        stage: What was compared; see `samples.timed`.
        ratio: How many times as fast as the reference: time(reference) / time(model).
        band: b of the comparison of a model with itself: ratios within ``[1 / (1 + b), 1 + b]``
            are claimed by nobody. ``None`` where no model ran beside itself.
        blocks: Over all processes.
        processes: Rounds of fresh processes.
    """

    model: str
    reference: str
    inputs: str
    threads: int
    stage: str
    ratio: Estimate
    band: float | None
    blocks: int
    processes: int

    @property
    def claimed(self) -> bool:
        """Whether the interval excludes 1 and the ratio lies outside the band."""
        excludes = self.ratio.low > 1 or self.ratio.high < 1
        return excludes and abs(math.log(self.ratio.value)) > math.log1p(self.band or 0.0)

    @property
    def reduction(self) -> float:
        """Share of the reference's time that is saved: 1.63 times as fast is 38.6 % less time."""
        return 1 - 1 / self.ratio.value


def compare(
    runs: Sequence[Run],
    model: str,
    reference: str,
    *,
    inputs: str,
    threads: int,
    stage: str = "forward",
) -> Comparison:
    """Compare two models that ran side by side.

    Args:
        runs: All runs of a document; those of a model beside itself give the band.
        model: `Model.id`.
        reference: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of both engines.
        stage: See `samples.timed`.

    Raises:
        InputError: One of them was not measured so, or never beside the other.
    """
    own = select(runs, model, inputs=inputs, threads=threads)
    other = select(runs, reference, inputs=inputs, threads=threads)
    twice = {
        run.model
        for run in runs
        if (run.copy, run.inputs, run.threads) == (1, inputs, threads)
        and (stage == END_TO_END or stage in run.stage_ns)
    }
    bands = [
        compare_with_itself(runs, name, inputs=inputs, threads=threads, stage=stage).band
        for name in sorted(twice)
    ]
    return _comparison(own, other, stage, max((b for b in bands if b is not None), default=None))


def compare_with_itself(
    runs: Sequence[Run], model: str, *, inputs: str, threads: int, stage: str = "forward"
) -> Comparison:
    """Compare a model's second process of each round with its first: the ratio is 1, or should be.

    Raises:
        InputError: The model did not run beside itself under this condition.
    """
    own = select(runs, model, inputs=inputs, threads=threads, copy=1)
    other = select(runs, model, inputs=inputs, threads=threads)
    alone = _comparison(own, other, stage, None)
    return _comparison(own, other, stage, _width(alone.ratio))


def _width(ratio: Estimate) -> float:
    """Return b, so that ``[1 / (1 + b), 1 + b]`` holds the whole interval."""
    return max(ratio.high, 1 / ratio.low) - 1


def _comparison(
    own: Sequence[Run], other: Sequence[Run], stage: str, band: float | None
) -> Comparison:
    ratios = _log_ratios(own, other, stage)
    low, high = nested_interval(ratios)
    middle = float(np.median(np.concatenate(ratios)))
    return Comparison(
        model=own[0].model,
        reference=other[0].model,
        inputs=own[0].inputs,
        threads=own[0].threads,
        stage=stage,
        ratio=Estimate(math.exp(middle), math.exp(low), math.exp(high)),
        band=band,
        blocks=sum(map(len, ratios)),
        processes=len(ratios),
    )


def _log_ratios(own: Sequence[Run], other: Sequence[Run], stage: str) -> list[NDArray[np.float64]]:
    """Return ``log(time(other) / time(own))`` of each block; one array a process that both have."""
    beside = {run.process: run for run in other}
    pairs = [(run, beside[run.process]) for run in own if run.process in beside]
    ratios = [block_log_ratios(timed(b, stage), timed(a, stage)) for a, b in pairs]
    ratios = [found for found in ratios if found.size]
    if not ratios:
        raise InputError(
            f"{own[0].model} and {other[0].model} share no block of {own[0].inputs}: they can be "
            "compared only where they were measured side by side"
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
