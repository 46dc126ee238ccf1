"""BPE: the pieces and merges from which a piece is made.

BPE joins, of the pairs of neighbours in a word, the one of the lowest rank, until none is left. No
merge crosses the border of a piece of the result, so the merges within a piece are those that make
it from its own letters alone. With these kept and nothing else, every pair that is joined in the
whole vocabulary is joined in the smaller one: it offers a part of the pairs, the chosen one among
them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from itertools import pairwise
from typing import Any

from tokenizers.pre_tokenizers import ByteLevel

Pair = tuple[str, str]


def alphabet() -> set[str]:
    """Return the 256 letters that stand for bytes; without them a byte would vanish silently."""
    return set(ByteLevel.alphabet())


def ancestors(model: Mapping[str, Any], pieces: Iterable[str]) -> set[str]:
    """Return all pieces from which these are made.

    >>> model = {"vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4, "bc": 5},
    ...          "merges": [["a", "b"], ["b", "c"], ["ab", "c"]]}
    >>> sorted(ancestors(model, ["abc"]))
    ['a', 'ab', 'abc', 'b', 'c']
    """
    prefix = model.get("continuing_subword_prefix") or ""
    suffix = model.get("end_of_word_suffix") or ""
    ranks = {pair: rank for rank, pair in enumerate(map(_pair, model["merges"]))}
    made: set[str] = set()
    for piece in pieces:
        made |= _steps(_letters(piece, prefix, suffix), ranks, prefix)
    return made & set(model["vocab"])


def merges_within(model: Mapping[str, Any], pieces: Container[str]) -> list[Any]:
    """Return the merges whose two parts and whose result are among the pieces, in their order."""
    prefix = model.get("continuing_subword_prefix") or ""

    def inside(merge: Any) -> bool:
        left, right = _pair(merge)
        return left in pieces and right in pieces and _joined(left, right, prefix) in pieces

    return [merge for merge in model["merges"] if inside(merge)]


def _letters(piece: str, prefix: str, suffix: str) -> list[str]:
    """Return the symbols that BPE begins with, in a word that has this piece.

    >>> _letters("##ab</w>", "##", "</w>")
    ['##a', '##b</w>']
    """
    first = prefix if prefix and piece.startswith(prefix) else ""
    last = suffix if suffix and piece.endswith(suffix) else ""
    inner = piece[len(first) : len(piece) - len(last)]
    if not inner:
        return [piece]
    symbols = [(prefix if index else first) + letter for index, letter in enumerate(inner)]
    symbols[-1] += last
    return symbols


def _steps(symbols: list[str], ranks: Mapping[Pair, int], prefix: str) -> set[str]:
    """Join a word's symbols as BPE does; return all that there was on the way."""
    seen = set(symbols)
    while len(symbols) > 1:
        pairs = pairwise(symbols)
        rank, place = min((ranks.get(pair, len(ranks)), i) for i, pair in enumerate(pairs))
        if rank == len(ranks):
            break
        symbols[place : place + 2] = [_joined(symbols[place], symbols[place + 1], prefix)]
        seen.add(symbols[place])
    return seen


def _joined(left: str, right: str, prefix: str) -> str:
    return left + right.removeprefix(prefix)


def _pair(merge: Any) -> Pair:
    """Read a merge: two texts, or one with a space in older files."""
    left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
    return left, right
