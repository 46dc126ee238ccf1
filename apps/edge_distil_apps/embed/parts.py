"""The folder of parts: what is done of a job, so that a killed one goes on.

``.OUT.parts/job.json`` says of which job; ``00000012.npy`` is shard 12, float32, whole or not
there; ``00000012.errors.jsonl``, written before it, lists its bad rows, whose vectors are NaN.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil._writing import locks
from edge_distil._writing.storage import as_named, atomic_file, folder_for, storage_errors
from edge_distil.errors import InputError
from edge_distil_apps.embed.rows import Row, Shard

_JOB = "job.json"


@dataclass(frozen=True)
class Parts:
    """The parts of a job that are done.

    Attributes:
        path: The folder.
    """

    path: Path

    def __bool__(self) -> bool:
        """Return whether any shard is done."""
        return any(self.path.glob("*.npy"))

    def differing(self, identity: dict[str, Any]) -> list[str]:
        """Return the names of what differs between these parts' job and another one."""
        found = _read(self.path / _JOB) or {}
        return [key for key in identity if found.get(key) != identity[key]]

    def missing(self, shards: Iterable[Shard]) -> list[Shard]:
        """Return the shards that are still to do."""
        return [shard for shard in shards if not self._vectors(shard).is_file()]

    def write(self, shard: Shard, rows: Iterable[Row], vectors: NDArray[np.float32]) -> None:
        """Write a shard: all of it or nothing; writing it again gives the same bytes.

        Args:
            shard: The shard.
            rows: Its rows.
            vectors: One for each row ``(rows, dimension)``; those of bad rows are not used.

        Raises:
            StorageError: The place cannot be written.
        """
        bad = [row for row in rows if row.problem is not None]
        if bad:
            vectors = vectors.copy()
            vectors[[row.number - shard.first for row in bad]] = np.nan
            with atomic_file(self._errors(shard)) as temporary:
                temporary.write_text("".join(map(_error_line, bad)), encoding="utf-8")
        with atomic_file(self._vectors(shard)) as temporary, temporary.open("wb") as file:
            np.save(file, vectors)

    def read(self, shard: Shard) -> NDArray[np.float32]:
        """Read the vectors of a shard ``(rows, dimension)``."""
        vectors: NDArray[np.float32] = np.load(self._vectors(shard))
        return vectors

    def problems(self, shards: Iterable[Shard]) -> Iterator[dict[str, Any]]:
        """Yield the bad rows: ``row`` and, in text files, ``line``, with ``problem``."""
        for shard in shards:
            if self._errors(shard).is_file():
                with self._errors(shard).open(encoding="utf-8", newline="\n") as file:
                    yield from map(json.loads, file)

    def remove(self) -> None:
        """Remove the folder; it leaves its name at once, so that no half of it is found."""
        self.remove_old()
        if self.path.exists():
            self.path.rename(self._old)
            self.remove_old()

    def remove_old(self) -> None:
        """Remove what a run that was killed while it removed its folder left behind."""
        shutil.rmtree(self._old, ignore_errors=True)

    @property
    def _old(self) -> Path:
        return self.path.with_name(f"{self.path.name}.old")

    def _vectors(self, shard: Shard) -> Path:
        return self.path / f"{shard.number:08}.npy"

    def _errors(self, shard: Shard) -> Path:
        return self.path / f"{shard.number:08}.errors.jsonl"


@contextmanager
def opened_parts(
    path: Path, identity: dict[str, Any], *, force: bool, exists: bool
) -> Iterator[Parts]:
    """Open the folder of parts of a job, or make it, and hold it for this process.

    A folder without a part is removed in the end: nothing is lost, and a corrected command can
    start.

    Args:
        path: The folder.
        identity: What the parts depend on.
        force: Throw away another job's parts, and agree to replace the output.
        exists: The output is there already. A job that began with the leave to replace it needs
            no such leave to go on.

    Raises:
        InputError: Another job's parts are there, or the output is, and `force` is False.
        PlaceBusy: Another process is at work there.
        StorageError: The place cannot be written.
    """
    parts = Parts(path)
    with ExitStack() as stack:
        with storage_errors(path):
            stack.enter_context(folder_for(path))
            stack.enter_context(locks.hold(locks.beside(path), as_named(path)))
        try:
            yield open_parts(path, identity, force=force, exists=exists)
        finally:
            if not parts:
                parts.remove()


def open_parts(path: Path, identity: dict[str, Any], *, force: bool, exists: bool) -> Parts:
    """Go on with the same job's parts, or begin again; see `opened_parts`."""
    parts = Parts(path)
    parts.remove_old()
    found = _read(path / _JOB) if parts else None
    if found == identity:
        return parts
    if found is not None and not force:
        differs = ", ".join(parts.differing(identity)) or "format"
        raise InputError(
            f"{path} holds the parts of another, unfinished job (another {differs}): finish that "
            "one with its own command, or throw them away with --force"
        )
    if exists and not force:
        raise InputError(
            f"{as_named(path)} exists: choose another output, or replace it with --force"
        )
    with storage_errors(path):
        for file in path.glob("*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    with atomic_file(path / _JOB) as temporary:
        temporary.write_text(json.dumps(identity, indent=2), encoding="utf-8")
    return parts


def _read(path: Path) -> dict[str, Any] | None:
    """Return what a folder's job is; ``None`` where none is recorded."""
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return document


def _error_line(row: Row) -> str:
    place = {"row": row.number, "line": row.line} if row.line else {"row": row.number}
    return json.dumps({**place, "problem": row.problem}, ensure_ascii=False) + "\n"
