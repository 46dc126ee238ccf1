"""Which models take part: variants of bundles, and peers beside the first bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_distil import hardware
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import InputError
from edge_distil.session import runtime_version
from edge_distil_bench.protocol.processes import Participant, participant
from edge_distil_bench.records import Model

_REFERENCE = "fp32"


@dataclass(frozen=True)
class Entry:
    """A model that takes part.

    Attributes:
        model: Its record.
        participant: What starts it.
        bundle: What it is compared with: its own bundle, or the one that a peer runs beside.
        peer: Whether another engine runs it.
    """

    model: Model
    participant: Participant
    bundle: Bundle
    peer: bool = False


def find_entries(
    paths: Sequence[Path], variants: Sequence[str], *, threads: int, trained: bool
) -> list[Entry]:
    """Return the variants of bundles; the first one, fp32 where it takes part, is the reference.

    Args:
        paths: Directories of bundles.
        variants: Names, which each bundle must have; all that are there where this is empty.
        threads: Of the engine.
        trained: See `Model.trained`.

    Raises:
        BundleError: A bundle cannot be opened, or has no such variant.
        InputError: The bundles are of different tasks, or one is given twice.
    """
    bundles = [open_bundle(path) for path in paths]
    _require_one_task(bundles)
    names = _names(bundles)
    found = []
    for bundle, name in zip(bundles, names, strict=True):
        for variant in _chosen(bundle, variants):
            found.append(_entry(bundle, name, variant, hardware.threads(threads), trained))
    return found


def _require_one_task(bundles: Sequence[Bundle]) -> None:
    tasks = {bundle.manifest.task: bundle.path for bundle in bundles}
    if len(tasks) > 1:
        words = ", ".join(f"{path} ({task})" for task, path in tasks.items())
        raise InputError(
            f"the bundles are of different tasks: {words}; models are compared on the same "
            "queries, so give bundles of one task"
        )


def _names(bundles: Sequence[Bundle]) -> list[str]:
    """Name bundles by their folder, or by their path where two folders have one name."""
    paths = [bundle.path.resolve() for bundle in bundles]
    if len(set(paths)) < len(paths):
        raise InputError("a bundle is given twice: every first model runs beside itself anyway")
    folders = [path.name for path in paths]
    return folders if len(set(folders)) == len(folders) else [str(path) for path in paths]


def _chosen(bundle: Bundle, variants: Sequence[str]) -> list[str]:
    """Return the variants to measure, fp32 first."""
    if variants:
        names = [bundle.variant(name)[0] for name in dict.fromkeys(variants)]
    else:
        names = bundle.portable_variants()
    if not names:
        raise InputError(f"{bundle.path} holds no model file: export it, or copy it whole")
    return sorted(names, key=lambda name: name != _REFERENCE)


def _entry(bundle: Bundle, name: str, variant: str, threads: int, trained: bool) -> Entry:
    file = bundle.variant(variant)[1].file
    bundle.check_file(file)
    tokenizer = {one.path: one.sha256 for one in bundle.manifest.files}.get("tokenizer.json")
    model = Model(
        id=f"{name}/{variant}",
        model=name,
        variant=variant,
        engine=f"onnxruntime {runtime_version()}",
        trained=trained,
        bytes=file.bytes,
        sha256=file.sha256 or None,
        tokenizer_sha256=tokenizer or None,
        parameters=bundle.manifest.checkpoint.parameters,
        options={"threads": threads, "provider": "CPUExecutionProvider", "batch": 1},
    )
    return Entry(model, participant(model.id, bundle.path, variant, threads), bundle)
