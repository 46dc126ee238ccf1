"""Which files no other beats, and which one is chosen: by hand-made points."""

from __future__ import annotations

import itertools

import pytest

from edge_distil.errors import InputError
from edge_distil_apps.frontier.points import Limits, Point, choose, edge


def point(model: str, variant: str, score: float, ms: float, megabytes: float) -> Point:
    layers = 12 if model == "teacher" else int(model.partition("-")[2])
    return Point(
        model, variant, layers, "F1", score, ms, ms, ms, int(megabytes * 1e6), None, None
    )  # fmt: skip


POINTS = [
    point("teacher", "fp32", 80, 40, 100),
    point("teacher", "int8", 79.5, 20, 25),
    point("layers-6", "fp32", 79, 20, 70),
    point("layers-6", "int8", 78.5, 10, 18),
    point("layers-3", "fp32", 70, 10.5, 50),
    point("layers-3", "int8", 69, 5, 13),
]


def test_no_other_beats_the_edge():
    for cost in ("ms", "bytes"):
        kept = edge(POINTS, cost)
        for one, other in itertools.product(POINTS, POINTS):
            better = (
                getattr(other, cost) <= getattr(one, cost)
                and other.score >= one.score
                and other is not one
            )
            if better:
                assert one not in kept
        assert kept == sorted(kept, key=lambda p: getattr(p, cost))
    assert [p.name for p in edge(POINTS, "ms")] == [
        "3 layers, int8", "6 layers, int8", "teacher, int8", "teacher, fp32",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), "6 layers, int8"),  # 97 % of 80 is 77.6
        (Limits(min_score=65), "3 layers, int8"),
        (Limits(max_ms=15), "6 layers, int8"),
        (Limits(max_ms=9), "3 layers, int8"),
        (Limits(max_mb=60), "6 layers, int8"),
        (Limits(max_mb=15), "3 layers, int8"),
        (Limits(min_score=78.7), "6 layers, fp32"),
        (Limits(max_ms=30, max_mb=80, min_score=69.5), "6 layers, int8"),
    ],
)
def test_the_one_to_ship(limits, expected):
    chosen, why = choose(POINTS, limits)
    assert chosen.name == expected
    assert why.startswith(expected)


def test_where_none_is_good_enough_the_nearest_are_named():
    with pytest.raises(InputError) as caught:
        choose(POINTS, Limits(max_ms=3, min_score=79.4))
    message = str(caught.value)
    for words in (
        "take at most 3 ms and score at least 79.4",
        "79.0 (6 layers, fp32)",
        "5.00 ms",
        "13.0 MB",
    ):
        assert words in message
