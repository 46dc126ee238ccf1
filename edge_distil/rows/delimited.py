"""Delimited values: rows of fields, which may span lines, with or without a header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge_distil.errors import RowsError
from edge_distil.rows.dialect import find_dialect, has_header, is_number
from edge_distil.rows.lines import Lines
from edge_distil.rows.row import SAMPLE, TOO_LONG, BadRow, Column, Place, Values, broken_character

_WEB_PAGE = re.compile(r"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)  # in a file's place


class Delimited:
    """Comma-, semicolon-, tab- or bar-separated values; a blank line is no row.

    A row that is not well-formed costs its own line and no other: where a quote is never closed,
    reading goes on with the next line.

    Args:
        path: The file.
        known: Names that are looked for. A first row that has them all is a header.
        positional: A first row that has not is a row, of just the columns `known`. Otherwise its
            own look tells (`has_header`), and columns without a header are called 1, 2, 3.
        no_header: The first row is a row, whatever it looks like.

    Attributes:
        first: The first row, whether it is a header or not.
        header: There is one.
        guessed: That was told from its look alone.

    Raises:
        RowsError: The file cannot be read, or cannot be understood.
    """

    def __init__(
        self, path: Path, known: Sequence[str], *, positional: bool = False, no_header: bool = False
    ) -> None:
        self.path = path
        self._dialect = find_dialect(path)
        first, *sample = self._sample() or [[]]
        self.first, self._below = tuple(first), sample
        named = bool(first) and not no_header and set(known) <= set(first)
        told = bool(first) and not (named or no_header or positional)
        self.guessed = told and has_header(first, sample)
        self.header = named or self.guessed
        if self.header:
            names = list(first)
        else:
            sample = [first, *sample]
            names = list(known) if positional else [str(n) for n, _ in enumerate(first, 1)]
        self._names = names
        self.columns = tuple(_column(name, n, sample) for n, name in enumerate(names))

    def names_columns(self, known: Sequence[str]) -> bool:
        """Whether the first row names columns: some that are known, or words above numbers."""
        rows = [row for row in self._below if len(row) == len(self.first)]
        above = any(
            not is_number(name) and rows and all(is_number(row[index]) for row in rows)
            for index, name in enumerate(self.first)
        )
        return above or bool(set(known) & set(self.first))

    @property
    def delimiter(self) -> str:
        """What stands between the fields."""
        return self._dialect.delimiter

    def places(self) -> Iterator[Place]:
        """Yield where each row begins, the header left out."""
        return (place for place, _ in self._rows(None))

    def rows(
        self, place: Place | None, need: Sequence[str], want: Sequence[str] = ()
    ) -> Iterator[tuple[Place, Values | BadRow]]:
        """Yield the rows from a place on; see `Table`."""
        chosen = [self._names.index(name) for name in (*need, *want)]
        width = len(self._names)
        for start, fields in self._rows(place):
            if isinstance(fields, BadRow):
                yield start, fields
            elif len(fields) != width:
                yield start, _wrong_width(fields, width)
            else:
                yield start, tuple(fields[index] for index in chosen)

    def _sample(self) -> list[list[str]]:
        found = []
        for number, (_, fields) in enumerate(islice(self._records(None), SAMPLE + 1)):
            if isinstance(fields, BadRow):
                if number == 0:
                    raise RowsError(f"the first row of {self.path} {fields}: correct it")
                continue
            found.append(fields)
        if found and found[0] and _WEB_PAGE.match(found[0][0]):
            raise RowsError(f"{self.path} is a web page, expected rows: fetch the file itself")
        return found

    def _rows(self, place: Place | None) -> Iterator[tuple[Place, list[str] | BadRow]]:
        blank_is_row = len(self._names) == 1
        for start, fields in islice(self._records(place), int(place is None and self.header), None):
            if blank_is_row or isinstance(fields, BadRow) or len(fields) != 1 or fields[0].strip():
                yield start, fields

    def _records(self, place: Place | None) -> Iterator[tuple[Place, list[str] | BadRow]]:
        """Yield all records from a place on, those that are wrong too."""
        lines = _Feed(Lines(self.path, place, any_end=True))
        for _ in range(self._dialect.skip if place is None else 0):
            next(lines, None)
        reader = self._dialect.reader(lines)
        while True:
            start = lines.begin()
            found: list[str] | BadRow
            try:
                found = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                found = BadRow(f"is not valid CSV: {error} (line {lines.place[1] - 1})")
            if lines.any_too_long:
                found = TOO_LONG
            if found:
                yield start, found
            if isinstance(found, BadRow):
                lines.keep_first()
                reader = self._dialect.reader(lines)


class _Line(NamedTuple):
    text: str
    next: Place
    too_long: bool


class _Feed:
    """Lines for a csv reader, which can be given back: a broken record costs its first alone."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._taken: list[_Line] = []
        self._again: list[_Line] = []  # the next one last
        self.place = lines.place

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.pop()
        else:
            text = next(self._lines)
            line = _Line(text, self._lines.place, self._lines.too_long)
        self._taken.append(line)
        self.place = line.next
        return line.text

    def begin(self) -> Place:
        """Begin a record; return where."""
        self._taken.clear()
        return self.place

    @property
    def any_too_long(self) -> bool:
        """Whether the record has a line that is too long."""
        return any(line.too_long for line in self._taken)

    def keep_first(self) -> None:
        """Give back the lines of the record but its first."""
        self._again += reversed(self._taken[1:])
        self.place = self._taken[0].next


def _wrong_width(fields: Sequence[str], expected: int) -> BadRow:
    broken = next(filter(None, map(broken_character, fields)), None)
    count = f"{len(fields)} field{'s' * (len(fields) != 1)}"
    return BadRow(broken or f"has {count}, expected {expected}")


def _column(name: str, index: int, rows: Sequence[Sequence[str]]) -> Column:
    values = [row[index] for row in rows if len(row) > index and row[index].strip()]
    return Column(name, True, bool(values) and all(map(is_number, values)))
