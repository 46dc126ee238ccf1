"""Where texts come from: a file, or a directory of files of one kind.

A source is read twice, in one pass each with memory for one row: once for the shards (where each
begins), once for the rows. Any shard can be read by itself, in any process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from edge_distil._reading.printable import printable
from edge_distil.errors import InputError
from edge_distil.rows import (
    BadRow,
    Delimited,
    JsonRows,
    Place,
    Table,
    Text,
    Values,
    broken_character,
)
from edge_distil_apps.embed.documents import ENDINGS, Document, documents
from edge_distil_apps.embed.parquet import Parquet
from edge_distil_apps.embed.rows import ROWS, Row, Shard, make_row

# Opens a file whose rows are to have some columns.
Open = Callable[[Path, Sequence[str]], Table]


def _by_itself(reader: Callable[[Path], Table]) -> Open:
    """Wrap a reader that finds its columns' names without knowing which are looked for."""
    return lambda path, known: reader(path)


FORMATS: dict[str, Open] = {
    ".txt": _by_itself(Text),
    ".json": _by_itself(JsonRows),
    ".jsonl": _by_itself(JsonRows),
    ".ndjson": _by_itself(JsonRows),
    ".csv": Delimited,
    ".tsv": Delimited,
    ".parquet": _by_itself(Parquet),
}
_DOCUMENTS: dict[str, Open] = dict.fromkeys(ENDINGS, _by_itself(Document))


@dataclass(frozen=True)
class Source:
    """Rows of text.

    Attributes:
        tables: Its files, in order, opened.
        column: The column that holds the text.
        keep: Columns that are carried over to the output.
    """

    tables: tuple[Table, ...]
    column: str
    keep: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(table.path for table in self.tables)

    def shards(self, rows: int = ROWS) -> Iterator[Shard]:
        """Cut the rows into shards.

        Args:
            rows: Rows of each shard but the last.

        Raises:
            InputError: A file cannot be read to its end.
        """
        number = count = 0
        start: tuple[int, Place] = (0, (0, 0))
        for file, table in enumerate(self.tables):
            for place in table.places():
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
        rows: Iterator[tuple[Place, Values | BadRow]] = iter(())
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

    def _rows_from(self, shard: Shard) -> Iterator[tuple[Place, Values | BadRow]]:
        place: Place | None = shard.place
        for table in self.tables[shard.file :]:
            yield from table.rows(place, [self.column], self.keep)
            place = None


def open_source(
    path: str | Path,
    *,
    column: str | None = None,
    keep: Iterable[str] = (),
    suffix: str = "",
    no_header: bool = False,
) -> Source:
    """Open a file of texts, or a directory of such files.

    Args:
        path: A ``.txt``, ``.jsonl``, ``.ndjson``, ``.json``, ``.csv``, ``.tsv`` or ``.parquet``
            file, or a directory of files of one of these kinds, which are taken in the order of
            their names; ``.json`` beside another kind is left out, for it describes it. Documents
            (``.md``, ``.markdown``, ``.rst``), and a directory that holds them and none of these,
            are cut into passages as `search` cuts them. A file of another name is text, a text a
            line.
        column: The column that holds the text; by default ``text``, or the only one of text.
        keep: Columns to carry over.
        suffix: The format, where the name does not say it.
        no_header: The first row of delimited values is a row, whatever it looks like.

    Raises:
        InputError: There is no such file, it is empty, or it has no such column.
        MissingExtra: Parquet needs pyarrow, which is not installed.
    """
    place, keep = Path(path), tuple(keep)
    known = (column or "text", *keep)
    opened = _documents(place) or _tables(place, suffix, known, no_header=no_header)
    tables = tuple(table for table in opened if next(table.places(), None) is not None)
    if not tables:
        raise InputError(f"{path} is empty, expected rows of text")
    chosen = column or _default_column(tables[0])
    for table in tables:
        _check_columns(table, chosen, keep)
    return Source(tables, chosen, keep)


def _documents(path: Path) -> list[Table]:
    """Open a directory of documents; of one that holds other rows, nothing."""
    if not path.is_dir() or any(file.suffix.lower() in FORMATS for file in path.iterdir()):
        return []
    if not any(file.suffix.lower() in ENDINGS for file in path.rglob("*")):
        return []
    return [Document(file, path) for file in documents(path)]


def _tables(path: Path, suffix: str, known: Sequence[str], *, no_header: bool) -> list[Table]:
    files = _files(path)
    kinds = FORMATS | _DOCUMENTS
    if no_header:
        delimited: Open = partial(Delimited, no_header=True)
        kinds |= {".csv": delimited, ".tsv": delimited}
    reader = kinds.get(suffix or files[0].suffix.lower(), FORMATS[".txt"])
    return [reader(file, known) for file in files]


def _files(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,)
    if not path.is_dir():
        raise InputError(f"no file or directory at {path}: give the texts' file")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in FORMATS)
    kinds = sorted({file.suffix.lower() for file in files})
    if len(kinds) > 1 and ".json" in kinds:
        kinds.remove(".json")
        files = [file for file in files if file.suffix.lower() != ".json"]
    if len(kinds) != 1:
        raise InputError(
            f"{path} holds {' and '.join(kinds) or 'no'} files, expected one of the kinds "
            f"{', '.join(FORMATS)}: keep one kind there"
        )
    return tuple(files)


def _default_column(table: Table) -> str:
    names = [column.name for column in table.columns]
    if "text" in names:
        return "text"
    texts = [column.name for column in table.columns if column.is_text and not column.is_number]
    if not texts and len(names) == 1 and table.columns[0].is_text:
        return names[0]
    if not texts:
        raise InputError(
            f"none of the first rows of {table.path} holds text that can be read, "
            f"{_what_there_is(table)}"
        )
    if len(texts) > 1:
        raise InputError(
            f"{table.path} has several columns of text: name one, --column {_list(texts)}"
        )
    return texts[0]


def _check_columns(table: Table, column: str, keep: tuple[str, ...]) -> None:
    names = Counter(known.name for known in table.columns)
    for name in (column, *keep):
        if name in keep and broken_character(name):
            raise InputError(
                f"the column {printable(name)} of {table.path} cannot be kept, for its name "
                f"{broken_character(name)}: save the file as UTF-8"
            )
        if name not in names:
            raise InputError(f"{table.path} has no column {name!r}: choose from {_list(names)}")
        if names[name] > 1:
            raise InputError(
                f"{table.path} has {names[name]} columns {name!r}, expected one: rename the others"
            )
    texts = [known.name for known in table.columns if known.is_text]
    if column not in texts:
        raise InputError(
            f"the column {column!r} of {table.path} holds no text: "
            + (f"the columns of text are {_list(texts)}" if texts else _what_there_is(table))
        )


def _what_there_is(table: Table) -> str:
    """Say what the first row of a table without text is."""
    names = [column.name for column in table.columns]
    [(_, first)] = islice(table.rows(None, (), names), 1)
    if isinstance(first, BadRow):
        return f"the first {first}: is it of the kind that its name says?"
    columns = f"only the columns {_list(names)}"
    if first and all(isinstance(value, dict | list) for value in first):
        return f"{columns} of lists or objects: write one object a row (pandas: orient='records')"
    return f"{columns}: is it of the kind that its name says?"


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
