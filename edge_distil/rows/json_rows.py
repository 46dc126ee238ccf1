"""Rows of JSON: an object a line, a list, the list "data" of an object, or objects in a row."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

from edge_distil._reading.printable import printable
from edge_distil.errors import RowsError
from edge_distil.rows.json_stream import JsonStream, RepeatedKey, unique
from edge_distil.rows.lines import Text
from edge_distil.rows.row import SAMPLE, BadRow, Column, Place, Values

_KEYS, _KEY = 6, 40  # keys of a row in a message, and characters of each
_DATA = "data"  # the key of a list of rows, as in SQuAD's files and `datasets`' field="data"


class _Layout(Enum):
    LINES = "a value a line"
    LIST = "a list"
    DATA = 'a list under "data"'
    VALUES = "values one after another, over several lines each"


class JsonRows:
    """Objects, whose keys are the columns; a string stands for an object with it as `text`.

    Blank lines are no rows. A line of JSON lines that is broken is a bad row; a document that is
    broken is refused, for nobody knows what the rest of it would have been.

    Args:
        path: The file, whatever it ends in: what it holds tells how its rows lie.

    Raises:
        RowsError: It cannot be read, is not text, or is a document that is not JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = Text(path)
        self._layout = self._find_layout()
        found: dict[str, bool] = {}
        for _, row in islice(self._rows(None), SAMPLE):
            for key, value in {} if isinstance(row, BadRow) else row.items():
                found[key] = found.get(key, False) or isinstance(value, str)
        self.columns = tuple(Column(*column) for column in found.items())

    def places(self) -> Iterator[Place]:
        """Yield where each row begins.

        Raises:
            RowsError: A document is broken further on.
        """
        if self._layout is _Layout.LINES:
            return (place for place, _ in self._lines(None))
        return (place for place, _ in self._document(None))

    def rows(
        self, place: Place | None, need: Sequence[str], want: Sequence[str] = ()
    ) -> Iterator[tuple[Place, Values | BadRow]]:
        """Yield the rows from a place on; see `Table`."""
        for start, row in self._rows(place):
            if isinstance(row, BadRow):
                yield start, row
            elif missing := [name for name in need if name not in row]:
                kept = tuple(map(row.get, want))
                yield start, BadRow(f"has no key {missing[0]!r}, only {_shown(row)}", kept)
            else:
                yield start, (*(row[name] for name in need), *map(row.get, want))

    def _rows(self, place: Place | None) -> Iterator[tuple[Place, dict[str, Any] | BadRow]]:
        if self._layout is _Layout.LINES:
            return ((start, _row(_parsed(line))) for start, line in self._lines(place))
        return ((start, _row(value)) for start, value in self._document(place))

    def _lines(self, place: Place | None) -> Iterator[tuple[Place, str | BadRow]]:
        lines = self._text.lines(place)
        return ((p, line) for p, line in lines if isinstance(line, BadRow) or line.strip())

    def _document(self, place: Place | None) -> Iterator[tuple[Place, Any]]:
        """Yield the values of a document, and see that nothing but its end follows."""
        stream = JsonStream(self.path, place)
        is_list = self._layout in (_Layout.LIST, _Layout.DATA)
        if place is None and is_list:
            if self._layout is _Layout.DATA:
                _find_data(stream)
            stream.take("[")
        if stream.peek() != ("]" if is_list else ""):
            while True:
                stream.peek()
                yield stream.place, stream.value()
                if (is_list and stream.peek() != ",") or not stream.peek():
                    break
                if is_list:
                    stream.take(",")
        if is_list:
            stream.take("]")
        if self._layout is _Layout.DATA:
            _skip_members(stream)
        if stream.peek():
            raise RowsError(
                f"{self.path}, line {stream.place[1]}, goes on after the end of its list of rows: "
                "give one list, or one object a line"
            )

    def _find_layout(self) -> _Layout:
        lines = (line for _, line in self._lines(None))
        first, second = next(lines, None), next(lines, None)
        if first is None or (second is not None and not isinstance(_parsed(first), BadRow)):
            return _Layout.LINES
        if isinstance(first, BadRow) or first.lstrip()[0] not in '[{"':
            return _Layout.LINES
        try:
            stream = JsonStream(self.path)
            if stream.peek() == "[":
                return _Layout.LIST
            if stream.peek() == "{" and _find_data(stream):
                return _Layout.DATA
            stream = JsonStream(self.path)
            stream.value()
        except RowsError:
            others = (line for line in (second, *islice(lines, SAMPLE)) if line is not None)
            if any(isinstance(_parsed(line), dict) for line in others):
                return _Layout.LINES  # of which the first is broken
            raise
        return _Layout.VALUES


def _shown(row: dict[str, Any]) -> str:
    keys = ", ".join(printable(key[:_KEY]) for key in islice(row, _KEYS)) or "none"
    return keys + (", ..." if len(row) > _KEYS else "")


def _find_data(stream: JsonStream) -> bool:
    """Read an object up to its list of rows; return whether it has one."""
    stream.take("{")
    while stream.peek() != "}":
        key = stream.value()
        stream.take(":")
        if key == _DATA and stream.peek() == "[":
            return True
        stream.value()
        if stream.take(",}") == "}":
            break
    return False


def _skip_members(stream: JsonStream) -> None:
    """Read an object to its end."""
    while stream.take(",}") == ",":
        stream.value()
        stream.take(":")
        stream.value()


def _parsed(line: str | BadRow) -> Any:
    if isinstance(line, BadRow):
        return line
    try:
        return json.loads(line, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        return BadRow(f"is not valid JSON: {error.msg} (character {error.pos + 1})")
    except ValueError:
        most = sys.get_int_max_str_digits()
        return BadRow(f"is not valid JSON: it has an integer of more than {most} digits")
    except RecursionError:
        return BadRow("is not valid JSON: it has too many lists or objects inside each other")


def object_of_line(line: str) -> dict[str, Any] | BadRow:
    """Read a line of JSON lines, as `JsonRows` does.

    >>> object_of_line('{"text": "a"}'), object_of_line('"a"'), object_of_line("[]")
    ({'text': 'a'}, {'text': 'a'}, BadRow('is a JSON list, expected an object'))
    """
    return _row(_parsed(line))


def _row(value: Any) -> dict[str, Any] | BadRow:
    if isinstance(value, BadRow):
        return value
    if isinstance(value, RepeatedKey):
        return BadRow("has a key twice, expected each once")
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, dict):
        return value
    return BadRow(f"is a JSON {type(value).__name__}, expected an object")
