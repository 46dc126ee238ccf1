"""``edge-distil quantize``: add variants to a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edge_distil.bundle import Bundle, open_bundle
from edge_distil_apps.cli import console, inspect


def quantize(
    bundle: Annotated[Path, typer.Argument(help="A bundle directory.")],
    int8: Annotated[bool, typer.Option("--int8", help="Add the int8 variant.")] = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`
    """
    if not int8:
        raise typer.BadParameter("name at least one variant to add: --int8")
    inspect.show(add_variants(open_bundle(bundle), ["int8"]), json)


def add_variants(bundle: Bundle, recipes: Sequence[str]) -> Bundle:
    """Add variants by recipe, in order; returns the bundle that has them all."""
    with console.needs_export():
        for recipe in recipes:
            from edge_distil_quantize import quantize_bundle

            bundle = quantize_bundle(bundle, recipe, progress=console.note)
    return bundle
