"""Spans that tasks give: the best of them, and where they stand in a text."""

from __future__ import annotations

import numpy as np

from edge_distil.pooling import Floats


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Move the ends of a span inwards, off white space; an empty span stays where it starts.

    The tokens of byte-level tokenizers and of SentencePiece may hold the space before a word.

    >>> trim("in  London ", 2, 11), trim("a b", 1, 2)
    ((4, 10), (1, 1))
    """
    span = text[start:end]
    kept = span.strip()
    if not kept:
        return start, start
    begin = start + len(span) - len(span.lstrip())
    return begin, begin + len(kept)


def top_spans(
    start: Floats, end: Floats, max_length: int, count: int
) -> list[tuple[int, int, float]]:
    """Return the `count` spans with the greatest product of probabilities.

    >>> start, end = np.float32([0.5, 0.25, 0]), np.float32([0.25, 0.5, -1])
    >>> top_spans(start, end, max_length=2, count=2)
    [(0, 1, 0.25), (0, 0, 0.125)]

    Args:
        start: Probability that an answer starts at a token ``(tokens,)``; -1 where it cannot.
        end: The same for its last token.
        max_length: Most tokens in a span.
        count: Most spans to return.

    Returns:
        First token, last token and score; the best first, ties in order of the tokens.
    """
    longest = min(max_length, len(end))
    padded = np.concatenate([end, np.full(longest - 1, -1, end.dtype)])
    ends = np.lib.stride_tricks.sliding_window_view(padded, longest)  # (tokens, longest)
    scores = np.where((start[:, None] >= 0) & (ends >= 0), start[:, None] * ends, -1).ravel()
    best = np.argsort(-scores, kind="stable")[:count]
    return [
        (int(i // longest), int(i // longest + i % longest), float(scores[i]))
        for i in best
        if scores[i] >= 0
    ]
