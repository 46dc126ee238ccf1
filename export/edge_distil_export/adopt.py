"""`adopt_onnx`: a directory of ONNX that others exported -> bundle, the directory left as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_distil._reading import cross_encoder, links, untrusted
from edge_distil._reading.fields import read
from edge_distil._reading.sentence_modules import read_sentence_modules
from edge_distil._reading.sentence_settings import TransformerSettings
from edge_distil._writing import ownership, staging, storage
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import Bundle, open_bundle, write_manifest
from edge_distil.encoder import open_encoder
from edge_distil.errors import BundleError, CheckpointError, InputError, StorageError
from edge_distil.manifest import FILE_NAME, Manifest
from edge_distil.outputs import HIDDEN, OutputCheck
from edge_distil.session import Session
from edge_distil_export.apart import check_apart
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.export import Progress
from edge_distil_export.quiet import quiet_libraries

# What a task reads of its graph; embeddings are read of whatever there is for each token.
_READ = {
    "question-answering": ("start_logits", "end_logits"),
    "text-classification": ("logits",),
    "token-classification": ("logits",),
    "fill-mask": ("logits",),
}
_ENCODER = "feature-extraction"


def adopt_onnx(
    directory: str | Path,
    output: str | Path,
    *,
    overwrite: bool = False,
    accept: Callable[[Bundle], None] | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Make a bundle of an ONNX directory that edge-distil did not export.

    Such as optimum, sentence-transformers and the Hub's scripts make: ``config.json``,
    ``tokenizer.json`` and ``model.onnx``, there or in ``onnx/``. The bundle's fp32 variant is that
    file, byte for byte (weights that stand outside of it are put into it), and its manifest says
    where it comes from. Nothing in the directory is changed.

    The directory may be a stranger's: it is opened on trial first, in a process with limits.

    Args:
        directory: The directory.
        output: The bundle's directory; it appears only when all went well. Where it is a link,
            what that leads to. A bundle that was made of the same files is returned as it is.
        overwrite: Replace the bundle that is at `output`; nothing but a bundle is replaced.
        accept: Called with the directory, opened, before anything is written; what it raises
            ends the work.
        progress: Called with one line at the start of every stage.

    Returns:
        The opened bundle.

    Raises:
        BundleError: `directory` holds no such model, or is damaged.
        BundleExists: `output` holds something else, and `overwrite` is False or it is no bundle.
        CheckpointError: There is no fp32 model, it is too large for one file, or the tokenizer
            cannot be loaded.
        InputError: `directory` is a bundle, or `output` is or holds it.
        ModuleNotFoundError: A package of ``[export]`` is not installed.
        OutputError: The graph does not give what the task reads that ``config.json`` names.
        StorageError: `output` cannot be written.
        TaskError: The task cannot be told, or the tokenizer is of a class that is not known.
    """
    from edge_distil_export.adopted_graph import copy_graph, read_graph  # imports onnx

    say = progress or (lambda _: None)
    found, target = _open(Path(directory).resolve()), Path(output)
    check_apart(found.path, target)
    say(f"checking {directory}")
    graph = read_graph(found)
    origin = _origin(found, (graph.path, *graph.outside))
    if not overwrite and (made := _made_of(origin, target)):
        with suppress(StorageError):  # what a killed run left goes, where it may
            staging.clear_locks(target)
            with staging.scratch(target):
                pass
        return made
    allowed = ownership.check_bundle if overwrite else None
    with (
        staging.staged_directory(target, replaceable=allowed) as staged,
        temporaries_in(staged / ".edge_distil.tmp"),
    ):
        found = _of_its_task(found, graph.outputs, say)
        untrusted.check(found.path, "fp32")
        session = open_encoder(found.path, variant="fp32", threads=1).session
        if accept is not None:
            accept(found)
        say(f"copying {directory}")
        with quiet_libraries():
            manifest = _describe(found, session, staged, graph.parameters)
        variant = copy_graph(graph, staged, origin)
        write_manifest(staged, manifest.with_variant("fp32", variant))
    return open_bundle(target)


