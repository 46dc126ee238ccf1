"""One worker of a cluster: opens the model once and does shards as they come.

It is a process of its own, possibly on another machine, and may be killed at any moment: then Ray
gives its shards to another. A part is written whole and always with the same bytes, so a shard that
was done twice is as good as one that was done once.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing.storage import storage_errors
from edge_distil.errors import EdgeDistilError, EngineError, InputError
from edge_distil.tasks import Embedding
from edge_distil_apps.embed.engine import embed_shards
from edge_distil_apps.embed.job import Job
from edge_distil_apps.embed.parts import Parts
from edge_distil_apps.embed.rows import Shard
from edge_distil_apps.embed.sources import Source

# Times that a shard is begun before it is held to be what kills its workers. Ray would try for
# ever; a machine that is taken away now and then must not end the work.
TRIES = 5
_SHARD = "shard"  # the column of the data set


@dataclass(frozen=True)
class Record:
    """What a worker says of a shard.

    Attributes:
        shard: Its number.
        rows: Rows in it.
        worker: The node and the process.
        error: Why the job cannot go on; empty where the part is written.
    """

    shard: int
    rows: int
    worker: str
    error: str = ""


class Worker:
    """Embeds shards and writes their parts.

    Ray makes it from plain values. The model is opened with the first shard and not here: what is
    raised here would reach the user as Ray's trace of a dead process.

    Args:
        job: The job; its paths are absolute.
        parts: Where the parts go.
    """

    def __init__(self, job: Job, parts: Parts) -> None:
        self._job = job
        self._parts = parts
        self._opened: tuple[Embedding, Source] | None = None
        self.name = f"{platform.node()}:{os.getpid()}"

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Do a batch of one shard, as `ray.data.Dataset.map_batches` gives and takes it."""
        (packed,) = batch[_SHARD]
        record = self.do(unpack(packed))
        return {name: [value] for name, value in asdict(record).items()}

    def do(self, shard: Shard) -> Record:
        """Embed a shard and write its part."""
        try:
            self._do(shard)
        except EdgeDistilError as error:
            return Record(shard.number, 0, self.name, str(error))
        return Record(shard.number, shard.rows, self.name)

    def _do(self, shard: Shard) -> None:
        self._opened = self._opened or self._open()
        if not self._parts.missing([shard]):
            return  # its worker died after writing it
        self._count_try(shard)
        for _ in embed_shards(self._job, *self._opened, [shard], self._parts):
            pass

    def _open(self) -> tuple[Embedding, Source]:
        """Open the model and the input, and check that they are the driver's.

        Raises:
            InputError: This node lacks a path, or has other files or packages.
        """
        for path in (self._job.bundle, self._job.input, self._parts.path):
            if not path.exists():
                raise InputError(
                    f"node {platform.node()} has no {path}: the bundle, the input and the output "
                    "must be on a file system that all nodes share"
                )
        source = self._job.source()
        if differing := self._parts.differing(self._job.identity(source)):
            raise InputError(
                f"node {platform.node()} has another {', '.join(differing)} than the driver: use "
                "one file system for all nodes and the same versions of edge-distil, numpy, "
                "onnxruntime and tokenizers"
            )
        return self._job.load(), source

    def _count_try(self, shard: Shard) -> None:
        """Note that a shard was begun, where it outlives this process.

        Raises:
            EngineError: It was begun too often.
        """
        path = tries(self._parts, shard)
        with storage_errors(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{self.name}\n")
        if len(path.read_text("utf-8").splitlines()) > TRIES:
            raise EngineError(
                f"{TRIES} workers died while they did rows {shard.first} to "
                f"{shard.first + shard.rows - 1}: give each more memory (fewer --workers), or look "
                "at these rows; run the same command again to go on"
            )


def pack(shard: Shard) -> dict[str, str]:
    """Write a shard as a row of a data set; as text, for Arrow has integers of its own.

    >>> unpack(pack(Shard(0, 1, 1024, 0, (0, 1)))["shard"])
    Shard(number=0, first=1, rows=1024, file=0, place=(0, 1))
    """
    return {_SHARD: json.dumps(shard)}


def unpack(packed: str) -> Shard:
    """Read what `pack` wrote."""
    number, first, rows, file, (start, line) = json.loads(packed)
    return Shard(number, first, rows, file, (start, line))


def tries(parts: Parts, shard: Shard) -> Path:
    """Return the file that counts how often a shard was begun."""
    return parts.path / f"{shard.number:08}.tries"
