"""sentence-transformers' ``modules.json`` and what hangs from it, as data.

Source: sentence-transformers' documentation, "Structure of Sentence Transformer models".
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_distil.errors import BundleCorrupt, TaskError

_POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}


@dataclass(frozen=True)
class SentenceModules:
    """The pipeline of an embedding checkpoint.

    Attributes:
        pooling: ``"mean"``, ``"cls"`` or ``"max"``.
        dimension: Length of the pooled vector, before Dense modules.
        dense: Folders of Dense modules, in order.
        normalize: True where a Normalize module ends the pipeline.
        max_length: ``max_seq_length`` in tokens, if the checkpoint says.
        prompts: Prompt texts by name.
        default_prompt: Name of the prompt used by default.
        lower_case: True where texts are put into lower case, whatever the tokenizer does.
    """

    pooling: str
    dimension: int
    dense: tuple[str, ...] = ()
    normalize: bool = False
    max_length: int | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    lower_case: bool = False


def is_sentence_model(path: Path) -> bool:
    """True where the directory has a ``modules.json``."""
    return (path / "modules.json").is_file()


def read_sentence_modules(path: Path) -> SentenceModules:
    """Read the pipeline of the checkpoint or bundle at `path`.

    Raises:
        BundleCorrupt: A file is missing or no JSON.
        TaskError: A module or a pooling that edge-distil does not have.
    """
    modules = _read_json(path / "modules.json")
    kinds = [(str(m["type"]).rsplit(".", 1)[-1], str(m["path"])) for m in modules]
    _check_order([kind for kind, _ in kinds], path)
    _check_inside([folder for _, folder in kinds], path)
    pooling = _read_json(path / dict(kinds)["Pooling"] / "config.json")
    file = path / dict(kinds)["Transformer"] / "sentence_bert_config.json"
    transformer = _read_json(file, optional=True)
    settings = _read_json(path / "config_sentence_transformers.json", optional=True)
    return SentenceModules(
        pooling=_pooling_mode(pooling, path),
        # sentence-transformers 6 renamed the field
        dimension=int(pooling.get("word_embedding_dimension") or pooling["embedding_dimension"]),
        dense=tuple(folder for kind, folder in kinds if kind == "Dense"),
        normalize=kinds[-1][0] == "Normalize",
        max_length=transformer.get("max_seq_length"),
        prompts=settings.get("prompts") or {},
        default_prompt=settings.get("default_prompt_name"),
        lower_case=bool(transformer.get("do_lower_case")),
    )


def _check_order(kinds: list[str], path: Path) -> None:
    expected = ["Transformer", "Pooling"]
    rest = [kind for kind in kinds[2:] if kind != "Dense"]
    if kinds[:2] != expected or rest not in ([], ["Normalize"]) or "Normalize" in kinds[:-1]:
        raise TaskError(
            f"{path}/modules.json is {' -> '.join(kinds)}, expected Transformer -> Pooling "
            "[-> Dense ...] [-> Normalize]: export it with --task feature-extraction and do "
            "the rest in your own code"
        )


def _check_inside(folders: list[str], path: Path) -> None:
    """Refuse folders outside the checkpoint: an export copies what is in them."""
    for folder in folders:
        if Path(folder).is_absolute() or ".." in Path(folder).parts:
            raise BundleCorrupt(
                f"{path}/modules.json names the folder {folder!r}, expected one inside the "
                "checkpoint: fetch the checkpoint from a source that you trust"
            )


def _pooling_mode(config: dict[str, Any], path: Path) -> str:
    if not config.get("include_prompt", True):
        raise TaskError(
            f"{path} leaves the prompt's tokens out of its pooling (include_prompt is false), "
            "expected all tokens: export it with --task feature-extraction and pool in your own "
            "code"
        )
    named = config.get("pooling_mode")  # sentence-transformers >= 5.3 writes a name
    modes = [named] if named else [m for flag, m in _POOLING_FLAGS.items() if config.get(flag)]
    others = [k for k in config if k.startswith("pooling_mode_") and k not in _POOLING_FLAGS]
    modes += [k.removeprefix("pooling_mode_") for k in others if config[k]]
    if len(modes) != 1 or modes[0] not in _POOLING_FLAGS.values():
        raise TaskError(
            f"{path} pools by {' + '.join(map(str, modes)) or 'nothing'}, expected one of mean, "
            "cls, max: export it with --task feature-extraction and pool in your own code"
        )
    return str(modes[0])


def _read_json(path: Path, *, optional: bool = False) -> Any:
    if optional and not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleCorrupt(
            f"{path} cannot be read ({error}): copy the whole checkpoint again"
        ) from error
