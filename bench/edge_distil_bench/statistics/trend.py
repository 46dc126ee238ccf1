"""Did the machine slow down while it was measured?

Queries differ in length, and chance puts longer ones first or last. What a time owes to its
query's length is taken off, by a fit of both at once, before the ends of a run are compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_distil_bench.records import Measurements, Reading, Run
from edge_distil_bench.statistics.distribution import MAD_TO_SIGMA
from edge_distil_bench.statistics.samples import Samples, timed

FLAGGED_ABOVE = 0.05
_ENDS = 5  # the first and the last fifth are compared
# A document has hundreds of runs: at three standard errors one of 370 is flagged for nothing. It
# matters below about 150 timed samples a run; above, the noise is less than a third of the 5 %.
_SURE = 3.0
_FITTED = 5  # a level, a trend, a quadratic of the length, and the median that they are apart from


@dataclass(frozen=True)
class Trend:
    """How a run's times changed from its beginning to its end.

    Attributes:
        model: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of the engine.
        process: See `Run.process`.
        change: Median of the last fifth of the timed samples over that of the first, minus 1.
        slope: Change of the time in a minute, as a share of it (Theil and Sen's, over the blocks).
        copy: See `Run.copy`.
        noise: Standard error of ``change``: what chance makes of so few samples.
    """

    model: str
    inputs: str
    threads: int
    process: int
    change: float
    slope: float
    copy: int = 0
    noise: float = 0.0

    @property
    def flagged(self) -> bool:
        """Whether the change is more than `FLAGGED_ABOVE`, and more than chance explains."""
        return abs(self.change) > max(FLAGGED_ABOVE, _SURE * self.noise)


@dataclass(frozen=True)
class Movement:
    """How the sensors' readings changed; ``None`` where they could not be read.

    Attributes:
        megahertz: Median clock rate of the last fifth of the readings over the first, minus 1.
        celsius: Median temperature of the last fifth, less the first's.
    """

    megahertz: float | None
    celsius: float | None


def find_movement(readings: Sequence[Reading]) -> Movement:
    """Compare the first and the last fifth of the readings.

    >>> find_movement([Reading(at, megahertz=3000 - 300 * at) for at in range(5)])
    Movement(megahertz=-0.4, celsius=None)
    """
    ranked = sorted(readings, key=lambda reading: reading.at_ns)
    rates = [r.megahertz for r in ranked if r.megahertz is not None]
    degrees = [r.celsius for r in ranked if r.celsius is not None]
    return Movement(
        _last(rates) / _first(rates) - 1 if rates else None,
        _last(degrees) - _first(degrees) if degrees else None,
    )


def find_trends(measurements: Measurements, stage: str = "forward") -> list[Trend]:
    """Return the drift of every run, query lengths taken off."""
    tokens = {inputs.id: inputs.tokens for inputs in measurements.inputs}
    return [find_trend(run, stage, tokens=tokens.get(run.inputs)) for run in measurements.runs]


def find_trend(run: Run, stage: str = "forward", *, tokens: Sequence[int] | None = None) -> Trend:
    """Compare the first and the last fifth of a run.

    Args:
        run: The run.
        stage: See `samples.timed`.
        tokens: `Inputs.tokens`; without it queries are taken to be of one length.

    Raises:
        InputError: The stage was not measured.
    """
    samples = timed(run, stage)
    level = without_length(samples, tokens)
    slope = _slope(samples, level)
    return Trend(
        model=run.model,
        inputs=run.inputs,
        threads=run.threads,
        process=run.process,
        change=math.expm1(_last(level) - _first(level)),
        slope=slope,
        copy=run.copy,
        noise=_noise(level, slope * samples.start / 60),
    )


def _first(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the median of the first fifth, one value at least."""
    return float(np.median(values[: max(1, len(values) // _ENDS)]))


def _last(values: Sequence[float] | NDArray[np.float64]) -> float:
    return _first(values[::-1])


def _noise(level: NDArray[np.float64], trend: NDArray[np.float64]) -> float:
    """Return the standard error of the difference of the two medians.

    A median of n normal samples has ``sqrt(pi / 2n)`` of their standard deviation, which is taken
    from the MAD of all of them, less the trend, so that the drift itself is not part of it. Of few
    samples much of the noise is explained away by what was fitted to them: it is made up for as in
    any regression, by the samples over those that are left.
    """
    fifth, samples = max(1, len(level) // _ENDS), len(level)
    apart = np.abs(level - trend - np.median(level - trend))
    fitted = math.sqrt(samples / max(1, samples - _FITTED))
    return float(MAD_TO_SIGMA * np.median(apart) * fitted * math.sqrt(math.pi / fifth))


def without_length(samples: Samples, tokens: Sequence[int] | None) -> NDArray[np.float64]:
    """Return log times of one run, less what the length of the query explains.

    That is a quadratic of the logarithm of its tokens, fitted together with a trend in time. To
    divide by the usual time of the same query would not do: one that came up once, or in one block
    alone, would take its share of the drift with it.

    Args:
        samples: Of one run.
        tokens: `Inputs.tokens`; without it queries are taken to be of one length.
    """
    level = np.log(samples.seconds)
    length = np.log(np.array(tokens, float)[samples.item]) if tokens else np.zeros(len(level))
    if np.ptp(length) == 0:
        return level
    length -= length.mean()
    minutes = samples.start - samples.start.mean()
    columns = np.stack([length, length**2, minutes, np.ones(len(level))], axis=1)
    found, *_ = np.linalg.lstsq(columns, level, rcond=None)
    explained: NDArray[np.float64] = columns[:, :2] @ found[:2]
    return level - explained


def _slope(samples: Samples, level: NDArray[np.float64]) -> float:
    """Return the median slope between any two blocks, a minute (Sen 1968); 0 of a single block."""
    blocks = np.unique(samples.block)
    at = np.array([np.median(samples.start[samples.block == b]) for b in blocks]) / 60
    height = np.array([np.median(level[samples.block == b]) for b in blocks])
    first, second = np.triu_indices(len(blocks), 1)
    if not first.size:
        return 0.0
    return float(np.median((height[second] - height[first]) / (at[second] - at[first])))
