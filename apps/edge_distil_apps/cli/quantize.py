"""``edge-distil quantize``: add variants to a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_distil.bundle import Bundle, open_bundle
from edge_distil_apps.cli import console, inspect

Int8 = Annotated[
    bool, typer.Option("--int8", help="Add int8: dynamic, the same integers on every CPU.")
]
Int8Static = Annotated[
    bool,
    typer.Option(
        "--int8-static", help="Add int8-static: scales from calibration, for accelerators."
    ),
]
StaticMethod = Annotated[
    Literal["minmax", "percentile", "entropy"],
    typer.Option(
        help="How int8-static chooses ranges.",
    ),
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
    int8_static: Int8Static = False,
    static_method: StaticMethod = "percentile",
    data: Data = None,
    no_calibration: NoCalibration = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`
    """
    recipes = chosen(int8=int8, int8_static=int8_static)
    if not recipes:
        raise typer.BadParameter("name at least one variant to add: --int8 or --int8-static")
    opened = open_bundle(bundle)
    added = add_variants(
        opened, recipes, data=data, calibrate=not no_calibration, method=static_method
    )
    inspect.show(added, json)


def chosen(**flags: bool) -> list[str]:
    """Return the recipes whose flags are set."""
    return [name.replace("_", "-") for name, is_set in flags.items() if is_set]


def add_variants(
    bundle: Bundle,
    recipes: Sequence[str],
    *,
    data: Path | None = None,
    calibrate: bool = True,
    method: str = "percentile",
) -> Bundle:
    """Add variants by recipe, in order; returns the bundle that has them all."""
    with console.needs_export():
        for recipe in recipes:
            from edge_distil_quantize import quantize_bundle

            bundle = quantize_bundle(
                bundle,
                recipe,
                data=data,
                calibrate=calibrate,
                method=method,
                progress=console.note,
            )
    return bundle
