"""``edge-distil export``: checkpoint -> bundle, then its variants."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Annotated

import typer

from edge_distil_apps.cli import console, inspect
from edge_distil_apps.cli import coreml as coreml_flags
from edge_distil_apps.cli import variants as flags


def export(
    model: Annotated[str, typer.Argument(help="A checkpoint: a local directory or a hub id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory of the new bundle.")],
    task: Annotated[
        str | None,
        typer.Option(help="Task, if not the one of the checkpoint's architecture."),
    ] = None,
    int8: flags.Int8 = False,
    int8_static: flags.Int8Static = False,
    weights_only: flags.WeightsOnly = False,
    fp16: flags.Fp16 = False,
    int4: flags.Int4 = False,
    ort: flags.Ort = False,
    static_method: flags.StaticMethod = "percentile",
    data: flags.Data = None,
    no_calibration: flags.NoCalibration = False,
    max_drop: flags.MaxDrop = None,
    report: flags.Report = False,
    coreml: coreml_flags.CoreML = False,
    coreml_lengths: coreml_flags.Lengths = "range",
    coreml_precision: coreml_flags.Precision = "fp16",
    coreml_target: coreml_flags.Target = "iOS16",
    coreml_compress: coreml_flags.Compress = None,
    coreml_atol: coreml_flags.Atol = None,
    opset: Annotated[int | None, typer.Option(help="ONNX operator set.")] = None,
    atol: Annotated[
        float, typer.Option(help="Greatest allowed difference of outputs from PyTorch.")
    ] = 1e-4,
    no_slice: Annotated[
        bool,
        typer.Option(
            "--no-slice",
            help="Compute the last layer for all tokens, even where the head reads only the first.",
        ),
    ] = False,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code from the checkpoint.")
    ] = False,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Unpickle a SetFit head, which may run code.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace the bundle at the output; only a bundle."),
    ] = False,
    json: console.Json = False,
) -> None:
    """Export a checkpoint to a bundle and compare it with PyTorch.

    Example: `edge-distil export distilbert/distilbert-base-cased-distilled-squad -o qa --int8`

    A hub id is taken from the local cache or downloaded (HF_HOME, HF_HUB_OFFLINE, HF_TOKEN
    count). If the graph differs from PyTorch by more than --atol, the export fails and leaves
    nothing behind.
    """
    recipes = flags.chosen(
        int8=int8, int8_static=int8_static, weights_only=weights_only, fp16=fp16, int4=int4
    )
    settings = flags.Settings(
        recipes, ort, static_method, data, not no_calibration, max_drop, report
    )
    apple = coreml_flags.Settings(
        coreml, coreml_lengths, coreml_precision, coreml_target, coreml_compress, coreml_atol
    )
    started = time.perf_counter()
    with console.needs_export():
        from edge_distil_export import DEFAULT_OPSET, export_bundle

        bundle = export_bundle(
            model,
            output,
            task=task,
            opset=opset or DEFAULT_OPSET,
            atol=atol,
            slice_last_layer=not no_slice,
            revision=revision,
            trust_remote_code=trust_remote_code,
            trust_pickle=trust_pickle,
            overwrite=force,
            progress=console.note,
        )
    # Importing torch and tracing made millions of objects that stay to the end: walking them once
    # more, now or at exit, would take two seconds.
    gc.freeze()
    bundle = flags.add_variants(bundle, settings)
    bundle = coreml_flags.add_packages(
        bundle,
        model,
        apple,
        revision=revision,
        trust_remote_code=trust_remote_code,
        trust_pickle=trust_pickle,
    )
    console.note(f"done in {time.perf_counter() - started:.1f} s")
    inspect.show(bundle, json)
