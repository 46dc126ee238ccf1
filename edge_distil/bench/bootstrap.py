"""The interval of a median whose samples come in blocks, and the blocks in few processes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_distil.bench.distribution import CONFIDENCE

RESAMPLES = 2000
_SEED = 1910
_NORMAL = 1.959964  # standard normal quantile at (1 + CONFIDENCE) / 2
# Student's t at (1 + CONFIDENCE) / 2 for 1, 2, ... degrees of freedom.
_STUDENT = (12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004)


def nested_interval(processes: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Return the interval of the median over all blocks, at `CONFIDENCE`.

    A bootstrap over blocks nested in processes: processes are drawn with replacement, then blocks
    within each, and the median taken anew; the interval lies between quantiles of these medians.
    A handful of processes makes it too narrow, for drawing from P values shows only (P - 1) / P of
    their variance, and a spread seen P times is itself uncertain. Both are known for a mean, and
    both ends are moved away from the median accordingly, by ``sqrt(P / (P - 1)) * t / z``
    (Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American Statistician
    69(4), "narrowness bias" and "expanded percentiles"; the factor is applied to the ends, since
    the quantiles themselves cannot reach beyond two or three processes). It is 1.6 for five
    processes and 9.2 for two: two can hardly tell how much processes differ.

    Args:
        processes: Each one's blocks, at least one.

    Returns:
        The lower and upper end; NaN for a single process, which shows nothing of the others.
    """
    if len(processes) < 2:
        return math.nan, math.nan
    middle = np.median(np.concatenate(processes))
    outside = (1 - CONFIDENCE) / 2
    ends = np.quantile(_resampled_medians(processes), [outside, 1 - outside])
    low, high = middle + widening(len(processes)) * (ends - middle)
    return float(min(low, middle)), float(max(high, middle))


def widening(processes: int) -> float:
    """Return by how much a bootstrap over few processes is too narrow.

    >>> [round(widening(n), 2) for n in (2, 3, 5, 10, 1000)]
    [9.17, 2.69, 1.58, 1.22, 1.0]
    """
    return math.sqrt(processes / (processes - 1)) * student(processes - 1) / _NORMAL


def student(freedom: int) -> float:
    """Return Student's t at (1 + CONFIDENCE) / 2; Abramowitz and Stegun, 26.7.5."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    z, n = _NORMAL, freedom
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + (z**3 + z) / 4 / n + second / n**2 + third / n**3


def _resampled_medians(processes: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return medians of resamples, each of as many processes and blocks as there are."""
    draw = np.random.default_rng(_SEED)
    counts = np.array([len(blocks) for blocks in processes])
    padded = np.zeros((len(processes), counts.max()))
    for row, blocks in zip(padded, processes, strict=True):
        row[: len(blocks)] = blocks
    process = draw.integers(len(processes), size=(RESAMPLES, len(processes), 1))
    share = draw.random((RESAMPLES, *padded.shape))  # (resample, process, block)
    block = (share * counts[process]).astype(np.int64)
    resampled = padded[process, block].reshape(RESAMPLES, -1)
    found: NDArray[np.float64] = np.median(resampled, axis=1)
    return found
