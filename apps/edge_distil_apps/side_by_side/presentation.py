"""How a comparison is shown: a table for people, one document for machines."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from edge_distil_apps.cli import console
from edge_distil_apps.cli.tables import table
from edge_distil_bench.records import Measurements
from edge_distil_bench.side_by_side.conclusions import Conclusions, Standing
from edge_distil_bench.side_by_side.measure import OUTPUTS
from edge_distil_bench.statistics.comparison import Comparison
from edge_distil_bench.statistics.distribution import CONFIDENCE, Distribution, Estimate

_SPEED = (
    "", "forward ms", "p95 ms", "end to end ms", f"speed [{CONFIDENCE:.0%}]", "CPU ms",
    "speed by CPU",
)  # fmt: skip
_COST = ("", "file MB", "peak MB", "first answer s", "cosine to fp32")


def show(measurements: Measurements, found: Conclusions) -> None:
    """Print a table, how far to trust it, and the verdict last."""
    [inputs] = measurements.inputs
    lengths = sorted(inputs.tokens)
    console.say(
        console.text(
            f"{measurements.device}, threads: {measurements.runs[0].threads}; {inputs.description}"
            f", {lengths[0]} to {lengths[-1]} tokens"
        )
    )
    table("", list(_SPEED), [_speed_cells(one) for one in found.standings])
    score = next((one.score.metric for one in found.standings if one.score), None)
    columns = [*_COST, *([f"{score} %"] if score else [])]
    console.say()
    table("", columns, [_cost_cells(one)[: len(columns)] for one in found.standings])
    console.say()
    remarks: dict[str, str] = {}  # said once, where two precisions share one
    for model in measurements.models:
        if remark := model.options.get("remark"):
            remarks.setdefault(f"{model.engine} ({remark})", model.variant)
    for remark, name in remarks.items():
        console.say(console.text(f"{name}: {remark}"))
    a_a = found.a_a
    console.say(
        console.text(
            f"{found.standings[0].name} beside a copy of itself: {a_a.ratio.value:.3f}x "
            f"[{a_a.ratio.low:.3f}, {a_a.ratio.high:.3f}]; no difference below {a_a.band or 0:.1%} "
            f"is claimed; {a_a.processes} rounds of fresh processes"
        )
    )
    compared = next((one.count for one in measurements.accuracy if one.data == OUTPUTS), None)
    if compared is not None:
        console.say(
            f"cosine to fp32: the mean over the outputs for {compared} of these queries; inspect's "
            "is that for the bundle's own short texts"
        )
    for warning in found.warnings:
        console.say(console.text(f"note: {warning}"))
    console.say(f"[bold]{console.text(found.verdict.reason)}[/bold]")


def _speed_cells(one: Standing) -> list[str]:
    speed = one.speed.ratio if one.speed else None
    return [
        one.name,
        *_times(one.forward),
        f"{1e3 * one.total.median.value:.2f}" if one.total else "",
        f"{speed.value:.2f}x [{speed.low:.2f}, {speed.high:.2f}]" if speed else "1x",
        f"{1e3 * one.processor.median.value:.2f}",
        f"{one.processor_speed.ratio.value:.2f}x" if one.processor_speed else "1x",
    ]


def _cost_cells(one: Standing) -> list[str]:
    return [
        one.name,
        f"{one.model.bytes / 1e6:.1f}" if one.model.bytes else "",
        f"{one.peak / 1e6:.0f}" if one.peak else "",
        f"{one.first.median.value:.2f}",
        console.cosine(one.mean_cosine) if one.mean_cosine is not None else "",
        f"{one.score.value:.1f}" if one.score else "",
    ]


def _times(found: Distribution) -> list[str]:
    p95 = found.percentiles[95]
    return [f"{1e3 * found.median.value:.2f}", f"{1e3 * p95.value:.2f}" if p95 else ""]


def document(measurements: Measurements, found: Conclusions, output: Path | None) -> dict[str, Any]:
    """Return the conclusions for machines; the raw samples are in the file of ``-o``."""
    return {
        "verdict": found.verdict.reason,
        "ship": found.verdict.variant,
        "device": measurements.device,
        "environment": measurements.environment,
        "protocol": measurements.protocol,
        "inputs": dataclasses.asdict(measurements.inputs[0]),
        "models": [_plain_standing(one) for one in found.standings],
        "a_a_test": _plain_comparison(found.a_a),
        "warnings": list(found.warnings),
        "measurements": str(output) if output else None,
    }


def _plain_standing(one: Standing) -> dict[str, Any]:
    return {
        **dataclasses.asdict(one.model),
        "forward": _plain_distribution(one.forward),
        "end_to_end": _plain_distribution(one.total) if one.total else None,
        "processor": _plain_distribution(one.processor),
        "speed": _plain_comparison(one.speed) if one.speed else None,
        "processor_speed": (
            _plain_comparison(one.processor_speed) if one.processor_speed else None
        ),
        "peak_bytes": one.peak,
        "first_answer_seconds": one.first.median.value,
        "score": dataclasses.asdict(one.score) if one.score else None,
        "mean_cosine": one.mean_cosine,
    }


def _plain_distribution(found: Distribution) -> dict[str, Any]:
    """Return seconds; a bound that too few samples leave open is null."""
    named = {f"p{p}": _plain_estimate(one) if one else None for p, one in found.percentiles.items()}
    return {
        "count": found.count,
        "mean": found.mean,
        "mad": found.mad,
        "outliers": found.outliers,
        **named,
    }


def _plain_comparison(found: Comparison) -> dict[str, Any]:
    return {
        **_plain_estimate(found.ratio),
        "band": found.band,
        "claimed": found.claimed,
        "blocks": found.blocks,
        "processes": found.processes,
    }


def _plain_estimate(found: Estimate) -> dict[str, float | None]:
    named = found._asdict().items()
    return {name: value if math.isfinite(value) else None for name, value in named}
