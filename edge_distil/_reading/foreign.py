"""A plain hub ONNX directory, without our manifest: infer one.

Such as optimum, sentence-transformers or the transformers.js scripts make. Nothing can be
verified there: the records hold sizes as found and no hashes.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from edge_distil._reading import cross_encoder, fields, protobuf, sentence_modules, sparse_modules
from edge_distil._reading.fields import Fields
from edge_distil._reading.labels import fit_labels, label_names
from edge_distil._reading.manifest_pooling import Pooling
from edge_distil._reading.printable import shortened
from edge_distil._reading.sentence_modules import SentenceModules
from edge_distil._reading.sparse_modules import SparseModules
from edge_distil._tokenizing.settings import CONFIG_NAME, read_optional
from edge_distil.errors import BundleCorrupt, TaskError
from edge_distil.manifest import FILE_NAME, Checkpoint, FileRecord, Manifest, Variant

# End of the architecture's class name -> task. Order matters: "Model" is the last resort.
_ARCHITECTURES = {
    "ForQuestionAnswering": "question-answering",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForMaskedLM": "fill-mask",
    "ForPreTraining": "fill-mask",
    "Model": "feature-extraction",
}
_UNLIMITED = 1_000_000
_USUAL_POSITIONS = 512
_LIMITS = ("model_max_length", "max_len")  # the second is transformers' older name
_UNNAMED_LABELS = 2  # transformers' number of classes where config.json names none
# RoBERTa and its kin count a token's position by adding up the tokens that are no padding.
_COUNTED_POSITIONS = b"CumSum"


def infer_manifest(path: Path, model_files: Mapping[str, str]) -> Manifest:
    """Infer the manifest of the directory at `path`.

    Args:
        path: A directory with ``config.json``, ``tokenizer.json`` and ONNX files.
        model_files: Variant name -> conventional file name.

    Raises:
        BundleCorrupt: It is no such directory.
        TaskError: The task cannot be told.
    """
    variants = _find_variants(path, model_files)
    absent = [name for name in ("config.json", "tokenizer.json") if not (path / name).is_file()]
    if not variants:
        missing = [FILE_NAME, *absent, "onnx/model.onnx"]
        raise BundleCorrupt(
            f"{path} is not a bundle: it has no {', no '.join(missing)}; make one with: "
            "edge-distil export MODEL -o DIR"
        )
    if absent:
        model = next(iter(variants.values())).file.path
        raise BundleCorrupt(
            f"{path} has {model}, but no {', no '.join(absent)}, without which it cannot be run: "
            "copy the checkpoint's there, or make a bundle with: edge-distil export MODEL -o DIR"
        )
    return describe(path, variants)


def describe(path: Path, variants: Mapping[str, Variant]) -> Manifest:
    """Describe a directory by its ``config.json`` and what stands beside it.

    Args:
        path: A directory with ``config.json``: of ONNX files, or a checkpoint.
        variants: Name -> variant; empty for a checkpoint.

    Raises:
        BundleCorrupt: A file cannot be read.
        TaskError: The task cannot be told.
    """
    config = fields.read(path / "config.json")
    _check_not_late(path)
    if sparse_modules.is_sparse_model(path):
        raise TaskError(
            f"{path} is a SparseEncoder, whose pooling only an edge-distil export puts into the "
            "graph: export the checkpoint with edge-distil"
        )
    sentence = sentence_modules.is_sentence_model(path)
    return Manifest(
        task="sentence-similarity" if sentence else _task(config, path),
        checkpoint=Checkpoint(
            name=config.optional_text("_name_or_path") or path.name,
            architecture=next(iter(config.texts("architectures")), None),
            model_type=config.optional_text("model_type"),
        ),
        inputs=(),
        outputs=(),
        max_length=_max_length(path, config, variants.values()),
        labels=_labels(config),
        problem_type=config.optional_text("problem_type"),
        function_to_apply=_function(path, config),
        pooling=_pooling(path) if sentence else None,
        variants=variants,
    )


def _check_not_late(path: Path) -> None:
    """Refuse late interaction, whose settings are in no file that others' ONNX comes with."""
    if (kind := sentence_modules.model_type(path)) in sentence_modules.LATE:
        raise TaskError(
            f"{path} is a {kind}, whose projection of each token's vector only an edge-distil "
            "export puts into the graph: export the checkpoint with edge-distil"
        )


def _find_variants(path: Path, model_files: Mapping[str, str]) -> dict[str, Variant]:
    """Find the ONNX files, in ``onnx/`` (the Hub's way) or beside ``config.json`` (optimum's)."""
    by_name = {Path(file).name: variant for variant, file in model_files.items()}
    by_name["model_int8.onnx"] = "int8"
    found: dict[str, Variant] = {}
    for file in sorted([*path.glob("onnx/*.onnx"), *path.glob("*.onnx")]):
        name = by_name.get(file.name) or file.stem.removeprefix("model_")
        if not file.is_file():
            continue
        relative = file.relative_to(path).as_posix()
        record = FileRecord(relative, file.stat().st_size, sha256="")
        found.setdefault(name, Variant(record, recipe="unknown"))
    return found


