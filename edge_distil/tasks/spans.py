"""Spans of characters that tasks give: where they stand in a text."""

from __future__ import annotations


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
