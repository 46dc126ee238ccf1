"""``edge-distil inspect``: what is in a bundle and how it was proven."""

from __future__ import annotations

import json as json_library
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from edge_distil._reading.fields import figure
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.manifest import Manifest, Variant, to_json
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.tables import table

_STATIC_TEXTS = "calibration_texts"  # in the settings of int8-static


def inspect(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle, or a plain hub ONNX directory.")],
    json: console.Json = False,
) -> None:
    """Show a bundle's manifest: task, variants, sizes, evidence.

    Example: `edge-distil inspect qa`
    """
    show(open_bundle(bundle), json)


def show(bundle: Bundle, as_json: bool) -> None:
    """Print a bundle's manifest as tables or as JSON."""
    manifest = bundle.manifest
    if as_json:
        console.document(json_library.loads(to_json(manifest)))
        return
    origin = manifest.checkpoint
    console.say(f"[bold]{console.text(str(bundle.path))}[/bold]: {manifest.task}")
    rows = {
        "checkpoint": origin.name,
        "architecture": origin.architecture,
        "parameters": f"{origin.parameters:,}" if origin.parameters else None,
        "licence": origin.license,
        "longest input": f"{manifest.max_length} tokens",
        "labels": ", ".join(manifest.labels),
        "last layer": _last_layer(manifest),
        "witness": _witness(manifest),
        "manifest": "none: inferred from config.json" if bundle.inferred else None,
    }
    for name, value in rows.items():
        if value:
            console.say(f"  {name:14} {console.text(value)}")
    table(
        "",
        ["variant", "file", "size", "of fp32", "evidence"],
        [_row(name, variant, manifest.variants) for name, variant in manifest.variants.items()],
    )
    for name, variant in manifest.variants.items():
        _show_settings(name, variant)


def _last_layer(manifest: Manifest) -> str | None:
    """Say what the exporter left out of the last layer, if anything."""
    fp32 = manifest.variants.get("fp32")
    share = figure(fp32.settings, "last_layer", "share_of_weights") if fp32 else None
    return None if share is None else f"for the first token alone, {share:.1%} of all products less"


def _witness(manifest: Manifest) -> str | None:
    """Say which library gave the same numbers, and what it could not see."""
    fp32 = manifest.variants.get("fp32")
    proof = fp32.evidence.get("end_to_end") if fp32 else None
    if not isinstance(proof, dict):
        return None
    unseen = f"; it does not see {proof['unseen']}" if "unseen" in proof else ""
    who = " ".join(str(proof.get(key)) for key in ("witness", "version", "class"))
    return f"{who}, {proof.get('probes')} texts: {proof.get('max_abs_diff')} at most{unseen}"


def _row(name: str, variant: Variant, variants: Any) -> list[str]:
    reference = variants.get("fp32")
    ratio = f"{variant.bytes / reference.bytes:.3f}x" if reference and reference.bytes else ""
    size = console.megabytes(variant.bytes)
    path = PurePosixPath(variant.file.path)
    shown = path.parent if variant.parts else path
    return [name, str(shown), size, ratio, _evidence(variant)]


def _evidence(variant: Variant) -> str:
    """Say the one figure that matters: parity with PyTorch, or fidelity to fp32."""
    parity = figure(variant.evidence, "parity", "max_abs_diff")
    if parity is not None:
        return f"{parity:.1e} from PyTorch"
    fidelity = figure(variant.evidence, "fidelity", "mean_cosine")
    return "" if fidelity is None else f"{console.cosine(fidelity)} cosine to fp32"


def how_made(variant: Variant) -> str:
    """Say in a few words whether a variant was calibrated, and what it lost."""
    words = (_calibration(variant.settings), _evidence(variant))
    return ", ".join(word for word in words if word) or f"by {variant.recipe}"


def _show_settings(name: str, variant: Variant) -> None:
    """Print what a variant was made with, a setting a line."""
    found = {
        key.replace("_", " "): str(value)
        for key, value in variant.settings.items()
        if isinstance(value, str | int | float) and key != _STATIC_TEXTS
    }
    calibration = _calibration(variant.settings)
    if found or calibration:
        console.say()
        console.say(console.text(f"{name} settings{calibration and ': '}{calibration}"))
    for key, value in found.items():
        console.say(console.text(f"  {key:14} {value}"))


def _calibration(settings: Mapping[str, Any]) -> str:
    """Say what taught the scales; older bundles do not."""
    texts = figure(settings, "calibration", "inputs") or figure(settings, _STATIC_TEXTS)
    if texts is not None:
        return f"calibrated on {console.count(int(texts), 'text')}"
    return "not calibrated" if settings.get("calibration", "") is None else ""