def _task(config: Fields, path: Path) -> str:
    names = config.texts("architectures")
    for end, task in _ARCHITECTURES.items():
        if any(name.endswith(end) for name in names):
            return task
    found = shortened(", ".join(names) or "none", most=100)
    raise TaskError(
        f"{path} does not say its task (config.json's architectures: {found}), expected a name "
        f"ending in {', '.join(_ARCHITECTURES)}: export the checkpoint with edge-distil"
    )


def _labels(config: Fields) -> tuple[str, ...]:
    try:
        names = config.object("id2label").values
        return fit_labels(label_names(names), len(names))  # transformers counts the entries
    except ValueError as error:
        raise config.wrong("id2label", "class names by their indices") from error


def _max_length(path: Path, config: Fields, variants: Iterable[Variant]) -> int:
    """Return the longest sequence: as many tokens as the model has positions, or fewer."""
    positions = config.optional_whole("max_position_embeddings", 1) or _USUAL_POSITIONS
    limit = _stated_limit(path)
    offset = (config.optional_whole("pad_token_id", 0, positions - 2) or 1) + 1
    if limit > positions - offset and _counts_positions(path, variants):
        positions -= offset  # positions begin behind the padding's
    return min(positions, limit)


def _stated_limit(path: Path) -> int:
    """Return what the tokenizer says, or sentence-transformers' setting, which overrides it."""
    if sentence_modules.is_sentence_model(path):
        own = sentence_modules.read_sentence_modules(path).transformer.max_length
    elif sentence_modules.model_type(path) == sentence_modules.CROSS_ENCODER:
        own = cross_encoder.read_settings(path).max_length
    else:
        own = None
    tokenizer = read_optional(path / CONFIG_NAME)
    stated = (tokenizer.optional_whole(n, 1, fields.NO_LIMIT) for n in _LIMITS)
    return own or next((limit for limit in stated if limit), _UNLIMITED)


def _counts_positions(path: Path, variants: Iterable[Variant]) -> bool:
    """Say whether a graph makes its positions from the padding, by the operator that it takes."""
    for variant in variants:
        with (path / variant.file.path).open("rb") as file:
            if not 0 < os.fstat(file.fileno()).st_size <= protobuf.LARGEST:
                continue
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return content.find(_COUNTED_POSITIONS) >= 0
    return False


def _function(path: Path, config: Fields) -> str | None:
    if not cross_encoder.is_cross_encoder(path, config):
        return None
    cross_encoder.read_settings(path)
    labels = len(config.object("id2label").values) or _UNNAMED_LABELS
    return cross_encoder.function_to_apply(path, config, labels)


def _pooling(path: Path) -> Pooling:
    modules = sentence_modules.read_sentence_modules(path)
    if modules.transformer.tokenizer_options:
        raise TaskError(
            f"{path} loads its tokenizer with options of its own "
            f"({shortened(', '.join(modules.transformer.tokenizer_options))}), which only an "
            "edge-distil export takes into the bundle: export the checkpoint with edge-distil"
        )
    if modules.static:
        raise TaskError(
            f"{path} is a table of static embeddings, which only an edge-distil export puts into a "
            "graph that takes what a bundle's does: export the checkpoint with edge-distil"
        )
    if modules.weighted:
        raise TaskError(
            f"{path} has {modules.weighted[0].kind} modules, whose weights only an edge-distil "
            "export puts into the graph: export the checkpoint with edge-distil"
        )
    return describe_pooling(modules, modules.dimension * len(modules.pooling))


def describe_sparse(modules: SparseModules, dimension: int) -> Pooling:
    """Describe for a manifest how logits become one vector of `dimension` numbers."""
    return Pooling(
        mode=modules.strategy,
        normalize=False,
        dimension=dimension,
        prompts=modules.prompts,
        default_prompt=modules.default_prompt,
        similarity=modules.similarity,
        activation=modules.activation,
        max_active_dims=modules.max_active_dims,
    )


def describe_pooling(modules: SentenceModules, dimension: int) -> Pooling:
    """Describe for a manifest how token vectors become one vector of `dimension` numbers."""
    return Pooling(
        mode="+".join(modules.pooling),
        normalize=modules.normalize,
        dimension=dimension,
        dense=sum(step.kind == "Dense" for step in modules.steps),
        prompts=modules.prompts,
        default_prompt=modules.default_prompt,
        include_prompt=modules.include_prompt,
        similarity=modules.similarity,
    )
