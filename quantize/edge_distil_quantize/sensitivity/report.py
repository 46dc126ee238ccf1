"""The sensitivity report: one document with everything that is known of every operator."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import onnx_ir as ir
from onnx import numpy_helper

from edge_distil import hardware
from edge_distil._machine.versions import installed_versions
from edge_distil._writing.journal import Journal
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.manifest import Variant
from edge_distil_quantize.reading.model import read_model
from edge_distil_quantize.recipe import Progress
from edge_distil_quantize.rewrites.operators import Operator
from edge_distil_quantize.sensitivity.candidates import (
    MOST_PROBES,
    QUICK_PROBES,
    Workbench,
    open_workbench,
)
from edge_distil_quantize.sensitivity.node_times import by_operator, node_times, owners_of_nodes
from edge_distil_quantize.sensitivity.operator_errors import Effect, measure_effects, measure_whole
from edge_distil_quantize.sensitivity.outliers import Ranges, measure_activations, ranges_of

SCHEMA_VERSION = 1
_TIMED_TEXTS = 8


class _Times(NamedTuple):
    """Operator -> microseconds, and those of the whole model."""

    operators: Mapping[str, float]
    whole: float

    def share(self, operator: Operator) -> float:
        return self.operators.get(operator.name, 0.0) / self.whole


def describe_sensitivity(
    bundle: Bundle | str | Path,
    recipe: str = "int8",
    *,
    data: str | Path | None = None,
    calibrate: bool = True,
    quick: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure what each operator of a variant costs, and why.

    The document holds plain JSON values::

        schema_version      1
        bundle, task, checkpoint, recipe, texts, tokens, data, cpu, tools
        variant             bytes and fp32_bytes of the files; error: relative squared error of
                            the model's outputs, as it is and with everything quantized
                            (error_plain); microseconds and fp32_microseconds for the timed texts
        operators           a list in the graph's order, each with
          name, label, layer, role, kind, shape, kept
          fp32_bytes, int8_bytes   an equal share where several operators read one matrix
          error             relative squared error of its output when it alone is quantized, without
                            calibration
          sqnr_db           the same as a ratio of signal to noise in decibels
          output_error      that of the model's outputs then
          activation        ranges of its input (null for a table); see `activations.Ranges`
          weight            ranges of its matrix
          time              share of the model's time, 0 to 1, in fp32 and in the variant

    Args:
        bundle: A bundle that has the variant, or its directory.
        recipe: The variant; one of `candidates.KEEPING`.
        data: Texts to measure on, as for `quantize_bundle`.
        calibrate: As the variant was made.
        quick: Compare on 8 texts; else on 32, which takes twice to three times as long.
        progress: Called with one line before every step.

    Raises:
        VariantMissing: The bundle has no such variant.
        QuantizeError: The recipe keeps nothing in fp32.
        DataError: `data` cannot be read.
        StorageError: The bundle cannot be written.
    """
    bundle = open_bundle(bundle.path if isinstance(bundle, Bundle) else bundle)
    _, variant = bundle.variant(recipe)
    say = progress or (lambda _: None)
    probes = QUICK_PROBES if quick else MOST_PROBES
    with open_workbench(bundle, recipe, data, calibrate, probes=probes) as bench:
        effects = measure_effects(bench, Journal(None, {}), say)
        say("measuring activations and time")
        return {
            "schema_version": SCHEMA_VERSION,
            "bundle": bundle.path.resolve().name,
            "task": bundle.manifest.task,
            "checkpoint": bundle.manifest.checkpoint.name,
            "recipe": recipe,
            "texts": len(bench.probes),
            "tokens": sum(feeds["input_ids"].size for feeds in bench.probes),
            "data": Path(data).name if data else None,
            "cpu": hardware.cpu_name(),
            "tools": installed_versions(("edge-distil", "numpy", "onnxruntime")),
            **_measured(bundle, bench, variant, effects),
        }


def _measured(
    bundle: Bundle, bench: Workbench, variant: Variant, effects: Mapping[str, Effect]
) -> dict[str, Any]:
    exact, made = bench.source, bundle.model_path(bench.recipe)
    kept = frozenset(variant.settings.get("kept_fp32", ()))
    graph = ir.to_proto(read_model(exact))
    before, after = (_times(bench, path, graph) for path in (exact, made))
    activations = measure_activations(bench)
    error = measure_whole(bench, made)
    return {
        "variant": {
            "bytes": variant.file.bytes,
            "fp32_bytes": exact.stat().st_size,
            "error": error,
            "error_plain": measure_whole(bench, bench.make((), "plain")) if kept else error,
            "microseconds": after.whole,
            "fp32_microseconds": before.whole,
        },
        "operators": [
            {
                **_identity(operator, kept),
                **_error(effects[operator.name]),
                "activation": _plain(activations.get(operator.input)),
                "weight": _plain(_weight_ranges(graph, operator)),
                "time": {"fp32": before.share(operator), "variant": after.share(operator)},
            }
            for operator in bench.operators
        ],
    }


def _times(bench: Workbench, path: Path, exact: onnx.ModelProto) -> _Times:
    owners = owners_of_nodes(onnx.load(path), exact, bench.operators)
    times = node_times(path, bench.probes[:_TIMED_TEXTS], bench.folder)
    return _Times(*by_operator(times, owners))


def _identity(operator: Operator, kept: Collection[str]) -> dict[str, Any]:
    rows, columns = operator.shape
    scales = 4 * (rows if operator.is_table else columns)
    return {
        "name": operator.name,
        "label": operator.label,
        "layer": operator.layer,
        "role": operator.role,
        "kind": "table" if operator.is_table else "product",
        "shape": list(operator.shape),
        "kept": operator.name in kept,
        "fp32_bytes": operator.fp32_bytes // operator.readers,
        "int8_bytes": (rows * columns + scales) // operator.readers,
    }


def _error(effect: Effect) -> dict[str, float | None]:
    decibels = -10 * math.log10(effect.own) if effect.own > 0 else None
    return {"error": effect.own, "sqnr_db": decibels, "output_error": effect.outputs}


def _weight_ranges(graph: onnx.ModelProto, operator: Operator) -> Ranges:
    stored = next(t for t in graph.graph.initializer if t.name == operator.weight)
    matrix = numpy_helper.to_array(stored)
    return ranges_of(matrix if matrix.shape == operator.shape else matrix.T)


def _plain(ranges: Ranges | None) -> dict[str, float] | None:
    return dataclasses.asdict(ranges) if ranges else None
