"""``edge-distil quantize``: add variants to a bundle, or to a new one of ONNX of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.manifest import FILE_NAME
from edge_distil_apps.cli import console, inspect, options
from edge_distil_apps.cli.ending import added
from edge_distil_apps.cli.flags import variants as flags
from edge_distil_apps.cli.flow import stages


def quantize(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle, or a directory of ONNX.")],
    int8: flags.Int8 = False,
    int8_static: flags.Int8Static = False,
    weights_only: flags.WeightsOnly = False,
    fp16: flags.Fp16 = False,
    int4: flags.Int4 = False,
    ort: flags.Ort = False,
    fused: flags.Fused = False,
    data: flags.Data = None,
    no_calibration: flags.NoCalibration = False,
    static_method: flags.StaticMethod = "percentile",
    max_drop: flags.MaxDrop = None,
    report: flags.Report = False,
    full_report: flags.FullReport = False,
    output: Annotated[Path | None, options.output("DIR", "A new bundle, of others' ONNX.")] = None,
    force: Annotated[
        bool, options.flag("--force", text="Replace what is there.", panel=options.OUTPUT)
    ] = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`

    For a mobile build: `edge-distil quantize qa --int4 --ort`

    Faster in Python, for onnxruntime alone: `edge-distil quantize qa --int8 --fused`

    Within half a percent of fp32: `edge-distil quantize qa --int8 --max-drop 0.5 --data dev.json`

    What others exported (optimum, the Hub): `edge-distil quantize DIR -o minilm --int8`

    The new bundle holds a copy of its model.onnx as fp32, and DIR stays as it is.
    --max-drop keeps as few operators in fp32 as it takes, and goes on where it was interrupted.
    --data is a file as for eval, or .txt with a text a line; without it a built-in sample is used.
    --ort converts the variants named beside it, or all that are there but fused ones; --fused
    int8 and fp32; both each time anew. A variant of a recipe that is there is replaced only with
    --force, and is what its other forms are made of.
    """
    recipes = flags.chosen(
        int8=int8, int8_static=int8_static, weights_only=weights_only, fp16=fp16, int4=int4
    )
    if not recipes and not ort and not fused:
        raise typer.BadParameter(
            "name at least one variant to add: --int8, --int8-static, --weights-only, --fp16, "
            "--int4, --ort or --fused"
        )
    settings = flags.Settings(
        recipes,
        ort,
        fused,
        static_method,
        data,
        not no_calibration,
        max_drop,
        report,
        full_report,
        force,
    )
    opened = open_bundle(bundle)
    _check_output(opened, output)
    there = None if opened.inferred else opened
    with console.needs_export():
        plan = [*(stages.ADOPTED if opened.inferred else ()), *flags.plan(settings, there)]
    with stages.watched(plan) as say:
        if output is not None:
            opened = _adopt(opened, output, settings, say)
        with added.noted(opened.path, there):
            opened = flags.add_variants(opened, settings, say)
    inspect.show(opened, json)


def _check_output(opened: Bundle, output: Path | None) -> None:
    """Refuse to write into a directory that is not a bundle, and to make two of one that is.

    Raises:
        BadParameter: There is an output for a bundle, or none for another directory.
    """
    if opened.inferred and output is None:
        raise typer.BadParameter(
            f"{opened.path} is ONNX that edge-distil did not export (it has no {FILE_NAME}), "
            "expected a name for the bundle that is made of it: add -o DIR; what is there stays "
            "as it is"
        )
    if not opened.inferred and output is not None:
        raise typer.BadParameter(
            f"{opened.path} is a bundle, to which variants are added; -o is for ONNX that others "
            "exported: leave it out"
        )


def _adopt(found: Bundle, output: Path, settings: flags.Settings, say: stages.Say) -> Bundle:
    """Make a bundle of ONNX of others, unless nothing could be made of it."""
    with console.needs_export():
        from edge_distil_export import adopt_onnx
        from edge_distil_quantize import check_model

        def accept(opened: Bundle) -> None:
            flags.check_data(settings, opened.manifest.task)
            if settings.recipes:
                check_model(opened.model_path("fp32"))

        return adopt_onnx(found.path, output, overwrite=settings.force, accept=accept, progress=say)
