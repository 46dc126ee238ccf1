"""The models of a frontier as points, which of them no other beats, and which one to ship. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_distil.errors import InputError
from edge_distil_bench.records import Measurements
from edge_distil_bench.side_by_side.conclusions import conclude, condition
from edge_distil_bench.statistics.comparison import compare
from edge_distil_bench.statistics.distribution import Estimate

TEACHER = "teacher"
# What is kept of the teacher's score where nobody asks for a figure: as DistilBERT of BERT's.
USUAL_SHARE = 0.97
_USUAL_WORDS = ", 97 % of the teacher's"


@dataclass(frozen=True)
class Point:
    """A file that could be shipped.

    Attributes:
        model: Its bundle's name: ``"layers-3"``, or `TEACHER`.
        variant: ``"fp32"`` or ``"int8"``.
        layers: How many it has.
        metric: The task's main measure.
        score: By it, in percent.
        ms: Median of a forward pass.
        ms_low: Its interval.
        ms_high: Its interval.
        bytes: Of the file.
        speed: Times as fast as the teacher in fp32, paired; ``None`` for that itself.
        speed_int8: The same beside the teacher's int8.
    """

    model: str
    variant: str
    layers: int
    metric: str
    score: float
    ms: float
    ms_low: float
    ms_high: float
    bytes: int
    speed: Estimate | None
    speed_int8: Estimate | None

    @property
    def megabytes(self) -> float:
        """Size in 10^6 bytes."""
        return self.bytes / 1e6

    @property
    def name(self) -> str:
        """What people call it."""
        if self.model == TEACHER:
            return f"teacher, {self.variant}"
        return f"{self.layers} layer{'s' * (self.layers != 1)}, {self.variant}"


@dataclass(frozen=True)
class Limits:
    """What a student must keep; ``None`` leaves it open.

    Attributes:
        max_ms: Median of a forward pass.
        max_mb: Of the file, in 10^6 bytes.
        min_score: In percent.
    """

    max_ms: float | None = None
    max_mb: float | None = None
    min_score: float | None = None

    def allow(self, point: Point) -> bool:
        """Return whether a model keeps them."""
        return (
            (self.max_ms is None or point.ms <= self.max_ms)
            and (self.max_mb is None or point.megabytes <= self.max_mb)
            and (self.min_score is None or point.score >= self.min_score)
        )

    def in_words(self) -> str:
        """Return them as the end of a sentence about students.

        >>> Limits(max_ms=3, min_score=68).in_words()
        'take at most 3 ms and score at least 68'
        """
        words = [
            f"take at most {self.max_ms:g} ms" if self.max_ms is not None else "",
            f"have at most {self.max_mb:g} MB" if self.max_mb is not None else "",
            f"score at least {self.min_score:.4g}" if self.min_score is not None else "",
        ]
        return " and ".join(filter(None, words))


def points(measurements: Measurements, layers: dict[str, int]) -> list[Point]:
    """Return the models that were measured, the teacher's first.

    Args:
        measurements: Of `side_by_side.measure`; its first model is the teacher's fp32.
        layers: Model -> its number of layers.
    """
    where, runs = condition(measurements), measurements.runs
    found = []
    for one in conclude(measurements).standings:
        assert one.score is not None
        fast = f"{TEACHER}/int8"
        median = one.forward.median
        found.append(
            Point(
                model=one.model.model,
                variant=one.model.variant,
                layers=layers[one.model.model],
                metric=one.score.metric,
                score=one.score.value,
                ms=1e3 * median.value,
                ms_low=1e3 * median.low,
                ms_high=1e3 * median.high,
                bytes=one.model.bytes or 0,
                speed=one.speed.ratio if one.speed else None,
                speed_int8=(
                    None if one.model.id == fast
                    else compare(runs, one.model.id, fast, **where).ratio
                ),
            )
        )  # fmt: skip
    return found


def edge(found: Sequence[Point], cost: str) -> list[Point]:
    """Return the points that no other beats in score at as little cost, cheapest first.

    Args:
        found: All.
        cost: ``"ms"`` or ``"bytes"``.
    """
    best = -1.0
    kept = []
    for point in sorted(found, key=lambda p: (getattr(p, cost), -p.score)):
        if point.score > best:
            best = point.score
            kept.append(point)
    return kept


def choose(found: Sequence[Point], limits: Limits) -> tuple[Point, str]:
    """Choose the student to ship.

    With a least score the fastest that has it; with other limits alone the best within them; with
    none the fastest that keeps 97 % of the teacher's score in fp32.

    Args:
        found: All points, the teacher's among them.
        limits: What it must keep.

    Returns:
        The point, and why in a sentence.

    Raises:
        InputError: None keeps the limits.
    """
    usual = limits == Limits()
    if usual:
        limits = Limits(min_score=USUAL_SHARE * found[0].score)
    students = [point for point in found if point.model != TEACHER]
    allowed = [point for point in students if limits.allow(point)]
    if not allowed:
        raise InputError(_none(students, limits, usual))
    asked = limits.in_words() + (_USUAL_WORDS if usual else "")
    if limits.min_score is not None:
        chosen, best = min(allowed, key=lambda p: (p.ms, p.bytes)), "fastest"
    else:
        chosen, best = max(allowed, key=lambda p: (p.score, -p.ms)), "best"
    return chosen, f"{chosen.name}: the {best} of the {len(allowed)} students that {asked}"


def _none(students: Sequence[Point], limits: Limits, usual: bool) -> str:
    """Say what comes nearest."""
    best = max(students, key=lambda p: p.score)
    fast = min(students, key=lambda p: p.ms)
    small = min(students, key=lambda p: p.bytes)
    asked = limits.in_words() + (_USUAL_WORDS if usual else "")
    return (
        f"there are no students that {asked}: the best scores {best.score:.1f} ({best.name}), "
        f"the fastest takes {fast.ms:.2f} ms ({fast.name}), the smallest {small.megabytes:.1f} MB "
        f"({small.name}); train longer, add layers, or ask for less"
    )
