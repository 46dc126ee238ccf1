"""Where the time of a query goes: the task object as it is, with a clock around each stage.

Nothing is run twice and nothing is imitated: the tokenizer, the making of features and the
session are the real ones, each wrapped in a clock; decoding is what remains of the whole.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Encoding

from edge_distil._tokenizing.rows import Encoded
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.encoder import Encoder
from edge_distil.errors import InputError
from edge_distil.session import Floats, Session, Tokens
from edge_distil.tasks import (
    BY_NAME,
    Embedding,
    LateInteraction,
    MultipleChoice,
    QuestionAnswering,
    SparseEmbedding,
    Task,
)


class Timing(NamedTuple):
    """One query, in nanoseconds; the stages add up to the total.

    ``cpu`` is the processor time of the forward pass, over all threads of the process.
    """

    start: int
    tokenize: int
    features: int
    forward: int
    decode: int
    total: int
    cpu: int


class _Clock:
    """Adds up the time spent in each stage since it was last read."""

    stages = ("tokenize", "features", "forward")

    def __init__(self) -> None:
        self._spent = dict.fromkeys(self.stages, 0)
        self._cpu = 0

    def forward(self, work: Callable[[], Any]) -> Any:
        """Time the forward pass, by the clock and by what the processor spent on it."""
        spent = time.process_time_ns()
        result = self.timed("forward", work)
        self._cpu += time.process_time_ns() - spent
        return result

    def timed(self, stage: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter_ns()
        result = work()
        self._spent[stage] += time.perf_counter_ns() - started
        return result

    def read(self) -> dict[str, int]:
        spent, self._spent = self._spent, dict.fromkeys(self.stages, 0)
        return spent

    def read_cpu(self) -> int:
        cpu, self._cpu = self._cpu, 0
        return cpu


class _TimedTokenizer(Tokenizer):
    """A tokenizer with a clock; it shares everything with the one it is made from."""

    def __init__(self, tokenizer: Tokenizer, clock: _Clock) -> None:
        self.__dict__.update(tokenizer.__dict__)
        self._clock = clock

    def encode(self, *args: Any, **options: Any) -> list[Encoding]:
        found: list[Encoding] = self._clock.timed(
            "tokenize", lambda: super(_TimedTokenizer, self).encode(*args, **options)
        )
        return found

    def encode_one(self, text: str) -> Encoding:
        found: Encoding = self._clock.timed(
            "tokenize", lambda: super(_TimedTokenizer, self).encode_one(text)
        )
        return found

    def pair_windows(self, *args: Any, **options: Any) -> list[Encoding]:
        found: list[Encoding] = self._clock.timed(
            "tokenize", lambda: super(_TimedTokenizer, self).pair_windows(*args, **options)
        )
        return found


class _TimedSession:
    """A session with a clock."""

    def __init__(self, session: Session, clock: _Clock) -> None:
        self._session, self._clock = session, clock
        self.inputs, self.outputs = session.inputs, session.outputs

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        found: dict[str, Floats] = self._clock.forward(lambda: self._session.run(feeds, outputs))
        return found


@dataclass(frozen=True)
class _TimedEncoder(Encoder):
    """An encoder with a clock, which can pad every batch to one length."""

    clock: _Clock
    pad_to: int | None

    def features(self, encodings: Sequence[Encoded]) -> dict[str, Tokens]:
        found: dict[str, Tokens] = self.clock.timed("features", lambda: self._features(encodings))
        return found

    def _features(self, encodings: Sequence[Encoded]) -> dict[str, Tokens]:
        feeds = super().features(encodings)
        if self.pad_to is None:
            return feeds
        return pad(feeds, self.pad_to, self.tokenizer.pad_id)


class TimedTask:
    """A bundle's task object that says how long each stage of a query took.

    Args:
        task: From `edge_distil.load`.
        pad_to: Pad every batch to so many tokens; ``None`` pads nothing.

    Attributes:
        task: The task object with the clocks inside, which answers as the plain one does.
    """

    def __init__(self, task: Task, pad_to: int | None = None) -> None:
        self._clock = _Clock()
        plain = task.encoder
        encoder = _TimedEncoder(
            bundle=plain.bundle,
            variant=plain.variant,
            tokenizer=_TimedTokenizer(plain.tokenizer, self._clock),
            session=_TimedSession(plain.session, self._clock),
            clock=self._clock,
            pad_to=pad_to,
        )
        self.task = BY_NAME[plain.bundle.manifest.task](encoder)

    def __call__(self, query: Sequence[str]) -> Timing:
        """Answer one query: question and context, prompt and choice, or one text."""
        self._clock.read()
        self._clock.read_cpu()
        started = time.perf_counter_ns()
        answer(self.task, query)
        total = time.perf_counter_ns() - started
        spent = self._clock.read()
        decode = total - sum(spent.values())
        return Timing(started, **spent, decode=decode, total=total, cpu=self._clock.read_cpu())


def answer(task: Any, query: Sequence[str]) -> Any:
    """Answer one query with the task object that it is for.

    Raises:
        InputError: The query has not as many texts as the task takes.
    """
    expected = 2 if isinstance(task, QuestionAnswering | MultipleChoice) else 1
    if len(query) != expected:
        raise InputError(f"a query has {len(query)} texts, {task.names[0]} takes {expected}")
    if isinstance(task, LateInteraction):
        return task.encode_document(query[0])
    if isinstance(task, MultipleChoice):
        return task(query[0], query[1:])
    encodes = isinstance(task, Embedding | SparseEmbedding)
    return task.encode(query[0]) if encodes else task(*query)


def pad(feeds: Mapping[str, Tokens], length: int, pad_id: int) -> dict[str, Tokens]:
    """Pad a batch on the right to a length.

    >>> pad({"attention_mask": np.ones((1, 2), np.int64)}, 4, 0)["attention_mask"]
    array([[1, 1, 0, 0]])

    Args:
        feeds: Arrays ``(batch, sequence)``.
        length: In tokens, at least the sequence's.
        pad_id: Fills ``input_ids``; the others are filled with 0.

    Raises:
        InputError: The batch is longer.
    """
    sequence = next(iter(feeds.values())).shape[1]
    if sequence > length:
        raise InputError(f"a query has {sequence} tokens, expected at most {length} to pad to")
    room = ((0, 0), (0, length - sequence))
    return {
        name: np.pad(array, room, constant_values=pad_id if name == "input_ids" else 0)
        for name, array in feeds.items()
    }


def clock_cost(tries: int = 2000) -> float:
    """Return what the clocks of one query cost: the median over so many tries, in nanoseconds.

    A query reads the clock twice, and twice more for each stage that has a clock of its own.
    """
    clock, taken = _Clock(), []
    for _ in range(tries):
        started = time.perf_counter_ns()
        clock.read()
        time.perf_counter_ns()
        for stage in clock.stages[:-1]:
            clock.timed(stage, _nothing)
        clock.forward(_nothing)
        time.perf_counter_ns()
        clock.read()
        taken.append(time.perf_counter_ns() - started)
    return statistics.median(taken)


def _nothing() -> None:
    pass
