"""The nested bootstrap: its parts against scipy, its coverage against simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy import stats

from edge_distil_bench.statistics.bootstrap import (
    RESAMPLES,
    nested_interval,
    pooled_spread,
    resampled_medians,
    student,
)
from edge_distil_bench.statistics.distribution import CONFIDENCE

FOUR_DIGITS = 1e-4  # relative
BLOCK = 0.02  # standard deviation of a block's log ratio
TRIALS = 100
# Below the promised 95 %, but by what 100 trials may be off: two standard errors.
LEAST_COVERED = CONFIDENCE - 2 * (CONFIDENCE * (1 - CONFIDENCE) / TRIALS) ** 0.5


@pytest.mark.parametrize("freedom", [*range(1, 13), 16, 30, 100])
@pytest.mark.parametrize("confidence", [CONFIDENCE, 0.975, 0.999])
def test_students_quantile_is_scipys(freedom: int, confidence: float) -> None:
    expected = stats.t.ppf((1 + confidence) / 2, freedom)
    assert student(freedom, confidence) == pytest.approx(expected, rel=FOUR_DIGITS)


def test_pooled_spread_of_two_models_is_the_variance_of_their_ratio() -> None:
    ratios = np.random.default_rng(0).normal(0.3, 0.1, 7)
    found = pooled_spread(np.stack([np.zeros(7), ratios]))
    assert found == (pytest.approx(np.var(ratios, ddof=1)), 6)


def test_pooled_spread_is_twice_the_process_variance_and_nothing_else() -> None:
    """Rounds that slow all models, and models of any speed, leave it as it is."""
    draw = np.random.default_rng(1)
    own = draw.normal(0, 0.01, (40, 50))
    table = own + draw.normal(0, 1, (40, 1)) + draw.normal(0, 1, (1, 50))
    found = pooled_spread(table)
    assert found.freedom == 39 * 49
    low, high = stats.chi2.ppf([0.001, 0.999], found.freedom) / found.freedom
    assert low <= found.variance / (2 * 0.01**2) <= high


def test_resampling_takes_processes_first_and_blocks_within_them() -> None:
    """Processes far apart: the medians of resamples lie at the processes' own, or between two."""
    processes = [np.array([0.0, 0.1]), np.array([10.0, 10.1]), np.array([20.0, 20.1, 20.1, 20.1])]
    medians = resampled_medians(processes)
    assert len(medians) == RESAMPLES >= 2000
    near = [np.isclose(medians, 10 * i, atol=0.11).mean() for i in range(3)]
    # Of three draws, the middle one is of a given outer process in 7 of 27 cases, else in 13.
    for share, expected in zip(near, (7 / 27, 13 / 27, 7 / 27), strict=True):
        assert abs(share - expected) < 4 * math.sqrt(expected / RESAMPLES)


def test_the_interval_is_the_same_each_time_and_one_process_has_none() -> None:
    processes = list(np.random.default_rng(2).normal(0, 1, (5, 20)))
    assert nested_interval(processes) == nested_interval(processes)
    assert all(map(math.isnan, nested_interval(processes[:1])))


@pytest.mark.parametrize("spread", [0.003, 0.01, 0.03])
@pytest.mark.parametrize(("models", "rounds", "blocks"), [(5, 5, 18), (3, 5, 18), (5, 2, 6)])
def test_the_interval_holds_the_truth(models: int, rounds: int, blocks: int, spread: float) -> None:
    """Models equally fast, and processes that differ: the full protocol's numbers and quick's."""
    draw = np.random.default_rng([models, rounds, int(1e4 * spread)])
    held = 0
    for _ in range(TRIALS):
        times = draw.normal(0, spread, (models, rounds, 1))
        times = times + draw.normal(0, BLOCK / math.sqrt(2), (models, rounds, blocks))
        times += (draw.random(times.shape) < 0.1) * draw.exponential(0.05, times.shape)
        relative = times - times[:1]
        pooled = pooled_spread(np.median(relative, axis=2))
        low, high = nested_interval(list(relative[1]), pooled)
        held += low <= 0 <= high
    assert held >= LEAST_COVERED * TRIALS


def test_two_processes_alone_know_less_than_beside_others() -> None:
    draw = np.random.default_rng(5)
    widths = {"alone": [], "beside": []}
    for _ in range(50):
        times = draw.normal(0, 0.01, (5, 2, 1)) + draw.normal(0, BLOCK, (5, 2, 6))
        pooled = pooled_spread(np.median(times - times[:1], axis=2))
        for name, spread in (("alone", None), ("beside", pooled)):
            low, high = nested_interval(list(times[1] - times[0]), spread)
            widths[name].append(high - low)
    assert np.median(widths["beside"]) < np.median(widths["alone"])
