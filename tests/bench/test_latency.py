"""Turns and intervals: what they hold of samples whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")

from scipy import stats

from edge_distil.bundle import open_bundle
from edge_distil.errors import InputError
from edge_distil_bench import alternate, median_interval, speedup, time_ratio
from edge_distil_bench.statistics.distribution import CONFIDENCE
from edge_distil_bench.statistics.latency import FEWEST, REPEATS

SAMPLES = 2000
ROUNDING = 1e-12
# Of 2000 samples, three standard errors below the promised share.
LEAST_COVERED = CONFIDENCE - 3 * (CONFIDENCE * (1 - CONFIDENCE) / SAMPLES) ** 0.5


@pytest.mark.parametrize("count", [FEWEST, 9, 20, 41])
def test_interval_holds_the_true_median_as_often_as_it_says(count: int) -> None:
    """Log-normal times, the long tail of a busy machine: their median is 1."""
    samples = np.random.default_rng(7).lognormal(0, 1, (SAMPLES, count))
    intervals = [median_interval(row.tolist()) for row in samples]
    covered = np.mean([low <= 1 <= high for _, low, high in intervals])
    assert covered >= LEAST_COVERED


@pytest.mark.parametrize("count", range(FEWEST, 60))
def test_interval_is_scipys(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count).tolist()
    expected = stats.quantile_test(values, p=0.5).confidence_interval(CONFIDENCE)
    found = median_interval(values)
    assert found == pytest.approx((np.median(values), expected.low, expected.high), rel=ROUNDING)


def test_too_few_values_give_no_interval() -> None:
    with pytest.raises(InputError, match=f"at least {FEWEST}"):
        median_interval([1.0] * (FEWEST - 1))


def test_ratios_within_rounds_cancel_what_slows_both() -> None:
    """The machine slows down tenfold half-way; one model takes half the other's time throughout."""
    slow = np.repeat([1.0, 10.0], 10)
    assert speedup((2 * slow).tolist(), slow.tolist()) == (2, 2, 2)


def test_turns_alternate_and_begin_with_an_untimed_run() -> None:
    calls: list[str] = []
    runs = {name: lambda name=name: calls.append(name) for name in "AB"}
    times = alternate(runs, rounds=2)
    turn = REPEATS + 1
    assert "".join(calls) == "A" * turn + "B" * turn + "B" * turn + "A" * turn
    assert {name: len(found) for name, found in times.items()} == {"A": 2, "B": 2}


def test_rounds_end_with_the_time_but_suffice_for_an_interval() -> None:
    done: list[tuple[int, int]] = []
    times = alternate(
        {"A": lambda: None}, rounds=1000, seconds=0.0, progress=lambda *at: done.append(at)
    )
    assert len(times["A"]) == FEWEST
    assert done[-1] == (FEWEST, 1000)


def test_two_files_are_compared_with_an_interval(bundle: Path) -> None:
    opened = open_bundle(bundle)
    texts = [{name: np.ones((1, 8), np.int64) for name in opened.manifest.inputs}]
    value, low, high = time_ratio(opened.model_path("fp32"), opened.model_path("int8"), texts)
    assert 0 < low <= value <= high
