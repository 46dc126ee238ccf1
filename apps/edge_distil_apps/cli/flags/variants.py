"""The flags that ``export`` and ``quantize`` share, and what they make."""

from __future__ import annotations

import json as json_library
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_distil._reading import links
from edge_distil._writing import storage
from edge_distil.bundle import FUSIBLE, Bundle
from edge_distil.errors import BundleExists
from edge_distil_apps.cli import console, inspect, options
from edge_distil_apps.cli.flags.students import check_files
from edge_distil_apps.cli.flow import stages
from edge_distil_apps.cli.flow.stages import Plan, Say

_KEEPING = "int8"  # the recipe that can keep operators in fp32
_RANGES = "int8-static"  # the recipe that looks at ranges

_VARIANTS = "Variants"
_ACCURACY = "Accuracy"


def _recipe(name: str, text: str) -> Any:
    return options.flag(name, text=text, panel=_VARIANTS)


Int8 = Annotated[bool, _recipe("--int8", "The same integers on every CPU; the usual choice.")]
Int8Static = Annotated[bool, _recipe("--int8-static", "Calibrated scales, for accelerators.")]
WeightsOnly = Annotated[bool, _recipe("--weights-only", "A quarter of the size at fp32's speed.")]
Fp16 = Annotated[bool, _recipe("--fp16", "For GPU, Apple and WebGPU; slow on a CPU.")]
Int4 = Annotated[bool, _recipe("--int4", "The smallest file; onnxruntime only, slow.")]
Ort = Annotated[bool, _recipe("--ort", "The ORT format too, for minimal mobile builds.")]
Fused = Annotated[bool, _recipe("--fused", "onnxruntime's own attention too: faster there.")]
Data = Annotated[
    Path | None,
    options.value(kind="FILE", text="To calibrate on, or to score.", panel=_ACCURACY),
]
NoCalibration = Annotated[
    bool,
    options.flag("--no-calibration", text="Fast, less faithful.", panel=_ACCURACY),
]
StaticMethod = Annotated[
    str,
    options.value(
        kind="HOW",
        text="minmax, percentile or entropy.",
        panel=_ACCURACY,
        check=options.one_of("minmax", "percentile", "entropy"),
    ),
]
MaxDrop = Annotated[
    float | None,
    options.value(
        "--max-drop",
        kind="X",
        text="Percent of the score to lose.",
        panel=_ACCURACY,
        min=0,
        max=99,
    ),
]
Report = Annotated[
    bool,
    options.flag("--report", text="What operators cost: a page.", panel=_ACCURACY),
]
FullReport = Annotated[
    bool,
    options.flag("--full-report", text="The same, on four times the texts.", panel=_ACCURACY),
]


def chosen(**flags: bool) -> list[str]:
    """Return the recipes whose flags are set."""
    return [name.replace("_", "-") for name, is_set in flags.items() if is_set]


