"""The units of the work: a row of the input, and a shard, the rows that are done at once."""

from __future__ import annotations

from typing import Any, NamedTuple

# Rows of a shard. Two seconds of work for a small model: little is lost when a process dies, and
# a million rows are a thousand files. A shard is embedded as one window, so this number is part
# of what a vector's last bit depends on.
ROWS = 1024

# Bytes of the longest row that is read: a row is held in memory whole.
LONGEST = 16 << 20

# Where a row begins in a file, as integers, so that it can be written as JSON: (byte, line) in
# text files, (row, 0) in Parquet.
Place = tuple[int, int]


class Shard(NamedTuple):
    """Consecutive rows of the input, possibly of several files.

    Attributes:
        number: From 0.
        first: Number of its first row, from 1.
        rows: How many: `ROWS`, in the last shard the rest.
        file: Index of the file in which it begins.
        place: Where it begins there.
    """

    number: int
    first: int
    rows: int
    file: int
    place: Place


class Row(NamedTuple):
    """One row of the input.

    Attributes:
        number: From 1, as a person counts; a header is no row.
        text: What to embed; ``None`` where there is a problem.
        problem: Why the row cannot be embedded.
        line: The line of its file on which it begins, from 1; 0 in Parquet.
        kept: The values of the columns that are carried over: strings or ``None``, from Parquet
            Arrow arrays of one row; empty where the row cannot be read.
    """

    number: int
    text: str | None
    problem: str | None = None
    line: int = 0
    kept: tuple[Any, ...] = ()


class Fields(NamedTuple):
    """What a format reads of a row."""

    text: Any
    kept: tuple[Any, ...] = ()


class BadRow(ValueError):
    """A row cannot be read; the message says why. It never leaves this package."""


def make_row(number: int, line: int, read: Fields | BadRow) -> Row:
    """Check what was read: the text and every kept string must be whole characters.

    >>> make_row(3, 4, Fields(None)).problem
    'the text is null, expected text'
    """
    problem = str(read) if isinstance(read, BadRow) else _problem(read.text)
    kept = () if isinstance(read, BadRow) else read.kept
    if problem is None:
        problem = next((p for p in map(_half_character, kept) if p), None)
    if problem is None and isinstance(read, Fields):
        return Row(number, read.text, None, line, kept)
    whole = tuple(None if _half_character(value) else value for value in kept)
    return Row(number, None, problem, line, whole)


def _problem(text: Any) -> str | None:
    if text is None:
        return "the text is null, expected text"
    if not isinstance(text, str):
        return f"the text is a {type(text).__name__} ({str(text)[:40]}), expected text"
    return _half_character(text)


def _half_character(value: Any) -> str | None:
    """Return what is wrong with a string that cannot be written as UTF-8."""
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
