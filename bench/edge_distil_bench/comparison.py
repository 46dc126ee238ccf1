"""How many times as fast is one model as another, and may that be claimed?

Models of one round of processes answered the same queries in turns, block by block, so a ratio
within a block cancels what slows both. What it does not cancel is the process: memory lies
elsewhere in each, and stays there. So the estimate is the median of the blocks' log ratios, and its
interval a bootstrap over blocks nested in processes (Kalibera and Jones 2013, "Rigorous
Benchmarking in Reasonable Time"; Davison and Hinkley 1997, "Bootstrap Methods and their
Application", 3.8), as wide as a handful of processes demands (`edge_distil_bench.bootstrap`).

A model is compared with itself, too, in two processes of each round. What that comparison shows is
the least that this machine can tell apart, and nothing within its band is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_distil_bench.blocks import log_ratios, took_turns
from edge_distil_bench.bootstrap import Spread, nested_interval, pooled_spread
from edge_distil_bench.distribution import Estimate
from edge_distil_bench.measurements import Run
from edge_distil_bench.samples import has, select


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
            are claimed by nobody. ``None`` where no model ran beside itself in two rounds.
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
    """Compare two models on the same queries.

    Args:
        runs: All runs of a document: those of a model beside itself give the band, and those that
            ran side by side with the reference show how much processes differ.
        model: `Model.id`.
        reference: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of both engines.
        stage: See `samples.timed`.

    Returns:
        The comparison. With a single process its interval is NaN, and nothing is claimed.

    Raises:
        InputError: One of them was not measured so.
    """
    own = select(runs, model, inputs=inputs, threads=threads)
    other = select(runs, reference, inputs=inputs, threads=threads)
    alike = _alike(runs, inputs, threads, stage)
    twice = sorted({run.model for run in alike if run.copy == 1})
    bands = [
        compare_with_itself(runs, name, inputs=inputs, threads=threads, stage=stage).band
        for name in twice
    ]
    band = max((b for b in bands if b is not None), default=None)
    return _comparison(own, other, alike, stage, band)


def compare_with_itself(
    runs: Sequence[Run], model: str, *, inputs: str, threads: int, stage: str = "forward"
) -> Comparison:
    """Compare a model's second process of each round with its first: the ratio is 1, or should be.

    Raises:
        InputError: The model did not run beside itself under this condition.
    """
    own = select(runs, model, inputs=inputs, threads=threads, copy=1)
    other = select(runs, model, inputs=inputs, threads=threads)
    alike = _alike(runs, inputs, threads, stage)
    alone = _comparison(own, other, alike, stage, None)
    if alone.processes < 2:
        return alone
    return replace(alone, band=max(alone.ratio.high, 1 / alone.ratio.low) - 1)


def _comparison(
    own: Sequence[Run], other: Sequence[Run], alike: Sequence[Run], stage: str, band: float | None
) -> Comparison:
    ratios = log_ratios(own, other, stage)
    low, high = nested_interval(ratios, _pooled(own, other, alike, stage))
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


def _alike(runs: Sequence[Run], inputs: str, threads: int, stage: str) -> list[Run]:
    return [r for r in runs if (r.inputs, r.threads) == (inputs, threads) and has(r, stage)]


def _pooled(
    own: Sequence[Run], other: Sequence[Run], alike: Sequence[Run], stage: str
) -> Spread | None:
    """Return the spread over all that took turns with the reference; ``None``: these did not."""
    if len(other) < 2 or not took_turns(own, other):
        return None
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in sorted(alike, key=lambda run: run.process):
        groups.setdefault((run.model, run.copy), []).append(run)
    beside = [group for group in groups.values() if took_turns(group, other)]
    table = [list(map(np.median, log_ratios(group, other, stage))) for group in beside]
    return pooled_spread(np.array(table))
