"""``edge-distil doctor``: are this machine and this bundle in order, and which variant to use?"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_distil import privacy
from edge_distil._machine import engines
from edge_distil._reading import untrusted
from edge_distil._reading.fields import figure
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import EdgeDistilError
from edge_distil.manifest import FileRecord
from edge_distil.progress import Stage
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flow import stages
from edge_distil_apps.cli.flow.checks import (
    Check,
    bf16_in_words,
    check_engine,
    in_words,
    model_file,
    wrong_files,
)
from edge_distil_apps.cli.flow.stages import Plan, Say
from edge_distil_apps.cli.tables import table

if TYPE_CHECKING:
    from edge_distil_bench import Alternative, Recommendation, Speed

# Beyond this factor of the drift recorded when the variant was made, this CPU's kernels differ.
_DRIFT_FACTOR = 1.5
_DRIFT_FLOOR = 1e-3  # logits: differences below come from the order of sums alone


def doctor(
    bundle: Annotated[Path | None, options.argument("BUNDLE", "A bundle to check as well.")] = None,
    speed: Annotated[
        bool,
        typer.Option(
            help="Time the variants: 15 s or so.",
            metavar="",
            show_default=False,
        ),
    ] = True,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Check the environment and, with a bundle, its files, tokens, drift and speed on this CPU.

    Says which of the bundle's variants to use here.

    Example: `edge-distil doctor qa`

    Exit status 1 if a check of the bundle fails.
    """
    from edge_distil_bench.machine.environment import describe_machine

    environment = {
        **describe_machine(threads),
        "engines": engines.available(),
        "bf16": bf16_in_words(),
        "telemetry": privacy.describe(),
    }
    with stages.watched(_plan(bundle, speed)) as say:
        checks = check_bundle(bundle, say) if bundle else []
        speeds, advice = (
            _speeds_and_advice(bundle, checks, threads, say) if bundle and speed else ([], None)
        )
    if json:
        console.document(
            {
                "environment": environment,
                "checks": [asdict(check) for check in checks],
                "speeds": [_plain(one) for one in speeds],
                "recommendation": asdict(advice) if advice else None,
            }
        )
    else:
        _show(environment, checks, speeds, advice)
        if speed and any(check.left_out and check.name == "fp32" for check in checks):
            console.say("nothing is timed: without fp32 there is nothing to compare with")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _plan(bundle: Path | None, speed: bool) -> Plan:
    """Return the stages, with how long each takes beside the others; a variant's is as its size."""
    variants = len(list((bundle / "onnx").glob("*"))) if bundle else 0
    return [("checking", 1.0 + 2.0 * variants), *([("timing", 15.0)] if speed else [])]


def check_bundle(path: Path, say: Say) -> list[Check]:
    """Check files, golden tokens and each variant; one that fails does not end the rest."""
    say("checking files")
    try:
        untrusted.check(path, run=False)
        bundle = open_bundle(path)
    except EdgeDistilError as error:
        return [Check("bundle", False, str(error))]
    files = _attempt("files", lambda: _check_files(bundle))
    wrong = {} if files.ok else wrong_files(bundle)
    checks = [files]
    if bundle.inferred:
        checks = [Check("files", True, "no manifest: nothing to compare with")]
    # What others drift from comes first: where that fails, it is not opened again for them.
    names = sorted(bundle.portable_variants(), key=lambda name: name != "fp32")
    fp32_passed = False
    for done, name in enumerate(names):
        say(Stage("checking variants", done, len(names)))
        checks.append(_attempt(name, partial(_check_variant, bundle, name, wrong, fp32_passed)))
        fp32_passed |= name == "fp32" and checks[-1].ok
    for engine in engines.available()[1:] if fp32_passed else ():
        say(f"checking {engine}")
        checks.append(check_engine(bundle, engine))
    return checks + _left_out(bundle)


def _left_out(bundle: Bundle) -> list[Check]:
    """Return the variants that are not here: an app ships the one that it loads."""
    present, variants = bundle.present_variants(), bundle.manifest.variants
    here = f"here: {', '.join(present)}" if present else "no other is here"
    return [
        Check(
            name,
            bool(present),
            f"left out: {variant.file.path} is not here; {here}",
            left_out=True,
        )
        for name, variant in variants.items()
        if name not in present
    ]


def _check_files(bundle: Bundle) -> Check:
    count = len(bundle.verify(present=True))
    return Check("files", True, f"{console.count(count, 'file')} as recorded")


