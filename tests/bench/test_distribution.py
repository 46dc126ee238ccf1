"""Order statistics of timings: scipy's and numpy's figures, and how often the truth is held."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("scipy")

from scipy import stats

from edge_distil.errors import InputError
from edge_distil_bench.statistics.distribution import (
    CONFIDENCE,
    FEWEST_FOR_P99,
    PERCENTILES,
    describe,
    quantile,
)

ROUNDING = 1e-12  # relative
TRIALS = 2000
# Of so many trials, three standard errors below the promised share.
LEAST_COVERED = CONFIDENCE - 3 * (CONFIDENCE * (1 - CONFIDENCE) / TRIALS) ** 0.5

times = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=200)


@given(times)
def test_figures_are_numpys_and_scipys(values: list[float]) -> None:
    found = describe(values)
    assert found.count == len(values)
    assert found.mean == pytest.approx(np.mean(values), rel=ROUNDING)
    assert found.median.value == pytest.approx(np.median(values), rel=ROUNDING)
    assert found.mad == pytest.approx(stats.median_abs_deviation(values), rel=1e-9, abs=1e-12)
    for p in (50, 90, 95):
        estimate = found.percentiles[p]
        assert estimate is not None
        assert estimate.value == pytest.approx(np.percentile(values, p), rel=ROUNDING)


@pytest.mark.parametrize("count", [*range(1, 40), 59, 60, 72, 73, 128, 999, 1024, 20_000])
@pytest.mark.parametrize("percentile", PERCENTILES)
def test_the_interval_is_the_narrowest_that_the_binomial_allows(
    count: int, percentile: int
) -> None:
    """The samples are the ranks 1 to n, so the bounds are ranks; scipy says what they hold."""
    _, low, high = quantile(np.arange(1, count + 1), percentile / 100)
    distribution, outside = stats.binom(count, percentile / 100), (1 - CONFIDENCE) / 2
    if math.isnan(low):
        assert distribution.cdf(0) > outside
    else:
        assert distribution.cdf(low - 1) <= outside < distribution.cdf(low)
    if math.isnan(high):
        assert distribution.sf(count - 1) > outside
    else:
        assert distribution.sf(high - 1) <= outside < distribution.sf(high - 2)


@pytest.mark.parametrize(("count", "percentile"), [(20, 50), (128, 90), (300, 95), (1024, 99)])
def test_the_interval_holds_the_truth_as_often_as_it_says(count: int, percentile: int) -> None:
    """Log-normal times: the long tail of a busy machine."""
    samples = np.random.default_rng(7).lognormal(0, 1, (TRIALS, count))
    truth = stats.lognorm.ppf(percentile / 100, 1)
    intervals = [quantile(row, percentile / 100) for row in samples]
    assert np.mean([low <= truth <= high for _, low, high in intervals]) >= LEAST_COVERED


def test_outliers_are_beyond_three_scaled_mads_and_stay_in_every_figure() -> None:
    values = np.random.default_rng(3).normal(100, 1, 500)
    values[:7] += 50
    scaled = stats.median_abs_deviation(values, scale="normal")
    expected = np.sum(np.abs(values - np.median(values)) > 3 * scaled)
    found = describe(values)
    assert found.outliers == expected >= 7
    assert found.mean == pytest.approx(values.mean(), rel=ROUNDING)
    assert found.count == 500


def test_the_99th_percentile_takes_a_thousand_samples() -> None:
    assert describe(np.arange(FEWEST_FOR_P99 - 1)).percentiles[99] is None
    found = describe(np.arange(FEWEST_FOR_P99)).percentiles[99]
    assert found is not None
    assert found.low < found.value < found.high


@given(times, st.floats(0.01, 100))
def test_another_unit_changes_nothing_but_the_unit(values: list[float], unit: float) -> None:
    plain, scaled = describe(values), describe([unit * v for v in values])
    assert scaled.median.value == pytest.approx(unit * plain.median.value, rel=1e-9)
    assert scaled.mad == pytest.approx(unit * plain.mad, rel=1e-6, abs=1e-9 * unit)


def test_no_samples_are_an_error() -> None:
    with pytest.raises(InputError, match="no samples"):
        describe([])
