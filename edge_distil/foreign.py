"""A plain hub ONNX directory, without our manifest: infer one.

Such as optimum, sentence-transformers or the transformers.js scripts make. Nothing can be
verified there: the records hold sizes as found and no hashes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_distil import sentence_modules
from edge_distil.errors import BundleCorrupt, TaskError
from edge_distil.labels import label_names
from edge_distil.manifest import FILE_NAME, Checkpoint, FileRecord, Manifest, Pooling, Variant

# End of the architecture's class name -> task. Order matters: "Model" is the last resort.
_ARCHITECTURES = {
    "ForQuestionAnswering": "question-answering",
    "ForSequenceClassification": "text-classification",
    "ForTokenClassification": "token-classification",
    "ForMaskedLM": "fill-mask",
    "ForPreTraining": "fill-mask",
    "Model": "feature-extraction",
}
_UNLIMITED = 1_000_000  # transformers writes 1e30 for "the tokenizer knows no limit"
_POSITIONS_AFTER_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet")


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
    if not variants or absent:
        missing = [FILE_NAME, *absent, *([] if variants else ["onnx/model.onnx"])]
        raise BundleCorrupt(
            f"{path} is no bundle: it has no {', no '.join(missing)}; make one with: "
            "edge-distil export MODEL -o DIR"
        )
    config = read_config(path / "config.json")
    sentence = sentence_modules.is_sentence_model(path)
    return Manifest(
        task="sentence-similarity" if sentence else _task(config, path),
        checkpoint=Checkpoint(
            name=str(config.get("_name_or_path") or path.name),
            architecture=next(iter(config.get("architectures") or []), None),
            model_type=config.get("model_type"),
        ),
        inputs=(),
        outputs=(),
        max_length=_max_length(path, config),
        labels=_labels(path, config),
        problem_type=config.get("problem_type"),
        pooling=_pooling(path) if sentence else None,
        variants=variants,
    )


def read_config(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BundleCorrupt: It is none.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleCorrupt(f"{path} cannot be read ({error}): fetch it again") from error
    if not isinstance(config, dict):
        raise BundleCorrupt(f"{path} holds no JSON object: fetch it again")
    return config


def _find_variants(path: Path, model_files: Mapping[str, str]) -> dict[str, Variant]:
    """Find the ONNX files, in ``onnx/`` (the Hub's way) or beside ``config.json`` (optimum's)."""
    by_name = {Path(file).name: variant for variant, file in model_files.items()}
    by_name["model_int8.onnx"] = "int8"
    found: dict[str, Variant] = {}
    for file in sorted([*path.glob("onnx/*.onnx"), *path.glob("*.onnx")]):
        name = by_name.get(file.name) or file.stem.removeprefix("model_")
        relative = file.relative_to(path).as_posix()
        record = FileRecord(relative, file.stat().st_size, sha256="")
        found.setdefault(name, Variant(record, recipe="unknown"))
    return found


def _task(config: Mapping[str, Any], path: Path) -> str:
    names = config.get("architectures") or []
    for end, task in _ARCHITECTURES.items():
        if any(name.endswith(end) for name in names):
            return task
    raise TaskError(
        f"{path} does not say its task (config.json's architectures: {names}), expected a name "
        f"ending in {', '.join(_ARCHITECTURES)}: export the checkpoint with edge-distil"
    )


def _labels(path: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return label_names(config.get("id2label") or {})
    except (AttributeError, TypeError, ValueError) as error:
        raise BundleCorrupt(
            f"{path / 'config.json'} has an id2label that is no list of classes by index "
            f"({error}): fetch it again"
        ) from error


def _max_length(path: Path, config: Mapping[str, Any]) -> int:
    positions = int(config.get("max_position_embeddings") or 512)
    if config.get("model_type") in _POSITIONS_AFTER_PADDING:
        positions -= int(config.get("pad_token_id") or 0) + 1
    limits = [positions]
    tokenizer = path / "tokenizer_config.json"
    if tokenizer.is_file():
        limits.append(int(read_config(tokenizer).get("model_max_length") or _UNLIMITED))
    if sentence_modules.is_sentence_model(path):
        limits.append(sentence_modules.read_sentence_modules(path).max_length or _UNLIMITED)
    return min(limits)


def _pooling(path: Path) -> Pooling:
    modules = sentence_modules.read_sentence_modules(path)
    if modules.dense:
        raise TaskError(
            f"{path} has Dense modules, whose weights only an edge-distil export puts into the "
            "graph: export the checkpoint with edge-distil"
        )
    return Pooling(
        mode=modules.pooling,
        normalize=modules.normalize,
        dimension=modules.dimension,
        prompts=modules.prompts,
        default_prompt=modules.default_prompt,
    )
