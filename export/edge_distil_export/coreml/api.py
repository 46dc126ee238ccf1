"""`add_coreml`: the Core ML packages of a bundle, the whole way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_distil._machine.versions import installed_versions
from edge_distil._reading import links
from edge_distil._writing import ownership, staging, storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import CORE_ML, Bundle, open_bundle
from edge_distil.coreml import Lengths
from edge_distil.errors import BundleExists, InputError
from edge_distil.manifest import FileRecord, Manifest, Variant
from edge_distil_export.checkpoints.checkpoint import Source, find_checkpoint
from edge_distil_export.checkpoints.tensorflow.convert import as_pytorch
from edge_distil_export.coreml.compress import COMPRESSIONS, compress
from edge_distil_export.coreml.lengths import parse_lengths
from edge_distil_export.coreml.quiet import quiet_coremltools
from edge_distil_export.quiet import quiet_libraries

if TYPE_CHECKING:
    from edge_distil_export.checkpoints.model import Loaded
    from edge_distil_export.coreml.proof import Reference

Progress = Callable[[str], None]
PRECISIONS = ("fp16", "fp32")
TARGETS = ("iOS16", "iOS17", "iOS18")
FOLDER = "coreml"
# Node names for torch's debugger, written for programs of torch.export; no part of the package.
_DEBUG_FILE = "executorch_debug_handle_mapping.json"
_ATOL = {"fp32": 1e-4, "fp16": 2e-2}  # the largest absolute difference from PyTorch
_TOOLS = ("edge-distil", "coremltools", "torch", "transformers")


@dataclass(frozen=True)
class Settings:
    """How a package is made.

    Attributes:
        lengths: What it takes.
        precision: Of weights and arithmetic, one of `PRECISIONS`.
        target: The oldest system that is to run it, one of `TARGETS`.
        atol: Largest absolute difference from PyTorch allowed, before compression.
    """

    lengths: Lengths
    precision: str
    target: str
    atol: float


def add_coreml(
    bundle: Bundle | str | Path,
    checkpoint: str | Path,
    *,
    lengths: str = "range",
    precision: str = "fp16",
    target: str = "iOS16",
    compressions: Sequence[str] = (),
    atol: float | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    trust_pickle: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Bundle:
    """Add Core ML packages to a bundle, each evaluated and compared with PyTorch.

    ``coreml/model.mlpackage`` is the variant ``coreml``; each compression adds one beside it, such
    as ``coreml/model_int8.mlpackage``, the variant ``coreml-int8``, whose error is recorded.

    Args:
        bundle: The bundle of the checkpoint, or its directory.
        checkpoint: The checkpoint directory or hub id that the bundle was exported from.
        lengths: One (``384``), some (``64,128``), a range (``2-512``), ``enumerated``, ``range``.
        precision: ``"fp16"`` or ``"fp32"``.
        target: ``"iOS16"``, ``"iOS17"`` or ``"iOS18"``.
        compressions: Of ``"int8"``, ``"palette6"`` and ``"palette4"``.
        atol: Largest absolute difference allowed; by default 1e-4 for fp32, 2e-2 for fp16.
        revision: Branch, tag or commit of a hub id.
        trust_remote_code: Let the checkpoint's own Python files run.
        trust_pickle: Unpickle the head of a SetFit model, which may run code.
        overwrite: Replace the packages that are there.
        progress: Called with one line at the start of every stage.

    Returns:
        The bundle with the packages.

    Raises:
        BundleError: The directory is not a bundle, or has packages and `overwrite` is False.
        CheckpointError: The checkpoint cannot be found, reached or read.
        ExportError: The model cannot be traced, converted or evaluated.
        InputError: An option is unknown or out of range, the checkpoint is another one, or the
            bundle's graph takes ``position_ids``.
        ModuleNotFoundError: coremltools is not installed.
        ParityError: A package and PyTorch differ by more than `atol`; nothing is written.
        StorageError: The bundle cannot be written.
    """
    say = progress or (lambda _: None)
    path = bundle.path if isinstance(bundle, Bundle) else Path(bundle)
    opened = open_bundle(path)
    settings = _settings(opened.manifest, lengths, precision, target, atol)
    _check_choice("compression", compressions, COMPRESSIONS)
    _check_place(path / FOLDER, overwrite)
    with (
        links.trusted(Path(checkpoint)),
        quiet_coremltools(),
        quiet_libraries(),
        staging.scratch(path) as folder,
        temporaries_in(folder / "tmp"),
    ):
        say(f"loading {checkpoint} for Core ML")
        source = find_checkpoint(checkpoint, revision=revision)
        with as_pytorch(source) as readable:
            loaded = _load(readable, opened.manifest, trust_remote_code, trust_pickle)
        staged = folder / FOLDER
        staged.mkdir()
        made = _make_packages(loaded, opened.manifest, settings, compressions, staged, say)
        return add_to_bundle(
            opened, {FOLDER: staged}, lambda manifest: _with_packages(manifest, made)
        )


def _check_place(folder: Path, overwrite: bool) -> None:
    """Raise `BundleExists` unless packages may be written to a folder."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise BundleExists(f"{folder} has packages: overwrite them (overwrite=True)")
    ownership.check_replaceable(folder, [f"{_package(c)}/*" for c in COMPRESSIONS], "packages")


