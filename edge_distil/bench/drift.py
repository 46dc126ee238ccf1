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

from edge_distil.bench.measurements import Measurements, Run
from edge_distil.bench.samples import Samples, timed

FLAGGED_ABOVE = 0.05
_ENDS = 5  # the first and the last fifth are compared


@dataclass(frozen=True)
class Drift:
    """How a run's times changed from its beginning to its end.

    Attributes:
        model: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of the engine.
        process: See `Run.process`.
        change: Median of the last fifth of the timed samples over that of the first, minus 1.
        slope: Change of the time in a minute, as a share of it (Theil and Sen's, over the blocks).
        copy: See `Run.copy`.
    """

    model: str
    inputs: str
    threads: int
    process: int
    change: float
    slope: float
    copy: int = 0

    @property
    def flagged(self) -> bool:
        """Whether the change is more than `FLAGGED_ABOVE`."""
        return abs(self.change) > FLAGGED_ABOVE


def find_drifts(measurements: Measurements, stage: str = "forward") -> list[Drift]:
    """Return the drift of every run, query lengths taken off."""
    tokens = {inputs.id: inputs.tokens for inputs in measurements.inputs}
    return [find_drift(run, stage, tokens=tokens.get(run.inputs)) for run in measurements.runs]


def find_drift(run: Run, stage: str = "forward", *, tokens: Sequence[int] | None = None) -> Drift:
    """Compare the first and the last fifth of a run.

    Args:
        run: The run.
        stage: See `samples.timed`.
        tokens: `Inputs.tokens`; without it queries are taken to be of one length.

    Raises:
        InputError: The stage was not measured.
    """
    samples = timed(run, stage)
    level = _without_length(samples, tokens)
    fifth = max(1, len(level) // _ENDS)
    change = math.expm1(np.median(level[-fifth:]) - np.median(level[:fifth]))
    return Drift(
        run.model, run.inputs, run.threads, run.process, change, _slope(samples, level), run.copy
    )


def _without_length(samples: Samples, tokens: Sequence[int] | None) -> NDArray[np.float64]:
    """Return log times, less what the length of the query explains (a quadratic of its log)."""
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
