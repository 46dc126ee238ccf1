"""Engines do the shards that are missing; the local one, in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import NamedTuple, cast

import numpy as np

from edge_distil.pooling import Floats
from edge_distil.tasks import Embedding
from edge_distil_apps.embed.job import Job
from edge_distil_apps.embed.parts import Parts
from edge_distil_apps.embed.rows import ROWS, Row, Shard
from edge_distil_apps.embed.sources import Source


class Done(NamedTuple):
    """A shard that was written.

    Attributes:
        shard: Its number.
        rows: Rows in it.
    """

    shard: int
    rows: int


# Called with the number of rows that have been embedded since the last call.
Advance = Callable[[int], None]

# Writes the parts of some shards of a job, in any order.
Engine = Callable[[Job, Sequence[Shard], Parts, Advance], None]


def run_local(job: Job, shards: Sequence[Shard], parts: Parts, advance: Advance) -> None:
    """Do shards here, one after another."""
    for _ in embed_shards(job, job.load(), job.source(), shards, parts, advance):
        pass


def embed_shards(
    job: Job,
    task: Embedding,
    source: Source,
    shards: Sequence[Shard],
    parts: Parts,
    advance: Advance | None = None,
) -> Iterator[Done]:
    """Embed shards with an opened model and write each; tokenisation runs ahead of the model.

    Args:
        job: The job.
        task: Its model, opened.
        source: Its input, opened.
        shards: Shards to do. All but the input's last are full, so each is one window.
        parts: Where they are written.
        advance: Called as rows are embedded, batch by batch.

    Yields:
        Each shard when it is on disk.

    Raises:
        InputError: The input is not what it was.
        StorageError: The place cannot be written.
    """
    read: deque[tuple[Shard, list[Row]]] = deque()

    def texts() -> Iterator[str]:
        for shard, rows in source.read_all(shards):
            read.append((shard, rows))
            # a bad row takes part as an empty text: a shard is one window, whatever is in it
            yield from (row.text or "" for row in rows)

    # Closed here, and not when an interruption's traceback goes: its threads must end before.
    options = asdict(job.options)
    stream = task.stream(texts(), window=ROWS, done=advance, keep_non_finite=True, **options)
    with closing(cast("Generator[Floats, None, None]", stream)) as blocks:
        for vectors in blocks:
            shard, rows = read.popleft()
            parts.write(shard, _marked(rows, vectors), vectors)
            yield Done(shard.number, shard.rows)


def _marked(rows: Sequence[Row], vectors: Floats) -> list[Row]:
    """Mark the rows for which the model gave no finite vector ``(rows, dimension)``."""
    finite: list[bool] = np.asarray(np.isfinite(vectors).all(axis=1)).tolist()
    problem = "the model gives a vector with NaN or infinity"
    return [
        row if good or row.problem else row._replace(text=None, problem=problem)
        for row, good in zip(rows, finite, strict=True)
    ]
