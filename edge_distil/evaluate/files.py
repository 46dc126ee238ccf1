"""Read evaluation files; whatever is wrong with one is a `DataError` of one line.

Rows are read as `edge_distil.rows` does, told apart by the file's suffix: ``.csv``, ``.tsv`` and
``.txt`` (delimited values), ``.json``, ``.jsonl`` and ``.ndjson`` (objects).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil import rows
from edge_distil.errors import DataError
from edge_distil.rows import BadRow, Delimited, JsonRows, Table, Values, broken_character

_OBJECTS = (".json", ".jsonl", ".ndjson")
_SHOWN = 12  # names of columns in a message
TABLE_SUFFIXES = (".csv", ".tsv", ".txt", *_OBJECTS)


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        where: File name and line, for messages.
        cells: Column name -> value: a string, or any JSON value from ``.jsonl``.
    """

    where: str
    cells: dict[str, Any]

    def text(self, column: str) -> str:
        """Return a cell that must hold text.

        Raises:
            DataError: It is not a string, or blank.
        """
        value = self.cells[column]
        if not isinstance(value, str) or not value.strip():
            raise DataError(
                f"{self.where}: {column} is {value!r}, expected a text that is not blank: "
                "correct or remove the row"
            )
        return value

    def text_or_pair(self) -> str | tuple[str, str]:
        """Return the cell ``text``, with ``text_pair`` where the file has it.

        Raises:
            DataError: One is not a string, or blank.
        """
        first = self.text("text")
        return (first, self.text("text_pair")) if "text_pair" in self.cells else first


def read_text(path: str | Path) -> str:
    """Read a text file; a byte order mark is dropped.

    Raises:
        DataError: No such file, not readable, no text or empty.
    """
    text = rows.read_text(Path(path))
    if not text.strip():
        raise DataError(f"{path} is empty, expected at least one example: fetch the file again")
    return text


def read_json(path: str | Path, expected: str) -> Any:
    """Read a JSON document.

    Args:
        path: The file.
        expected: What it should hold, for the message.

    Raises:
        DataError: As `read_text`, or not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is not JSON ({error}), expected {expected}: it is of another format or was "
            "truncated"
        ) from error


def describe(value: Any) -> str:
    """Say in a few words what a JSON value is.

    >>> describe({"id": 1, "title": "x"}), describe({}), describe([1])
    ('keys id, title', 'no keys', 'list')
    """
    if not isinstance(value, dict):
        return type(value).__name__
    shown = ", ".join(list(value)[:6]) + (", ..." if len(value) > 6 else "")
    return f"keys {shown}" if value else "no keys"


def read_table(
    path: str | Path,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    named: Sequence[str] = (),
) -> list[Row]:
    """Read rows with the given columns.

    A first line that names them all is a header, and then other columns may be there too;
    without a header the file has just these columns, in this order. Columns of `optional` are
    read where the file has them, and then no row may lack them; those of `named` are ``None``
    where a row lacks them.

    Raises:
        DataError: As `read_text`, an unknown suffix, or a row that lacks a column.
    """
    path = Path(path)
    table = _open(path, columns)
    names = [column.name for column in table.columns]
    if isinstance(table, JsonRows):
        check_names(path, names, columns)
    elif not table.header and table.names_columns(columns):
        check_names(path, table.first, columns)
    need = [*columns, *(name for name in optional if name in names)]
    found = list(_rows(table, need, [name for name in named if name in names]))
    if not found:
        what = "has a header but no rows" if getattr(table, "header", False) else "is empty"
        raise DataError(f"{path} {what}, expected at least one row: add rows")
    return found


def column_names(path: Path) -> list[str]:
    """Return the names in the header of a table, or the keys of its objects; none without them.

    Raises:
        DataError: As `read_table`.
    """
    table = _open(path, ())
    return [column.name for column in table.columns]


def _open(path: Path, columns: Sequence[str]) -> JsonRows | Delimited:
    if path.is_dir():
        raise DataError(f"cannot read {path} (it is a directory): name the file in it")
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataError(
            f"{path} ends in {path.suffix or 'no suffix'!r}, expected one of "
            f"{', '.join(TABLE_SUFFIXES)} with the columns {', '.join(columns)}: rename the file"
        )
    if path.suffix.lower() in _OBJECTS:
        return JsonRows(path)
    return Delimited(path, columns, positional=True)


def check_names(path: Path, names: Sequence[str], columns: Sequence[str]) -> None:
    """Say which names are known, where a file has others.

    Args:
        path: The file.
        names: Those that it has; where there are none, it holds no row that can be read.
        columns: Those that it needs.

    Raises:
        DataError: It lacks one.
    """
    if names and not set(columns) <= set(names):
        raise DataError(
            f"{path} has the columns {', '.join(names[:_SHOWN])}, expected "
            f"{', '.join(columns)}: rename them"
        )


def _rows(table: Table, need: Sequence[str], want: Sequence[str]) -> Iterator[Row]:
    names = [column.name for column in table.columns]
    columns = [*need, *want]
    for name in columns:
        if names.count(name) > 1:
            raise DataError(
                f"{table.path} has {names.count(name)} columns {name!r}, expected one: rename the "
                "others"
            )
    for (_, line), values in table.rows(None, need, want):
        where = f"{table.path}, line {line}"
        if isinstance(values, BadRow) or (wrong := _broken(values)):
            what = values if isinstance(values, BadRow) else wrong
            raise DataError(
                f"{where} {what}: correct or remove the row (columns {', '.join(need)})"
            )
        yield Row(where, dict(zip(columns, values, strict=True)))


def _broken(values: Values) -> str | None:
    return next((wrong for wrong in map(broken_character, values) if wrong), None)