def _open(directory: Path) -> Bundle:
    found = open_bundle(directory)
    if not found.inferred:
        raise InputError(
            f"{directory} is a bundle of edge-distil, expected ONNX that others exported: add "
            "variants to the bundle itself"
        )
    variants = found.manifest.variants
    if "fp32" not in variants:
        files = ", ".join(variant.file.path for variant in variants.values())
        raise CheckpointError(
            f"{directory} has no model.onnx, only {files}, and all variants are made of the "
            "float32 model: put that beside it, or export the checkpoint with edge-distil"
        )
    return found


def _of_its_task(found: Bundle, outputs: Sequence[str], say: Progress) -> Bundle:
    """Check that a graph gives what its task reads.

    ``config.json`` names the class of the checkpoint, of which optimum may have exported the
    encoder alone: what gives hidden states, and nothing that a head does, is taken as that.

    Raises:
        OutputError: It does not.
    """
    task = found.manifest.task
    read = _READ.get(task, ())
    if read and not {*read} & {*outputs} and {*HIDDEN} & {*outputs}:
        say(f"warning: config.json says {task}, the graph gives hidden states: {_ENCODER} it is")
        manifest = dataclasses.replace(
            found.manifest, task=_ENCODER, labels=(), problem_type=None, function_to_apply=None
        )
        return dataclasses.replace(found, manifest=manifest)
    OutputCheck(found, "fp32").names(read, outputs)
    return found


def _origin(found: Bundle, models: tuple[Path, ...]) -> dict[str, Any]:
    """Say what a bundle is made of; of the user's disk no more than the directory's name."""
    from edge_distil_export.files import files_to_copy

    copied = [file for file, _ in files_to_copy(_source(found), sentence=_has_modules(found))]
    for file in copied:
        links.check_inside(found.path, file)  # a stranger's link may lead to what is secret
    records = [storage.record(found.path, file) for file in (*models, *copied)]
    return {
        "directory": found.path.name,
        "files": [dataclasses.asdict(record) for record in records],
    }


def _made_of(origin: dict[str, Any], output: Path) -> Bundle | None:
    """Return what is at `output` if it is a bundle of these files: a killed run is gone on with."""
    if not (output / FILE_NAME).is_file():
        return None
    try:
        bundle = open_bundle(output)
        variant = bundle.manifest.variants.get("fp32")
        same = variant is not None and variant.settings.get("from") == origin
        return bundle if same and bundle.model_path("fp32") else None
    except BundleError:
        return None


def _source(found: Bundle) -> Source:
    """Return the directory as the exporter's functions know a checkpoint."""
    path, config = found.path, dict(read(found.path / "config.json").values)
    return Source(path=path, name=path.name, revision=None, safetensors=False, config=config)


def _has_modules(found: Bundle) -> bool:
    """Say whether files of sentence-transformers belong to it."""
    return found.manifest.pooling is not None or found.manifest.function_to_apply is not None


def _describe(found: Bundle, session: Session, staged: Path, parameters: int) -> Manifest:
    """Put the tokenizer and configuration files into place and describe the bundle."""
    from edge_distil_export.files import copy_files, load_tokenizer, lower_case
    from edge_distil_export.golden import golden_tokens
    from edge_distil_export.provenance import describe_checkpoint

    source, settings = _source(found), _settings(found)
    tokenizer = load_tokenizer(source, options=settings.tokenizer_options)
    if settings.lower_case:
        lower_case(tokenizer)
    copy_files(source, staged, tokenizer, found.manifest.max_length, sentence=_has_modules(found))
    written = [path for path in sorted(staged.rglob("*")) if path.is_file()]
    return dataclasses.replace(
        found.manifest,
        checkpoint=describe_checkpoint(source, parameters),
        inputs=session.inputs,
        outputs=session.outputs,
        files=tuple(storage.record(staged, path) for path in written),
        golden=golden_tokens(tokenizer, staged),
        variants={},
    )


def _settings(found: Bundle) -> TransformerSettings:
    """Return what sentence-transformers says of the transformer."""
    if found.manifest.pooling is not None:
        return read_sentence_modules(found.path).transformer
    if found.manifest.function_to_apply is not None:
        return cross_encoder.read_settings(found.path)
    return TransformerSettings()
