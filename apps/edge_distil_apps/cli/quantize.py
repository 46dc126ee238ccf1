"""``edge-distil quantize``: add variants to a bundle."""

from __future__ import annotations

import json as json_library
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from edge_distil import storage
from edge_distil.bundle import Bundle, open_bundle
from edge_distil_apps.cli import console, inspect

_KEEPING = "int8"  # the recipe that can keep operators in fp32

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
        "(question, tab, context). By default an own-written sample. With --max-drop the file, "
        "as for eval, that scores are taken on."
    ),
]
NoCalibration = Annotated[
    bool, typer.Option("--no-calibration", help="Round by the weights alone: fast, less faithful.")
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        "--max-drop",
        min=0,
        max=99,
        help="Accuracy budget of --int8: keep as few operators in fp32 as it takes to lose at most "
        "so many percent of fp32's score on --data. Goes on where it was interrupted.",
    ),
]
Report = Annotated[
    bool,
    typer.Option(
        "--report", help="Write a page on what each operator of --int8 costs, to DIR/report/."
    ),
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
    max_drop: MaxDrop = None,
    report: Report = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`

    The smallest file, and the same for a mobile build: `edge-distil quantize qa --int4 --ort`

    Within half a percent of fp32's F1, and why: `edge-distil quantize qa --int8 --max-drop 0.5
    --data dev-v1.1.json --report`
    """
    recipes = chosen(int8=int8, weights_only=weights_only, fp16=fp16, int4=int4)
    if not recipes and not ort:
        raise typer.BadParameter(
            "name at least one variant to add: --int8, --weights-only, --fp16, --int4 or --ort"
        )
    settings = Settings(recipes, data, not no_calibration, max_drop, report)
    added = add_variants(open_bundle(bundle), settings)
    inspect.show(add_ort_format(added, recipes) if ort else added, json)


def chosen(**flags: bool) -> list[str]:
    """Return the recipes whose flags are set."""
    return [name.replace("_", "-") for name, is_set in flags.items() if is_set]


@dataclass(frozen=True)
class Settings:
    """Which variants are made and how, as the flags say."""

    recipes: Sequence[str]
    data: Path | None
    calibrate: bool
    max_drop: float | None
    report: bool

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be done at its end.

        Raises:
            BadParameter: A budget without a file to take scores on, or without a variant to keep.
            MissingExtra: A report without ``[apps]``.
        """
        if self.max_drop is not None and self.data is None:
            raise typer.BadParameter("--max-drop needs --data FILE to take scores on, as for eval")
        if (self.max_drop is not None or self.report) and _KEEPING not in self.recipes:
            raise typer.BadParameter(f"--max-drop and --report are for --{_KEEPING}: add that flag")
        if self.report:
            with console.needs_apps():
                import_module("edge_distil_apps.report")


def add_variants(bundle: Bundle, settings: Settings) -> Bundle:
    """Add variants by recipe, in order; returns the bundle that has them all."""
    with console.needs_export():
        for recipe in settings.recipes:
            bundle = _add(bundle, recipe, settings)
        if settings.report:
            _write_report(bundle, settings)
    return bundle


def _add(bundle: Bundle, recipe: str, settings: Settings) -> Bundle:
    from edge_distil_quantize import quantize_bundle, quantize_within_budget

    data, calibrate, drop = settings.data, settings.calibrate, settings.max_drop
    if recipe == _KEEPING and drop is not None and data is not None:
        return quantize_within_budget(
            bundle, recipe, data=data, max_drop=drop, calibrate=calibrate, progress=console.note
        )
    return quantize_bundle(bundle, recipe, data=data, calibrate=calibrate, progress=console.note)


def _write_report(bundle: Bundle, settings: Settings) -> None:
    """Write ``report/int8.html`` and the same figures as ``report/int8.json``."""
    from edge_distil_apps.report import render
    from edge_distil_quantize import describe_sensitivity

    document = describe_sensitivity(
        bundle, _KEEPING, data=settings.data, calibrate=settings.calibrate, progress=console.note
    )
    page = bundle.path / "report" / f"{_KEEPING}.html"
    for path, text in (
        (page.with_suffix(".json"), json_library.dumps(document, indent=2) + "\n"),
        (page, render(document)),
    ):
        with storage.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    console.note(f"report: {page}")


def add_ort_format(bundle: Bundle, recipes: Sequence[str]) -> Bundle:
    """Add the ORT format of the variants of `recipes`, of every ONNX one where that is empty."""
    with console.needs_export():
        from edge_distil_quantize import convert_to_ort, onnx_variants

        for variant in recipes or onnx_variants(bundle):
            bundle = convert_to_ort(bundle, variant, progress=console.note)
    return bundle
