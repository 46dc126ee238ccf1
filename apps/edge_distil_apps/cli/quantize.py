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
    data: Data = None,
    no_calibration: NoCalibration = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`
    """
    recipes = chosen(int8=int8)
    if not recipes:
        raise typer.BadParameter("name at least one variant to add: --int8")
    opened = open_bundle(bundle)
    inspect.show(add_variants(opened, recipes, data=data, calibrate=not no_calibration), json)


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