def _check_variant(
    bundle: Bundle, name: str, wrong: Mapping[FileRecord, EdgeDistilError], fp32_passed: bool
) -> Check:
    """Check a variant; what files give that are not as recorded says nothing of this CPU."""
    from edge_distil.encoder import open_encoder
    from edge_distil.evaluate.drift import measure_drift

    variants = bundle.manifest.variants
    for record in (*bundle.manifest.files, *variants[name].records):
        if record in wrong:
            raise wrong[record]
    # checks the golden tokens as well
    encoder = open_encoder(bundle.path, variant=name, untrusted=True)
    probes = len(bundle.manifest.golden)
    loads = f"loads; {probes} golden token rows as recorded"
    if name == "fp32" or "fp32" not in bundle.present_variants() or not probes:
        return Check(name, True, loads)
    if not fp32_passed:
        return Check(name, True, f"{loads}; fp32 failed, so drift from it says nothing")
    drift = measure_drift(open_encoder(bundle.path, variant="fp32"), encoder)
    recorded = figure(variants[name].evidence, "fidelity", "max_abs_diff")
    words = in_words(drift)
    if recorded is None:
        return Check(name, True, f"loads; {words}", drift)
    if drift.max_abs_diff <= max(recorded * _DRIFT_FACTOR, _DRIFT_FLOOR):
        return Check(name, True, f"{words} (recorded: {recorded:.3g})", drift)
    return Check(
        name,
        False,
        f"{words}, though {recorded:.3g} was recorded for the same files when it was made: this "
        "CPU's kernels compute something else; use fp32 here and report it",
        drift,
    )


def _attempt(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except EdgeDistilError as error:
        return Check(name, False, str(error))


def _speeds_and_advice(
    path: Path, checks: Sequence[Check], threads: int | None, say: Say
) -> tuple[list[Speed], Recommendation | None]:
    """Time the variants that passed, and choose; without fp32 there is nothing to choose by."""
    from edge_distil_bench import measure_speeds, recommend

    passed = {
        check.name: check
        for check in checks
        if check.ok and check.name != "files" and not check.left_out
    }
    if "fp32" not in passed:
        return [], None
    bundle = open_bundle(path)
    names = ["fp32", *(name for name in passed if name != "fp32")]
    speeds = measure_speeds(
        bundle,
        names,
        threads=threads,
        progress=lambda done, total: say(Stage("timing variants", done, total)),
    )
    return speeds, recommend(
        _alternatives(bundle, speeds, passed),
        longer=shlex.join(["edge-distil", "bench", str(path), *_against(names)]),
    )


def _against(names: Sequence[str]) -> list[str]:
    """Return the options by which `bench` measures other engines, too."""
    found = [name for name in names if name in engines.available()]
    return [word for name in found for word in ("--against", name)]


def _alternatives(
    bundle: Bundle, speeds: Sequence[Speed], checks: Mapping[str, Check]
) -> list[Alternative]:
    """Gather what is known of each variant; its speed is that at the greatest length timed."""
    from edge_distil_bench import Alternative

    longest = max(one.tokens for one in speeds)
    whole = bundle.model_path("fp32").stat().st_size
    return [
        Alternative(
            name=one.variant,
            size=model_file(bundle, one.variant).stat().st_size / whole,
            speedup=one.speedup,
            mean_cosine=drift.mean_cosine if (drift := checks[one.variant].drift) else None,
            engine=one.variant if one.variant in engines.available() else None,
        )
        for one in speeds
        if one.tokens == longest and one.variant != "fp32"
    ]


def _plain(one: Speed) -> dict[str, Any]:
    """Write the intervals with their names, where `asdict` would give bare lists."""
    named = {
        name: {"median": figure.value, "low": figure.low, "high": figure.high}
        for name, figure in (("milliseconds", one.milliseconds), ("speedup", one.speedup))
    }
    return {"variant": one.variant, "tokens": one.tokens, **named}


def _show(
    environment: dict[str, Any],
    checks: Sequence[Check],
    speeds: Sequence[Speed],
    advice: Recommendation | None,
) -> None:
    packages, telemetry = environment.pop("packages"), environment.pop("telemetry")
    for name, value in environment.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        console.say(f"{name.replace('_', ' '):12} {console.text(words)}")
    console.say(f"{'telemetry':12} {console.text(_pairs(telemetry))}")
    console.say(f"{'packages':12} {console.text(_pairs(packages))}")
    for check in checks:
        sign = "[green]ok  [/green]" if check.ok else "[bold red]FAIL[/bold red]"
        sign = "[dim]-   [/dim]" if check.ok and check.left_out else sign
        console.say(f"{sign} {check.name:12} {console.text(check.found)}")
    if speeds:
        _show_speeds(speeds, environment["threads"])
    if advice is not None:
        console.say(console.text(advice.reason))


def _pairs(found: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _show_speeds(speeds: Sequence[Speed], threads: int) -> None:
    from edge_distil_bench.statistics.distribution import CONFIDENCE

    table(
        f"batch 1, threads: {threads}; median, and its interval at {CONFIDENCE:.0%}",
        ["variant", "tokens", "ms", "times as fast as fp32", "from", "to"],
        [
            [
                one.variant,
                str(one.tokens),
                f"{one.milliseconds.value:.2f}",
                *(f"{value:.2f}" for value in one.speedup),
            ]
            for one in speeds
        ],
    )
