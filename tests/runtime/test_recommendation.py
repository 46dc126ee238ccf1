"""Which variant to use: every branch of the choice."""

from __future__ import annotations

import pytest

from edge_distil.bench import Candidate, Estimate, recommend
from edge_distil.bench.recommendation import LEAST_COSINE

FAST = Estimate(1.7, 1.6, 1.8)
FASTER = Estimate(1.9, 1.85, 1.95)
LEVEL = Estimate(1.05, 0.95, 1.15)
SLOW = Estimate(0.7, 0.6, 0.75)


def int8(speedup: Estimate, cosine: float | None = 0.999) -> Candidate:
    return Candidate("int8", 0.25, speedup, cosine)


def other(speedup: Estimate, cosine: float | None = 0.995, size: float = 0.5) -> Candidate:
    return Candidate("other", size, speedup, cosine)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([int8(FAST)], "int8"),
        ([int8(FAST), other(FASTER)], "other"),
        ([int8(FAST), other(Estimate(1.75, 1.7, 1.8))], "int8"),  # as fast, and nearer to fp32
        ([int8(FAST), other(FASTER, LEAST_COSINE - 0.001)], "int8"),  # fast, but not true
        ([int8(LEVEL)], "fp32"),  # not surely faster
        ([int8(SLOW), other(FAST)], "other"),
        ([int8(FASTER, 0.95)], "fp32"),
        ([int8(FAST, None)], "int8"),
        ([], "fp32"),
    ],
)
def test_choice(candidates: list[Candidate], chosen: str) -> None:
    advice = recommend(candidates)
    assert advice.variant == chosen
    assert advice.reason.startswith(f"use {chosen} here")


def test_a_slow_variant_is_still_named_for_its_size() -> None:
    reason = recommend([int8(SLOW), other(LEVEL)]).reason
    assert "other is not faster on this CPU (1.05x, 0.95-1.15)" in reason
    assert "int8 still saves 75% of the download" in reason


def test_drift_is_the_reason_where_it_is() -> None:
    reason = recommend([int8(FAST, 0.957), other(FAST, 0.9)]).reason
    assert "int8 are too far" in reason
    assert "0.957" in reason


def test_what_is_not_known_is_said() -> None:
    assert "not known" in recommend([int8(FAST, None)]).reason
