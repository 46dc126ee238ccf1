r"""Formats whose rows are lines: text, JSON lines, and CSV, whose rows may span lines.

Lines end with ``\n`` or ``\r\n`` alone. `str.splitlines` also ends them at U+2028 and a dozen
other characters that are text here.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from edge_distil.errors import InputError
from edge_distil_apps.embed.rows import LONGEST, ROWS, BadRow, Fields, Place

_TOO_LONG = BadRow(f"is longer than {LONGEST >> 20} MiB, the longest row that is read")


@dataclass
class _Lines:
    """The lines of a file from a place on, decoded; knows where the next one begins."""

    file: BinaryIO
    offset: int
    line: int
    too_long: bool = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST)
        if not line:
            raise StopIteration
        self.offset += len(line)
        self.line += 1
        rest = line
        while len(rest) == LONGEST and not rest.endswith(b"\n"):
            self.too_long = True
            rest = self.file.readline(LONGEST)
            self.offset += len(rest)
        return line.decode("utf-8", "surrogateescape")

    @property
    def place(self) -> Place:
        """Where the next line begins."""
        return self.offset, self.line


def _open(path: Path, place: Place | None) -> _Lines:
    """Open a file at a place, by default after its byte order mark."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): check it") from error
    if place is None:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            file.close()
            raise InputError(f"{path} is UTF-16, expected UTF-8: convert it (iconv -f utf-16)")
        place = (3 if head.startswith(codecs.BOM_UTF8) else 0, 1)
    file.seek(place[0])
    return _Lines(file, *place)


class Text:
    """A text a line; an empty line is an empty text."""

    def columns(self, path: Path) -> dict[str, bool]:
        """Return the one name that the lines go by."""
        return {"text": True}

    def places(self, path: Path) -> Iterator[Place]:
        """Yield where each row begins."""
        return (place for place, _ in self._lines(path, None))

    def rows(
        self, path: Path, place: Place | None, column: str, keep: tuple[str, ...]
    ) -> Iterator[tuple[Place, Fields | BadRow]]:
        """Yield the rows from a place on."""
        for start, line in self._lines(path, place):
            if isinstance(line, BadRow):
                yield start, line
            else:
                text = line.removesuffix("\n").removesuffix("\r") if line[-1:] == "\n" else line
                yield start, Fields(text, (text,) * len(keep))

    def _lines(self, path: Path, place: Place | None) -> Iterator[tuple[Place, str | BadRow]]:
        lines = _open(path, place)
        with lines.file:
            start = lines.place
            for line in lines:
                yield start, _TOO_LONG if lines.too_long else line
                start, lines.too_long = lines.place, False


class JsonLines:
    """A JSON object a line; blank lines are no rows."""

    def columns(self, path: Path) -> dict[str, bool]:
        """Return the keys of the first rows, and whether they hold text."""
        found: dict[str, bool] = {}
        for _, line in islice(self._lines(path, None), ROWS):
            try:
                row = _parse(line)
            except BadRow:
                continue
            for key, value in row.items():
                found[key] = found.get(key, False) or isinstance(value, str)
        return found

    def places(self, path: Path) -> Iterator[Place]:
        """Yield where each row begins."""
        return (place for place, _ in self._lines(path, None))

    def rows(
        self, path: Path, place: Place | None, column: str, keep: tuple[str, ...]
    ) -> Iterator[tuple[Place, Fields | BadRow]]:
        """Yield the rows from a place on; a kept value that is no string is kept as JSON."""
        for start, line in self._lines(path, place):
            try:
                row = _parse(line)
                if column not in row:
                    raise BadRow(f"has no key {column!r}, only {', '.join(row) or 'none'}")
                yield start, Fields(row[column], tuple(_as_text(row.get(k)) for k in keep))
            except BadRow as problem:
                yield start, problem

    def _lines(self, path: Path, place: Place | None) -> Iterator[tuple[Place, str | BadRow]]:
        return ((p, line) for p, line in Text()._lines(path, place) if not _is_blank(line))


@dataclass(frozen=True)
class Csv:
    """Comma- or tab-separated values with a header, as RFC 4180 has it; blank lines are no rows."""

    delimiter: str = ","

    def columns(self, path: Path) -> dict[str, bool]:
        """Return the names in the header; all may hold text."""
        return dict.fromkeys(self._header(path), True)

    def places(self, path: Path) -> Iterator[Place]:
        """Yield where each row begins, the header left out."""
        return (place for place, _ in islice(self._records(path, None), 1, None))

    def rows(
        self, path: Path, place: Place | None, column: str, keep: tuple[str, ...]
    ) -> Iterator[tuple[Place, Fields | BadRow]]:
        """Yield the rows from a place on."""
        names = self._header(path)
        text, kept = names.index(column), [names.index(name) for name in keep]
        for start, fields in islice(self._records(path, place), int(place is None), None):
            if isinstance(fields, BadRow):
                yield start, fields
            elif len(fields) != len(names):
                yield start, BadRow(f"has {len(fields)} fields, expected {len(names)}")
            else:
                yield start, Fields(fields[text], tuple(fields[index] for index in kept))

    def _header(self, path: Path) -> list[str]:
        _, fields = next(self._records(path, None), (None, []))
        if isinstance(fields, BadRow):
            raise InputError(f"the header of {path} {fields}: expected the columns' names")
        return fields

    def _records(
        self, path: Path, place: Place | None
    ) -> Iterator[tuple[Place, list[str] | BadRow]]:
        csv.field_size_limit(LONGEST)  # of the whole process; csv's own 128 KiB is too little
        lines = _open(path, place)
        # strict, or a quote that is never closed would swallow the rest of the file unreported
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        with lines.file:
            while True:
                start, lines.too_long = lines.place, False
                try:
                    fields = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield start, BadRow(f"is no valid CSV: {error} (line {lines.line - 1})")
                else:
                    if fields:
                        yield start, _TOO_LONG if lines.too_long else fields


def _is_blank(line: str | BadRow) -> bool:
    return isinstance(line, str) and line.isspace()


def _parse(line: str | BadRow) -> dict[str, Any]:
    if isinstance(line, BadRow):
        raise line
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadRow(f"is no valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadRow(f"is a JSON {type(row).__name__}, expected an object")
    return row


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
