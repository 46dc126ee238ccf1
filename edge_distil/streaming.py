"""The one scheduler: rows of any task in, what the model says of each out, in their order.

Rows are read in blocks. A batch runs as soon as it is full, so that the batches of one block run
while the next one is read and tokenised. What is short runs in the caller's thread; work that turns
out to be long goes on in `Encoder.bulk`, a batch a core. Where that alone was opened, all does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from edge_distil._tokenizing.reading import naming
from edge_distil._tokenizing.rows import Encoded
from edge_distil.batching import Buckets
from edge_distil.encoder import Encoder
from edge_distil.errors import EdgeDistilError
from edge_distil.pooling import Floats

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

K = TypeVar("K")  # what a task knows a row by
R = TypeVar("R", bound=Encoded)
P = TypeVar("P")  # what the model says of a row

# An encoder and a batch of rows, all of one length -> what is said of each, or its error.
Work = Callable[[Encoder, Sequence[tuple[K, R]]], Sequence[P | EdgeDistilError]]
Done = Callable[[int], None]
if TYPE_CHECKING:
    _Batch: TypeAlias = "Future[Sequence[P | EdgeDistilError]] | _Ran[P]"

WINDOW = 1024  # rows in a block, among which those of one length find each other
_RAMP = (8, 16, 32, 64, 128, 256, 512)  # of a stream: its first result comes soon
# Tokens in a block of windows of long texts, which hold some 200 bytes each.
WINDOW_TOKENS = 8_192
# Tokens from which it pays to open a session for long work, or characters, where all are known;
# half a second of a small model's time.
_LONG_TOKENS = 8_000
_LONG_CHARACTERS = 32_000


def sizes(*, known: bool) -> Iterator[int]:
    """Yield the sizes of blocks, in rows.

    Args:
        known: All rows are there, and all results are waited for.
    """
    return repeat(WINDOW) if known else chain(_RAMP, repeat(WINDOW))


def is_long(characters: int) -> bool:
    """Say whether texts of so many characters in all are long work."""
    return characters >= _LONG_CHARACTERS


def reading(
    outputs: Sequence[str],
    say: Callable[[K, R, dict[str, Floats]], P],
    item: Callable[[K], str] = lambda _: "",
) -> Work[K, R, P]:
    """Return work that reads graph outputs row by row; an error is that of its row alone.

    Args:
        outputs: The outputs wanted.
        say: What a row is known by, the row and its part of each output -> what is said of it.
        item: What an error calls the row: ``"text 3: "``.
    """

    def one(key: K, row: R, found: dict[str, Floats]) -> P | EdgeDistilError:
        try:
            with naming(item(key)):
                return say(key, row, found)
        except EdgeDistilError as error:
            return error

    def work(encoder: Encoder, rows: Sequence[tuple[K, R]]) -> Sequence[P | EdgeDistilError]:
        found = encoder.outputs(encoder.features([row for _, row in rows]), outputs)
        return [
            one(key, row, {name: array[place] for name, array in found.items()})
            for place, (key, row) in enumerate(rows)
        ]

    return work


def stream(
    encoder: Encoder,
    rows: Iterable[tuple[K, R]],
    work: Work[K, R, P],
    *,
    blocks: Iterator[int],
    tokens: int | None = None,
    batch_size: int | None = None,
    long: bool = False,
    done: Done | None = None,
) -> Generator[tuple[K, P], None, None]:
    """Run rows, read ahead by at most one block.

    Args:
        encoder: Runs them.
        rows: The rows, each with what it is known by. An error that reading one raises comes
            after the results of those before it.
        work: Runs a batch.
        blocks: Most rows in each block: see `sizes`.
        tokens: Most tokens in a block, whose last row may reach beyond.
        batch_size: At most so many rows a batch.
        long: It is long work from the first row on.
        done: Called with the number of rows of each batch that has run.

    Yields:
        For each row what it is known by, and what `work` says of it.
    """
    crew = _Crew(encoder, work, long)
    reader = _Reader(iter(rows), crew, blocks, tokens, batch_size)
    running: deque[_Block[K, P]] = deque()
    try:
        while block := reader.block():
            running.append(block)
            while len(running) > crew.ahead:
                yield from running.popleft().said(done)
        while running:
            yield from running.popleft().said(done)
        if reader.error is not None:
            raise reader.error
    finally:
        crew.close()


def by_item(said: Iterator[tuple[tuple[K, bool], P]]) -> Iterator[tuple[K, Iterator[P]]]:
    """Put what is said of the rows of one item together.

    Args:
        said: Each row's item, whether it is the item's last, and what is said of it.

    Yields:
        Each item and what is said of its rows, to be read to its end before the next.
    """

    def rest(part: P, last: bool) -> Iterator[P]:
        yield part
        while not last:
            (_, last), part = next(said)
            yield part

    for (key, last), part in said:
        yield key, rest(part, last)


class _Ran(Generic[P]):
    """What became of a batch that ran in the caller's thread, to be asked for like a `Future`."""

    def __init__(self, found: Sequence[P | EdgeDistilError] | Exception) -> None:
        self._found = found

    def result(self) -> Sequence[P | EdgeDistilError]:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


