"""`export_bundle`: checkpoint -> bundle, the whole way."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edge_distil import calls
from edge_distil._reading import cross_encoder, links
from edge_distil._reading.fields import Fields
from edge_distil._reading.foreign import describe_pooling, describe_sparse
from edge_distil._reading.manifest_pooling import Pooling
from edge_distil._reading.printable import shown
from edge_distil._reading.sentence_settings import TransformerSettings
from edge_distil._writing import ownership, staging, storage
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import MODEL_FILES, Bundle, open_bundle, write_manifest
from edge_distil.encoder import open_encoder
from edge_distil.errors import InputError
from edge_distil.manifest import Manifest, Variant
from edge_distil.task_names import task_named
from edge_distil_export.apart import check_apart
from edge_distil_export.checkpoints.checkpoint import Source, find_checkpoint
from edge_distil_export.checkpoints.tensorflow.convert import as_pytorch
from edge_distil_export.collector import no_collection
from edge_distil_export.quiet import quiet_libraries

if TYPE_CHECKING:
    from edge_distil_export.checkpoints.model import Loaded

Progress = Callable[[str], None]
# LayerNormalization is one operator from 17 on and torch's translations begin at 18. Tools of
# 2023 and later (onnxruntime 1.14, OpenVINO 2023.0, transformers.js 2) read 18.
DEFAULT_OPSET = 18
OPSETS = range(18, 24)
DEFAULT_ATOL = 1e-4  # the largest absolute difference from PyTorch
_TEMPORARY = ".edge_distil.tmp"  # of the staged directory, and not a part of the bundle
_LATE_IMPORTS = ("torch", "transformers", "onnx", "onnx_ir", "onnxscript")


def export_bundle(
    model: str | Path,
    output: str | Path,
    *,
    task: str | None = None,
    opset: int = DEFAULT_OPSET,
    atol: float = DEFAULT_ATOL,
    slice_last_layer: bool = True,
    position_ids: bool = False,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    trust_remote_code: bool = False,
    trust_pickle: bool = False,
    external_data: bool = False,
    overwrite: bool = False,
    accept: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Bundle:
    """Export a checkpoint as a bundle with one variant, ``fp32``, compared with PyTorch.

    Args:
        model: A checkpoint directory or a hub id.
        output: The bundle's directory; it appears only when all went well. Where it is a link,
            what that leads to.
        task: One of `edge_distil.manifest.TASKS` or a synonym; told from the checkpoint when
            ``None``.
        opset: ONNX operator set, 18 to 23.
        atol: Largest absolute difference from PyTorch allowed.
        slice_last_layer: Where the head reads one token (classification, CLS pooling), compute
            the last layer for that token alone: the same logits and vectors, less work. An
            embedding bundle's ``last_hidden_state`` is then ``(batch, 1, hidden)``, of which
            CLS pooling makes the same vector.
        position_ids: Let the graph take the positions of the tokens too, as transformers' class
            does; the runtime gives it those that the model counts itself.
        revision: Branch, tag or commit of a hub id.
        token: Hub access token; ``HF_TOKEN`` or the stored login when ``None``.
        cache_dir: Download cache; ``HF_HOME`` decides when ``None``.
        trust_remote_code: Let the checkpoint's own Python files run.
        trust_pickle: Unpickle the head of a SetFit model, which may run code.
        external_data: Put the weights into a second file, ``model.onnx_data``, as it is done anyway
            where one file would be larger than 2 GiB.
        overwrite: Replace the bundle that is at `output`; nothing but a bundle is replaced.
        accept: Called with the task before the model is loaded; what it raises ends the export,
            as of data for a variant that is to follow.
        progress: Called with one line at the start of every stage.

    Returns:
        The opened bundle.

    Raises:
        BundleExists: `output` holds something, and `overwrite` is False or it is not a bundle.
        CheckpointError: The checkpoint cannot be found, reached or read.
        ExportError: The model cannot be traced or translated.
        InputError: `opset` or `atol` is out of range, or `output` is or holds the checkpoint.
        ModuleNotFoundError: A package of ``[export]`` is not installed.
        ParityError: The graph and PyTorch differ by more than `atol`; nothing is left behind.
        StorageError: `output` cannot be written.
        TaskError: The checkpoint does not serve the task, or takes no `position_ids`.
    """
    say = progress or (lambda _: None)
    _check_arguments(opset, atol, task)
    place, target = calls.path(model, "model"), calls.path(output, "output")
    if place.is_dir():
        check_apart(place, target)
    allowed = ownership.check_bundle if overwrite else None
    with (
        links.trusted(place),  # a directory of the user's own; the bundle holds copies
        staging.staged_directory(target, replaceable=allowed) as staged,
        temporaries_in(staged / _TEMPORARY),
        no_collection(),
    ):
        _check_installed()
        say(f"finding {model}")
        with quiet_libraries():
            source = find_checkpoint(model, revision=revision, token=token, cache_dir=cache_dir)
        check_apart(source.path, Path(output))
        say("importing torch and transformers")
        from edge_distil_export.checkpoints.model import (
            load_model,  # seconds of imports: only when needed
        )
        from edge_distil_export.tasks import choose_task

        with quiet_libraries():
            chosen = choose_task(source, task)
            if accept is not None:
                accept(chosen)
            say(f"loading {source.name} for {chosen}")
            with as_pytorch(source) as readable:
                loaded = load_model(
                    readable, chosen, position_ids=position_ids,
                    trust_remote_code=trust_remote_code, trust_pickle=trust_pickle,
                )  # fmt: skip
                manifest = _describe(readable, loaded, chosen, staged, trust_remote_code)
                variant = _export_graph(
                    readable,
                    loaded,
                    manifest,
                    staged,
                    opset,
                    atol,
                    say,
                    slice_last_layer=slice_last_layer,
                    trust_remote_code=trust_remote_code,
                    external_data=external_data,
                )
            write_manifest(staged, manifest.with_variant("fp32", variant))
    return open_bundle(output)


def _check_arguments(opset: int, atol: float, task: str | None) -> None:
    if opset not in OPSETS:
        raise InputError(
            f"opset is {shown(opset)}, expected {OPSETS[0]} to {OPSETS[-1]}: 18 runs widest"
        )
    if not isinstance(atol, int | float) or not atol >= 0:
        raise InputError(f"atol is {shown(atol)}, expected a number of at least 0, such as 1e-4")
    if task not in (None, "auto"):
        task_named(task)


def _check_installed() -> None:
    """Raise for what is imported late, before a checkpoint is looked up or downloaded."""
    for name in _LATE_IMPORTS:
        if importlib.util.find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _describe(
    source: Source, loaded: Loaded, task: str, staged: Path, trust_remote_code: bool
) -> Manifest:
    """Put the tokenizer and configuration files into place and describe the bundle."""
    from edge_distil_export.checkpoints.setfit import write_classes
    from edge_distil_export.files import write_files
    from edge_distil_export.provenance import describe_checkpoint, labels
    from edge_distil_export.static_files import write_static_files

    classes = loaded.classes
    settings, function = _sentence_settings(source, loaded, task)
    late = None
    if loaded.tokens is not None:
        longest, golden = write_static_files(source, loaded.tokens, staged)
    else:
        modules = bool(loaded.sentence or loaded.late or loaded.sparse or function)
        longest, golden, late = write_files(
            source, loaded, settings, staged, sentence=modules, trust_remote_code=trust_remote_code
        )
    if classes is not None:
        write_classes(staged / "config.json", classes)
    return Manifest(
        task=task,
        checkpoint=describe_checkpoint(source, loaded.parameters),
        inputs=loaded.head.inputs,
        outputs=loaded.head.outputs,
        first_position=getattr(loaded.head, "first", None),
        max_length=longest,
        labels=classes.labels if classes else labels(loaded.head, loaded.config, task),
        problem_type=getattr(classes or loaded.config, "problem_type", None),
        function_to_apply=function,
        pooling=_pooling(loaded),
        late_interaction=late,
        static=source.static is not None,
        files=tuple(storage.record(staged, path) for path in _made(staged)),
        golden=golden,
    )


def _made(staged: Path) -> list[Path]:
    """Return the files that are made so far."""
    paths = (path for path in staged.rglob("*") if path.is_file())
    return sorted(p for p in paths if p.relative_to(staged).parts[0] != _TEMPORARY)


def _sentence_settings(
    source: Source, loaded: Loaded, task: str
) -> tuple[TransformerSettings, str | None]:
    """Return what sentence-transformers says of the transformer, and what makes its scores."""
    if loaded.sentence or loaded.late or loaded.sparse or loaded.classes:
        return loaded.settings, None
    config = Fields(source.config, f"{source.name}'s config.json")
    if task != "text-classification" or not cross_encoder.is_cross_encoder(source.root, config):
        return TransformerSettings(), None
    labels = int(loaded.config.num_labels)
    function = cross_encoder.function_to_apply(source.root, config, labels)
    return cross_encoder.read_settings(source.root), function


def _pooling(loaded: Loaded) -> Pooling | None:
    if loaded.sparse is not None:
        return describe_sparse(loaded.sparse, loaded.dimension)
    modules = loaded.sentence
    return describe_pooling(modules, loaded.dimension) if modules is not None else None


def _export_graph(
    source: Source,
    loaded: Loaded,
    manifest: Manifest,
    staged: Path,
    opset: int,
    atol: float,
    say: Progress,
    *,
    slice_last_layer: bool,
    trust_remote_code: bool,
    external_data: bool,
) -> Variant:
    """Trace, translate, clean up, write and compare."""
    from edge_distil_export import limits, parity, provenance, witness, writing
    from edge_distil_export.graphs import cleanup, graph, heads, slicing

    head = loaded.head
    original = witness.open_witness(
        source, manifest.task, manifest.max_length, trust_remote_code=trust_remote_code
    )
    say("tracing")
    program = graph.capture(head, limits.position_limit(head, loaded.config))
    say(f"translating to ONNX opset {opset}")
    # Translation is Python on one core; PyTorch's sides of the comparisons take the others.
    with ThreadPoolExecutor(1) as pool:
        reference = pool.submit(parity.compute_reference, head, manifest.max_length)
        testimony = pool.submit(original.consult)
        model = graph.translate(program, head, opset)
        cleanup.fold(model)
        # a prompt that is left out of the pooling makes another token the first
        whole = loaded.sentence is not None and not loaded.sentence.include_prompt
        sliced = slicing.slice_last_layer(model.graph) if slice_last_layer and not whole else None
        outputs = slicing.axes_of(heads.OUTPUTS[manifest.task], sliced)
        cleanup.bare(model, head.inputs, outputs)
        path = staged / MODEL_FILES["fp32"]
        path.parent.mkdir()
        beside = writing.write_model(model, path, external=external_data)
        settings = {"opset": opset, "attention": "eager"}
        variant = Variant(
            file=storage.record(staged, path),
            recipe="export",
            settings={**settings, "last_layer": sliced.to_settings() if sliced else "whole"},
            operators=cleanup.operator_counts(model),
            tools=provenance.tool_versions(),
            parts=tuple(storage.record(staged, file) for file in beside),
        )
        say("comparing with PyTorch")
        # From here on the bundle is opened as its users open it.
        encoder = open_encoder(write_manifest(staged, manifest.with_variant("fp32", variant)).path)
        evidence = {
            "parity": parity.check_parity(encoder.session, reference.result(), outputs, atol)
        }
        say("comparing with the library of the checkpoint")
        evidence["end_to_end"] = witness.check_end_to_end(encoder, testimony.result(), atol)
    return replace(variant, evidence=evidence)
