"""How many times as fast is one model as another, and may that be claimed?

Models of one round of processes answered the same queries in turns, block by block, so a ratio
within a block cancels what slows both. What it does not cancel is the process: memory lies
elsewhere in each, and stays there. So the estimate is the median of the blocks' log ratios, and its
interval a bootstrap over blocks nested in processes (Kalibera and Jones 2013, "Rigorous
Benchmarking in Reasonable Time"; Davison and Hinkley 1997, "Bootstrap Methods and their
Application", 3.8), as wide as a handful of processes demands (`statistics.bootstrap`).

A model is compared with a copy of itself, too (the A/A test). What that shows is the least that
this machine can tell apart, and nothing within its band is claimed. The copy shares the process
with it where the models that are compared do, else it has one of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_distil_bench.records import Run
from edge_distil_bench.statistics.blocks import log_ratios, took_turns
from edge_distil_bench.statistics.bootstrap import Spread, nested_interval, pooled_spread
from edge_distil_bench.statistics.distribution import CONFIDENCE, Estimate
from edge_distil_bench.statistics.samples import has, select

# A difference that nobody would choose a model for; figures on one machine differ as much by day.
NEGLIGIBLE = 0.05


def negligible(ratio: Estimate) -> bool:
    """Return whether a whole interval lies within `NEGLIGIBLE` of 1.

    >>> negligible(Estimate(1.01, 0.98, 1.04)), negligible(Estimate(1.01, 0.90, 1.13))
    (True, False)
    """
    return ratio.low > 1 / (1 + NEGLIGIBLE) and ratio.high < 1 + NEGLIGIBLE


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
        band: b of the A/A test: ratios within ``[1 / (1 + b), 1 + b]`` are claimed by nobody.
            ``None`` where no model ran beside a copy of itself in two rounds.
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
    def equal(self) -> bool:
        """Whether what they differ by, if anything, is surely within `NEGLIGIBLE`."""
        return negligible(self.ratio)

    @property
    def decided(self) -> bool:
        """Whether more of the same measuring would hardly change what is to be said."""
        return self.claimed or self.equal

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
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compare two models on the same queries.

    Args:
        runs: All runs of a document: those of a model beside its copy give the band, and those that
            ran side by side with the reference show how much processes differ.
        model: `Model.id`.
        reference: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of both engines.
        stage: See `samples.timed`.
        confidence: Of the interval; see `edge_distil_bench.protocol.looks`.

    Returns:
        The comparison. With a single process its interval is NaN, and nothing is claimed.

    Raises:
        InputError: One of them was not measured so.
    """
    own = select(runs, model, inputs=inputs, threads=threads)
    other = select(runs, reference, inputs=inputs, threads=threads)
    beside = _beside(runs, own, other, stage)
    band = max((_band(a, b, beside, stage, confidence) for a, b in _copies(beside)), default=None)
    return _comparison(own, other, beside, stage, band, confidence)


def compare_a_a(
    runs: Sequence[Run],
    model: str,
    *,
    inputs: str,
    threads: int,
    stage: str = "forward",
    copy: int = 1,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compare a model's copy with the model: the ratio is 1, or should be.

    Args:
        runs: See `compare`.
        model: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of both engines.
        stage: See `samples.timed`.
        copy: Which of its copies; see `Run.copy`.
        confidence: Of the interval.

    Raises:
        InputError: The model did not run beside this copy under this condition.
    """
    own = select(runs, model, inputs=inputs, threads=threads, copy=copy)
    other = select(runs, model, inputs=inputs, threads=threads)
    alone = _comparison(own, other, _beside(runs, own, other, stage), stage, None, confidence)
    return replace(alone, band=_width(alone))


def _copies(beside: Sequence[Run]) -> list[tuple[list[Run], list[Run]]]:
    """Return the runs of each copy, and those of the model that it is of."""
    found = []
    for model, copy in sorted({(run.model, run.copy) for run in beside if run.copy}):
        pair = [[r for r in beside if (r.model, r.copy) == (model, n)] for n in (copy, 0)]
        if min(map(len, pair)) > 1:
            found.append((pair[0], pair[1]))
    return found


def _band(
    own: Sequence[Run], other: Sequence[Run], beside: Sequence[Run], stage: str, confidence: float
) -> float:
    return _width(_comparison(own, other, beside, stage, None, confidence)) or 0.0


def _width(found: Comparison) -> float | None:
    """Return what the whole interval lies within; ``None`` for a single process."""
    if found.processes < 2:
        return None
    return max(found.ratio.high, 1 / found.ratio.low) - 1


def _comparison(
    own: Sequence[Run],
    other: Sequence[Run],
    beside: Sequence[Run],
    stage: str,
    band: float | None,
    confidence: float,
) -> Comparison:
    ratios = log_ratios(own, other, stage)
    low, high = nested_interval(ratios, _pooled(own, other, beside, stage), confidence)
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


def _beside(runs: Sequence[Run], own: Sequence[Run], other: Sequence[Run], stage: str) -> list[Run]:
    """Return the runs under the same condition that relate to the reference as the model's do.

    Two models in one process differ less from round to round than two in a process each.
    """
    shared, hosts = _shares(own[0], other[0]), {run.process: run for run in other}
    return sorted(
        (
            run
            for run in runs
            if (run.inputs, run.threads) == (own[0].inputs, own[0].threads)
            and has(run, stage)
            and (
                (run.model, run.copy) == (other[0].model, other[0].copy)
                or run.process not in hosts
                or _shares(run, hosts[run.process]) == shared
            )
        ),
        key=lambda run: run.process,
    )


def _shares(one: Run, other: Run) -> bool:
    return one.host is not None and one.host == other.host


def _pooled(
    own: Sequence[Run], other: Sequence[Run], beside: Sequence[Run], stage: str
) -> Spread | None:
    """Return the spread over all that took turns with the reference; ``None``: these did not."""
    if len(other) < 2 or not took_turns(own, other):
        return None
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in beside:
        groups.setdefault((run.model, run.copy), []).append(run)
    level = [group for group in groups.values() if took_turns(group, other)]
    table = [list(map(np.median, log_ratios(group, other, stage))) for group in level]
    return pooled_spread(np.array(table))
