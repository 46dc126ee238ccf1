"""JSON values of a file, one after another, in memory for one of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from edge_distil.errors import RowsError
from edge_distil.rows.encoding import decoded, recognise
from edge_distil.rows.row import LONGEST, Place

_BLANK = re.compile(r"[ \t\r\n]*")


class RepeatedKey(dict[str, Any]):
    """An object that has a key twice; `json` would keep the last and drop the others unsaid."""


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the dict of an object, for `json`'s ``object_pairs_hook``."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedKey(found)


class JsonStream:
    """Reads the tokens between values, and values.

    Args:
        path: The file.
        place: Where to begin; by default after its byte order mark.

    Raises:
        RowsError: It cannot be read, is not text, or is not JSON where it is read.
    """

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self._path = path
        self._encoding = recognise(path)
        self._offset, self._line = place or (self._encoding.start, 1)
        self._pieces = decoded(path, self._encoding, self._offset)
        self._decode = json.JSONDecoder(object_pairs_hook=unique).raw_decode
        self._buffer, self._at, self._ended = "", 0, False
        self._counted = 0  # characters of the buffer that the offset covers

    @property
    def place(self) -> Place:
        """Where the next character stands."""
        read = self._buffer[self._counted : self._at]
        self._offset += self._encoding.size(read)
        self._line += read.count("\n")
        self._counted = self._at
        return self._offset, self._line

    def peek(self) -> str:
        """Return the next character that is not blank, "" at the end."""
        while True:
            found = _BLANK.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if self._ended:
                return ""
            self._fill(1)

    def take(self, expected: str) -> str:
        """Read one of some characters.

        Raises:
            RowsError: Another one is there.
        """
        found = self.peek()
        if not found or found not in expected:
            there = repr(found) if found else "the end of the file"
            raise self._wrong(f"{there} where {' or '.join(map(repr, expected))} is expected")
        self._at += 1
        return found

    def value(self) -> Any:
        """Read a value.

        Raises:
            RowsError: There is none, or it is longer than `LONGEST`.
        """
        self.peek()
        more = 1
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
                if end < len(self._buffer) or self._ended:  # else it may be half of a number
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                if self._ended:
                    self._at = getattr(error, "pos", self._at)
                    raise self._wrong(getattr(error, "msg", str(error))) from error
            if len(self._buffer) - self._at > LONGEST:
                raise self._wrong(f"a value that is longer than {LONGEST >> 20} MiB, or broken")
            self._fill(more)
            more *= 2

    def _fill(self, pieces: int) -> None:
        found = [piece for piece in (next(self._pieces, "") for _ in range(pieces)) if piece]
        self._ended = len(found) < pieces
        _ = self.place  # counts what is dropped now
        self._buffer = self._buffer[self._at :] + "".join(found)
        self._at = self._counted = 0

    def _wrong(self, what: str) -> RowsError:
        return RowsError(
            f"{self._path}, line {self.place[1]} is not valid JSON ({what}): correct it"
        )
