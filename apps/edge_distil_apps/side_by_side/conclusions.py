"""What measurements side by side say: a table, a verdict, and how far to trust them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_distil_apps.side_by_side.measure import OUTPUTS
from edge_distil_bench.comparison import Comparison, compare, compare_with_itself
from edge_distil_bench.distribution import Distribution
from edge_distil_bench.drift import FLAGGED_ABOVE, find_drifts
from edge_distil_bench.measurements import Accuracy, Measurements, Model
from edge_distil_bench.recommendation import (
    LEAST_COSINE,
    Candidate,
    Recommendation,
    Score,
    recommend,
)
from edge_distil_bench.samples import END_TO_END
from edge_distil_bench.summary import first_answer, latency, memory

_METRICS = {"f1": "F1", "accuracy": "accuracy", "spearman": "Spearman"}


@dataclass(frozen=True)
class Scored:
    """The task's main measure, in percent."""

    metric: str
    value: float
    count: int


@dataclass(frozen=True)
class Row:
    """One model beside the reference.

    Attributes:
        model: Its record.
        name: As short as it stays unambiguous.
        forward: Seconds of a forward pass.
        total: Seconds end to end; ``None`` for a peer, which is given token ids.
        speed: Against the reference, forward alone; ``None`` for the reference.
        peak: Bytes; ``None`` where the system does not say.
        first: Seconds to the first answer of a fresh process.
        score: ``None`` where no data was given, or the weights are random.
        mean_cosine: Of the outputs to fp32's.
    """

    model: Model
    name: str
    forward: Distribution
    total: Distribution | None
    speed: Comparison | None
    peak: int | None
    first: Distribution
    score: Scored | None
    mean_cosine: float | None


@dataclass(frozen=True)
class Conclusions:
    """What there is to say.

    Attributes:
        rows: The reference's first.
        itself: The reference beside itself: the A/A comparison.
        verdict: Which of our models to ship here.
        warnings: What makes figures doubtful, and peers that are faster.
    """

    rows: Sequence[Row]
    itself: Comparison
    verdict: Recommendation
    warnings: Sequence[str]


def conclude(measurements: Measurements) -> Conclusions:
    """Draw the conclusions of a document that `measure` made; its first model is the reference."""
    rows = [_row(measurements, model) for model in measurements.models]
    [inputs], threads = measurements.inputs, measurements.runs[0].threads
    own = [row for row in rows if not _is_peer(row)]
    verdict = recommend([_candidate(row, rows[0]) for row in own[1:]], rows[0].name)
    return Conclusions(
        rows=rows,
        itself=compare_with_itself(
            measurements.runs, rows[0].model.id, inputs=inputs.id, threads=threads
        ),
        verdict=verdict,
        warnings=[
            *_doubts(measurements),
            *filter(None, map(_unlike, rows)),
            *_faster_peers(measurements, rows, verdict),
        ],
    )


def _row(measurements: Measurements, model: Model) -> Row:
    [inputs] = measurements.inputs
    runs, threads = measurements.runs, measurements.runs[0].threads
    where: dict[str, Any] = {"inputs": inputs.id, "threads": threads}
    reference = measurements.models[0]
    several = len({one.model for one in measurements.models}) > 1
    peer = all("tokenize" not in run.stage_ns for run in runs if run.model == model.id)
    cosine = _accuracy(measurements, model, outputs=True)
    return Row(
        model=model,
        name=model.id if several else model.variant,
        forward=latency(runs, model.id, **where),
        total=None if peer else latency(runs, model.id, **where, stage=END_TO_END),
        speed=None if model == reference else compare(runs, model.id, reference.id, **where),
        peak=memory(measurements, model.id).peak,
        first=first_answer(measurements, model.id, threads=threads),
        score=_score(_accuracy(measurements, model, outputs=False)),
        mean_cosine=cosine.metrics["mean_cosine"] if cosine else None,
    )


def _accuracy(measurements: Measurements, model: Model, *, outputs: bool) -> Accuracy | None:
    """Return the comparison of a model's outputs, or else its score on labelled data."""
    for one in measurements.accuracy:
        if one.model == model.id and (one.data == OUTPUTS) == outputs:
            return one
    return None


def _score(found: Accuracy | None) -> Scored | None:
    """Return the task's main measure, which comes first."""
    if found is None:
        return None
    name, value = next(iter(found.metrics.items()))
    return Scored(_METRICS.get(name, name.replace("_", " ")), value, found.count)


def _is_peer(row: Row) -> bool:
    return row.total is None


def _candidate(row: Row, reference: Row) -> Candidate:
    assert row.speed is not None
    score = None
    if row.score and reference.score:
        score = Score(row.score.metric, row.score.value, reference.score.value, row.score.count)
    return Candidate(
        name=row.name,
        size=row.model.bytes / reference.model.bytes,
        speedup=row.speed.ratio,
        mean_cosine=row.mean_cosine if row.model.model == reference.model.model else None,
        band=row.speed.band or 0.0,
        score=score,
    )


def _doubts(measurements: Measurements) -> list[str]:
    found = []
    if measurements.environment.get("loaded"):
        reason = measurements.environment.get("loaded_reason")
        found.append(f"the machine is loaded: {reason}; the intervals are wider than they need be")
    flagged = [drift for drift in find_drifts(measurements) if drift.flagged]
    if flagged:
        worst = max(flagged, key=lambda drift: abs(drift.change))
        found.append(
            f"{len(flagged)} of {len(measurements.runs)} runs drifted by more than "
            f"{FLAGGED_ABOVE:.0%} ({worst.model}: {worst.change:+.0%}): the machine throttles or "
            "does other work; ratios within blocks cancel most of it, milliseconds do not"
        )
    return found


def _unlike(row: Row) -> str | None:
    if not _is_peer(row) or row.mean_cosine is None or row.mean_cosine >= LEAST_COSINE:
        return None
    return (
        f"{row.name} gives other outputs than fp32 (mean cosine {row.mean_cosine:.3f}, expected at "
        f"least {LEAST_COSINE}): its speed is not comparable"
    )


def _faster_peers(
    measurements: Measurements, rows: Sequence[Row], verdict: Recommendation
) -> list[str]:
    """Say which peers of equal outputs are faster than what is to be shipped."""
    best = next(row for row in rows if row.name == verdict.variant)
    [inputs], threads = measurements.inputs, measurements.runs[0].threads
    found = []
    for row in rows:
        if not _is_peer(row) or _unlike(row):
            continue
        speed = compare(
            measurements.runs, row.model.id, best.model.id, inputs=inputs.id, threads=threads
        )
        if speed.claimed and speed.ratio.value > 1:
            value, low, high = speed.ratio
            found.append(
                f"{row.name} is faster here than {best.name}: {value:.2f}x [{low:.2f}, {high:.2f}]"
            )
    return found
