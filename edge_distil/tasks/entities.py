"""Entities: what a window says of its tokens, and how tokens join, over all windows of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

from edge_distil._tokenizing.windows import Window
from edge_distil.pooling import Floats, softmax
from edge_distil.tasks.schemes import Tag, continues, read_scheme
from edge_distil.tasks.spans import trim

Aggregation = Literal["none", "simple", "first", "average", "max"]


class Entity(NamedTuple):
    """A labelled span: ``text == source[start:end]``."""

    label: str
    score: float
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """A token, or a word: its label probabilities ``(labels,)``, its place and its word."""

    scores: Floats
    start: int
    end: int
    word: int | None


class _Run(NamedTuple):
    """Pieces of one entity: its label, the sum of their scores, how many, and their place."""

    label: str
    total: float
    pieces: int
    start: int
    end: int


def say(window: Window, logits: Floats) -> list[Piece]:
    """Return the text's tokens in a window.

    Args:
        window: The window.
        logits: ``(tokens, labels)``; may be padded behind.
    """
    scores = softmax(logits[: len(window)])
    places, words = window.offsets, window.word_ids
    return [
        Piece(scores[i], *places[i], words[i])
        for i, special in enumerate(window.special_tokens_mask)
        if not special
    ]


def pieces(windows: Iterable[tuple[Sequence[Piece], bool]], stride: int) -> Iterator[Piece]:
    """Yield a text's tokens, each from the window where it stands farther inside.

    Args:
        windows: Each with whether it is the last; neighbours share `stride` tokens.
        stride: See there.
    """
    head, tail = 0, stride - stride // 2
    for window, last in windows:
        yield from window[head : len(window) - (0 if last else tail)]
        head = stride // 2


class Joiner:
    """Joins the tokens, or words, of a text to entities, one after another.

    Args:
        labels: The model's, by number.
        strategy: How; see `TokenClassification.batch`.
        ignored: Labels to leave out.
    """

    def __init__(
        self, labels: Sequence[str], strategy: Aggregation, ignored: Iterable[str]
    ) -> None:
        self._labels = labels
        self._scheme = read_scheme(labels)
        self._strategy = strategy
        self._ignored = frozenset(ignored)

    def entities(self, text: str, found: Iterator[Piece]) -> Iterator[tuple[Entity | None, int]]:
        """Yield the text's entities, ``None`` for those left out, and how far the text is read."""
        for run in self._runs(found):
            start, end = trim(text, run.start, run.end)
            kept = None
            if run.label not in self._ignored and start < end:  # else white space alone
                kept = Entity(run.label, run.total / run.pieces, text[start:end], start, end)
            yield kept, run.end

    def _runs(self, pieces: Iterator[Piece]) -> Iterator[_Run]:
        """Join the text's tokens, or words, one after another: flat memory for any text."""
        strategy = self._strategy
        if strategy not in ("none", "simple"):
            pieces = (_as_word(list(word), strategy) for _, word in groupby(pieces, _word_of))
        run, last = None, None
        for piece in pieces:
            name = self._label(int(piece.scores.argmax()))
            tag = self._scheme.get(name) or Tag("I", name)
            score = float(piece.scores.max())
            if strategy != "none" and run and last and continues(last, tag):
                run = _Run(run.label, run.total + score, run.pieces + 1, run.start, piece.end)
            else:
                if run:
                    yield run
                label = name if strategy == "none" else tag.type
                run = _Run(label, score, 1, piece.start, piece.end)
            last = tag
        if run:
            yield run

    def _label(self, index: int) -> str:
        return self._labels[index] if index < len(self._labels) else f"LABEL_{index}"


def _word_of(piece: Piece) -> int | None:
    return piece.word


def _as_word(tokens: list[Piece], strategy: Aggregation) -> Piece:
    """Make one piece of a word's tokens."""
    scores = np.stack([token.scores for token in tokens])  # (tokens, labels)
    if strategy == "first":
        chosen: Floats = scores[0]
    elif strategy == "max":
        chosen = scores[scores.max(axis=1).argmax()]
    else:
        chosen = scores.mean(axis=0)
    return Piece(chosen, tokens[0].start, tokens[-1].end, tokens[0].word)
