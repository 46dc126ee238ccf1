"""What measurements side by side say: a table, a verdict, and how far to trust them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from edge_distil_bench.records import Accuracy, Measurements, Model
from edge_distil_bench.side_by_side.ending import confidence_of
from edge_distil_bench.side_by_side.measure import OUTPUTS
from edge_distil_bench.side_by_side.recommendation import (
    LEAST_COSINE,
    Alternative,
    Recommendation,
    Score,
    recommend,
)
from edge_distil_bench.statistics.comparison import Comparison, compare, compare_a_a
from edge_distil_bench.statistics.distribution import Distribution
from edge_distil_bench.statistics.samples import END_TO_END, PROCESSOR
from edge_distil_bench.statistics.summary import first_answer, latency, memory
from edge_distil_bench.statistics.trend import FLAGGED_ABOVE, find_trends

_METRICS = {"f1": "F1", "accuracy": "accuracy", "spearman": "Spearman"}


@dataclass(frozen=True)
class Scored:
    """The task's main measure, in percent."""

    metric: str
    value: float
    count: int


@dataclass(frozen=True)
class Standing:
    """One model beside the reference.

    Attributes:
        model: Its record.
        name: As short as it stays unambiguous.
        forward: Seconds of a forward pass.
        total: Seconds end to end; ``None`` for a peer, which is given token ids.
        processor: Processor seconds of a forward pass, over all threads.
        speed: Against the reference, forward alone; ``None`` for the reference.
        processor_speed: The same by processor time.
        peak: Bytes; ``None`` where the system does not say.
        first: Seconds to the first answer of a fresh process.
        score: ``None`` where no data was given, or the weights are random.
        mean_cosine: Of the outputs to fp32's.
    """

    model: Model
    name: str
    forward: Distribution
    total: Distribution | None
    processor: Distribution
    speed: Comparison | None
    processor_speed: Comparison | None
    peak: int | None
    first: Distribution
    score: Scored | None
    mean_cosine: float | None


@dataclass(frozen=True)
class Conclusions:
    """What there is to say.

    Attributes:
        standings: The reference's first.
        a_a: The A/A test: the reference beside a copy of itself.
        verdict: Which of our models to ship here, and on which engine.
        warnings: What makes figures doubtful, and peers that are faster.
    """

    standings: Sequence[Standing]
    a_a: Comparison
    verdict: Recommendation
    warnings: Sequence[str]


def conclude(
    measurements: Measurements, longer: str = "the same on a machine that does nothing else"
) -> Conclusions:
    """Draw the conclusions of a document that `measure` made; its first model is the reference.

    Args:
        measurements: The document.
        longer: The command that measures longer, where this was not long enough.
    """
    where = condition(measurements)
    standings = [_standing(measurements, model, where) for model in measurements.models]
    own = [one for one in standings if not _is_peer(one)]
    others = [*own[1:], *(one for one in standings if _is_peer(one) and _engine(one))]
    verdict = recommend(
        [_alternative(one, own[0]) for one in others],
        own[0].name,
        longer=longer,
        peers=[one.name for one in standings if _is_peer(one) and not _engine(one)],
    )
    return Conclusions(
        standings=standings,
        a_a=compare_a_a(measurements.runs, own[0].model.id, **where),
        verdict=verdict,
        warnings=[
            *_doubts(measurements),
            *filter(None, map(_unlike, standings)),
            *_faster_peers(measurements, standings, verdict, where),
        ],
    )


def condition(measurements: Measurements) -> dict[str, Any]:
    """Return what `compare` takes beside two models: inputs, threads and confidence.

    A measurement that was looked at several times is less sure each time; see `protocol.looks`.
    """
    [inputs] = measurements.inputs
    return {
        "inputs": inputs.id,
        "threads": measurements.runs[0].threads,
        "confidence": confidence_of(measurements.runs, measurements.protocol),
    }


def _standing(measurements: Measurements, model: Model, where: Mapping[str, Any]) -> Standing:
    runs, place = measurements.runs, {name: where[name] for name in ("inputs", "threads")}
    reference = measurements.models[0]
    several = len({one.model for one in measurements.models}) > 1
    peer = all("tokenize" not in run.stage_ns for run in runs if run.model == model.id)
    cosine = _accuracy(measurements, model, outputs=True)
    others = None if model == reference else partial(compare, runs, model.id, reference.id)
    return Standing(
        model=model,
        name=model.id if several else model.variant,
        forward=latency(runs, model.id, **place),
        total=None if peer else latency(runs, model.id, **place, stage=END_TO_END),
        processor=latency(runs, model.id, **place, stage=PROCESSOR),
        speed=others(**where) if others else None,
        processor_speed=others(**where, stage=PROCESSOR) if others else None,
        peak=memory(measurements, model.id).peak,
        first=first_answer(measurements, model.id, threads=where["threads"]),
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


def _is_peer(one: Standing) -> bool:
    return one.total is None


def _engine(one: Standing) -> str | None:
    """Return what `edge_distil.load` must be told to run a model; ``None`` if it is a variant."""
    engine: str | None = one.model.options.get("engine")
    return engine


def _alternative(one: Standing, reference: Standing) -> Alternative:
    assert one.speed is not None
    score = None
    if one.score and reference.score:
        score = Score(one.score.metric, one.score.value, reference.score.value, one.score.count)
    return Alternative(
        name=one.name,
        size=one.model.size_beside(reference.model) or 1.0,
        speedup=one.speed.ratio,
        mean_cosine=one.mean_cosine if one.model.model == reference.model.model else None,
        band=one.speed.band or 0.0,
        score=score,
        engine=_engine(one),
    )


def _doubts(measurements: Measurements) -> list[str]:
    found = []
    if measurements.environment.get("loaded"):
        reason = measurements.environment.get("loaded_reason")
        found.append(f"the machine is loaded: {reason}; the intervals are wider than they need be")
    flagged = [one for one in find_trends(measurements) if one.flagged]
    if flagged:
        worst = max(flagged, key=lambda one: abs(one.change))
        found.append(
            f"{len(flagged)} of {len(measurements.runs)} runs drifted by more than "
            f"{FLAGGED_ABOVE:.0%} ({worst.model}: {worst.change:+.0%}): the machine throttles or "
            "does other work; ratios within blocks cancel most of it, milliseconds do not"
        )
    return found


def _unlike(one: Standing) -> str | None:
    if not _is_peer(one) or one.mean_cosine is None or one.mean_cosine >= LEAST_COSINE:
        return None
    return (
        f"{one.name} gives other outputs than fp32 (mean cosine {one.mean_cosine:.3f}, expected at "
        f"least {LEAST_COSINE}): its speed is not comparable"
    )


def _faster_peers(
    measurements: Measurements,
    standings: Sequence[Standing],
    verdict: Recommendation,
    where: Mapping[str, Any],
) -> list[str]:
    """Say which peers of equal outputs are faster than what is to be shipped."""
    chosen = [one for one in standings if one.name == verdict.variant]
    [best] = chosen or standings[:1]
    found = []
    for one in standings:
        if one is best or not _is_peer(one) or _unlike(one):
            continue
        speed = compare(measurements.runs, one.model.id, best.model.id, **where)
        if speed.claimed and speed.ratio.value > 1:
            value, low, high = speed.ratio
            found.append(
                f"{one.name} is faster here than {best.name}: {value:.2f}x [{low:.2f}, {high:.2f}]"
            )
    return found
