"""Ranges and outliers of activations and weights: why an operator is hard to quantize."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_distil.session import Floats, OnnxSession
from edge_distil_quantize.recipe import Feeds
from edge_distil_quantize.sensitivity.candidates import Workbench

_SAMPLED = 8192  # values kept of each text for the percentile: all of a short one
_SEED = 2018


@dataclass(frozen=True)
class Ranges:
    """What a tensor's values are like.

    Attributes:
        least: Smallest value.
        greatest: Largest value.
        p999: Magnitude that 99.9 % of the values stay below.
        kurtosis: Fourth standardised moment: 3 for a normal distribution, more with outliers.
        channel: Index of the channel (last axis) with the greatest magnitude.
        channel_ratio: Its magnitude over the median channel's: how far one scale for all is from
            fitting each.
    """

    least: float
    greatest: float
    p999: float
    kurtosis: float
    channel: int
    channel_ratio: float


class _Gathered:
    """Sums over texts from which `Ranges` follow."""

    def __init__(self, channels: int) -> None:
        self.least, self.greatest = np.inf, -np.inf
        self.peaks = np.zeros(channels)  # greatest magnitude of each channel
        self.powers = np.zeros(4)  # sums of x, x^2, x^3, x^4
        self.count = 0
        self.sample: list[Floats] = []

    def add(self, values: Floats, generator: np.random.Generator) -> None:
        rows = values.reshape(-1, len(self.peaks))
        wide = rows.astype(np.float64)
        self.least = min(self.least, float(rows.min()))
        self.greatest = max(self.greatest, float(rows.max()))
        self.peaks = np.maximum(self.peaks, np.abs(rows).max(axis=0))
        self.powers += [np.sum(wide**power) for power in (1, 2, 3, 4)]
        self.count += rows.size
        magnitudes = np.abs(rows.ravel())
        if len(magnitudes) > _SAMPLED:
            magnitudes = generator.choice(magnitudes, _SAMPLED, replace=False)
        self.sample.append(magnitudes)

    def ranges(self) -> Ranges:
        return Ranges(
            least=float(self.least),
            greatest=float(self.greatest),
            p999=float(np.percentile(np.concatenate(self.sample), 99.9)),
            kurtosis=_kurtosis(self.powers / self.count),
            channel=int(self.peaks.argmax()),
            channel_ratio=float(self.peaks.max() / (np.median(self.peaks) or 1)),
        )


def measure_activations(bench: Workbench) -> dict[str, Ranges]:
    """Measure every activation that a product reads, in fp32, over the workbench's texts.

    Returns:
        The activation's name -> its ranges.
    """
    names = list(dict.fromkeys(o.input for o in bench.operators if not o.is_table))
    session = OnnxSession(bench.make_fp32("exact", names))
    return gather(session, names, bench.probes)


def gather(
    session: OnnxSession, names: Sequence[str], inputs: Sequence[Feeds]
) -> dict[str, Ranges]:
    """Measure outputs of a session over inputs."""
    generator = np.random.default_rng(_SEED)
    gathered: dict[str, _Gathered] = {}
    for feeds in inputs:
        for name, values in session.run(feeds, names).items():
            known = gathered.setdefault(name, _Gathered(values.shape[-1]))
            known.add(values, generator)
    return {name: values.ranges() for name, values in gathered.items()}


def ranges_of(matrix: Floats) -> Ranges:
    """Measure one matrix; its columns are the channels.

    >>> ranges_of(np.float32([[1, 8], [-1, -8], [1, 8]])).channel_ratio.__round__(2)
    1.78
    """
    gathered = _Gathered(matrix.shape[-1])
    gathered.add(matrix, np.random.default_rng(_SEED))
    return gathered.ranges()


def _kurtosis(moments: NDArray[np.float64]) -> float:
    """Return the kurtosis from the raw moments E[x], E[x^2], E[x^3], E[x^4].

    >>> _kurtosis(np.array([0.0, 1.0, 0.0, 3.0]))  # the normal distribution's
    3.0
    """
    mean, second, third, fourth = moments
    variance = second - mean**2
    if variance <= 0:
        return 0.0
    central = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    return float(central / variance**2)
