"""How a comparison is shown: a table for people, one document for machines."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from edge_distil_apps.cli import console
from edge_distil_apps.side_by_side.conclusions import Conclusions, Row
from edge_distil_bench.comparison import Comparison
from edge_distil_bench.distribution import CONFIDENCE, Distribution, Estimate
from edge_distil_bench.measurements import Measurements

_SPEED = ("", "forward ms", "p95", "end to end", "p95", f"speed [{CONFIDENCE:.0%}]")
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
    console.table("", list(_SPEED), [_speed_cells(row) for row in found.rows])
    score = next((row.score.metric for row in found.rows if row.score), None)
    columns = [*_COST, *([score] if score else [])]
    console.say()
    console.table("", columns, [_cost_cells(row)[: len(columns)] for row in found.rows])
    console.say()
    remarks: dict[str, str] = {}  # said once, where two precisions share one
    for model in measurements.models:
        if remark := model.options.get("remark"):
            remarks.setdefault(f"{model.engine} ({remark})", model.variant)
    for remark, name in remarks.items():
        console.say(console.text(f"{name}: {remark}"))
    itself = found.itself
    console.say(
        console.text(
            f"{found.rows[0].name} beside itself: {itself.ratio.value:.3f}x "
            f"[{itself.ratio.low:.3f}, {itself.ratio.high:.3f}]; no difference "
            f"below {itself.band or 0:.1%} is claimed"
        )
    )
    for warning in found.warnings:
        console.say(console.text(f"note: {warning}"))
    console.say(f"[bold]{console.text(found.verdict.reason)}[/bold]")


def _speed_cells(row: Row) -> list[str]:
    speed = row.speed.ratio if row.speed else None
    return [
        row.name,
        *_times(row.forward),
        *(_times(row.total) if row.total else ["", ""]),
        f"{speed.value:.2f}x [{speed.low:.2f}, {speed.high:.2f}]" if speed else "1x",
    ]


def _cost_cells(row: Row) -> list[str]:
    return [
        row.name,
        f"{row.model.bytes / 1e6:.1f}",
        f"{row.peak / 1e6:.0f}" if row.peak else "",
        f"{row.first.median.value:.2f}",
        f"{row.mean_cosine:.4f}" if row.mean_cosine is not None else "",
        f"{row.score.value:.1f}" if row.score else "",
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
        "models": [_plain_row(row) for row in found.rows],
        "beside_itself": _plain_comparison(found.itself),
        "warnings": list(found.warnings),
        "measurements": str(output) if output else None,
    }


def _plain_row(row: Row) -> dict[str, Any]:
    return {
        **dataclasses.asdict(row.model),
        "forward": _plain_distribution(row.forward),
        "end_to_end": _plain_distribution(row.total) if row.total else None,
        "speed": _plain_comparison(row.speed) if row.speed else None,
        "peak_bytes": row.peak,
        "first_answer_seconds": row.first.median.value,
        "score": dataclasses.asdict(row.score) if row.score else None,
        "mean_cosine": row.mean_cosine,
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
