"""``edge-distil doctor``: is this machine, and this bundle, in order?"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_distil import hardware, session
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.encoder import open_encoder
from edge_distil.errors import EdgeDistilError
from edge_distil.evaluate.drift import measure_drift
from edge_distil.versions import installed_versions
from edge_distil_apps.cli import console

_PACKAGES = (
    "edge-distil",
    "numpy",
    "onnxruntime",
    "tokenizers",
    "torch",
    "transformers",
    "onnx",
    "coremltools",
)
# Beyond this factor of the drift recorded when the variant was made, this CPU's kernels differ.
_DRIFT_FACTOR = 1.5
_DRIFT_FLOOR = 1e-3  # logits: differences below come from the order of sums alone


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    found: str


def doctor(
    bundle: Annotated[Path | None, typer.Argument(help="A bundle to check as well.")] = None,
    json: console.Json = False,
) -> None:
    """Check the environment and, with a bundle, its files, tokens and drift on this CPU.

    Example: `edge-distil doctor qa`

    Exit status 1 if a check of the bundle fails.
    """
    environment = describe_environment()
    checks = check_bundle(bundle) if bundle else []
    if json:
        console.document({"environment": environment, "checks": [vars(c) for c in checks]})
    else:
        _show(environment, checks)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def describe_environment() -> dict[str, Any]:
    """Describe the machine and the packages that matter."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": hardware.cpu_name(),
        "features": list(hardware.cpu_features()),
        "cores": hardware.available_cores(),
        "threads": hardware.threads(),
        "providers": session.available_providers(),
        "packages": installed_versions(_PACKAGES),
    }


def check_bundle(path: Path) -> list[Check]:
    """Check files, golden tokens and each variant; one that fails does not end the rest."""
    try:
        bundle = open_bundle(path)
    except EdgeDistilError as error:
        return [Check("bundle", False, str(error))]
    checks = [_attempt("files", lambda: f"{len(bundle.verify())} files as recorded")]
    if bundle.inferred:
        checks = [Check("files", True, "no manifest: nothing to compare with")]
    for name in bundle.manifest.variants:
        checks.append(_attempt(name, lambda name=name: _check_variant(bundle, name)))
    return checks


def _check_variant(bundle: Bundle, name: str) -> str:
    encoder = open_encoder(bundle.path, variant=name)  # checks the golden tokens as well
    probes = len(bundle.manifest.golden)
    if name == "fp32" or "fp32" not in bundle.manifest.variants or not probes:
        return f"loads; {probes} golden token rows as recorded"
    drift = measure_drift(open_encoder(bundle.path, variant="fp32"), encoder)
    recorded = bundle.manifest.variants[name].evidence.get("fidelity", {}).get("max_abs_diff")
    words = f"drift from fp32 {drift.max_abs_diff:.3g}, mean cosine {drift.mean_cosine:.4f}"
    if recorded is None:
        return f"loads; {words}"
    if drift.max_abs_diff > max(recorded * _DRIFT_FACTOR, _DRIFT_FLOOR):
        raise EdgeDistilError(
            f"{words}, though {recorded:.3g} was recorded when it was made: this CPU's kernels "
            "compute something else; use fp32 here and report it"
        )
    return f"{words} (recorded: {recorded:.3g})"


def _attempt(name: str, check: Any) -> Check:
    try:
        return Check(name, True, check())
    except EdgeDistilError as error:
        return Check(name, False, str(error))


def _show(environment: dict[str, Any], checks: list[Check]) -> None:
    packages = environment.pop("packages")
    for name, value in environment.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        console.say(f"{name:10} {console.text(words)}")
    console.say(f"{'packages':10} {', '.join(f'{n} {v}' for n, v in packages.items())}")
    for check in checks:
        sign = "[green]ok  [/green]" if check.ok else "[bold red]FAIL[/bold red]"
        console.say(f"{sign} {check.name:8} {console.text(check.found)}")
