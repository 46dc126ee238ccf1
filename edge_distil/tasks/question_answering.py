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
from contextlib import closing
from typing import Any, ClassVar, NamedTuple, TypedDict, Unpack

from edge_distil import calls
from edge_distil._tokenizing.reading import naming
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._tokenizing.windows import Window, ended
from edge_distil.errors import InputError
from edge_distil.pooling import Floats
from edge_distil.progress import Progress, counting
from edge_distil.streaming import WINDOW_TOKENS, by_item, is_long, reading, sizes, stream
from edge_distil.tasks.answers import Answer, Answers, Said, Settings, say, windows_of
from edge_distil.tasks.base import Task

_NAMES = ("question", "context")
_USUAL_WINDOW = 384  # tokens, the pipeline's default
_USUAL_STRIDE = 128


class _Asked(NamedTuple):
    """A question, its context, and what an error calls the two."""

    number: int
    name: str
    question: str
    context: str


class Options(TypedDict, total=False):
    """Parameters of `QuestionAnswering.batch`."""

    doc_stride: int | None
    max_answer_len: int
    max_seq_len: int | None
    max_question_len: int
    handle_impossible_answer: bool
    align_to_words: bool
    preselect: int | None
    show_progress: bool | Progress


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
        pair = _Asked(0, "", *calls.pair(given or (question, context), _NAMES))
        show = options.pop("show_progress", False)
        settings = self._settings(**options)  # type: ignore[misc]  # no longer among them
        return self._answered([pair], settings, show)[0][0]

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
        preselect: int | None = None,
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
            preselect: Read no more than so many windows beside a question, those most similar to
                it. Each context is an `edge_distil.Document` then, whose passages are embedded.
            show_progress: Keep a line on stderr up to date; or a function that is called with the
                characters of the contexts that are read and of all.

        Returns:
            For each pair at least one answer.

        Raises:
            InputError: An empty text, half a surrogate pair, a parameter out of range, or
                `preselect` with a context that is no `Document`.
        """
        settings = self._settings(
            top_k, doc_stride, max_answer_len, max_seq_len, max_question_len,
            handle_impossible_answer, align_to_words, preselect,
        )  # fmt: skip
        asked = list(_asked(calls.many(pairs, "pairs")))
        return self._answered(asked, settings, show_progress)

    def stream(
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
        preselect: int | None = None,
    ) -> Iterator[list[Answer]]:
        """Answer a stream of questions of any length, in order; see `batch`.

        The pairs are read ahead by some 8,000 tokens, at first by 8 windows.
        """
        settings = self._settings(
            top_k, doc_stride, max_answer_len, max_seq_len, max_question_len,
            handle_impossible_answer, align_to_words, preselect,
        )  # fmt: skip
        return self._stream(_asked(calls.many(pairs, "pairs")), settings)

    def _settings(
        self,
        top_k: int = 1,
        doc_stride: int | None = None,
        max_answer_len: int = 15,
        max_seq_len: int | None = None,
        max_question_len: int = 64,
        handle_impossible_answer: bool = False,
        align_to_words: bool = True,
        preselect: int | None = None,
    ) -> Settings:
        calls.whole_or_none(1, max_seq_len=max_seq_len)
        calls.whole_or_none(0, doc_stride=doc_stride)
        length = max_seq_len or min(self.encoder.tokenizer.max_length, _USUAL_WINDOW)
        return Settings(
            top_k=top_k,
            doc_stride=min(length // 2, _USUAL_STRIDE) if doc_stride is None else doc_stride,
            max_answer_len=max_answer_len,
            max_seq_len=length,
            max_question_len=max_question_len,
            handle_impossible_answer=handle_impossible_answer,
            align_to_words=align_to_words,
            preselect=preselect,
        )

    def _answered(
        self, asked: list[_Asked], settings: Settings, show: bool | Progress
    ) -> list[list[Answer]]:
        total = sum(len(one.context) for one in asked)
        with counting(show, total, "characters") as done:
            return list(self._stream(asked, settings, done or (lambda _: None), known=total))

    def _stream(
        self,
        asked: Iterable[_Asked],
        settings: Settings,
        done: Callable[[int], None] = lambda _: None,
        *,
        known: int | None = None,
    ) -> Iterator[list[Answer]]:
        """Answer question by question; `known` are the characters, where all are there."""
        cls_id = self.encoder.tokenizer.cls_id
        outputs = ("start_logits", "end_logits")

        def hear(key: tuple[_Asked, bool], window: Window, found: dict[str, Floats]) -> Said:
            start, end = (
                self.encoder.check.finite(name, found[name][: len(window)]) for name in outputs
            )
            return say(window, start, end, cls_id, key[0].context, settings)

        windows = stream(
            self.encoder,
            self._windows(asked, settings),
            reading(outputs, hear, lambda key: key[0].name),
            blocks=sizes(known=known is not None),
            tokens=WINDOW_TOKENS,
            # Of preselected windows nobody knows the tokens beforehand.
            long=known is not None and settings.preselect is None and is_long(known),
        )
        with closing(windows):
            for one, said in by_item(windows):
                answers, read = Answers(settings), 0
                for part in said:
                    done(max(part.reached - read, 0))
                    read = max(read, part.reached)
                    answers.add(part)
                done(len(one.context) - read)
                yield answers.best()

    def _windows(
        self, asked: Iterable[_Asked], settings: Settings
    ) -> Iterator[tuple[tuple[_Asked, bool], Window]]:
        for one in asked:
            with naming(one.name):
                for name, text in zip(_NAMES, one[2:], strict=True):
                    if not text or text.isspace():
                        raise InputError(
                            f"the {name} is {text[:40]!r}, expected some text: give it"
                        )
                windows = _read(self.encoder.tokenizer, one.question, one.context, settings)
                for window, last in ended(windows):
                    yield (one, last), window


def _read(
    tokenizer: Tokenizer, question: str, context: str, settings: Settings
) -> Iterator[Window]:
    if type(context) is str and settings.preselect is None:
        return windows_of(tokenizer, question, context, settings)
    from edge_distil.tasks.document import windows_to_read  # and embeddings, for documents alone

    return windows_to_read(tokenizer, question, context, settings)


def _asked(pairs: Iterable[Any]) -> Iterator[_Asked]:
    for number, pair in enumerate(pairs):
        name = f"pair {number}: "
        yield _Asked(number, name, *calls.pair(pair, _NAMES, name))
