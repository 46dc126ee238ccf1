"""Trend of simulated runs: scipy's slope, and what was put in."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy import stats
from simulated import Noise, Simulated, simulate_runs

from edge_distil_bench.protocol.design import FULL, FULL_HEADLINE, QUICK_HEADLINE, Effort
from edge_distil_bench.records import Inputs, Reading, Run
from edge_distil_bench.statistics.samples import timed
from edge_distil_bench.statistics.trend import find_movement, find_trend

ONE_LENGTH = Inputs("passage", "", (384,))
TOKENS = tuple(np.random.default_rng(0).integers(40, 300, 400).tolist())
LENGTHS = Inputs("questions", "", TOKENS)
QUIET = Noise(query=0, process=0, drift=0, interrupted=0)
BUSY = Noise(drift=0)
ROUNDING = 1e-9


def simulate(
    inputs: Inputs, noise: Noise, seed: int = 0, effort: Effort = FULL_HEADLINE
) -> list[Run]:
    group = [Simulated("a", 0.1), Simulated("b", 0.2)]
    return simulate_runs(group, inputs, 2, FULL, effort, noise=noise, seed=seed)


@pytest.mark.parametrize("ramp", [-0.2, -0.04, 0.0, 0.04, 0.2])
def test_change_and_slope_are_what_was_put_in(ramp: float) -> None:
    """A round slows down by exp(ramp); the middles of its outer fifths are 4/5 of it apart."""
    run = simulate(ONE_LENGTH, Noise(query=0, process=0, drift=0, ramp=ramp, interrupted=0))[0]
    found = find_trend(run)
    samples = timed(run, "forward")
    minutes = (samples.start[-1] - samples.start[0]) / 60
    assert found.change == pytest.approx(math.expm1(0.8 * ramp), abs=0.02)
    assert found.slope * minutes == pytest.approx(ramp, abs=0.02)
    assert found.flagged is (abs(ramp) == 0.2)


def test_slope_is_scipys_theil_sen() -> None:
    """Of the blocks' middles, as scipy computes it."""
    run = simulate(ONE_LENGTH, Noise(ramp=0.1))[0]
    samples = timed(run, "forward")
    blocks = [samples.block == b for b in range(max(run.block) + 1)]
    at = [np.median(samples.start[mine]) / 60 for mine in blocks]
    level = [np.median(np.log(samples.seconds[mine])) for mine in blocks]
    expected = stats.theilslopes(level, at).slope
    assert find_trend(run).slope == pytest.approx(expected, rel=ROUNDING)


def test_lengths_of_queries_are_no_drift() -> None:
    """The longest queries come last, and nothing slows down."""
    runs = simulate(LENGTHS, QUIET)
    assert max(abs(find_trend(run).change) for run in runs) > 0.05
    for run in runs:
        assert find_trend(run, tokens=TOKENS).change == pytest.approx(0, abs=1e-6)


def test_drift_is_found_under_lengths_and_noise() -> None:
    found = [
        find_trend(run, tokens=TOKENS)
        for seed in range(10)
        for run in simulate(LENGTHS, Noise(drift=0, ramp=0.2), seed)
    ]
    assert sum(one.flagged for one in found) >= 0.95 * len(found)
    assert np.median([one.change for one in found]) == pytest.approx(math.expm1(0.16), abs=0.02)


@pytest.mark.parametrize("effort", [FULL_HEADLINE, QUICK_HEADLINE, Effort(60)])
def test_a_steady_machine_is_seldom_flagged(effort: Effort) -> None:
    """Nor is it where a fifth holds two samples."""
    runs = [run for seed in range(40) for run in simulate(LENGTHS, BUSY, seed, effort)]
    flagged = sum(find_trend(run, tokens=TOKENS).flagged for run in runs)
    assert flagged <= 0.02 * len(runs)


def test_the_noise_is_that_of_the_change() -> None:
    """Its spread over many runs of a steady machine."""
    found = [
        find_trend(run, tokens=TOKENS)
        for seed in range(40)
        for run in simulate(LENGTHS, BUSY, seed, Effort(512))
    ]
    spread = stats.median_abs_deviation([one.change for one in found], scale="normal")
    assert np.median([one.noise for one in found]) == pytest.approx(spread, rel=0.2)


def test_sensors_that_move_and_sensors_that_are_not_there() -> None:
    readings = [Reading(at, megahertz=3000 - 10 * at, celsius=40 + at) for at in range(50)]
    found = find_movement(readings[::-1])  # in whatever order they come
    first, last = np.median(np.arange(10)), np.median(np.arange(40, 50))
    assert found.megahertz == pytest.approx((3000 - 10 * last) / (3000 - 10 * first) - 1)
    assert found.celsius == last - first
    assert find_movement([Reading(1), Reading(2)]).megahertz is None
    assert find_movement([]).celsius is None
