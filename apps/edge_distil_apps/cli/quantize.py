"""``edge-distil quantize``: add variants to a bundle."""

from __future__ import annotations

import json as json_library
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from edge_distil import storage
from edge_distil.bundle import Bundle, open_bundle
from edge_distil_apps.cli import console, inspect

Int8 = Annotated[
    bool, typer.Option("--int8", help="Add int8: dynamic, the same integers on every CPU.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Texts to calibrate on: a file as for eval, or .txt with a text a line "
        "(question<TAB>context). By default an own-written sample. With --max-drop the file, "
        "as for eval, that scores are taken on."
    ),
]
NoCalibration = Annotated[
    bool, typer.Option("--no-calibration", help="Round by the weights alone: fast, less faithful.")
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        "--max-drop",
        min=0,
        max=99,
        help="Accuracy budget: keep as few operators in fp32 as it takes to lose at most so many "
        "percent of fp32's score on --data. Goes on where it was interrupted.",
    ),
]
Report = Annotated[
    bool,
    typer.Option("--report", help="Write a page on what each operator costs to DIR/report/."),
]


def quantize(
    bundle: Annotated[Path, typer.Argument(help="A bundle directory.")],
    int8: Int8 = False,
    data: Data = None,
    no_calibration: NoCalibration = False,
    max_drop: MaxDrop = None,
    report: Report = False,
    json: console.Json = False,
) -> None:
    """Add variants to a bundle and measure what each one costs in fidelity.

    Example: `edge-distil quantize qa --int8`

    Within half a percent of fp32's F1, and why: `edge-distil quantize qa --int8 --max-drop 0.5
    --data dev-v1.1.json --report`
    """
    settings = Settings(data, not no_calibration, max_drop, report)
    recipes = chosen(int8=int8)
    if not recipes:
        raise typer.BadParameter("name at least one variant to add: --int8")
    opened = open_bundle(bundle)
    inspect.show(add_variants(opened, recipes, settings), json)


def chosen(**flags: bool) -> list[str]:
    """Return the recipes whose flags are set."""
    return [name.replace("_", "-") for name, is_set in flags.items() if is_set]


@dataclass(frozen=True)
class Settings:
    """How variants are made, as the flags say."""

    data: Path | None
    calibrate: bool
    max_drop: float | None
    report: bool

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be done at its end.

        Raises:
            BadParameter: A budget without a file to take scores on.
            MissingExtra: A report without ``[apps]``.
        """
        if self.max_drop is not None and self.data is None:
            raise typer.BadParameter("--max-drop needs --data FILE to take scores on, as for eval")
        if self.report:
            with console.needs_apps():
                import_module("edge_distil_apps.report")


def add_variants(bundle: Bundle, recipes: Sequence[str], settings: Settings) -> Bundle:
    """Add variants by recipe, in order; returns the bundle that has them all."""
    with console.needs_export():
        for recipe in recipes:
            bundle = _add(bundle, recipe, settings)
            if settings.report:
                _write_report(bundle, recipe, settings)
    return bundle


def _add(bundle: Bundle, recipe: str, settings: Settings) -> Bundle:
    from edge_distil_quantize import quantize_bundle, quantize_within_budget

    data, calibrate, note = settings.data, settings.calibrate, console.note
    if settings.max_drop is None or data is None:
        return quantize_bundle(bundle, recipe, data=data, calibrate=calibrate, progress=note)
    return quantize_within_budget(
        bundle,
        recipe,
        data=data,
        max_drop=settings.max_drop,
        calibrate=calibrate,
        progress=note,
    )


def _write_report(bundle: Bundle, recipe: str, settings: Settings) -> None:
    """Write ``report/RECIPE.html`` and the same figures as ``report/RECIPE.json``."""
    from edge_distil_apps.report import render
    from edge_distil_quantize import describe_sensitivity

    document = describe_sensitivity(
        bundle, recipe, data=settings.data, calibrate=settings.calibrate, progress=console.note
    )
    page = bundle.path / "report" / f"{recipe}.html"
    for path, text in (
        (page.with_suffix(".json"), json_library.dumps(document, indent=2) + "\n"),
        (page, render(document)),
    ):
        with storage.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    console.note(f"report: {page}")
