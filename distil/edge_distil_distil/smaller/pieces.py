"""Which pieces a tokenizer needs so that given texts stay as they are, and the cut down to them.

What "needs" means, so that a text whose pieces are all kept is split as before:

- WordPiece takes the longest piece that fits, again and again. A smaller set has no longer ones:
  the pieces themselves are enough. An unknown word needs those that fitted before it failed.
- Unigram takes the split of the greatest score. A smaller set offers no other splits, so the pieces
  are enough, with the one of the least score, from which that of unknown characters is made.
- BPE joins pairs: see `byte_pairs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge_distil.errors import CheckpointError
from edge_distil_distil.smaller import byte_pairs

Model = Mapping[str, Any]  # the "model" of a tokenizer.json
_KINDS = ("WordPiece", "WordLevel", "BPE", "Unigram")


def vocabulary(model: Model) -> dict[str, int]:
    """Return piece -> id.

    Raises:
        CheckpointError: It is none of WordPiece, WordLevel, BPE and Unigram.
    """
    if model.get("type") not in _KINDS:
        raise CheckpointError(
            f"the tokenizer is of type {model.get('type')!r}, expected one of {', '.join(_KINDS)}: "
            "only their vocabularies can be cut"
        )
    if model["type"] == "Unigram":
        return {piece: index for index, (piece, _) in enumerate(model["vocab"])}
    return dict(model["vocab"])


def needed(model: Model, used: Iterable[str]) -> set[str]:
    """Return the pieces to keep for those that texts use, letters to spell other words with too.

    >>> words = ["[UNK]", "a", "##b", "ab", "##c", "c", "z", "##zz"]
    >>> model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    ...          "vocab": {piece: index for index, piece in enumerate(words)}}
    >>> sorted(needed(model, ["ab", "##c"]))
    ['##b', '##c', '[UNK]', 'a', 'ab', 'c']
    """
    every = vocabulary(model)
    kept = {piece for piece in used if piece in every} | _always(model, every)
    if model["type"] == "BPE":
        kept |= byte_pairs.ancestors(model, kept)
    return kept | _letters(model, every, kept)


def _always(model: Model, every: Mapping[str, int]) -> set[str]:
    """Return what is needed whatever the texts: for unknown characters and single bytes."""
    kept = {f"<0x{byte:02X}>" for byte in range(256)} if model.get("byte_fallback") else set()
    if model["type"] == "Unigram":
        kept.add(min(model["vocab"], key=lambda entry: entry[1])[0])
        if model.get("unk_id") is not None:
            kept.add(model["vocab"][model["unk_id"]][0])
    else:
        kept.add(model.get("unk_token") or "")
        kept |= byte_pairs.alphabet() if model["type"] == "BPE" else set()
    return kept & every.keys()


def _letters(model: Model, every: Mapping[str, int], kept: Iterable[str]) -> set[str]:
    """Return the single characters of what is kept: other words of them become no unknown ones."""
    prefix = model.get("continuing_subword_prefix") or ""
    letters = {letter for piece in kept for letter in piece.removeprefix(prefix)}
    return (letters | {prefix + letter for letter in letters}) & every.keys()


def fitting(word: str, every: Mapping[str, int], prefix: str) -> list[str]:
    """Return the pieces of a word that WordPiece takes, up to where it fails.

    >>> fitting("abz", {"a": 1, "ab": 2, "##b": 3}, "##")
    ['ab']
    """
    found: list[str] = []
    start = 0
    while start < len(word):
        lead = prefix if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if lead + word[start:end] in every), None)
        if end is None:
            break
        found.append(lead + word[start:end])
        start = end
    return found


def cut(model: Model, ids: Mapping[str, int]) -> dict[str, Any]:
    """Return the model with these pieces alone.

    Args:
        model: The whole one.
        ids: Piece -> its new id, 0 and up without a gap.
    """
    if model["type"] == "Unigram":
        old = vocabulary(model)
        order = sorted(ids, key=lambda piece: ids[piece])
        unknown = model.get("unk_id")
        new = None if unknown is None else ids[model["vocab"][unknown][0]]
        return {**model, "vocab": [model["vocab"][old[piece]] for piece in order], "unk_id": new}
    smaller = {**model, "vocab": dict(sorted(ids.items(), key=lambda item: item[1]))}
    if model["type"] == "BPE":
        smaller["merges"] = byte_pairs.merges_within(model, ids)
    return smaller
