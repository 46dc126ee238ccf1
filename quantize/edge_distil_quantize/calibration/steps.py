"""What calibration does for the recipe ``int8``, step by step, and what each step is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.calibration import single_pass
from edge_distil_quantize.calibration.balance import STEPS, STRENGTH, Smoothing
from edge_distil_quantize.calibration.equivalence import Prepared
from edge_distil_quantize.calibration.known import Known, Rounding
from edge_distil_quantize.kernels.gptq import DAMPING
from edge_distil_quantize.recipe import Feeds, Request
from edge_distil_quantize.rewrites.matmul import Rounded, Target


class Steps(NamedTuple):
    """Which steps to take; all of them unless their worth is to be measured.

    Attributes:
        smoothing: Even out activations (`calibration.equivalence`).
        rounding: Round weights and correct biases on the data (`calibration.rounding`).
    """

    smoothing: bool = True
    rounding: bool = True


ALL = Steps()


class Calibrated(NamedTuple):
    """What calibration found.

    Attributes:
        weights: The weights that it rounded.
        settings: How, for the manifest.
        evidence: What it was worth, for the manifest.
    """

    weights: Rounded
    settings: Mapping[str, Any]
    evidence: Mapping[str, Any]


def calibrate(
    request: Request, targets: Sequence[Target], tables: Collection[ir.Value], steps: Steps = ALL
) -> Calibrated:
    """Change the fp32 graph so that it quantizes well, and round its weights.

    Args:
        request: The graph and what to calibrate on.
        targets: The products that will be quantized.
        tables: Embedding tables that will be; a product with one of them is left as it is.
        steps: What to do.
    """
    inputs = request.calibration
    own = [target for target in targets if target.weight not in tables]
    if inputs and not targets:
        request.progress("nothing to calibrate: there are tables alone, each row rounded by itself")
    if not inputs or not targets:
        return Calibrated({}, {"calibration": None}, {})
    request.progress(f"calibrating on {len(inputs)} texts")
    prepared, rounded = single_pass.run(
        request.model,
        inputs,
        request.known or Known(),
        request.progress,
        smoothed=own if steps.smoothing else (),
        rounded=own if steps.rounding else (),
    )
    return Calibrated(
        {key: rounding.quantized for key, rounding in rounded.items()},
        {"calibration": _settings(inputs, prepared)},
        {"calibration": _worth(prepared, list(rounded.values()))},
    )


def _settings(inputs: Sequence[Feeds], prepared: Prepared) -> dict[str, Any]:
    digest = hashlib.sha256()
    for feeds in inputs:
        digest.update(feeds["input_ids"].tobytes())
    return {
        "inputs": len(inputs),
        "tokens": sum(int(feeds["input_ids"].size) for feeds in inputs),
        "token_ids_sha256": digest.hexdigest(),
        "smoothing": f"SmoothQuant {STRENGTH}, balanced in {STEPS} steps, shifted to the means",
        "layer_norms_smoothed": sum(found.pays for found in prepared.norms),
        "values_smoothed": sum(found.pays for found in prepared.values),
        "biases_dropped": prepared.biases,
        "rounding": f"GPTQ, damping {DAMPING[0]} to {DAMPING[1]}, inputs / tokens / 4 between",
        "biases": "corrected by the mean error of the outputs",
    }


def _worth(prepared: Prepared, rounded: Sequence[Rounding]) -> dict[str, Any]:
    """Mean errors of the layers' outputs, relative to their variance, without and with a step."""
    return {
        "layer_norms": _errors(prepared.norms),
        "values": _errors(prepared.values),
        "weights": {
            "by_themselves": _mean([rounding.by_itself for rounding in rounded]),
            "calibrated": _mean([rounding.calibrated for rounding in rounded]),
        },
    }


def _errors(found: Sequence[Smoothing]) -> dict[str, float | None]:
    return {
        "before": _mean([smoothing.before for smoothing in found]),
        "smoothed": _mean([min(smoothing.before, smoothing.after) for smoothing in found]),
    }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
