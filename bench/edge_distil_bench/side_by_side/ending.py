"""Whether a measurement decides, and how sure it is after the looks that were taken at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge_distil_bench.protocol.looks import confidence_after
from edge_distil_bench.records import Run
from edge_distil_bench.statistics.comparison import compare, compare_a_a
from edge_distil_bench.statistics.distribution import CONFIDENCE

# The A/A band at which measuring may end: what differs by less hardly matters to anybody.
FINE = 0.04


def confidence_of(runs: Sequence[Run], protocol: Mapping[str, Any]) -> float:
    """Return the confidence of intervals after the rounds that there are.

    Args:
        runs: All of them.
        protocol: `Measurements.protocol`.
    """
    if not protocol.get("sequential"):
        return CONFIDENCE
    return confidence_after(1 + max(run.process for run in runs), protocol["processes"])


def decided(
    runs: Sequence[Run],
    models: Sequence[str],
    *,
    inputs: str,
    threads: int,
    protocol: Mapping[str, Any],
) -> bool:
    """Return whether every model is faster or slower than the first, or level, and that is sure.

    Args:
        runs: All of them, the first model's beside a copy of itself, too.
        models: `Model.id` of all.
        inputs: `Inputs.id`.
        threads: Of all engines.
        protocol: `Measurements.protocol`.
    """
    confidence = confidence_of(runs, protocol)
    where: dict[str, Any] = {"inputs": inputs, "threads": threads, "confidence": confidence}
    first, *others = models
    a_a = compare_a_a(runs, first, **where)
    if a_a.band is None or a_a.band > FINE:
        return False
    return all(compare(runs, other, first, **where).decided for other in others)
