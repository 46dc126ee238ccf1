"""Answers: what a window says, and what all windows of a context say together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil import calls
from edge_distil._tokenizing.stretches import Tokens
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._tokenizing.windows import Window, of_pair, reached
from edge_distil.errors import InputError
from edge_distil.pooling import Floats, softmax
from edge_distil.tasks.spans import top_spans, trim

CONTEXT = 1  # the context is the second sequence of a window
_MASKED = np.float32(-10000.0)  # the pipeline's logit for tokens that cannot be in an answer
_ANSWERS_KEPT = 100  # beside the best


class Answer(NamedTuple):
    """An answer and where it stands: ``context[start:end] == text``.

    The score is a probability: that the text, in any case, is the answer, by the window that is
    surest of it.
    """

    text: str
    score: float
    start: int
    end: int


@dataclass(frozen=True)
class Settings:
    """How a question is asked: the options of `QuestionAnswering.batch`."""

    top_k: int
    doc_stride: int
    max_answer_len: int
    max_seq_len: int
    max_question_len: int
    handle_impossible_answer: bool
    align_to_words: bool
    preselect: int | None = None

    def __post_init__(self) -> None:
        sizes = ("top_k", "max_answer_len", "max_seq_len", "max_question_len")
        calls.whole(1, **{name: getattr(self, name) for name in sizes})
        calls.whole(0, doc_stride=self.doc_stride)
        calls.whole_or_none(1, preselect=self.preselect)
        flags = ("handle_impossible_answer", "align_to_words")
        calls.flag(**{name: getattr(self, name) for name in flags})
        if not 0 <= self.doc_stride <= self.max_seq_len:
            raise InputError(
                f"doc_stride is {self.doc_stride}, expected 0 to max_seq_len ({self.max_seq_len})"
            )

    @property
    def spans_a_window(self) -> int:
        """Spans to take from a window: aligning to words makes some of them equal."""
        return self.top_k * 2 + 10 if self.align_to_words else self.top_k


def windows_of(
    tokenizer: Tokenizer,
    question: str,
    context: str,
    settings: Settings,
    tokens: Tokens | None = None,
) -> Iterator[Window]:
    """Cut a context into windows, each beside the question; its tokens may be known."""
    return of_pair(
        tokenizer,
        question,
        context,
        max_length=settings.max_seq_len,
        stride=settings.doc_stride,
        max_first=settings.max_question_len,
        tokens=tokens,
    )


class Said(NamedTuple):
    """What a window says.

    Attributes:
        answers: Its best answers by their text in lower case.
        no_answer: The probability that it holds none.
        reached: How far into the context it goes, in characters.
    """

    answers: dict[str, Answer]
    no_answer: float
    reached: int


def say(
    window: Window, start: Floats, end: Floats, cls_id: int | None, context: str, settings: Settings
) -> Said:
    """Read a window's logits ``(tokens,)``, which may be padded on the right.

    The context's tokens and the "no answer" token share in the softmax.
    """
    inside = np.array([sequence == CONTEXT for sequence in window.sequence_ids])
    allowed = inside | np.array([token == cls_id for token in window.ids])
    start, end = _masked_softmax(start, allowed), _masked_softmax(end, allowed)
    answers = _window_answers(window, start, end, inside, context, settings)
    return Said(answers, float(start[0] * end[0]), reached(window, CONTEXT))


class Answers:
    """The answers to one question, window by window: flat memory for any context."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: dict[str, Answer] = {}
        self._no_answer = 1.0

    def add(self, said: Said) -> None:
        """Hear another window: of equal texts the surer one counts."""
        self._no_answer = min(self._no_answer, said.no_answer)
        found, top_k = self._found, self._settings.top_k
        for key, answer in said.answers.items():
            if key not in found or answer.score > found[key].score:
                found[key] = answer
        if len(found) > 2 * top_k + _ANSWERS_KEPT:  # the others cannot be among the best any more
            kept = set(_best(found.values(), top_k))
            self._found = {key: answer for key, answer in found.items() if answer in kept}

    def best(self) -> list[Answer]:
        """Return the best, at least one; "no answer" is an empty text."""
        found = list(self._found.values())
        if self._settings.handle_impossible_answer or not found:
            found.append(Answer("", self._no_answer, 0, 0))
        return _best(found, self._settings.top_k)


def _masked_softmax(logits: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Softmax over the allowed tokens of a row; `logits` may be padded on the right."""
    return softmax(np.where(allowed, logits[: len(allowed)], _MASKED))


def _window_answers(
    window: Window,
    start: Floats,
    end: Floats,
    inside: NDArray[np.bool_],
    context: str,
    settings: Settings,
) -> dict[str, Answer]:
    """Return a window's best answers by their text in lower case.

    Spans of one text are different events of one distribution: their probabilities add up. The
    first is the most probable, so its place is given.
    """
    starts, ends = np.where(inside, start, -1), np.where(inside, end, -1)
    spans = top_spans(starts, ends, settings.max_answer_len, settings.spans_a_window)
    answers: dict[str, Answer] = {}
    for first, last, score in spans:
        begin, stop = trim(context, *_characters(window, first, last, settings.align_to_words))
        if begin < stop:
            text = context[begin:stop]
            known = answers.setdefault(text.lower(), Answer(text, 0.0, begin, stop))
            answers[text.lower()] = known._replace(score=min(known.score + score, 1.0))
    return answers


def _best(answers: Iterable[Answer], top_k: int) -> list[Answer]:
    return sorted(answers, key=lambda answer: -answer.score)[:top_k]


def _characters(window: Window, first: int, last: int, align_to_words: bool) -> tuple[int, int]:
    """Return where the tokens `first` to `last` stand in the context."""
    if align_to_words:
        words = window.token_to_word(first), window.token_to_word(last)
        if words[0] is not None and words[1] is not None:
            start = window.word_to_chars(words[0], CONTEXT)
            end = window.word_to_chars(words[1], CONTEXT)
            if start is not None and end is not None:
                return start[0], end[1]
    return window.offsets[first][0], window.offsets[last][1]