@dataclass(frozen=True)
class Settings:
    """Which variants are made and how, as the flags say.

    Attributes:
        recipes: Names of recipes, in order.
        ort: Add the ORT format of these, of every ONNX variant where there are none.
        fused: Add the fused form of those that have one, of these or of all that are there.
        data: See `Data`, and so on.
        full_report: A report that is not quick.
        force: Replace variants that are there.
    """

    recipes: Sequence[str]
    ort: bool
    fused: bool
    static_method: str
    data: Path | None
    calibrate: bool
    max_drop: float | None
    report: bool
    full_report: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse, before any work, what cannot be done at its end.

        Raises:
            BadParameter: A budget without a file to take scores on, or without a variant to keep.
            DataError: There is no such file.
            MissingExtra: A report without ``[apps]``.
        """
        check_files([self.data] if self.data else [])
        if self.max_drop is not None and self.data is None:
            raise typer.BadParameter("--max-drop needs --data FILE to take scores on, as for eval")
        if (self.max_drop is not None or self.reports) and _KEEPING not in self.recipes:
            raise typer.BadParameter(f"--max-drop and --report are for --{_KEEPING}: add that flag")
        if self.fused and self.recipes and not _fusible(self.recipes):
            raise typer.BadParameter(
                f"--fused is for --{_KEEPING}, and fp32: add that flag, or leave --fused out"
            )
        if self.reports:
            with console.needs_apps():
                import_module("edge_distil_apps.report")

    @property
    def needs_making(self) -> bool:
        """Whether a flag goes with making the variant."""
        return self.reports or self.max_drop is not None

    def keeps(self, recipe: str, bundle: Bundle) -> bool:
        """Whether a variant that is there is what another form is to be made of.

        Not where a flag says how to make it, as --static-method does of ``int8-static``.
        """
        if recipe not in bundle.manifest.variants or recipe == "int8-static":
            return False
        anew = self.force or self.data is not None or not self.calibrate or self.needs_making
        return (self.ort or self.fused) and not anew

    @property
    def reports(self) -> bool:
        """Whether there is to be a report."""
        return self.report or self.full_report


def plan(settings: Settings) -> Plan:
    """Return the stages that `add_variants` will go through."""
    found: list[tuple[str, float]] = []
    for recipe in settings.recipes:
        calibration: Plan = stages.RANGES if recipe == _RANGES else ()
        if recipe == _KEEPING and settings.calibrate:
            calibration = stages.CALIBRATION
        found += [*stages.QUANTIZED, *calibration, *stages.COMPARED]
    found += stages.REPORT if settings.reports else ()
    found += list(stages.FUSED) * (len(_fusible(settings.recipes)) or 1) if settings.fused else ()
    found += list(stages.ORT) * (len(settings.recipes) or 1) if settings.ort else ()
    return found


def check_data(settings: Settings, task: str) -> None:
    """Read the data as the recipes will, before there is a bundle or a variant to leave behind.

    Raises:
        DataError: It cannot be read, or is of another task's kind.
    """
    if settings.data is not None:
        from edge_distil_quantize import check_data as check

        check(settings.data, task, scored=settings.max_drop is not None)


def add_variants(bundle: Bundle, settings: Settings, say: Say) -> Bundle:
    """Add variants by recipe, in order; returns the bundle that has them all."""
    if not settings.recipes and not settings.ort and not settings.fused:
        return bundle
    _check_new(bundle, settings)
    with console.needs_export():
        check_data(settings, bundle.manifest.task)
        if settings.reports:
            _announce_report(bundle, settings)
        for recipe in settings.recipes:
            if settings.keeps(recipe, bundle):
                console.note(f"{recipe} stays as it is ({_how_made(bundle, recipe)})")
            else:
                bundle = _add(bundle, recipe, settings, say)
        if settings.reports:
            _write_report(bundle, settings, say)
        if settings.fused:
            bundle = _add_fused(bundle, settings.recipes, say)
        if settings.ort:
            bundle = _add_ort_format(bundle, settings.recipes, say)
    return bundle


def _check_new(bundle: Bundle, settings: Settings) -> None:
    """Refuse to replace a variant silently: the one that is there may be the better one.

    Raises:
        BundleExists: It is there, and --force is not.
    """
    for recipe in () if settings.force else settings.recipes:
        if recipe not in bundle.manifest.variants or settings.keeps(recipe, bundle):
            continue
        made = _how_made(bundle, recipe)
        or_else = f", or leave --{recipe} out" if not settings.needs_making else ""
        raise BundleExists(
            f"{bundle.path} has {recipe} already ({made}): replace it with --force{or_else}"
        )


def _how_made(bundle: Bundle, variant: str) -> str:
    return inspect.how_made(bundle.manifest.variants[variant])


def _add(bundle: Bundle, recipe: str, settings: Settings, say: Say) -> Bundle:
    from edge_distil_bench import time_ratio
    from edge_distil_quantize import quantize_bundle, quantize_within_budget

    data, calibrate, drop = settings.data, settings.calibrate, settings.max_drop
    if recipe == _KEEPING and drop is not None and data is not None:
        return quantize_within_budget(
            bundle,
            recipe,
            data=data,
            max_drop=drop,
            calibrate=calibrate,
            time_ratio=time_ratio,
            progress=say,
        )
    return quantize_bundle(
        bundle,
        recipe,
        data=data,
        calibrate=calibrate,
        method=settings.static_method,
        progress=say,
    )


def _announce_report(bundle: Bundle, settings: Settings) -> None:
    """Say how long the report will take: it is the longest part of the work."""
    from edge_distil_quantize import report_seconds

    quick = not settings.full_report
    seconds = report_seconds(bundle, data=settings.data, quick=quick)
    longer = "; --full-report takes longer and is finer" if quick else ""
    console.note(f"the report, when {_KEEPING} is made, takes {stages.about(seconds)}{longer}")


def _write_report(bundle: Bundle, settings: Settings, say: Say) -> None:
    """Write ``report/int8.html`` and the same figures as ``report/int8.json``."""
    from edge_distil_apps.report import render
    from edge_distil_quantize import describe_sensitivity

    document = describe_sensitivity(
        bundle,
        _KEEPING,
        data=settings.data,
        calibrate=settings.calibrate,
        quick=not settings.full_report,
        progress=say,
    )
    page = bundle.path / "report" / f"{_KEEPING}.html"
    links.check_inside(bundle.path, page.parent)
    for path, text in (
        (page.with_suffix(".json"), json_library.dumps(document, indent=2) + "\n"),
        (page, render(document)),
    ):
        with storage.atomic_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    console.note(f"report: {page}")


def _fusible(variants: Iterable[str]) -> list[str]:
    return [name for name in FUSIBLE if name in variants]


def _add_fused(bundle: Bundle, recipes: Sequence[str], say: Say) -> Bundle:
    from edge_distil_quantize import fuse_variant

    # where there is none, int8 is named as missing
    for variant in _fusible(recipes or bundle.portable_variants()) or [_KEEPING]:
        bundle = fuse_variant(bundle, variant, progress=say)
    return bundle


def _add_ort_format(bundle: Bundle, recipes: Sequence[str], say: Say) -> Bundle:
    from edge_distil_quantize import convert_to_ort, onnx_variants

    for variant in recipes or onnx_variants(bundle):
        bundle = convert_to_ort(bundle, variant, progress=say)
    return bundle
