"""Our own variants of a checkpoint, made as a user makes them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil.bundle import FUSED, Bundle, open_bundle
from edge_distil_bench.protocol.commands import measure_command
from edge_distil_quantize import RECIPES, fuse_variant, quantize_bundle

FP32 = "fp32"


class Made(NamedTuple):
    """A variant and the bundle that it is in."""

    bundle: Path
    variant: str

    @property
    def file(self) -> Path:
        """The model file."""
        return open_bundle(self.bundle).model_path(self.variant)


def export(checkpoint: Path, bundle: Path, *options: str) -> Path:
    """Export a checkpoint, unless the bundle is there."""
    if not bundle.is_dir():
        # In a process of its own: torch stays out of the one that is timed.
        command = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "export", checkpoint]
        measure_command([*command, "-o", bundle, *options])
    return bundle


def fuse(bundle: Path, *variants: str) -> Bundle:
    """Add variants' fused forms to a bundle, unless they are there."""
    opened = open_bundle(bundle)
    for variant in variants:
        if f"{variant}{FUSED}" not in opened.manifest.variants:
            opened = fuse_variant(opened, variant)
    return opened


def make_variants(folder: Path, checkpoint: Path, texts: Path) -> dict[str, Made]:
    """Make every recipe's variant, and int8 otherwise calibrated; those there are kept.

    Args:
        folder: Where to.
        checkpoint: What to export.
        texts: Data like that of the evaluation, for ``int8 --data``.

    Returns:
        The variant as a user would ask for it -> where it is.
    """
    bundle = export(checkpoint, folder / "bundle")
    others = {
        f"int8 --data {texts.name}": {"data": texts},
        "int8 --no-calibration": {"calibrate": False},
    }
    # Copied while they hold fp32 alone: a bundle has one variant of a name.
    copies = {name: _copy(bundle, folder / name.replace(" ", "")) for name in others}
    found = {FP32: Made(bundle, FP32)}
    for recipe in RECIPES:
        found[recipe] = _quantize(bundle, recipe)
    for name, settings in others.items():
        found[name] = _quantize(copies[name], "int8", **settings)
    return found


def _copy(bundle: Path, copy: Path) -> Path:
    return copy if copy.is_dir() else Path(shutil.copytree(bundle, copy))


def _quantize(bundle: Path, recipe: str, **settings: Any) -> Made:
    if recipe not in open_bundle(bundle).manifest.variants:
        print(f"making {bundle.name}, {recipe}", file=sys.stderr)
        quantize_bundle(bundle, recipe, **settings)
    return Made(bundle, recipe)
