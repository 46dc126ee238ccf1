"""The files of a tokenizer, renumbered: all that holds an id or a piece."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edge_distil_distil.smaller import pieces

# Other forms of the vocabulary, which nothing here can cut: readers would prefer them.
_WHOLE = (
    "spiece.model", "sentencepiece.bpe.model", "sentencepiece.model", "spm.model",
    "tokenizer.model", "bpe.codes", "dict.txt",
)  # fmt: skip


def special_ids(document: Mapping[str, Any]) -> set[int]:
    """Return the ids of added tokens and of those that the post-processor puts around texts."""
    return {token["id"] for token in document["added_tokens"]} | {
        index for _, _, index in _places(document.get("post_processor"))
    }


def cut_document(document: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    """Return a ``tokenizer.json`` with some of its ids alone.

    Args:
        document: The whole one.
        new: Old id -> new id, of all that stays.
    """
    copy = json.loads(json.dumps(document))
    for token in copy["added_tokens"]:
        token["id"] = new[token["id"]]
    for holder, key, index in list(_places(copy.get("post_processor"))):
        holder[key] = new[index]
    if copy.get("padding"):
        copy["padding"]["pad_id"] = new.get(copy["padding"]["pad_id"], 0)
    old = pieces.vocabulary(copy["model"])
    kept = {piece: new[index] for piece, index in old.items() if index in new}
    copy["model"] = pieces.cut(copy["model"], kept)
    return dict(copy)


def _places(part: Any) -> Iterator[tuple[Any, Any, int]]:
    """Yield where a post-processor holds ids: the list or dictionary, the key, the id.

    ``{"ids": [101]}`` in TemplateProcessing; ``"sep": ["[SEP]", 102]`` in those of BERT and
    RoBERTa; either may be in a Sequence.
    """
    if isinstance(part, list):
        if len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], int):
            yield part, 1, part[1]
        for each in part:
            yield from _places(each)
    elif isinstance(part, dict):
        ids = part.get("ids")
        if isinstance(ids, list):
            yield from ((ids, place, index) for place, index in enumerate(ids))
        for value in part.values():
            yield from _places(value)


def write_files(document: Mapping[str, Any], new: Mapping[int, int], folder: Path) -> None:
    """Write ``tokenizer.json`` and bring the other files of the tokenizer in line with it.

    Args:
        document: From `cut_document`.
        new: Old id -> new id.
        folder: Holds copies of the checkpoint's files.
    """
    _write(folder / "tokenizer.json", document)
    for name in _WHOLE:
        (folder / name).unlink(missing_ok=True)
    _rewrite_settings(folder / "tokenizer_config.json", new)
    model = document["model"]
    vocabulary = pieces.vocabulary(model)
    if (folder / "vocab.txt").is_file():
        names = sorted(vocabulary, key=lambda piece: vocabulary[piece])
        (folder / "vocab.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    if (folder / "vocab.json").is_file():
        _write(folder / "vocab.json", vocabulary)
    if (folder / "merges.txt").is_file():
        merges = (m if isinstance(m, str) else " ".join(m) for m in model.get("merges", ()))
        text = "\n".join(["#version: 0.2", *merges]) + "\n"
        (folder / "merges.txt").write_text(text, encoding="utf-8")
    if (path := folder / "added_tokens.json").is_file():
        _write(path, {token: new[index] for token, index in _read(path).items() if index in new})


def _rewrite_settings(path: Path, new: Mapping[int, int]) -> None:
    settings = _read(path) if path.is_file() else {}
    if isinstance(found := settings.get("added_tokens_decoder"), dict):
        renumbered = {str(new[int(i)]): token for i, token in found.items() if int(i) in new}
        _write(path, {**settings, "added_tokens_decoder": renumbered})


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
