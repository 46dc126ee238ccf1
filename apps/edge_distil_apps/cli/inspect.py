"""``edge-distil inspect``: what is in a bundle and how it was proven."""

from __future__ import annotations

import json as json_library
import shlex
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated

from edge_distil._reading.fields import figure
from edge_distil._reading.manifest_late import Side
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.manifest import LONGEST_SEQUENCE, Manifest, Variant, to_json
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.inside import files, made
from edge_distil_apps.cli.tables import paragraph, table


def inspect(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle, or a plain hub ONNX directory.")],
    json: console.Json = False,
) -> None:
    """Show a bundle's manifest: task, variants, sizes, evidence, and the files an app needs.

    Example: `edge-distil inspect qa`
    """
    show(open_bundle(bundle), json)


def show(bundle: Bundle, as_json: bool) -> None:
    """Print a bundle's manifest as tables or as JSON."""
    manifest = bundle.manifest
    if as_json:
        console.document(json_library.loads(to_json(manifest)) | files.document(bundle))
        return
    origin = manifest.checkpoint
    console.say(f"[bold]{console.text(str(bundle.path))}[/bold]: {manifest.task}")
    rows = {
        "checkpoint": origin.name,
        "architecture": origin.architecture,
        "parameters": f"{origin.parameters:,}" if origin.parameters else None,
        "licence": origin.license,
        "longest input": None if manifest.late_interaction else _longest(manifest),
        **_sides(manifest),
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
        ["variant", "file", "size here", "of fp32", "evidence"],
        [_row(bundle, name, manifest.variants) for name in manifest.variants],
    )
    for name, variant in manifest.variants.items():
        if absent := files.absent(bundle, name, variant):
            paragraph(absent, 2)
    _show_making(bundle)
    files.show(bundle)


def _show_making(bundle: Bundle) -> None:
    """Print in words how each variant was made."""
    command = shlex.join(["edge-distil", "inspect", str(bundle.path), "--json"])
    console.say()
    paragraph(f"how they were made (every setting: {command}):", 2)
    for name in bundle.manifest.variants:
        paragraph(f"  {name:14} {made.in_words(name, bundle.manifest)}", 4)


def _longest(manifest: Manifest) -> str:
    """Say how long a text may be; static embeddings may have no limit but the manifest's."""
    limited = manifest.max_length < LONGEST_SEQUENCE
    return f"{manifest.max_length} tokens" if limited else "any number of tokens"


def _sides(manifest: Manifest) -> dict[str, str]:
    """Say of late interaction how queries and documents are read, and how they are compared."""
    if (late := manifest.late_interaction) is None:
        return {}
    filled = f"filled up to {late.expansion.length}" if late.expansion else ""
    if late.expansion and late.expansion.attend:
        filled += ", which are attended to"
    return {
        "queries": _side(late.query, filled),
        "documents": _side(late.document),
        "compared by": f"{late.similarity}, {late.dimension} numbers a token",
    }


def _side(side: Side, filled: str = "") -> str:
    prompt = f"behind {side.prompt!r}" if side.prompt else ""
    skipped = f"{console.count(len(side.skip), 'token')} without a vector" if side.skip else ""
    words = (f"at most {side.max_length} tokens", prompt, filled, skipped)
    return ", ".join(word for word in words if word)


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


def _row(bundle: Bundle, name: str, variants: Mapping[str, Variant]) -> list[str]:
    variant, reference = variants[name], variants.get("fp32")
    ratio = f"{variant.bytes / reference.bytes:.3f}x" if reference and reference.bytes else ""
    state = files.state(bundle, variant.records)
    size = console.megabytes(variant.bytes) if state == files.PRESENT else state
    path = PurePosixPath(variant.file.path)
    shown = path.parent if variant.is_folder else path
    return [name, str(shown), size, ratio, _evidence(variant)]


def _evidence(variant: Variant) -> str:
    """Say the one figure that matters: parity with PyTorch, or fidelity to fp32."""
    parity = figure(variant.evidence, "parity", "max_abs_diff")
    if parity is not None:
        return f"{parity:.1e} from PyTorch"
    fidelity = figure(variant.evidence, "late_interaction", "mean_cosine")
    if fidelity is None:
        fidelity = figure(variant.evidence, "fidelity", "mean_cosine")
    if fidelity is None:
        return "others' own export" if made.origin(variant) else ""
    difference = figure(variant.evidence, "fidelity", "mean_abs_diff")
    spread = figure(variant.evidence, "fidelity", "spread")
    if difference is not None and spread is not None:  # of a model that gives one number
        return f"{difference:.2g} from fp32's score, which spreads by {spread:.2g}"
    return f"{console.cosine(fidelity)} cosine to fp32"


def how_made(variant: Variant) -> str:
    """Say in a few words whether a variant was calibrated, and what it lost."""
    words = (made.calibration(variant.settings), _evidence(variant))
    return ", ".join(word for word in words if word) or f"by {variant.recipe}"
