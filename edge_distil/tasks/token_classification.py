"""Token classification: named entities, parts of speech, for texts of any length.

Source of the aggregation strategies: ``TokenClassificationPipeline`` of transformers. Differences,
each on purpose: words are the tokenizer's own, not guessed from spaces; a text longer than the
model is read in windows, not cut; labels of the schemes with ends (`edge_distil.tasks.schemes`) are
joined as what they are; an entity neither begins nor ends with a space.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice
from typing import ClassVar, Literal, NamedTuple, get_args

import numpy as np

from edge_distil import calls
from edge_distil._tokenizing.windows import Window, of_text
from edge_distil.pooling import Floats, softmax
from edge_distil.progress import Progress, counting
from edge_distil.tasks.base import Task
from edge_distil.tasks.schemes import Tag, continues, read_scheme
from edge_distil.tasks.spans import trim

Aggregation = Literal["none", "simple", "first", "average", "max"]

_WINDOWS_AT_ONCE = 32  # whose probabilities are held: flat memory for any text
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


class _Run(NamedTuple):
    """Pieces of one entity: its label, the sum of their scores, how many, and their place."""

    label: str
    total: float
    pieces: int
    start: int
    end: int


class TokenClassification(Task):
    """Labels the tokens of texts and joins them to entities."""

    names: ClassVar[tuple[str, ...]] = ("token-classification",)

    def __call__(
        self,
        text: str,
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
        show_progress: bool | Progress = False,
    ) -> list[Entity]:
        """Find the entities of one text; for the options see `batch`."""
        texts = [calls.text(text, "text")]
        return self._batch(texts, aggregation_strategy, ignore_labels, show_progress)[0]

    def batch(
        self,
        texts: Iterable[str],
        *,
        aggregation_strategy: Aggregation = "simple",
        ignore_labels: Sequence[str] = ("O",),
        show_progress: bool | Progress = False,
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
            show_progress: Keep a line on stderr up to date; or a function that is called with the
                characters that are read and with all.

        Returns:
            For each text its entities, in order.

        Raises:
            InputError: Something is not a text, or the strategy is unknown.
        """
        return self._batch(calls.texts(texts), aggregation_strategy, ignore_labels, show_progress)

    def _batch(
        self,
        texts: Sequence[str],
        strategy: Aggregation,
        ignored: Iterable[str],
        show_progress: bool | Progress,
    ) -> list[list[Entity]]:
        _check(strategy, ignored)
        left_out = frozenset(ignored)
        found: list[list[Entity]] = []
        with counting(show_progress, sum(map(len, texts)), "characters") as done:
            for text in texts:
                entities, read = [], 0
                for run in self._runs(text, strategy):
                    if done:
                        done(run.end - read)
                        read = run.end
                    start, end = trim(text, run.start, run.end)
                    # An empty one is a token of white space alone.
                    if run.label not in left_out and start < end:
                        score = run.total / run.pieces
                        entities.append(Entity(run.label, score, text[start:end], start, end))
                if done:
                    done(len(text) - read)
                found.append(entities)
        return found

    def _runs(self, text: str, strategy: Aggregation) -> Iterator[_Run]:
        """Join the text's tokens, or words, one after another: flat memory for any text."""
        pieces = self._pieces(text)
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

    @cached_property
    def _scheme(self) -> dict[str, Tag]:
        return read_scheme(self.bundle.manifest.labels)

    def _pieces(self, text: str) -> Iterator[_Piece]:
        """Yield the text's tokens, each from the window where it stands farther inside."""
        stride = int(self.encoder.tokenizer.room(1) * _OVERLAP)
        windows = of_text(self.encoder.tokenizer, text, stride)
        head, ahead = 0, next(windows, None)
        while ahead is not None:
            chunk = [ahead, *islice(windows, _WINDOWS_AT_ONCE - 1)]
            ahead = next(windows, None)
            for index, (window, scores) in enumerate(self._scores(chunk)):
                last = ahead is None and index == len(chunk) - 1
                tokens = [i for i, special in enumerate(window.special_tokens_mask) if not special]
                kept = tokens[head : len(tokens) - (0 if last else stride - stride // 2)]
                places, words = window.offsets, window.word_ids
                yield from (_Piece(scores[i], *places[i], words[i]) for i in kept)
                head = stride // 2

    def _scores(self, windows: Sequence[Window]) -> list[tuple[Window, Floats]]:
        """Return windows with the label probabilities of their tokens ``(tokens, labels)``."""
        scores: dict[int, Floats] = {}
        for indices, outputs in self.encoder.run(windows, ("logits",)):
            for row, index in enumerate(indices):
                scores[index] = softmax(outputs["logits"][row])
        return [(window, scores[index]) for index, window in enumerate(windows)]

    def _label(self, index: int) -> str:
        labels = self.bundle.manifest.labels
        return labels[index] if index < len(labels) else f"LABEL_{index}"


def _check(strategy: str, ignored: Iterable[str]) -> None:
    calls.choice("aggregation_strategy", strategy, get_args(Aggregation))
    for label in calls.many(ignored, "ignore_labels"):
        calls.text(label, "a label in ignore_labels")


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
