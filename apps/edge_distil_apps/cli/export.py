"""``edge-distil export``: checkpoint -> bundle, then its variants."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Annotated

import typer

from edge_distil_apps.cli import console, inspect, options
from edge_distil_apps.cli.ending import added
from edge_distil_apps.cli.flags import coreml as coreml_flags
from edge_distil_apps.cli.flags import variants as flags
from edge_distil_apps.cli.flow import stages

_CHECKPOINT = "Checkpoint"
_GRAPH = "Graph"


def export(
    model: Annotated[
        str, options.argument("MODEL", "A checkpoint: a local directory or a hub id.")
    ],
    output: Annotated[
        Path,
        options.output("DIR", "The new bundle."),
    ],
    task: Annotated[
        str | None,
        options.value(
            kind="TASK",
            text="If not that of its architecture.",
            panel=_CHECKPOINT,
            check=options.check_task,
        ),
    ] = None,
    revision: Annotated[
        str | None, options.value(kind="NAME", text="Branch, tag or commit.", panel=_CHECKPOINT)
    ] = None,
    trust_remote_code: Annotated[
        bool,
        options.flag("--trust-remote-code", text="Run the checkpoint's Python.", panel=_CHECKPOINT),
    ] = False,
    trust_pickle: Annotated[
        bool,
        options.flag(
            "--trust-pickle", text="Unpickle a SetFit head: it may run code.", panel=_CHECKPOINT
        ),
    ] = False,
    opset: Annotated[
        int | None,
        options.value(kind="N", text="ONNX operator set, 18 to 23.", panel=_GRAPH, min=18, max=23),
    ] = None,
    atol: Annotated[
        float,
        options.value(kind="X", text="Allowed difference from PyTorch; 1e-4.", panel=_GRAPH, min=0),
    ] = 1e-4,
    no_slice: Annotated[
        bool,
        options.flag("--no-slice", text="Compute the last layer for all tokens.", panel=_GRAPH),
    ] = False,
    position_ids: Annotated[
        bool,
        options.flag("--position-ids", text="Make the positions an input too.", panel=_GRAPH),
    ] = False,
    external_data: Annotated[
        bool,
        options.flag(
            "--external-data", text="Weights in a second file, as over 2 GB.", panel=_GRAPH
        ),
    ] = False,
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
    coreml: coreml_flags.CoreML = False,
    coreml_lengths: coreml_flags.Lengths = "range",
    coreml_precision: coreml_flags.Precision = "fp16",
    coreml_target: coreml_flags.Target = "iOS16",
    coreml_compress: coreml_flags.Compress = None,
    coreml_atol: coreml_flags.Atol = None,
    force: Annotated[
        bool, options.flag("--force", text="Replace a bundle that is there.", panel=options.OUTPUT)
    ] = False,
    json: console.Json = False,
) -> None:
    """Export a checkpoint to a bundle and compare it with PyTorch.

    Example: `edge-distil export ./my-checkpoint -o qa --int8`

    A hub id is taken from the local cache or downloaded (HF_HOME, HF_HUB_OFFLINE, HF_TOKEN
    count). If the graph differs from PyTorch by more than --atol, nothing is written. Each
    variant is compared with fp32; --data is a file as for eval, or .txt with a text a line.
    The Core ML package takes texts of every length by default;
    --coreml-compress may be repeated. A graph with --position-ids runs in Python alone.
    """
    recipes = flags.chosen(
        int8=int8, int8_static=int8_static, weights_only=weights_only, fp16=fp16, int4=int4
    )
    settings = flags.Settings(
        recipes, ort, fused, static_method, data, not no_calibration, max_drop, report, full_report
    )
    apple = coreml_flags.Settings(
        coreml, coreml_lengths, coreml_precision, coreml_target, coreml_compress, coreml_atol
    )
    if position_ids and coreml:
        raise typer.BadParameter("no Core ML package takes --position-ids: leave one of them out")
    started = time.perf_counter()
    plan = [*stages.EXPORT, *flags.plan(settings), *(stages.CORE_ML if apple.wanted else ())]
    with console.needs_export(), stages.watched(plan) as say:
        from edge_distil_export import DEFAULT_OPSET, export_bundle

        bundle = export_bundle(
            model,
            output,
            task=task,
            opset=opset or DEFAULT_OPSET,
            atol=atol,
            slice_last_layer=not no_slice,
            position_ids=position_ids,
            revision=revision,
            trust_remote_code=trust_remote_code,
            trust_pickle=trust_pickle,
            external_data=external_data,
            overwrite=force,
            accept=lambda chosen: flags.check_data(settings, chosen),
            progress=say,
        )
        # Importing torch and tracing made millions of objects that stay to the end: walking them
        # once more, now or at exit, would take two seconds.
        gc.freeze()
        with added.noted(bundle.path):
            bundle = flags.add_variants(bundle, settings, say)
            bundle = coreml_flags.add_packages(
                bundle,
                model,
                apple,
                say,
                revision=revision,
                trust_remote_code=trust_remote_code,
                trust_pickle=trust_pickle,
            )
    console.note(f"done in {time.perf_counter() - started:.1f} s")
    inspect.show(bundle, json)
