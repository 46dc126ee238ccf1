"""Looking more than once: what may be spent on all looks together, and when measuring ends."""

from __future__ import annotations

import numpy as np
import pytest

from edge_distil_bench.protocol.looks import confidence_after, go_on_until, next_look
from edge_distil_bench.statistics.bootstrap import nested_interval, pooled_spread
from edge_distil_bench.statistics.distribution import CONFIDENCE

TRIALS = 100
LOOKS = 6


@pytest.mark.parametrize("first", [2, 4, 5])
def test_all_looks_together_spend_no_more_than_one_would(first: int) -> None:
    spent, rounds = 0.0, first
    for _ in range(30):
        spent += 1 - confidence_after(rounds, first)
        rounds = next_look(rounds)
    assert 0.95 * (1 - CONFIDENCE) < spent < 1 - CONFIDENCE


def trial(draw: np.random.Generator, rounds: int) -> np.ndarray:
    """Three models that are equally fast: log times ``(model, round, block)``."""
    process = draw.normal(0, 0.01, (3, rounds, 1))
    return process + draw.normal(0, 0.02, (3, rounds, 4))


def misses(confidence: float | None) -> int:
    """In how many measurements any look leaves out the truth, which is that none is faster."""
    draw, missed = np.random.default_rng(7), 0
    for _ in range(TRIALS):
        rounds = 4
        times = trial(draw, 40)
        for _ in range(LOOKS):
            relative = times[:, :rounds] - times[:1, :rounds]
            pooled = pooled_spread(np.median(relative, axis=2))
            own = confidence or confidence_after(rounds, 4)
            low, high = nested_interval(list(relative[1]), pooled, own)
            if not low <= 0 <= high:
                missed += 1
                break
            rounds = next_look(rounds)
    return missed


def test_every_interval_of_a_measurement_holds_the_truth() -> None:
    """Six looks at 95 % each would be wrong more often than 95 % allow."""
    assert misses(None) <= (1 - CONFIDENCE) * TRIALS < misses(CONFIDENCE)


def test_it_ends_where_it_decides_and_where_there_is_no_more_time() -> None:
    seen: list[int] = []
    assert go_on_until(4, seen.append, lambda: len(seen) == 3, lambda more: True) == 9
    assert seen == [4, 6, 9]
    seen.clear()
    assert go_on_until(4, seen.append, lambda: False, lambda more: more <= 6) == 6
    assert seen == [4, 6]
