"""The part of a long text that a model reads, so that the rest is not tokenized.

A tokenizer settles what it makes of a place within a few words. The first tokens of a text are
taken from a beginning of it and from one about twice as long; where both give the same, they are
those of the whole text. Where they differ, as in a word without end, a longer beginning is tried,
up to the whole (`tests/runtime/test_long_texts.py`, on tokenizers of every kind).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tokenizers import Encoding

Settled = list[tuple[int, int]]

LONG = 1 << 12  # characters from which this pays
_LEAST = 1 << 9
_PER_TOKEN = 8  # characters a token; more than the mean of any language's prose
# Characters at the cut whose tokens count for nothing: the longest word that WordPiece cuts up has
# 100, and longer ones are one token.
_SEAM = 256


def shortened(
    encode: Callable[[str], Encoding], text: str, tokens: int, *, left: bool = False
) -> str:
    """Cut a text to what gives its first tokens, and at least one more.

    Args:
        encode: Tokenizes without special tokens.
        text: The text.
        tokens: How many are needed.
        left: The last tokens are needed, not the first.

    Returns:
        The text's beginning, or its end; the whole text where it is not longer than `LONG` or where
        no shorter one can be shown to give the same.
    """
    size = max(_LEAST, tokens * _PER_TOKEN + _SEAM)
    known: tuple[str, Settled | None] = text, None
    while len(text) > LONG and size < len(text):
        part = text[-size:] if left else text[:size]
        found = _settled(encode(part), size, tokens + 1, left)
        if found is not None and found == known[1]:
            return known[0]
        known, size = (part, found), size + _odd(size)
    return text


def _odd(size: int) -> int:
    """Return a number near `size` that no small number divides.

    Byte pairs in a run of one character are merged from the run's beginning, so that its tokens
    depend on the remainder of its length; two cuts this far apart show it.
    """
    while any(size % divisor == 0 for divisor in (2, 3, 5, 7, 11, 13)):
        size += 1
    return size


def _settled(encoding: Encoding, length: int, tokens: int, left: bool) -> Settled | None:
    """Return the needed tokens far from the cut, each as its id and its place.

    None of them is of the word at the cut: WordPiece reads a word as one or not at all.
    """
    ids, offsets, words = encoding.ids, encoding.offsets, encoding.word_ids
    if left:
        inside = [
            i for i, (start, _) in enumerate(offsets) if start >= _SEAM and words[i] != words[0]
        ][-tokens:]
        found = [(ids[i], length - offsets[i][0]) for i in inside]
        return found if len(found) == tokens else None
    if len(ids) < tokens or offsets[tokens - 1][1] > length - _SEAM:
        return None
    cut_word = words[tokens - 1] == words[-1]
    return None if cut_word else [(ids[i], offsets[i][1]) for i in range(tokens)]


def fit(lengths: Sequence[int], room: int) -> list[int]:
    """Cut one length, or two, to fit into `room`, as tokenizers' "longest first" does.

    >>> fit([9], 4), fit([9, 3], 8), fit([9, 8], 7)
    ([4], [5, 3], [4, 3])
    """
    if sum(lengths) <= room:
        return list(lengths)
    if len(lengths) == 1:
        return [room]
    short = min(lengths)
    if short <= room - short:
        return [short if length == short else room - short for length in lengths]
    halves = [room // 2, room - room // 2]
    return halves if lengths[0] <= lengths[1] else halves[::-1]
