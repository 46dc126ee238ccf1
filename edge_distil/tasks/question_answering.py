"""Extractive question answering, with the semantics of the pipeline that transformers dropped.

Source: ``QuestionAnsweringPipeline`` of transformers 4.57.6. Parameters keep its names and
defaults. Known differences, each on purpose:

* the question really is cut to ``max_question_len`` (the pipeline ignores that for fast
  tokenizers and fails on questions that fill the window);
* spans that end before they start, or hold no token of the context, are never returned (the
  pipeline fills up to ``top_k`` with them, at score 0);
* a score is a probability: equal texts are added up within a window, as in the pipeline, but over
  windows the greatest counts (the pipeline adds up there too: a span that two windows see counts
  twice, and a text that a long context repeats reaches scores of 28);
* of equal texts the most probable place is given, with its own spelling (the pipeline gives the
  first, and "us" for "US");
* an answer neither begins nor ends with a space (in the pipeline it may, with byte-level tokenizers
  and SentencePiece).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, NamedTuple, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from edge_distil import calls
from edge_distil._tokenizing.windows import Window, of_pair, reached
from edge_distil.errors import InputError
from edge_distil.pooling import Floats, softmax
from edge_distil.progress import Progress, counting
from edge_distil.tasks.base import Task
from edge_distil.tasks.spans import top_spans, trim

_NAMES = ("question", "context")
_CONTEXT = 1  # the context is the second sequence of a window
_MASKED = np.float32(-10000.0)  # the pipeline's logit for tokens that cannot be in an answer
_WINDOWS_AT_ONCE = 32  # logits held before they are decoded: flat memory for any context
_ANSWERS_KEPT = 100  # beside the best
_USUAL_WINDOW = 384  # tokens, the pipeline's default
_USUAL_STRIDE = 128


class Answer(NamedTuple):
    """An answer and where it stands: ``context[start:end] == text``.

    The score is a probability: that the text, in any case, is the answer, by the window that is
    surest of it.
    """

    text: str
    score: float
    start: int
    end: int


class Options(TypedDict, total=False):
    """Parameters of `QuestionAnswering.batch`."""

    doc_stride: int | None
    max_answer_len: int
    max_seq_len: int | None
    max_question_len: int
    handle_impossible_answer: bool
    align_to_words: bool
    show_progress: bool | Progress


@dataclass(frozen=True)
class _Settings:
    top_k: int
    doc_stride: int
    max_answer_len: int
    max_seq_len: int
    max_question_len: int
    handle_impossible_answer: bool
    align_to_words: bool

    def __post_init__(self) -> None:
        sizes = ("top_k", "max_answer_len", "max_seq_len", "max_question_len")
        calls.whole(1, **{name: getattr(self, name) for name in sizes})
        calls.whole(0, doc_stride=self.doc_stride)
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


class QuestionAnswering(Task):
    """Answers questions with a span of a given context."""

    names: ClassVar[tuple[str, ...]] = ("question-answering",)

    def __call__(
        self,
        question: str | Mapping[str, str],
        context: str | None = None,
        **options: Unpack[Options],
    ) -> Answer:
        """Return the best answer to one question; for the options see `batch`.

        Both may come as one dict, ``{"question": ..., "context": ...}``, as in the pipeline.
        """
        calls.known("a call", options, Options.__annotations__, "for several answers use batch")
        given = question if context is None and isinstance(question, Mapping) else None
        return self.batch([calls.pair(given or (question, context), _NAMES)], **options)[0][0]

    def batch(
        self,
        pairs: Iterable[tuple[str, str] | Mapping[str, str]],
        *,
        top_k: int = 1,
        doc_stride: int | None = None,
        max_answer_len: int = 15,
        max_seq_len: int | None = None,
        max_question_len: int = 64,
        handle_impossible_answer: bool = False,
        align_to_words: bool = True,
        show_progress: bool | Progress = False,
    ) -> list[list[Answer]]:
        """Answer questions.

        Args:
            pairs: Each a question and the context that holds its answer, of any length: a tuple,
                or a dict with the keys "question" and "context".
            top_k: Return at most so many answers to each, the best first.
            doc_stride: Tokens by which neighbouring windows overlap; by default 128 or, for
                short windows, half of them.
            max_answer_len: Longest answer in tokens.
            max_seq_len: Window length in tokens; by default 384 or the model's maximum.
            max_question_len: The question is cut to so many tokens.
            handle_impossible_answer: Let "no answer" (an empty text) compete.
            align_to_words: Widen answers to whole words. Turn it off for scripts without spaces.
            show_progress: Keep a line on stderr up to date; or a function that is called with the
                characters of the contexts that are read and of all.

        Returns:
            For each pair at least one answer.

        Raises:
            InputError: An empty text, half a surrogate pair, or a parameter out of range.
        """
        calls.whole_or_none(1, max_seq_len=max_seq_len)
        calls.whole_or_none(0, doc_stride=doc_stride)
        length = max_seq_len or min(self.encoder.tokenizer.max_length, _USUAL_WINDOW)
        settings = _Settings(
            top_k=top_k,
            doc_stride=min(length // 2, _USUAL_STRIDE) if doc_stride is None else doc_stride,
            max_answer_len=max_answer_len,
            max_seq_len=length,
            max_question_len=max_question_len,
            handle_impossible_answer=handle_impossible_answer,
            align_to_words=align_to_words,
        )
        checked = [
            calls.pair(pair, _NAMES, f"pair {index}: ")
            for index, pair in enumerate(calls.many(pairs, "pairs"))
        ]
        total = sum(len(context) for _, context in checked)
        with counting(show_progress, total, "characters") as done:
            return [self._answer(*pair, settings, done or _to_nobody) for pair in checked]

    def _answer(
        self, question: str, context: str, settings: _Settings, done: Callable[[int], None]
    ) -> list[Answer]:
        for name, text in (("question", question), ("context", context)):
            if not text or text.isspace():
                raise InputError(f"the {name} is {text[:40]!r}, expected some text")
        windows = of_pair(
            self.encoder.tokenizer,
            question,
            context,
            max_length=settings.max_seq_len,
            stride=settings.doc_stride,
            max_first=settings.max_question_len,
        )
        answers: dict[str, Answer] = {}
        no_answer, read = 1.0, 0
        for window, start, end in self._probabilities(windows):
            now = max(read, reached(window, _CONTEXT))
            done(now - read)
            read = now
            no_answer = min(no_answer, float(start[0] * end[0]))
            _merge(answers, _window_answers(window, start, end, context, settings), settings.top_k)
        done(len(context) - read)
        found = list(answers.values())
        if settings.handle_impossible_answer or not found:
            found.append(Answer("", no_answer, 0, 0))
        return _best(found, settings.top_k)

    def _probabilities(self, windows: Iterator[Window]) -> Iterator[tuple[Window, Floats, Floats]]:
        """Yield each window, in order, with its start and end probabilities ``(tokens,)``."""
        while chunk := list(islice(windows, _WINDOWS_AT_ONCE)):
            rows: dict[int, tuple[Floats, Floats]] = {}
            for indices, outputs in self.encoder.run(chunk, ("start_logits", "end_logits")):
                for row, index in enumerate(indices):
                    allowed = self._allowed(chunk[index])
                    rows[index] = (
                        _masked_softmax(outputs["start_logits"][row], allowed),
                        _masked_softmax(outputs["end_logits"][row], allowed),
                    )
            for index, window in enumerate(chunk):
                yield window, *rows[index]

    def _allowed(self, window: Window) -> NDArray[np.bool_]:
        """Mark the tokens that share in the softmax: the context's and the "no answer" token."""
        cls_id = self.encoder.tokenizer.cls_id
        is_cls = np.array([token == cls_id for token in window.ids])
        allowed: NDArray[np.bool_] = _in_context(window) | is_cls
        return allowed


