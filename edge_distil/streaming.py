"""Endless streams of texts to vectors: tokenise ahead, run batches side by side.

A window of texts is tokenised in slices, those with the most characters first, and a batch runs
as soon as it is full: the first batches of a window run while the rest of it, and then the next
window, is tokenised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_distil.batching import Batch, Buckets
from edge_distil.calls import wrong_text
from edge_distil.encoder import Encoder
from edge_distil.errors import InputError
from edge_distil.pooling import Floats

T = TypeVar("T")

WINDOW = 1024  # texts among which those of one length find each other
_SLICE = 64  # texts tokenised at a time: their full encodings take about 100 bytes a token
# Characters from which it pays to open a session for long work; about 8,000 tokens, or half a
# second of a small model's time.
_LONG_WORK = 32_000

Done = Callable[[int], None]


@dataclass(frozen=True)
class Row:
    """The tokens of one text, 8 bytes each: an ``Encoding`` holds about 100 a token."""

    ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)


# An encoder and one batch -> vectors (batch, dimension), in the batch's order.
Embed = Callable[[Encoder, Sequence[Row], int], Floats]


def stream(
    encoder: Encoder,
    texts: Iterable[str],
    embed: Embed,
    *,
    window: int = WINDOW,
    batch_size: int | None = None,
    done: Done | None = None,
) -> Iterator[Floats]:
    """Embed a stream, window by window.

    Args:
        encoder: Tokenizes and runs.
        texts: Read ahead by at most one window.
        embed: Runs one batch, padded to a width.
        window: Texts a block.
        batch_size: At most so many texts a batch.
        done: Called with the number of texts that each finished batch held.

    Yields:
        ``(texts, dimension)`` for each window, in order.

    Raises:
        InputError: Something is not a text; it is named by its place in the stream.
    """
    windows = _windows(texts, window)
    first = next(windows, None)
    if first is None:
        return
    long = sum(map(len, first.texts)) >= _LONG_WORK
    encoder = encoder.bulk if long else encoder
    pool = ThreadPoolExecutor(encoder.workers) if long else _Inline()
    running: deque[_Running] = deque()
    try:
        for part in chain([first], windows):
            running.append(_start(encoder, part, embed, batch_size, pool))
            if len(running) > 1:
                yield running.popleft().vectors(done)
        yield running.popleft().vectors(done)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Window:
    """Texts, and the place of the first in the stream."""

    texts: list[str]
    first: int


class _Running:
    """The batches of one window."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._batches: list[tuple[list[int], Future[Floats]]] = []

    def add(self, indices: list[int], vectors: Future[Floats]) -> None:
        self._batches.append((indices, vectors))

    def vectors(self, done: Done | None) -> Floats:
        """Wait for all batches and put their rows in order: ``(texts, dimension)``."""
        (_, first), *_ = self._batches
        rows = np.empty((self._size, first.result().shape[1]), np.float32)
        for indices, vectors in self._batches:
            rows[indices] = vectors.result()
            if done:
                done(len(indices))
        return rows


class _Inline(Executor):
    """Runs what is submitted at once, in the caller's thread: for one text that is quickest."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **options: Any) -> Future[T]:
        future: Future[T] = Future()
        future.set_result(fn(*args, **options))
        return future


def _windows(texts: Iterable[str], size: int) -> Iterator[_Window]:
    remaining, first = iter(texts), 0
    while part := list(islice(remaining, size)):
        if any(not isinstance(text, str) for text in part):
            raise wrong_text(part, first)
        yield _Window(part, first)
        first += len(part)


def _start(
    encoder: Encoder, part: _Window, embed: Embed, batch_size: int | None, pool: Executor
) -> _Running:
    """Tokenise a window and submit its batches, each as soon as it is full."""
    buckets = Buckets(encoder.tokenizer.max_length, batch_size)
    rows: dict[int, Row] = {}
    running = _Running(len(part.texts))

    def submit(batch: Batch) -> None:
        taken = [rows.pop(index) for index in batch.indices]
        running.add(batch.indices, pool.submit(embed, encoder, taken, batch.width))

    for indices in _slices(part.texts):
        for index, row in zip(indices, _tokenize(encoder, part, indices), strict=True):
            rows[index] = row
            if batch := buckets.add(index, len(row)):
                submit(batch)
    for batch in buckets.rest():
        submit(batch)
    return running


def _slices(texts: Sequence[str]) -> Iterator[list[int]]:
    """Indices in slices, the longest texts first, ties in order."""
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    for start in range(0, len(order), _SLICE):
        yield order[start : start + _SLICE]


def _tokenize(encoder: Encoder, part: _Window, indices: list[int]) -> list[Row]:
    try:
        encodings = encoder.tokenizer.encode([part.texts[i] for i in indices], offsets=False)
    except InputError as error:
        raise wrong_text(part.texts, part.first) from error
    return [Row(np.array(e.ids, np.int32), np.array(e.type_ids, np.int32)) for e in encodings]
