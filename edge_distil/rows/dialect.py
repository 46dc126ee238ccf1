r"""How a file of delimited values was written: its delimiter, its quotes, its header.

The standard library's `csv.Sniffer` guesses from letters that often occur, and is wrong on texts.
Here a delimiter is one that gives every row the width of the first. Quotes are syntax wherever the
delimiter is no tab (RFC 4180). Files with tabs are met with and without quoting (a csv writer's,
SST-2's); theirs are syntax where all of the file is as a csv writer would have written it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge_distil.errors import RowsError
from edge_distil.rows.lines import Lines
from edge_distil.rows.row import LONGEST

_DELIMITERS = ",;\t|"
_LINES = 200  # that tell the delimiter
_EXCEL = re.compile(r"sep=([,;\t|])[\r\n]*")  # the first line that Excel reads and writes
_FIELD = re.compile(r'"((?:[^"]|"")*)"(?=\t|\Z)|([^\t]*)')
_NEEDS_QUOTES = re.compile(r'[\t\r\n"]|^\s|\s$|^$')
_NUMBER = re.compile(r"[+-]?(\d[\d.,]*|[.,]\d+)([eE][+-]?\d+)?\s*%?", re.ASCII)
_NAME = re.compile(r"[^\W\d][\w.:/#-]*( [\w.:/#-]+){0,2}")  # "text", "sentence1", "Review Title"


class Dialect(NamedTuple):
    """How fields are told apart.

    Attributes:
        delimiter: One character.
        quoted: Quotes are syntax; else they are characters like any other.
        skip: Lines before the first row.
    """

    delimiter: str
    quoted: bool
    skip: int

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Read rows as the standard library does, and refuse what is not well-formed."""
        csv.field_size_limit(LONGEST)  # of the whole process; csv's own 128 KiB is too little
        if self.quoted:
            return csv.reader(lines, delimiter=self.delimiter, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)


def find_dialect(path: Path) -> Dialect:
    """Tell how a file was written.

    Raises:
        RowsError: The file cannot be read, or it cannot be told what its quotes mean.
    """
    lines = list(islice(Lines(path, any_end=True), _LINES))
    named = _EXCEL.fullmatch(lines[0]) if lines else None
    tabs_first = path.suffix.lower() != ".csv"
    order = "\t" + _DELIMITERS.replace("\t", "") if tabs_first else _DELIMITERS
    delimiter = named[1] if named else max(order, key=lambda one: _evenness(lines, one))
    skip = int(named is not None)
    quoted = delimiter != "\t" or _quotes_are_syntax(path, skip)
    return Dialect(delimiter, quoted, skip)


def _evenness(lines: Sequence[str], delimiter: str) -> float:
    """Return the share of rows that have as many fields as the first, which has several.

    >>> _evenness(["id;text", "1;a, b"], ";"), _evenness(["id;text", "1;a, b"], ",")
    (1.0, 0.0)
    """
    csv.field_size_limit(LONGEST)
    try:
        widths = [len(fields) for fields in csv.reader(lines, delimiter=delimiter) if fields]
    except csv.Error:
        return 0.0
    return widths.count(widths[0]) / len(widths) if widths and widths[0] > 1 else 0.0


def _quotes_are_syntax(path: Path, skip: int) -> bool:
    """Tell whether a csv writer made a file with tabs.

    It quotes each field that needs it, and then none or all of the other texts. Where each line is
    a row by itself, quotes that close on another line are no syntax.

    Raises:
        RowsError: It has one column, and it cannot be told how many rows it is.
    """
    if not any('"' in line for line in Lines(path, any_end=True)):
        return False
    found = _Quotes()
    try:
        for record in _records(path, skip):
            found.add(record)
    except csv.Error:
        return False
    if found.stray or (found.needless and found.bare):
        return False
    by_line = {line.count("\t") + 1 for line in Lines(path, any_end=True) if line.strip("\r\n")}
    if len(by_line) > 1 or not (found.spanning or len(found.widths) > 1):
        return True
    if by_line == {1} and not found.doubled:
        raise RowsError(
            f"{path}, line {found.spanning} opens a quote that another line closes, and it cannot "
            "be told whether these are one text or several: save it as .csv if quotes are syntax, "
            "as .txt or .jsonl if not"
        )
    return by_line == {1}


class _Record(NamedTuple):
    """A row, read with quotes as syntax: its first line, characters, fields and lines."""

    line: int
    raw: str
    width: int
    lines: int


@dataclass
class _Quotes:
    """What a file's quotes look like.

    Attributes:
        stray: A quote stands in a field that is not quoted: a csv writer would have quoted it.
        needless: A field is quoted that need not be.
        bare: A text is not quoted.
        doubled: A quoted field has quotes inside.
        spanning: The first line of a row of several lines, or 0.
        widths: Of all rows.
    """

    stray: bool = False
    needless: bool = False
    bare: bool = False
    doubled: bool = False
    spanning: int = 0
    widths: set[int] = field(default_factory=set)

    def add(self, record: _Record) -> None:
        """Look at one more row."""
        self.widths.add(record.width)
        if record.lines > 1 and not self.spanning:
            self.spanning = record.line
        for quoted, text in _fields(record.raw.rstrip("\r\n")):
            needed = bool(_NEEDS_QUOTES.search(text))
            self.stray |= not quoted and '"' in text
            self.needless |= quoted and not needed
            self.bare |= not (quoted or needed or is_number(text))
            self.doubled |= quoted and '"' in text


def _records(path: Path, skip: int) -> Iterator[_Record]:
    lines = Lines(path, any_end=True)
    for _ in range(skip):
        next(lines, None)
    taken: list[str] = []

    def feed() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    first = lines.place[1]
    for fields in Dialect("\t", True, skip).reader(feed()):
        if fields:
            yield _Record(first, "".join(taken), len(fields), len(taken))
        first = lines.place[1]
        taken.clear()


def _fields(raw: str) -> Iterator[tuple[bool, str]]:
    r"""Yield whether each field of a record is quoted, and what it says.

    >>> list(_fields('1\t"a ""b"" c"\td'))
    [(False, '1'), (True, 'a "b" c'), (False, 'd')]
    """
    at = 0
    while at <= len(raw):
        found = _FIELD.match(raw, at)
        if found is None:  # it matches anything, also nothing
            return
        quoted = found[1] is not None
        yield quoted, found[1].replace('""', '"') if quoted else found[2]
        at = found.end() + 1


def is_number(text: str) -> bool:
    """Return whether a field holds a number, as people and programs write them.

    >>> [is_number(text) for text in ("3", "-0,5", "1.2e-3", "12 %", "", "a1", "²")]
    [True, True, True, True, False, False, False]
    """
    return _NUMBER.fullmatch(text.strip()) is not None


def has_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether a row names the columns of those below it.

    It does not where it is a row like the others: a number over numbers, or words that make no
    name. A blank cell (an index of pandas) says nothing.

    >>> has_header(["id", "body"], [["1", "a ship"], ["2", "a lamp"]])
    True
    >>> has_header(["a fine film", "1"], [["a dull one", "0"]])
    False
    """
    for index, name in enumerate(first):
        below = [row[index] for row in rows if len(row) > index and row[index].strip()]
        numbers = bool(below) and all(map(is_number, below))
        if is_number(name) and (numbers or not below):
            return False
        if numbers and name.strip():
            return True
    return all(_NAME.fullmatch(name.strip()) or not name.strip() for name in first)
