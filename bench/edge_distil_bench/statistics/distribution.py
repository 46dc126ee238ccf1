"""A list of timings in a few figures, with intervals that assume no shape.

Timings have a long tail and several humps, so the figures are order statistics: median, MAD and
percentiles. Nothing is dropped; what lies far out is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_distil.errors import InputError

CONFIDENCE = 0.95
PERCENTILES = (50, 90, 95, 99)
# Fewer samples have less than ten beyond their 99th percentile: chance alone decides on it.
FEWEST_FOR_P99 = 1000
# The standard deviation of a normal distribution in median absolute deviations.
MAD_TO_SIGMA = 1.4826
# Leys et al. 2013, "Detecting outliers: Do not use standard deviation around the mean, use absolute
# deviation around the median", J. Exp. Soc. Psychol. 49(4): the strict choice.
_OUTLIER_SIGMAS = 3.0


class Estimate(NamedTuple):
    """A figure, and between what values that of all samples lies, at `CONFIDENCE`.

    Attributes:
        value: The figure.
        low: NaN where there are too few samples for a bound.
        high: The same.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Distribution:
    """What `describe` found, in the unit of the values.

    Attributes:
        count: Values.
        mean: Their mean, the tail included.
        median: The 50th percentile.
        mad: Median absolute deviation from the median, not scaled.
        percentiles: 50, 90, 95, 99 -> percentile; 99 is ``None`` below `FEWEST_FOR_P99` values.
        outliers: Values further than three scaled MADs from the median; they count everywhere.
    """

    count: int
    mean: float
    median: Estimate
    mad: float
    percentiles: Mapping[int, Estimate | None]
    outliers: int


def describe(values: ArrayLike) -> Distribution:
    """Sum up samples.

    >>> found = describe([5, 1, 2, 9, 3, 4])
    >>> found.mean, found.mad, found.outliers, found.percentiles[50]
    (4.0, 1.5, 0, Estimate(value=3.5, low=1.0, high=9.0))

    Args:
        values: At least one.

    Raises:
        InputError: There is none.
    """
    ranked = np.sort(np.asarray(values, np.float64))
    if not ranked.size:
        raise InputError("got no samples, expected at least one to describe: measure first")
    percentiles = {
        p: None if p == 99 and ranked.size < FEWEST_FOR_P99 else _ranked_quantile(ranked, p / 100)
        for p in PERCENTILES
    }
    middle = _ranked_quantile(ranked, 0.5)
    apart = np.abs(ranked - middle.value)
    mad = float(np.median(apart))
    outliers = np.count_nonzero(apart > _OUTLIER_SIGMAS * MAD_TO_SIGMA * mad)
    return Distribution(ranked.size, float(ranked.mean()), middle, mad, percentiles, int(outliers))


def quantile(values: ArrayLike, share: float) -> Estimate:
    """Return a quantile (numpy's: linear between two samples) and its interval.

    A sample lies below the true quantile with probability ``share``, so the number of those that do
    is binomial, B(n, share), whatever the distribution: the r-th and the s-th least sample enclose
    it with probability ``P(r <= B < s)`` (Conover, Practical Nonparametric Statistics, 3.2; Hoefler
    and Belli 2015, "Scientific Benchmarking of Parallel Computing Systems", 3.1.3). r is the
    greatest and s the least that leave out at most ``(1 - CONFIDENCE) / 2`` on their side. It takes
    samples to be independent: a drift makes it too narrow, and comparisons have an interval of
    their own (`edge_distil_bench.statistics.comparison`).

    >>> quantile([5, 1, 2, 9, 3, 4], 0.5)
    Estimate(value=3.5, low=1.0, high=9.0)
    >>> quantile([1, 2, 3, 4, 5], 0.5)  # even the least and the greatest enclose it too seldom
    Estimate(value=3.0, low=nan, high=nan)

    Args:
        values: At least one.
        share: Between 0 and 1.
    """
    return _ranked_quantile(np.sort(np.asarray(values, np.float64)), share)


def _ranked_quantile(ranked: NDArray[np.float64], share: float) -> Estimate:
    low, high = _ranks(ranked.size, share)
    return Estimate(
        float(np.quantile(ranked, share)),
        float(ranked[low - 1]) if low >= 1 else math.nan,
        float(ranked[high - 1]) if high <= ranked.size else math.nan,
    )


@lru_cache(maxsize=256)
def _ranks(count: int, share: float) -> tuple[int, int]:
    """Return the ranks, from 1, of the samples that enclose a quantile; 0 and n + 1 are none.

    >>> [_ranks(n, 0.5) for n in (5, 6, 8, 9, 20)]
    [(0, 6), (1, 6), (1, 8), (2, 8), (6, 15)]
    """
    outside = (1 - CONFIDENCE) / 2
    below = _binomial(count, share)  # P(B <= k), k from 0
    low = int(np.searchsorted(below, outside, side="right"))
    # P(B >= s) = P(n - B <= n - s), and n - B is binomial too.
    high = count + 1 - int(np.searchsorted(_binomial(count, 1 - share), outside, side="right"))
    return low, high


def _binomial(count: int, share: float) -> NDArray[np.float64]:
    """Return ``P(B(count, share) <= k)`` for k from 0 to count.

    >>> _binomial(2, 0.5).tolist()
    [0.25, 0.75, 1.0]
    """
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    k = np.arange(count + 1)
    ways = factorial[-1] - factorial - factorial[::-1]
    return np.cumsum(np.exp(ways + k * math.log(share) + (count - k) * math.log1p(-share)))
