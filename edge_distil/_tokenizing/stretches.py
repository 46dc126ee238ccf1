"""The tokens of a text of any length, stretch by stretch: as of the whole, in bounded memory.

Neighbouring stretches overlap. Where both make the same tokens of the middle of the overlap, the
text is passed from the one to the other, at the beginning of a word there. Where they do not, as in
a word without end, the stretch grows, if need be to the whole text
(`tests/runtime/test_long_windows.py`, on tokenizers of every kind).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

STRETCH = 1 << 16  # characters
_OVERLAPS = 16  # overlaps in a stretch
# Characters at a cut whose tokens count for nothing; see `edge_distil._tokenizing.shortening`.
_SEAM = 256
_ALIKE = 32  # tokens of the overlap that must be the same

# Consecutive tokens (tokens, 4): id, first character, character behind the last, number of the
# word or -1. Characters are counted from the text's beginning.
Tokens = NDArray[np.int64]
_START, _END, _WORD = 1, 2, 3

# Text -> its tokens, without special tokens.
Tokenize = Callable[[str], Tokens]


def as_tokens(encoding: Encoding) -> Tokens:
    """Return the tokens of an encoding."""
    words = [-1 if word is None else word for word in encoding.word_ids]
    places = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    return np.column_stack([np.array(encoding.ids, np.int64), places, np.array(words, np.int64)])


def stretches(tokenize: Tokenize, text: str, size: int = STRETCH) -> Iterator[Tokens]:
    """Yield all tokens of a text in order, those of a stretch at a time.

    Args:
        tokenize: Tokenizes a part of the text.
        text: The text.
        size: Characters of a stretch.
    """
    start, length, cut, word = 0, size, 0, 0  # `cut`: the first character not yet passed on
    tokens = tokenize(text[:size])
    while True:
        end = start + length
        current = _placed(tokens, start, cut, word)
        if end >= len(text):
            yield current
            return
        begin = end - length // _OVERLAPS
        following = tokenize(text[begin : begin + size])
        seam = _seam(current, _placed(following, begin, begin, 0), begin + _SEAM, end - _SEAM)
        if seam is None:
            length *= 2
            tokens = tokenize(text[start : start + length])
            continue
        yield current[:seam]
        word = int(current[:seam, _WORD].max(initial=word)) + 1
        start, length, cut, tokens = begin, size, int(current[seam, _START]), following


def _placed(tokens: Tokens, start: int, cut: int, word: int) -> Tokens:
    """Count a part's characters from the text's beginning; leave out what stands before `cut`.

    Args:
        tokens: The part's.
        start: Where the part begins.
        cut: The first character whose tokens are kept.
        word: Number of the first word that is kept.
    """
    table: Tokens = tokens + np.array([0, start, start, 0])
    table = table[np.searchsorted(table[:, _START], cut) :]
    words = table[:, _WORD]
    numbered = words >= 0
    if numbered.any():
        words[numbered] += word - words[numbered][0]
    return table


def _seam(left: Tokens, right: Tokens, first: int, last: int) -> int | None:
    """Return the index in `left` of the word's beginning at which `right` may go on.

    Args:
        left: Tokens of a stretch.
        right: Those of the next one.
        first: Where the middle of their overlap begins, in characters.
        last: Where it ends.
    """
    inside = [(t[:, _START] >= first) & (t[:, _END] <= last) for t in (left, right)]
    a, b = left[inside[0]], right[inside[1]]
    if len(a) != len(b) or len(a) < _ALIKE or not np.array_equal(a[:, :_WORD], b[:, :_WORD]):
        return None
    begins = np.diff(a[:, _WORD]).astype(bool) & np.diff(b[:, _WORD]).astype(bool)
    begins &= np.diff(a[:, _START]) > 0  # tokens of one character are not torn apart
    places = np.flatnonzero(begins) + 1
    if not len(places):
        return None
    place = places[np.abs(places - len(a) // 2).argmin()]
    return int(np.flatnonzero(inside[0])[0] + place)
