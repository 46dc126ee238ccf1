"""Which variant to use here, from speed, size and drift: a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_distil.bench.distribution import Estimate

# Mean cosine of the outputs to fp32's on the golden probes. Good int8 gives 0.998 and more; the
# variants known to answer visibly worse than fp32 gave 0.96.
LEAST_COSINE = 0.99


@dataclass(frozen=True)
class Candidate:
    """A variant other than fp32, as measured here.

    Attributes:
        name: The variant.
        size: Its file over fp32's.
        speedup: Times as fast as fp32.
        mean_cosine: Of its outputs to fp32's; ``None`` where there was nothing to compare on.
    """

    name: str
    size: float
    speedup: Estimate
    mean_cosine: float | None = None


@dataclass(frozen=True)
class Recommendation:
    """The variant to use here, and why, in one sentence."""

    variant: str
    reason: str


def recommend(candidates: Sequence[Candidate]) -> Recommendation:
    """Choose the fastest variant that is true to fp32 and surely faster; else fp32.

    Of several whose intervals overlap the fastest's, the one nearest to fp32 is taken.

    >>> recommend([Candidate("int8", 0.25, Estimate(1.72, 1.68, 1.75), 0.9989)]).reason
    'use int8 here: 1.72x as fast as fp32 (1.68-1.75), 0.25x the size, mean cosine 0.9989'
    """
    if not candidates:
        return Recommendation("fp32", "use fp32 here: the bundle has no other variant that works")
    true = [c for c in candidates if c.mean_cosine is None or c.mean_cosine >= LEAST_COSINE]
    if not true:
        return _too_far(candidates)
    faster = [c for c in true if c.speedup.low > 1]
    if not faster:
        return _not_faster(true)
    fastest = max(faster, key=lambda c: c.speedup.value)
    level = [c for c in faster if c.speedup.high >= fastest.speedup.low]
    best = max(level, key=lambda c: (c.mean_cosine or 0.0, c.speedup.value))
    return Recommendation(best.name, f"use {best.name} here: {_praise(best)}")


def _praise(best: Candidate) -> str:
    words = (
        f"{_times(best.speedup)} as fast as fp32 {_range(best.speedup)}, {best.size:.2f}x the size"
    )
    if best.mean_cosine is None:
        return f"{words}; how near it is to fp32 is not known: the bundle has no probe texts"
    return f"{words}, mean cosine {best.mean_cosine:.4f}"


def _too_far(candidates: Sequence[Candidate]) -> Recommendation:
    nearest = max(candidates, key=lambda c: c.mean_cosine or 0.0)
    return Recommendation(
        "fp32",
        f"use fp32 here: the outputs of {nearest.name} are too far from fp32's (mean cosine "
        f"{nearest.mean_cosine:.4f}, expected at least {LEAST_COSINE})",
    )


def _not_faster(true: Sequence[Candidate]) -> Recommendation:
    """Name the fastest of them, and the smallest, which may still be wanted for its size."""
    fastest = max(true, key=lambda c: c.speedup.value)
    smallest = min(true, key=lambda c: c.size)
    words = (
        f"use fp32 here: {fastest.name} is not faster on this CPU "
        f"({_times(fastest.speedup)}, {_range(fastest.speedup).strip('()')})"
    )
    if smallest.size < 1:
        words += f"; {smallest.name} still saves {1 - smallest.size:.0%} of the download"
    return Recommendation("fp32", words)


def _times(speedup: Estimate) -> str:
    return f"{speedup.value:.2f}x"


def _range(speedup: Estimate) -> str:
    return f"({speedup.low:.2f}-{speedup.high:.2f})"
