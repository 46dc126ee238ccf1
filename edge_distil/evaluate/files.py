"""Read evaluation files; whatever is wrong with one is a `DataError` of one line.

Three row formats, told apart by the file's suffix: ``.csv`` (quoted), ``.tsv`` and ``.txt``
(tabs, quotes are plain characters) and ``.jsonl`` (one object a line).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil.errors import DataError

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".jsonl")


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
            DataError: It is no string, or blank.
        """
        value = self.cells[column]
        if not isinstance(value, str) or not value.strip():
            raise DataError(
                f"{self.where}: {column} is {value!r}, expected a text that is not blank: "
                "correct or remove the row"
            )
        return value


def read_text(path: str | Path) -> str:
    """Read a UTF-8 file; a byte order mark is dropped.

    Raises:
        DataError: No such file, not readable, binary or empty.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (byte 0x{error.object[error.start]:02x} at offset "
            f"{error.start}): give a text file, saved as UTF-8"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot read {path} ({error.strerror}): give the path of an evaluation file"
        ) from error
    if "\0" in text:
        raise DataError(f"{path} is a binary file (zero bytes in it): give a text file in UTF-8")
    if not text.strip():
        raise DataError(f"{path} is empty, expected at least one example: fetch the file again")
    return text


def read_json(path: str | Path) -> Any:
    """Read a JSON document.

    Raises:
        DataError: As `read_text`, or not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f"{path} is not JSON ({error}): it is of another format or was truncated"
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


def read_table(path: str | Path, columns: Sequence[str]) -> list[Row]:
    """Read rows with the given columns.

    A first line that names them all is a header, and then other columns may be there too;
    without a header the file has just these columns, in this order.

    Raises:
        DataError: As `read_text`, an unknown suffix, or a row that lacks a column.
    """
    path = Path(path)
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise DataError(
            f"{path} ends in {path.suffix or 'no suffix'!r}, expected one of "
            f"{', '.join(TABLE_SUFFIXES)} with the columns {', '.join(columns)}: rename the file"
        )
    text = read_text(path)
    if path.suffix.lower() == ".jsonl":
        rows = [_object_row(path, n, line, columns) for n, line in _lines(text)]
    else:
        rows = list(_delimited_rows(path, text, columns))
    if not rows:
        raise DataError(f"{path} has a header but no rows, expected at least one: add rows")
    return rows


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, numbered from 1; only a line feed ends a line."""
    return ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())


def _object_row(path: Path, number: int, line: str, columns: Sequence[str]) -> Row:
    where = f"{path}, line {number}"
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where} is not JSON ({error}): give one JSON object a line") from error
    if not isinstance(value, dict) or not set(columns) <= value.keys():
        raise DataError(
            f"{where} has {describe(value)}, expected an object with {', '.join(columns)}: "
            "rename or add the keys"
        )
    return Row(where, value)


def _delimited_rows(path: Path, text: str, columns: Sequence[str]) -> Iterator[Row]:
    quoted = path.suffix.lower() == ".csv"
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter="," if quoted else "\t",
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        strict=True,
    )
    names: Sequence[str] | None = None
    try:
        for cells in reader:
            if names is None:
                header = set(columns) <= set(cells)
                names = cells if header else columns
                if header:
                    continue
            if any(cell.strip() for cell in cells):
                yield _named(f"{path}, line {reader.line_num}", cells, names)
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num} is no valid row ({error}): check its quotes"
        ) from error


def _named(where: str, cells: list[str], names: Sequence[str]) -> Row:
    if len(cells) != len(names):
        raise DataError(
            f"{where} has {len(cells)} columns, expected {len(names)} ({', '.join(names)}): "
            "correct the row, or the file's suffix (.csv for commas, .tsv for tabs)"
        )
    return Row(where, dict(zip(names, cells, strict=True)))
