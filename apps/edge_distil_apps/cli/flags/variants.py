"""The flags that ``export`` and ``quantize`` share, and what they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_distil.bundle import FUSIBLE, Bundle
from edge_distil.errors import BundleExists
from edge_distil_apps.cli import console, inspect, options
from edge_distil_apps.cli.flags.students import check_files
from edge_distil_apps.cli.flow import reporting, stages
from edge_distil_apps.cli.flow.stages import Plan, Say

_KEEPING = "int8"  # the recipe that can keep operators in fp32
_RANGES = "int8-static"  # the recipe that looks at ranges
_NEW = "fp32"  # the variant that a new bundle has

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


def plan(settings: Settings, bundle: Bundle | None = None) -> Plan:
    """Return the stages that `add_variants` will go through.

    Args:
        settings: What is asked for.
        bundle: What it is added to; ``None`` for a new one, which has fp32 alone.
    """
    found: list[tuple[str, float]] = []
    for recipe in settings.recipes:
        if bundle is not None and settings.keeps(recipe, bundle):
            continue
        calibration: Plan = stages.RANGES if recipe == _RANGES else ()
        if recipe == _KEEPING and settings.calibrate:
            calibration = stages.CALIBRATION
        found += [*stages.QUANTIZED, *calibration, *stages.COMPARED]
    found += stages.REPORT if settings.reports else ()
    found += list(stages.FUSED) * len(_fused_of(settings, bundle))
    found += list(stages.ORT) * len(_converted(settings, bundle))
    return found


def _fused_of(settings: Settings, bundle: Bundle | None) -> Sequence[str]:
    """Return the variants of which a fused form is made."""
    if not settings.fused:
        return ()
    there = bundle.portable_variants() if bundle is not None else [_NEW]
    # where there is none, int8 is named as missing
    return _fusible(settings.recipes or there) or [_KEEPING]


def _converted(settings: Settings, bundle: Bundle | None) -> Sequence[str]:
    """Return the variants that are converted to the ORT format."""
    if not settings.ort or settings.recipes:
        return settings.recipes if settings.ort else ()
    if bundle is None:
        return [_NEW]
    from edge_distil_quantize import onnx_variants

    return onnx_variants(bundle)


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
            reporting.announce(bundle, settings.data, full=settings.full_report)
        for recipe in settings.recipes:
            if settings.keeps(recipe, bundle):
                console.note(f"{recipe} stays as it is ({_how_made(bundle, recipe)})")
            else:
                bundle = _add(bundle, recipe, settings, say)
        if settings.reports:
            reporting.write(
                bundle,
                settings.data,
                calibrate=settings.calibrate,
                full=settings.full_report,
                say=say,
            )
        from edge_distil_quantize import convert_to_ort, fuse_variant

        for variant in _fused_of(settings, bundle):
            bundle = fuse_variant(bundle, variant, progress=say)
        for variant in _converted(settings, bundle):
            bundle = convert_to_ort(bundle, variant, progress=say)
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


def _fusible(variants: Iterable[str]) -> list[str]:
    return [name for name in FUSIBLE if name in variants]
