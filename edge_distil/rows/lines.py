r"""Lines of text. They end with ``\n`` or ``\r\n``, in a file without ``\n`` also with ``\r``.

`str.splitlines` also ends them at U+2028, form feed and a dozen other characters that are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_distil.rows.encoding import decoded, recognise
from edge_distil.rows.row import LONGEST, TOO_LONG, BadRow, Column, Place, Values

_LF = re.compile("\n")
_ANY = re.compile("\r\n|\r|\n")


class Lines:
    """The lines of a file from a place on, with their ends; knows where the next one begins.

    Attributes:
        too_long: The last line was longer than `LONGEST`; an empty line stands in its place.

    Args:
        path: The file.
        place: Where to begin; by default after its byte order mark.
        any_end: A carriage return alone ends a line too.

    Raises:
        RowsError: The file cannot be read, or is not text.
    """

    def __init__(self, path: Path, place: Place | None = None, *, any_end: bool) -> None:
        self._encoding = recognise(path)
        self._offset, self._line = place or (self._encoding.start, 1)
        self._pieces = decoded(path, self._encoding, self._offset)
        self._end = _ANY if any_end else _LF
        self._buffer, self._at, self._ended = "", 0, False
        self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        dropped, end = 0, self._find(self._at)
        while end is None:
            if len(self._buffer) - self._at > LONGEST:  # its bytes are counted, not kept
                keep = len(self._buffer) - 1  # it may be half of a line's end
                dropped += self._encoding.size(self._buffer[self._at : keep])
                self._at = keep
            seen = len(self._buffer) - self._at
            self._fill()
            end = self._find(max(0, seen - 1))
        line = self._buffer[self._at : end]
        if not line and not dropped:
            raise StopIteration
        self._at = end
        size = dropped + self._encoding.size(line)
        self._offset += size
        self._line += 1
        self.too_long = size > LONGEST
        return "\n" if self.too_long else line

    @property
    def place(self) -> Place:
        """Where the next line begins."""
        return self._offset, self._line

    def _find(self, start: int) -> int | None:
        """Return where the line ends, ``None`` if that is not read yet."""
        found = self._end.search(self._buffer, start)
        if found and (found[0] != "\r" or found.end() < len(self._buffer) or self._ended):
            return found.end()
        return len(self._buffer) if self._ended else None

    def _fill(self) -> None:
        piece = next(self._pieces, "")
        self._ended = not piece
        self._buffer, self._at = self._buffer[self._at :] + piece, 0


def has_no_line_feed(path: Path) -> bool:
    r"""Return whether lines end with ``\r``, as old Macs wrote them: no ``\n`` is there at all.

    Raises:
        RowsError: The file cannot be read, or is not text.
    """
    encoding = recognise(path)
    found = False
    for piece in decoded(path, encoding, encoding.start):
        if "\n" in piece:
            return False
        found = found or "\r" in piece
    return found


def split_lines(text: str) -> list[str]:
    r"""Cut text into lines as `Text` does, for texts that are in memory already.

    >>> split_lines("one\u2028two\r\n\nthree"), split_lines("a\rb"), split_lines("")
    (['one\u2028two', '', 'three'], ['a', 'b'], [])
    """
    end = r"\r\n?" if "\n" not in text else r"\r?\n"
    lines = re.split(end, text)
    return lines if lines[-1] else lines[:-1]


class Text:
    """A text a line; an empty line is an empty text.

    Args:
        path: The file.

    Raises:
        RowsError: It cannot be read, or is not text.
    """

    columns = (Column("text", True),)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._any_end = has_no_line_feed(path)

    def places(self) -> Iterator[Place]:
        """Yield where each row begins."""
        return (place for place, _ in self.lines(None))

    def rows(
        self, place: Place | None, need: Sequence[str], want: Sequence[str] = ()
    ) -> Iterator[tuple[Place, Values | BadRow]]:
        """Yield the rows from a place on; see `Table`."""
        count = len(need) + len(want)
        for start, line in self.lines(place):
            yield start, line if isinstance(line, BadRow) else (line,) * count

    def lines(self, place: Place | None) -> Iterator[tuple[Place, str | BadRow]]:
        """Yield the lines from a place on, without their ends."""
        lines = Lines(self.path, place, any_end=self._any_end)
        start = lines.place
        for line in lines:
            yield start, TOO_LONG if lines.too_long else self._without_end(line)
            start = lines.place

    def _without_end(self, line: str) -> str:
        if line.endswith("\n"):
            return line[:-1].removesuffix("\r")
        return line.removesuffix("\r") if self._any_end else line