def _with_packages(manifest: Manifest, made: Mapping[str, Variant]) -> Manifest:
    """Return the manifest with these packages for those that it has."""
    others = {n: v for n, v in manifest.variants.items() if n.split("-")[0] != CORE_ML}
    return dataclasses.replace(manifest, variants={**others, **made})


def _settings(
    manifest: Manifest, lengths: str, precision: str, target: str, atol: float | None
) -> Settings:
    _check_choice("precision", [precision], PRECISIONS)
    _check_choice("target", [target], TARGETS)
    if manifest.first_position is not None:
        raise InputError(
            "the bundle's graph takes position_ids, which no Core ML package does, expected one "
            "that counts them itself: export it without --position-ids"
        )
    allowed = _ATOL[precision] if atol is None else atol
    if not allowed >= 0:
        raise InputError(f"atol is {atol}, expected a number of at least 0, such as 2e-2")
    return Settings(parse_lengths(lengths, manifest.max_length), precision, target, allowed)


def _check_choice(name: str, values: Sequence[str], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise InputError(f"{name} is {value!r}, expected one of {', '.join(known)}")


def _load(
    source: Source, manifest: Manifest, trust_remote_code: bool, trust_pickle: bool
) -> Loaded:
    from edge_distil_export.checkpoints.model import load_model

    loaded = load_model(
        source, manifest.task, trust_remote_code=trust_remote_code, trust_pickle=trust_pickle
    )
    origin = manifest.checkpoint
    if (loaded.head.inputs, loaded.parameters) != (manifest.inputs, origin.parameters):
        raise InputError(
            f"{source.name} has {loaded.parameters:,} weights, the bundle was exported from "
            f"{origin.name} with {origin.parameters or 0:,}: give the same checkpoint"
        )
    return loaded


def _make_packages(
    loaded: Loaded,
    manifest: Manifest,
    settings: Settings,
    compressions: Sequence[str],
    staged: Path,
    say: Progress,
) -> dict[str, Variant]:
    """Convert once, then write and prove the plain package and each compressed one."""
    from edge_distil_export.coreml.convert import convert
    from edge_distil_export.coreml.proof import compute_references, make_feeds

    say(f"converting to Core ML ({settings.precision}, {settings.target})")
    model = convert(
        loaded.head, settings.lengths, precision=settings.precision, target=settings.target,
        longest=manifest.max_length,
    )  # fmt: skip
    feeds = make_feeds(loaded.head, settings.lengths, manifest.golden)
    references = compute_references(loaded.head, feeds)
    made = {}
    for kind in ("none", *dict.fromkeys(k for k in compressions if k != "none")):
        name = CORE_ML if kind == "none" else f"{CORE_ML}-{kind}"
        say(f"writing {name} and comparing it with PyTorch")
        smaller = compress(model, kind)
        made[name] = _make_package(smaller, kind, manifest, settings, references, staged)
    return made


def _make_package(
    model: Any,
    compression: str,
    manifest: Manifest,
    settings: Settings,
    references: Sequence[Reference],
    staged: Path,
) -> Variant:
    from edge_distil_export.coreml.evaluate import Program
    from edge_distil_export.coreml.identifiers import fix_identifiers
    from edge_distil_export.coreml.metadata import describe
    from edge_distil_export.coreml.proof import check_program
    from edge_distil_export.graphs.heads import OUTPUTS

    plain = compression == "none"
    recorded = {
        "lengths": settings.lengths.to_settings(),
        "precision": settings.precision,
        "target": settings.target,
        "compression": compression,
    }
    describe(model, manifest, recorded)
    package = staged / _package(compression)
    model.save(str(package))
    (package / _DEBUG_FILE).unlink(missing_ok=True)
    fix_identifiers(package)
    program = Program(package)
    atol = settings.atol if plain else None
    evidence = check_program(program, references, OUTPUTS[manifest.task], atol)
    file, *parts = _records(staged, package)
    return Variant(
        file=file,
        recipe="coreml",
        settings=recorded,
        operators=program.kinds(),
        tools=installed_versions(_TOOLS),
        evidence={"parity": evidence},
        parts=tuple(parts),
    )


def _package(compression: str) -> str:
    return f"model{'' if compression == 'none' else f'_{compression}'}.mlpackage"


def _records(staged: Path, package: Path) -> list[FileRecord]:
    """Describe the package's files, the one that names the others first."""
    first = package / "Manifest.json"
    others = sorted(p for p in package.rglob("*") if p.is_file() and p != first)
    found = (storage.record(staged, path) for path in (first, *others))
    return [dataclasses.replace(record, path=f"{FOLDER}/{record.path}") for record in found]
