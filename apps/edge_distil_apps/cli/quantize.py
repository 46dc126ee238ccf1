"""``edge-distil quantize``: add variants to a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edge_distil.bundle import Bundle, open_bundle
from edge_distil_apps.cli import console, inspect

Int8 = Annotated[
    bool, typer.Option("--int8", help="Add int8: dynamic, the same integers on every CPU.")
]
WeightsOnly = Annotated[
    bool,
    typer.Option("--weights-only", help="Add weights-only: a quarter of the size at fp32's speed."),
]
Fp16 = Annotated[
    bool, typer.Option("--fp16", help="Add fp16, for GPU, Apple and WebGPU: slow on a CPU.")
]
Int4 = Annotated[
    bool,
    typer.Option(
        "--int4", help="Add int4: the smallest file; for onnxruntime only, slower than fp32."
    ),
]
Ort = Annotated[
    bool,
    typer.Option(
        "--ort",
        help="Add the ORT format, for minimal mobile builds, of the variants named beside it; of "
        "all that there are where none is named.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Texts to calibrate on: a file as for eval, or .txt with a text a line "
        "(question<TAB>context). By default an own-written sample."
    ),
]
NoCalibration = Annotated[
    bool, typer.Option("--no-calibration", help="Round by the weights alone: fast, less faithful.")
]


def quantize(
    bundle: Annotated[Path, typer.Argument(help="A bundle directory.")],
    int8: Int8 = False,
    weights_only: WeightsOnly = False,
    fp16: Fp16 = False,
    int4: Int4 = False,
    ort: Ort = False,
    data: Data = None,
    no_calibration: NoCalibration = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`

    The smallest file, and the same for a mobile build: `edge-distil quantize qa --int4 --ort`
    """
    recipes = chosen(int8=int8, weights_only=weights_only, fp16=fp16, int4=int4)
    if not recipes and not ort:
        raise typer.BadParameter(
            "name at least one variant to add: --int8, --weights-only, --fp16, --int4 or --ort"
        )
    opened = open_bundle(bundle)
    added = add_variants(opened, recipes, data=data, calibrate=not no_calibration)
    inspect.show(add_ort_format(added, recipes) if ort else added, json)


def chosen(**flags: bool) -> list[str]:
    """Return the recipes whose flags are set."""
    return [name.replace("_", "-") for name, is_set in flags.items() if is_set]


def add_variants(
    bundle: Bundle, recipes: Sequence[str], *, data: Path | None = None, calibrate: bool = True
) -> Bundle:
    """Add variants by recipe, in order; returns the bundle that has them all."""
    with console.needs_export():
        for recipe in recipes:
            from edge_distil_quantize import quantize_bundle

            bundle = quantize_bundle(
                bundle, recipe, data=data, calibrate=calibrate, progress=console.note
            )
    return bundle


def add_ort_format(bundle: Bundle, recipes: Sequence[str]) -> Bundle:
    """Add the ORT format of the variants of `recipes`, of every ONNX one where that is empty."""
    with console.needs_export():
        from edge_distil_quantize import convert_to_ort, onnx_variants

        for variant in recipes or onnx_variants(bundle):
            bundle = convert_to_ort(bundle, variant, progress=console.note)
    return bundle