class _Crew(Generic[K, R, P]):
    """Who runs the batches: the caller or, of long work and of bulk sessions, several at once."""

    def __init__(self, encoder: Encoder, work: Work[K, R, P], long: bool) -> None:
        self._encoder = encoder
        self._work = work
        # A session of one thread a batch is for batches side by side from the first on.
        self._long = long or encoder.workers > 1
        self._tokens = 0
        self._pool: ThreadPoolExecutor | None = None

    @property
    def ahead(self) -> int:
        """Blocks that may be under way while another is read."""
        return 0 if self._pool is None else 1

    def submit(self, rows: Sequence[tuple[K, R]]) -> _Batch[P]:
        self._tokens += sum(len(row) for _, row in rows)
        if self._pool is None and (self._long or self._tokens >= _LONG_TOKENS):
            from concurrent.futures import ThreadPoolExecutor  # short work needs none

            self._encoder = self._encoder.bulk
            self._pool = ThreadPoolExecutor(self._encoder.workers)
        if self._pool is not None:
            return self._pool.submit(self._work, self._encoder, rows)
        try:
            return _Ran(self._work(self._encoder, rows))
        except Exception as error:  # raised when its turn comes
            return _Ran(error)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


class _Block(Generic[K, P]):
    """Rows under way: what they are known by, and for each its batch and its place there."""

    def __init__(self) -> None:
        self.keys: list[K] = []
        self.places: dict[int, tuple[_Batch[P], int]] = {}

    def said(self, done: Done | None) -> Iterator[tuple[K, P]]:
        """Wait for each row in turn."""
        for index, key in enumerate(self.keys):
            batch, place = self.places.pop(index)
            parts = batch.result()
            part = parts[place]
            if isinstance(part, EdgeDistilError):
                raise part
            if done and place == 0:
                done(len(parts))
            yield key, part


class _Reader(Generic[K, R, P]):
    """Reads rows block by block and gives full batches to the crew.

    Attributes:
        error: What ended the rows before their end, if anything did.
    """

    def __init__(
        self,
        rows: Iterator[tuple[K, R]],
        crew: _Crew[K, R, P],
        sizes: Iterator[int],
        tokens: int | None,
        batch_size: int | None,
    ) -> None:
        self.error: Exception | None = None
        self._rows = rows
        self._crew = crew
        self._sizes = sizes
        self._most = tokens
        self._batch_size = batch_size

    def block(self) -> _Block[K, P] | None:
        """Submit the next block; ``None`` at the end of the rows."""
        block: _Block[K, P] = _Block()
        buckets = Buckets(self._batch_size)
        held: dict[int, tuple[K, R]] = {}

        def submit(batch: list[int]) -> None:
            future = self._crew.submit([held.pop(i) for i in batch])
            block.places.update((i, (future, place)) for place, i in enumerate(batch))

        for index, row in enumerate(self._read(next(self._sizes))):
            block.keys.append(row[0])
            held[index] = row
            if batch := buckets.add(index, len(row[1])):
                submit(batch)
        for batch in buckets.rest():
            submit(batch)
        return block if block.keys else None

    def _read(self, size: int) -> Iterator[tuple[K, R]]:
        if self.error is not None:
            return
        tokens = 0
        try:
            for row in islice(self._rows, size):
                yield row
                tokens += len(row[1])
                if self._most is not None and tokens >= self._most:
                    return
        except Exception as error:
            self.error = error
