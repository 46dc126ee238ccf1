"""Where texts come from: a file, or a directory of files, of one of four formats.

A source is read twice, in one pass each with memory for one row: once for the shards (where each
begins), once for the rows. Any shard can be read by itself, in any process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

from edge_distil.errors import InputError
from edge_distil_apps.embed.lines import Csv, JsonLines, Text
from edge_distil_apps.embed.parquet import Parquet
from edge_distil_apps.embed.rows import ROWS, BadRow, Fields, Place, Row, Shard, make_row


class Format(Protocol):
    """How rows lie in a file."""

    def columns(self, path: Path) -> dict[str, bool]:
        """Return the names of the columns, and whether they hold text; none of an empty file."""

    def places(self, path: Path) -> Iterator[Place]:
        """Yield where each row begins."""

    def rows(
        self, path: Path, place: Place | None, column: str, keep: tuple[str, ...]
    ) -> Iterator[tuple[Place, Fields | BadRow]]:
        """Yield the rows from a place on."""


FORMATS: dict[str, Format] = {
    ".txt": Text(),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".csv": Csv(),
    ".tsv": Csv("\t"),
    ".parquet": Parquet(),
}


@dataclass(frozen=True)
class Source:
    """Rows of text.

    Attributes:
        files: Its files, in order.
        format: How they are read.
        column: The column that holds the text.
        keep: Columns that are carried over to the output.
    """

    files: tuple[Path, ...]
    format: Format
    column: str
    keep: tuple[str, ...] = ()

    def shards(self, rows: int = ROWS) -> Iterator[Shard]:
        """Cut the rows into shards.

        Args:
            rows: Rows of each shard but the last.
        """
        number = count = 0
        start: tuple[int, Place] = (0, (0, 0))
        for file, path in enumerate(self.files):
            for place in self.format.places(path):
                if count == rows:
                    yield Shard(number, number * rows + 1, count, *start)
                    number, count = number + 1, 0
                start = start if count else (file, place)
                count += 1
        if count:
            yield Shard(number, number * rows + 1, count, *start)

    def read(self, shard: Shard) -> list[Row]:
        """Read the rows of one shard."""
        return next(self.read_all([shard]))[1]

    def read_all(self, shards: Iterable[Shard]) -> Iterator[tuple[Shard, list[Row]]]:
        """Read shards one after another; neighbours are read in one go.

        Raises:
            InputError: The files are not what they were when the shards were cut.
        """
        rows: Iterator[tuple[Place, Fields | BadRow]] = iter(())
        position = 0
        for shard in shards:
            if shard.first != position:
                rows = self._rows_from(shard)
            found = [
                make_row(shard.first + index, line, read)
                for index, ((_, line), read) in enumerate(islice(rows, shard.rows))
            ]
            if len(found) != shard.rows:
                raise InputError(
                    f"{self.files[shard.file]} has changed: rows {shard.first} to "
                    f"{shard.first + shard.rows - 1} are no longer there; run the command again"
                )
            yield shard, found
            position = shard.first + shard.rows

    def _rows_from(self, shard: Shard) -> Iterator[tuple[Place, Fields | BadRow]]:
        place: Place | None = shard.place
        for path in self.files[shard.file :]:
            yield from self.format.rows(path, place, self.column, self.keep)
            place = None


def open_source(
    path: str | Path, *, column: str | None = None, keep: Iterable[str] = (), suffix: str = ""
) -> Source:
    """Open a file of texts, or a directory of such files.

    Args:
        path: A ``.txt``, ``.jsonl``, ``.ndjson``, ``.csv``, ``.tsv`` or ``.parquet`` file, or a
            directory of files of one of these kinds, which are taken in the order of their names.
            A file of another name is text, a text a line.
        column: The column that holds the text; by default ``text``, or the only one of text.
        keep: Columns to carry over.
        suffix: The format, where the name does not say it.

    Raises:
        InputError: There is no such file, it is empty, or it has no such column.
        MissingExtra: Parquet needs pyarrow, which is not installed.
    """
    files = _files(Path(path))
    kind = FORMATS.get(suffix or files[0].suffix.lower(), FORMATS[".txt"])
    with_rows = tuple(file for file in files if next(kind.places(file), None) is not None)
    if not with_rows:
        raise InputError(f"{path} is empty, expected rows of text")
    chosen = column or _default_column(with_rows[0], kind.columns(with_rows[0]))
    keep = tuple(keep)
    for file in with_rows:
        _check_columns(file, kind.columns(file), chosen, keep)
    return Source(with_rows, kind, chosen, keep)


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise InputError(f"no file or directory at {path}: give the texts' file")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in FORMATS)
    kinds = sorted({file.suffix.lower() for file in files})
    if len(kinds) != 1:
        raise InputError(
            f"{path} holds {' and '.join(kinds) or 'no'} files, expected one of the kinds "
            f"{', '.join(FORMATS)}: keep one kind there"
        )
    return tuple(files)


def _default_column(file: Path, columns: dict[str, bool]) -> str:
    if "text" in columns:
        return "text"
    texts = [name for name, is_text in columns.items() if is_text]
    if not texts:
        raise InputError(
            f"none of the first rows of {file} holds text that can be read, only the columns "
            f"{_list(columns)}: is it of the kind that its name says?"
        )
    if len(texts) > 1:
        raise InputError(f"{file} has several columns of text: name one, --column {_list(texts)}")
    return texts[0]


def _check_columns(
    file: Path, columns: dict[str, bool], column: str, keep: tuple[str, ...]
) -> None:
    for name in (column, *keep):
        if name not in columns:
            raise InputError(f"{file} has no column {name!r}: choose from {_list(columns)}")
    if not columns[column]:
        texts = [name for name, is_text in columns.items() if is_text]
        raise InputError(
            f"the column {column!r} of {file} holds no text: the columns of text are {_list(texts)}"
        )


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
