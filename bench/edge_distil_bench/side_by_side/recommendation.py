"""Which model to use here, from speed, size and faithfulness: a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_distil.bundle import FUSED
from edge_distil_bench.statistics.comparison import NEGLIGIBLE, negligible
from edge_distil_bench.statistics.distribution import Estimate

# Mean cosine of the outputs to fp32's. Good int8 gives 0.998 and more; the variants known to answer
# visibly worse than fp32 gave 0.96.
LEAST_COSINE = 0.99
# Share of fp32's score that must be kept, where scores were taken: MLPerf's bar for inference.
LEAST_SCORE = 0.99
# Below so many examples, chance on a handful of them moves a score by more than that: then the
# outputs themselves decide, where they can be compared.
FEWEST_SCORED = 1000


@dataclass(frozen=True)
class Score:
    """A score of a model and of the reference on the same data, in percent.

    Attributes:
        metric: Its name, for people: ``"F1"``.
        own: The model's.
        reference: The reference's.
        count: Examples that it was taken on.
    """

    metric: str
    own: float
    reference: float
    count: int


@dataclass(frozen=True)
class Alternative:
    """A model other than the reference, as measured here.

    Attributes:
        name: For people: the variant.
        size: Its file over the reference's.
        speedup: Times as fast as the reference.
        mean_cosine: Of its outputs to fp32's; ``None`` where there was nothing to compare on.
        band: Of the A/A comparison: ratios within ``[1 / (1 + band), 1 + band]`` say nothing.
        score: Taken on `FEWEST_SCORED` examples or more it decides, and not the cosine.
        engine: What `edge_distil.load` must be told, where it is no variant.
    """

    name: str
    size: float
    speedup: Estimate
    mean_cosine: float | None = None
    band: float = 0.0
    score: Score | None = None
    engine: str | None = None

    @property
    def faster(self) -> bool:
        """Whether it is surely faster: the interval excludes 1, the ratio is outside the band."""
        return self.speedup.low > 1 and self.speedup.value > 1 + self.band

    @property
    def slower(self) -> bool:
        """Whether it is surely slower."""
        return self.speedup.high < 1 and self.speedup.value < 1 / (1 + self.band)

    @property
    def open(self) -> bool:
        """Whether it may yet be faster, by more than nobody would mind: longer measuring tells."""
        known = self.faster or self.slower or negligible(self.speedup)
        return not known and self.speedup.high > 1 + NEGLIGIBLE

    @property
    def faithful(self) -> bool:
        """Whether it answers as well as fp32 does, as far as that is known."""
        if self.scored:
            return self.score is None or self.score.own >= LEAST_SCORE * self.score.reference
        return self.mean_cosine is None or self.mean_cosine >= LEAST_COSINE

    @property
    def scored(self) -> bool:
        """Whether the score decides."""
        if self.score is None:
            return False
        return self.score.count >= FEWEST_SCORED or self.mean_cosine is None


@dataclass(frozen=True)
class Recommendation:
    """The model to use here, and why, in one sentence.

    Attributes:
        variant: Its name; ``None`` where the measurements do not decide.
        reason: For people.
    """

    variant: str | None
    reason: str


def recommend(
    alternatives: Sequence[Alternative],
    reference: str = "fp32",
    *,
    longer: str = "the same on a machine that does nothing else",
    peers: Sequence[str] = (),
) -> Recommendation:
    """Choose the fastest model that is faithful and surely faster; else the reference.

    Of several whose intervals overlap the fastest's, the most faithful one is taken. Where one may
    yet be faster, and none surely is, nothing is chosen: the reference would be the one that looks
    slower.

    >>> recommend([Alternative("int8", 0.25, Estimate(1.8, 1.77, 1.83),
    ...                      score=Score("F1", 86.1, 86.3, 10570))]).reason
    'ship int8 here: 1.80x faster than fp32 [1.77, 1.83], 0.25x the size, F1 -0.2'

    Args:
        alternatives: All models but the reference.
        reference: Its name.
        longer: How to measure longer, as a command.
        peers: Other engines' models that were measured beside it, which are not ours to ship.
    """
    if not alternatives:
        return _ship(reference, _alone(peers))
    faithful = [c for c in alternatives if c.faithful]
    if not faithful:
        return _ship(reference, _too_far(alternatives))
    faster = [c for c in faithful if c.faster]
    if not faster:
        undecided = [c for c in faithful if c.open]
        if undecided:
            return Recommendation(None, _undecided(undecided, reference, longer))
        return _ship(reference, _not_faster(faithful, reference))
    fastest = max(faster, key=lambda c: c.speedup.value)
    level = [c for c in faster if c.speedup.high >= fastest.speedup.low]
    best = max(level, key=_merit)
    load = f"; load it with engine={best.engine!r}" if best.engine else ""
    return _ship(best.name, f"{_praise(best, reference)}{load}")


def _ship(name: str, why: str) -> Recommendation:
    return Recommendation(name, f"ship {name} here: {why}{_where_alone(name)}")


def _where_alone(name: str) -> str:
    """Say where a fused form runs, and what is for elsewhere; of any other form nothing."""
    if not name.endswith(FUSED):
        return ""
    return (
        f"; {name} is for Python alone, which pads no text: JavaScript, Kotlin and Swift take "
        f"{name.removesuffix(FUSED)}"
    )


def _alone(peers: Sequence[str]) -> str:
    if not peers:
        return "nothing else that works was there to compare it with"
    return f"no other variant of ours was measured; {' and '.join(peers)} are other engines' models"


def _undecided(undecided: Sequence[Alternative], reference: str, longer: str) -> str:
    likeliest = max(undecided, key=lambda c: c.speedup.value)
    looks = "faster" if likeliest.speedup.value > 1 else "slower"
    return (
        f"undecided: {likeliest.name} looks {looks} than {reference} here "
        f"({_times(likeliest.speedup)} {_range(likeliest.speedup)}), and that is not sure; measure "
        f"longer: {longer}"
    )


def _merit(alternative: Alternative) -> tuple[float, float, float]:
    score = alternative.score.own if alternative.score else 0.0
    return score, alternative.mean_cosine or 0.0, alternative.speedup.value


def _praise(best: Alternative, reference: str) -> str:
    words = (
        f"{_times(best.speedup)} faster than {reference} {_range(best.speedup)}, "
        f"{best.size:.2f}x the size"
    )
    if best.score is not None:
        return f"{words}, {_change(best.score)}"
    if best.mean_cosine is not None:
        return f"{words}, mean cosine {best.mean_cosine:.4f}"
    return f"{words}; how well it answers beside {reference} is not known"


def _too_far(alternatives: Sequence[Alternative]) -> str:
    nearest = max(alternatives, key=_merit)
    if nearest.score is not None and nearest.scored:
        return (
            f"{nearest.name} answers too much worse ({_change(nearest.score)} from "
            f"{nearest.score.reference:.1f}, expected at least {LEAST_SCORE:.0%} of it)"
        )
    return (
        f"the outputs of {nearest.name} are too far from fp32's (mean cosine "
        f"{nearest.mean_cosine:.4f}, expected at least {LEAST_COSINE})"
    )


def _not_faster(faithful: Sequence[Alternative], reference: str) -> str:
    """Name the fastest of them, and the smallest, which may still be wanted for its size."""
    fastest = max(faithful, key=lambda c: c.speedup.value)
    smallest = min(faithful, key=lambda c: c.size)
    figures = f"{_times(fastest.speedup)} {_range(fastest.speedup)}"
    if fastest.slower:
        words = f"{fastest.name} is slower on this CPU ({figures})"
    else:
        band = f", two copies of one model differ by up to {fastest.band:.1%}"
        words = (
            f"between {fastest.name} and {reference} there is no difference in speed that this "
            f"machine can show ({figures}{band if fastest.band else ''})"
        )
    if smallest.size < 1:
        words += f"; {smallest.name} still saves {1 - smallest.size:.0%} of the download"
        words += "" if reference.endswith(FUSED) else _where_alone(smallest.name)  # said of that
    return words


def _change(score: Score) -> str:
    few = f" on {score.count} examples" if score.count < FEWEST_SCORED else ""
    return f"{score.metric} {score.own - score.reference:+.1f}{few}"


def _times(speedup: Estimate) -> str:
    return f"{speedup.value:.2f}x"


def _range(speedup: Estimate) -> str:
    return f"[{speedup.low:.2f}, {speedup.high:.2f}]"
