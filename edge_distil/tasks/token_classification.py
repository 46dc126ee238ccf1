"""Token classification: named entities, parts of speech, for texts of any length.

Source of the aggregation strategies: ``TokenClassificationPipeline`` of transformers. Differences,
each on purpose: words are the tokenizer's own, not guessed from spaces; a text longer than the
model is read in windows, not cut; labels of the schemes with ends (`edge_distil.schemes`) are
joined as what they are; an entity neither begins nor ends with a space.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np
from tokenizers import Encoding

from edge_distil import calls
from edge_distil.pooling import Floats, softmax
from edge_distil.schemes import Tag, group, read_scheme
from edge_distil.tasks.base import Task
from edge_distil.tasks.spans import trim

Aggregation = Literal["none", "simple", "first", "average", "max"]

_OVERLAP = 0.25  # share of a window that its neighbour repeats: context at the seams


class Entity(NamedTuple):
    """A labelled span: ``text == source[start:end]``."""

    label: str
    score: float
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class _Piece:
    """A token, or a word: its label probabilities ``(labels,)``, its place and its word."""

    scores: Floats
    start: int
    end: int
    word: int | None


class TokenClassification(Task):
    """Labels the tokens of texts and joins them to entities."""

    names: ClassVar[tuple[str, ...]] = ("token-classification",)

    def __call__(
        self,
        text: str,
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
    ) -> list[Entity]:
        """Find the entities of one text; for the options see `batch`."""
        _check(aggregation_strategy, ignore_labels)
        return self._found(calls.text(text, "text"), aggregation_strategy, ignore_labels)

    def batch(
        self,
        texts: Iterable[str],
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
    ) -> list[list[Entity]]:
        """Find the entities of texts.

        Args:
            texts: Texts of any length.
            aggregation_strategy: ``"none"``: one entity a token. ``"simple"``: neighbours of
                one label are joined, as the labels' scheme says: BIO, BIOES, BILOU or BMES.
                ``"first"``, ``"average"``, ``"max"``: the same, after each word took the label of
                its first token, of the mean of its tokens, or of its surest token, so that no word
                is split.
            ignore_labels: Labels to leave out.

        Returns:
            For each text its entities, in order.

        Raises:
            InputError: Something is no text, or an unknown strategy.
        """
        _check(aggregation_strategy, ignore_labels)
        return [
            self._found(text, aggregation_strategy, ignore_labels) for text in calls.texts(texts)
        ]

    def _found(self, text: str, strategy: Aggregation, ignored: Iterable[str]) -> list[Entity]:
        return [e for e in self._entities(text, strategy) if e.label not in ignored]

    def _entities(self, text: str, strategy: Aggregation) -> Iterator[Entity]:
        pieces = self._pieces(text)
        if strategy not in ("none", "simple"):
            pieces = [_as_word(list(word), strategy) for _, word in groupby(pieces, _word_of)]
        names = [self._label(int(piece.scores.argmax())) for piece in pieces]
        tags = [self._scheme.get(name) or Tag("I", name) for name in names]
        alone = strategy == "none"
        for indices in [[i] for i in range(len(tags))] if alone else group(tags):
            first, last = pieces[indices[0]], pieces[indices[-1]]
            start, end = trim(text, first.start, last.end)
            if start < end:  # else a token of white space alone
                label = names[indices[0]] if alone else tags[indices[0]].type
                score = float(np.mean([pieces[i].scores.max() for i in indices]))
                yield Entity(label, score, text[start:end], start, end)

    @cached_property
    def _scheme(self) -> dict[str, Tag]:
        return read_scheme(self.bundle.manifest.labels)

    def _pieces(self, text: str) -> list[_Piece]:
        """Return the text's tokens, each from the window where it stands farther inside."""
        stride = int(self.encoder.tokenizer.room(1) * _OVERLAP)
        windows = self.encoder.tokenizer.windows(text, stride)
        probabilities: dict[int, Floats] = {}
        for indices, outputs in self.encoder.run(windows, ("logits",)):
            for row, index in enumerate(indices):
                probabilities[index] = softmax(outputs["logits"][row])
        pieces: list[_Piece] = []
        for index, window in enumerate(windows):
            tokens = [i for i, special in enumerate(window.special_tokens_mask) if not special]
            head = stride // 2 if index else 0
            tail = stride - stride // 2 if index < len(windows) - 1 else 0
            kept = tokens[head : len(tokens) - tail]
            pieces += [_piece(window, i, probabilities[index][i]) for i in kept]
        return pieces

    def _label(self, index: int) -> str:
        labels = self.bundle.manifest.labels
        return labels[index] if index < len(labels) else f"LABEL_{index}"


def _check(strategy: str, ignored: Iterable[str]) -> None:
    calls.choice("aggregation_strategy", strategy, get_args(Aggregation))
    for label in calls.many(ignored, "ignore_labels"):
        calls.text(label, "a label in ignore_labels")


def _piece(window: Encoding, index: int, scores: Floats) -> _Piece:
    start, end = window.offsets[index]
    return _Piece(scores, start, end, window.word_ids[index])


def _word_of(piece: _Piece) -> int | None:
    return piece.word


def _as_word(tokens: list[_Piece], strategy: Aggregation) -> _Piece:
    """Make one piece of a word's tokens."""
    scores = np.stack([token.scores for token in tokens])  # (tokens, labels)
    if strategy == "first":
        chosen: Floats = scores[0]
    elif strategy == "max":
        chosen = scores[scores.max(axis=1).argmax()]
    else:
        chosen = scores.mean(axis=0)
    return _Piece(chosen, tokens[0].start, tokens[-1].end, tokens[0].word)
