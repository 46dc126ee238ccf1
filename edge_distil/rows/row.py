"""What the readers of rows have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

# Bytes of the longest row that is read: a row is held in memory whole.
LONGEST = 16 << 20
# Rows that are looked at to tell what the columns hold.
SAMPLE = 1024

# Where a row begins in a file, as integers, so that it can be written as JSON: (byte, line) in
# text files, (row, 0) in Parquet.
Place = tuple[int, int]
Values = tuple[Any, ...]


class BadRow(ValueError):
    """A row cannot be read; the message says why. It is yielded, and raised in readers alone.

    Attributes:
        kept: Its values of the columns that are wanted and not needed, where these can be read.
    """

    def __init__(self, message: str, kept: Values = ()) -> None:
        super().__init__(message)
        self.kept = kept


TOO_LONG = BadRow(f"is longer than {LONGEST >> 20} MiB, the longest row that is read")


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its name.
        is_text: It can hold text.
        is_number: All that it holds in the first rows are numbers, written as text.
    """

    name: str
    is_text: bool
    is_number: bool = False


class Table(Protocol):
    """The rows of a file."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns; a name may be there twice."""

    def places(self) -> Iterator[Place]:
        """Yield where each row begins."""

    def rows(
        self, place: Place | None, need: Sequence[str], want: Sequence[str] = ()
    ) -> Iterator[tuple[Place, Values | BadRow]]:
        """Yield the rows from a place on, by default from the first.

        Args:
            place: One of `places`.
            need: Columns without which a row is bad.
            want: Columns whose value is ``None`` where a row lacks it.

        Yields:
            Where the row begins, and its values of `need` and then of `want`.
        """


def broken_character(value: Any) -> str | None:
    r"""Return what is wrong with a string that cannot be written as UTF-8, else ``None``.

    >>> broken_character("caf\udce9")
    'cannot be read as UTF-8 text (byte 0xe9 at character 4)'
    """
    if not isinstance(value, str) or value.isascii():
        return None
    try:
        value.encode()
    except UnicodeEncodeError as error:
        code = ord(value[error.start])
        if 0xDC80 <= code <= 0xDCFF:  # how "surrogateescape" keeps a byte that is no character
            return (
                f"cannot be read as UTF-8 text (byte 0x{code - 0xDC00:02x} at character "
                f"{error.start + 1})"
            )
        return f"has half a surrogate pair (U+{code:04X}) at character {error.start + 1}"
    return None
