"""``passages.sqlite``: files, passages, vectors and words; all that an index knows.

A file is one transaction, with its passages and vectors. `generation` counts changes of passages.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil._writing import locks
from edge_distil._writing.storage import atomic_file
from edge_distil.errors import InputError, MissingExtra, StorageError
from edge_distil.pooling import Floats
from edge_distil.sparse import SparseVector, SparseVectors
from edge_distil_apps.search.absent import no_index
from edge_distil_apps.search.folder import Source
from edge_distil_apps.search.full_text import Words
from edge_distil_apps.search.passages import Passage
from edge_distil_apps.search.postings import Postings
from edge_distil_apps.search.scripts import spaced
from edge_distil_apps.search.tables import TABLES

FILE_NAME = "passages.sqlite"
VERSION = 2  # of the tables and of how texts are cut
UNFINISHED = "unfinished"  # the setting that says so while a build runs, or after it was killed
_WAIT = 30.0  # seconds for another process's transaction to end


class Stored(NamedTuple):
    """A passage and where it stands."""

    id: int
    file: str
    passage: Passage


class Store:
    """The database of an index.

    Args:
        folder: The index.
        create: Make it, with these settings.

    Raises:
        InputError: There is no index, or one of another version.
        MissingExtra: This Python's SQLite has no FTS5.
        StorageError: It cannot be written.
    """

    def __init__(self, folder: Path, *, create: Mapping[str, Any] | None = None) -> None:
        path = folder / FILE_NAME
        self._path = path
        self._turn = threading.RLock()
        if create is None and not exists(folder):
            raise no_index(folder, FILE_NAME)
        if create is not None:  # whole or not at all, whenever this process is killed
            with atomic_file(path) as temporary:
                self._connect(temporary, create)
                self.close()
        self._connect(path)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[None]:
        """Let all reads see one state, or all writes happen or none; threads wait for it."""
        with self._turn, _clear_errors(self._path):
            self._db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield
                if write:
                    self.set("generation", self.generation + 1)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @property
    def generation(self) -> int:
        """How many transactions have written."""
        return int(self.get("generation"))

    def get(self, name: str) -> Any:
        """Return a setting, ``None`` where it is not there."""
        row = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return json.loads(row[0]) if row else None

    def set(self, name: str, value: Any) -> None:
        """Remember a setting."""
        self._db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def remember(self, settings: Mapping[str, Any]) -> None:
        """Set several settings."""
        with _clear_errors(self._path):
            for name, value in settings.items():
                self.set(name, value)

    def files(self) -> dict[str, tuple[Source, str]]:
        """Return each file that is indexed, with its sha256."""
        rows = self._db.execute("SELECT name, bytes, modified, sha256 FROM files")
        named = ((_name(row[0]), row) for row in rows)
        return {name: (Source(name, *row[1:3]), row[3]) for name, row in named}

    def file(self, name: str) -> tuple[Source, str] | None:
        """Return a file as it was indexed, with its sha256; ``None`` if it was not."""
        query = "SELECT bytes, modified, sha256 FROM files WHERE name = ?"
        row = self._db.execute(query, (_key(name),)).fetchone()
        return (Source(name, *row[:2]), row[2]) if row else None

    def touch(self, source: Source) -> None:
        """Note a file's new time: its text is as it was."""
        with _clear_errors(self._path):
            self._db.execute(
                "UPDATE files SET modified = ? WHERE name = ?", (source.modified, _key(source.name))
            )

    def add(
        self,
        source: Source,
        sha256: str,
        passages: Sequence[Passage],
        vectors: Floats | SparseVectors,
    ) -> None:
        """Put a file in the place of what was known of it, inside a transaction.

        Args:
            source: The file.
            sha256: Of its bytes.
            passages: Its passages.
            vectors: Theirs ``(n, dimension)``, of length 1, or sparse ones.
        """
        self.remove(source.name)
        file = self._db.execute(
            "INSERT INTO files(name, bytes, modified, sha256) VALUES (?, ?, ?, ?)",
            (_key(source.name), source.bytes, source.modified, sha256),
        ).lastrowid
        for passage, vector in zip(passages, vectors, strict=True):
            row = self._db.execute(
                'INSERT INTO passages(file, start, "end", heading, text) VALUES (?, ?, ?, ?, ?)',
                (file, passage.start, passage.end, passage.heading, passage.text),
            )
            if isinstance(vector, SparseVector):
                self.postings.add(row.lastrowid, vector)
                continue
            values = (row.lastrowid, vector.astype(np.float16).tobytes())
            self._db.execute("INSERT INTO vectors VALUES (?, ?)", values)

    def remove(self, name: str) -> None:
        """Remove a file and its passages, inside a transaction."""
        self._db.execute(
            "DELETE FROM passages WHERE file = (SELECT id FROM files WHERE name = ?)",
            (_key(name),),
        )
        self._db.execute("DELETE FROM files WHERE name = ?", (_key(name),))

    def count(self) -> int:
        """Return the number of passages."""
        return int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def ids(self) -> NDArray[np.int64]:
        """Return the ids of all passages, ascending."""
        rows = self._db.execute("SELECT id FROM vectors ORDER BY id")
        return np.fromiter((row[0] for row in rows), np.int64)

    def vectors(self, ids: Iterable[int] | None = None) -> NDArray[np.float16]:
        """Return the vectors ``(n, dimension)`` of `ids`, or of all in the order of `ids()`."""
        if ids is None:
            rows: Iterable[Any] = self._db.execute("SELECT vector FROM vectors ORDER BY id")
        else:
            one = "SELECT vector FROM vectors WHERE id = ?"
            rows = (self._db.execute(one, (int(i),)).fetchone() for i in ids)
        data = b"".join(row[0] for row in rows)
        return np.frombuffer(data, np.float16).reshape(-1, int(self.get("dimension")))

    @property
    def postings(self) -> Postings:
        """The sparse vectors."""
        return Postings(self._db)

    def passage(self, number: int) -> Stored:
        """Return the passage of an id."""
        row = self._db.execute(
            'SELECT files.name, text, heading, start, "end" FROM passages '
            "JOIN files ON files.id = file WHERE passages.id = ?",
            (number,),
        ).fetchone()
        return Stored(number, _name(row[0]), Passage(*row[1:]))

    def words(self, query: str) -> Words:
        """Return what finds the words of `query`."""
        return Words(self._db, query)

    def _connect(self, path: Path, create: Mapping[str, Any] | None = None) -> None:
        with _clear_errors(self._path):
            # Threads take turns, by `transaction`; SQLite itself is safe with them.
            self._db = sqlite3.connect(
                path, timeout=_WAIT, isolation_level=None, check_same_thread=False
            )
            try:
                self._open(create)
            except BaseException:
                self._db.close()
                raise

    def _open(self, create: Mapping[str, Any] | None) -> None:
        self._db.create_function("spaced", 1, spaced, deterministic=True)
        self._db.execute("PRAGMA foreign_keys = ON")
        if create is not None:
            # Nobody reads it yet: no second file, that a kill would leave.
            self._db.execute("PRAGMA journal_mode = MEMORY")
            self._db.execute("BEGIN IMMEDIATE")
            for statement in TABLES:
                self._db.execute(statement)
            self.remember({"version": VERSION, "generation": 0, **create})
            self._db.execute("COMMIT")
        elif (found := self.get("version")) != VERSION:
            wrong = f"{self._path} is an index of version {found}, expected {VERSION}"
            raise InputError(f"{wrong}: delete it and build it again")


def exists(folder: Path) -> bool:
    """Return whether `folder` is an index."""
    path = folder / FILE_NAME
    return path.is_file() and path.stat().st_size > 0


def is_part(path: Path) -> bool:
    """Return whether a file is what a killed build left: a database begun, or its lock."""
    return path.name == locks.FILE_NAME or path.name.startswith(f".{FILE_NAME}.")


def _key(name: str) -> str | bytes:
    """Return a file's name as it is stored: as bytes where it is not text (in UTF-8)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def _name(key: str | bytes) -> str:
    return os.fsdecode(key)


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one clear line."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise InputError(f"the index {path.parent} is closed ({error}): open it again") from error
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "fts5" in said:
            raise MissingExtra(
                f"the SQLite of this Python ({sqlite3.sqlite_version}) has no full-text search "
                "(FTS5): use a Python whose SQLite has it, such as Debian's or python.org's"
            ) from error
        if "malformed" in said or "not a database" in said or "no such table" in said:
            raise InputError(
                f"{path} is damaged or not an index ({said}): delete it and build it again"
            ) from error
        raise StorageError(
            f"cannot use {path} ({said}): see that there is room and that it may be written, or "
            "choose another place"
        ) from error