def _to_nobody(characters: int) -> None:
    """Nobody asked how far the work is."""


def _in_context(window: Window) -> NDArray[np.bool_]:
    return np.array([sequence == _CONTEXT for sequence in window.sequence_ids])


def _masked_softmax(logits: Floats, allowed: NDArray[np.bool_]) -> Floats:
    """Softmax over the allowed tokens of a row; `logits` may be padded on the right."""
    return softmax(np.where(allowed, logits[: len(allowed)], _MASKED))


def _window_answers(
    window: Window, start: Floats, end: Floats, context: str, settings: _Settings
) -> dict[str, Answer]:
    """Return a window's best answers by their text in lower case.

    Spans of one text are different events of one distribution: their probabilities add up. The
    first is the most probable, so its place is given.
    """
    inside = _in_context(window)
    spans = top_spans(
        np.where(inside, start, -1), np.where(inside, end, -1), settings.max_answer_len,
        settings.spans_a_window,
    )  # fmt: skip
    answers: dict[str, Answer] = {}
    for first, last, score in spans:
        begin, stop = trim(context, *_characters(window, first, last, settings.align_to_words))
        if begin < stop:
            text = context[begin:stop]
            known = answers.setdefault(text.lower(), Answer(text, 0.0, begin, stop))
            answers[text.lower()] = known._replace(score=min(known.score + score, 1.0))
    return answers


def _merge(answers: dict[str, Answer], found: dict[str, Answer], top_k: int) -> None:
    """Put a window's answers to those of the windows before it: of equal texts the surer one.

    Of what cannot be among the best any more only a few are kept: flat memory for any context.
    """
    for key, answer in found.items():
        if key not in answers or answer.score > answers[key].score:
            answers[key] = answer
    if len(answers) > 2 * top_k + _ANSWERS_KEPT:
        kept = set(_best(answers.values(), top_k))
        for key in [key for key, answer in answers.items() if answer not in kept]:
            del answers[key]


def _best(answers: Iterable[Answer], top_k: int) -> list[Answer]:
    return sorted(answers, key=lambda answer: -answer.score)[:top_k]


def _characters(window: Window, first: int, last: int, align_to_words: bool) -> tuple[int, int]:
    """Return where the tokens `first` to `last` stand in the context."""
    if align_to_words:
        words = window.token_to_word(first), window.token_to_word(last)
        if words[0] is not None and words[1] is not None:
            start = window.word_to_chars(words[0], _CONTEXT)
            end = window.word_to_chars(words[1], _CONTEXT)
            if start is not None and end is not None:
                return start[0], end[1]
    return window.offsets[first][0], window.offsets[last][1]
