"""An accuracy budget: the fewest operators in fp32 that keep the task's measure near fp32's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge_distil import hardware
from edge_distil._machine.versions import installed_versions
from edge_distil._writing import storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import QuantizeError
from edge_distil.manifest import Manifest, Variant
from edge_distil_quantize.api import add_variant
from edge_distil_quantize.recipe import Feeds, Progress
from edge_distil_quantize.rewrites.operators import Operator
from edge_distil_quantize.sensitivity.candidates import Workbench, open_workbench
from edge_distil_quantize.sensitivity.journal import open_journal
from edge_distil_quantize.sensitivity.operator_errors import measure_effects
from edge_distil_quantize.sensitivity.smallest_set import smallest_set
from edge_distil_quantize.sensitivity.trials import Trials

JOURNAL = ".edge_distil-budget.json"  # in the bundle, while a search is under way
_TIMED_TEXTS = 8

TimeRatio = Callable[[Path, Path, Sequence[Feeds]], tuple[float, float, float]]
"""Two model files and inputs -> time of the second over the first: value, low and high."""


def quantize_within_budget(
    bundle: Bundle | str | Path,
    recipe: str = "int8",
    *,
    data: str | Path,
    max_drop: float,
    calibrate: bool = True,
    time_ratio: TimeRatio | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Add a variant whose score on a file stays within a budget, at the least cost found.

    Where the plain variant is within it, that is the result. Otherwise operators are ranked by
    what quantizing each alone does to the outputs, for the bytes that keeping it costs; the
    shortest passing prefix of that ranking is kept in fp32, less every operator that turns out
    not to be needed. A search that is interrupted goes on where it stopped. What calibrating finds
    serves all candidates: see `calibration.known`.

    Args:
        bundle: A bundle with its fp32 variant, or its directory.
        recipe: One of `candidates.KEEPING`.
        data: A file as for `edge_distil.evaluate.evaluate`. Calibration takes its texts, without
            labels, from there too.
        max_drop: The budget in percent of fp32's main measure: a score passes from
            ``fp32 * (1 - max_drop / 100)`` on.
        calibrate: As for `quantize_bundle`.
        time_ratio: Measures what the operators kept cost in time, as
            `edge_distil_bench.time_ratio` does; without it the evidence says nothing of time.
        progress: Called with one line before every step.

    Returns:
        The bundle with the variant; its evidence ``"accuracy_budget"`` says what was kept and
        what it cost.

    Raises:
        QuantizeError: No set was found, fp32 itself scores nothing, or the recipe keeps nothing.
        DataError: `data` cannot be read.
        TaskError: The task has no measure.
        BundleError, StorageError: As for `quantize_bundle`.
    """
    if not 0 <= max_drop < 100:
        raise QuantizeError(f"max_drop is {max_drop}, expected 0 to below 100 percent")
    bundle = open_bundle(bundle.path if isinstance(bundle, Bundle) else bundle)
    say, data = progress or (lambda _: None), Path(data)
    with (
        open_workbench(bundle, recipe, data, calibrate) as bench,
        open_journal(bundle.path / JOURNAL, _key(bundle, recipe, data, calibrate)) as journal,
    ):
        trials = Trials(bundle, bench, journal, data, say)
        kept = _search(trials, max_drop)
        found = _describe(trials, kept, max_drop) | _timed(bench, kept, time_ratio)
        bundle = add_variant(
            bundle, recipe, bench.calibration, keep=kept, progress=say, known=bench.known
        )
        plain = bundle.manifest.variants[recipe]
        evidence = {**plain.evidence, "accuracy_budget": found}
        proven = dataclasses.replace(plain, evidence=evidence)
        return add_to_bundle(bundle, {}, lambda now: _exchanged(now, recipe, plain, proven))


def _exchanged(manifest: Manifest, name: str, old: Variant, new: Variant) -> Manifest:
    """Return the manifest with `new` for `old`, unless another process has made its own."""
    return manifest.with_variant(name, new) if manifest.variants.get(name) == old else manifest


def _key(bundle: Bundle, recipe: str, data: Path, calibrate: bool) -> dict[str, Any]:
    """Return all that a figure in the journal depends on; the budget itself is not among it."""
    return {
        "model": storage.sha256(bundle.model_path("fp32")),
        "data": storage.sha256(data),
        "recipe": recipe,
        "calibrate": calibrate,
        "tools": installed_versions(("edge-distil", "numpy", "onnxruntime")),
        "cpu": hardware.cpu_name(),
    }


def _search(trials: Trials, max_drop: float) -> frozenset[str]:
    reference = trials.measure(None)
    if not reference["value"] > 0:
        raise QuantizeError(
            f"fp32 scores {reference['metric']} {reference['value']:.2f} on {trials.data}, "
            "expected more than 0 to measure a drop from: check the data"
        )
    trials.allowed = reference["value"] * (1 - max_drop / 100)
    if trials.passes(frozenset(), 1):
        return frozenset()
    effects = measure_effects(trials.bench, trials.journal, trials.say)
    ranking = sorted(trials.bench.operators, key=lambda o: -effects[o.name].outputs / o.fp32_bytes)
    found = smallest_set([operator.name for operator in ranking], trials.passes)
    if found is None:
        raise QuantizeError(
            f"no set of operators to keep in fp32 was found that reaches {reference['metric']} "
            f"{trials.allowed:.2f} ({max_drop:g} % below fp32's {reference['value']:.2f}); with "
            f"all but {ranking[-1].label} kept it is {_last(trials, ranking):.2f}: allow a "
            "larger drop, or use fp32"
        )
    return found


def _last(trials: Trials, ranking: Sequence[Operator]) -> float:
    most = frozenset(operator.name for operator in ranking[:-1])
    return float(trials.measure(most)["value"])


def _describe(trials: Trials, kept: frozenset[str], max_drop: float) -> dict[str, Any]:
    """Say what was found and what it costs, for the manifest."""
    bench, data = trials.bench, trials.data
    exact, plain, result = (trials.measure(keep) for keep in (None, frozenset[str](), kept))
    return {
        "max_drop_percent": max_drop,
        "metric": exact["metric"],
        "allowed": trials.allowed,
        "fp32": exact["value"],
        "plain": plain["value"],
        "result": result["value"],
        "kept": {o.name: o.label for o in bench.operators if o.name in kept},
        "operators": len(bench.operators),
        "minimal": "the budget is missed without any single one of those kept",
        "bytes_added": result["bytes"] - plain["bytes"],
        "evaluations": trials.count(),
        "data": {"name": data.name, "sha256": storage.sha256(data)},
        "cpu": hardware.cpu_name(),
    }


def _timed(bench: Workbench, kept: frozenset[str], ratio: TimeRatio | None) -> dict[str, Any]:
    """Say what `kept` adds to the time of the plain variant."""
    if ratio is None:
        return {}
    plain, result = (
        bench.make(keep, name) for keep, name in ((frozenset(), "plain"), (kept, "kept"))
    )
    value, low, high = ratio(plain, result, bench.probes[:_TIMED_TEXTS]) if kept else (1, 1, 1)
    return {"time_added": value - 1, "time_added_interval": [low - 1, high - 1]}
