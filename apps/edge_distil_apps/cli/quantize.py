"""``edge-distil quantize``: add variants to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_distil.bundle import open_bundle
from edge_distil_apps.cli import console, inspect, options
from edge_distil_apps.cli.flags import variants as flags
from edge_distil_apps.cli.flow import stages


def quantize(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle directory.")],
    int8: flags.Int8 = False,
    int8_static: flags.Int8Static = False,
    weights_only: flags.WeightsOnly = False,
    fp16: flags.Fp16 = False,
    int4: flags.Int4 = False,
    ort: flags.Ort = False,
    data: flags.Data = None,
    no_calibration: flags.NoCalibration = False,
    static_method: flags.StaticMethod = "percentile",
    max_drop: flags.MaxDrop = None,
    report: flags.Report = False,
    full_report: flags.FullReport = False,
    force: Annotated[
        bool, options.flag("--force", text="Replace a variant that is there.", panel=options.OUTPUT)
    ] = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`

    For a mobile build: `edge-distil quantize qa --int4 --ort`

    Within half a percent of fp32: `edge-distil quantize qa --int8 --max-drop 0.5 --data dev.json`

    --max-drop keeps as few operators in fp32 as it takes, and goes on where it was interrupted.
    --data is a file as for eval, or .txt with a text a line; without it a built-in sample is used.
    --ort converts the variants named beside it, or all that are there. A variant that is there
    is replaced only with --force.
    """
    recipes = flags.chosen(
        int8=int8, int8_static=int8_static, weights_only=weights_only, fp16=fp16, int4=int4
    )
    if not recipes and not ort:
        raise typer.BadParameter(
            "name at least one variant to add: --int8, --int8-static, --weights-only, --fp16, "
            "--int4 or --ort"
        )
    settings = flags.Settings(
        recipes, ort, static_method, data, not no_calibration, max_drop, report, full_report, force
    )
    opened = open_bundle(bundle)
    with stages.watched(flags.plan(settings)) as say:
        opened = flags.add_variants(opened, settings, say)
    inspect.show(opened, json)
