"""The units of the work: a row of the input, and a shard, the rows that are done at once."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from edge_distil.calls import kind
from edge_distil.rows import BadRow, Place, Values, broken_character

# Rows of a shard. Two seconds of work for a small model: little is lost when a process dies, and
# a million rows are a thousand files. A shard is embedded as one window, so this number is part
# of what a vector's last bit depends on.
ROWS = 1024


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
        number: From 1, as a person counts; a header is not a row.
        text: What to embed; ``None`` where there is a problem.
        problem: Why the row cannot be embedded.
        line: The line of its file on which it begins, from 1; 0 in Parquet.
        kept: The values of the columns that are carried over: of delimited values strings, of JSON
            what they are, of Parquet Arrow arrays of one row; empty where the row cannot be read.
    """

    number: int
    text: str | None
    problem: str | None = None
    line: int = 0
    kept: tuple[Any, ...] = ()


def make_row(number: int, line: int, read: Values | BadRow) -> Row:
    """Check what was read: the text and every kept string must be whole characters.

    Args:
        number: Of the row.
        line: Where it begins.
        read: Its text and the values that are kept.

    >>> make_row(3, 4, (None,)).problem
    'the text is null, expected text'
    """
    problem: str | None
    if isinstance(read, BadRow):
        text, kept, problem = None, read.kept, str(read)
    else:
        text, *values = read
        kept, problem = tuple(values), _problem(text)
    broken = [broken_character(as_text(value)) for value in kept]
    problem = problem or next(filter(None, broken), None)
    if problem is None:
        return Row(number, text, None, line, kept)
    whole = tuple(None if wrong else value for value, wrong in zip(kept, broken, strict=True))
    return Row(number, None, problem, line, whole)


def as_text(value: Any) -> Any:
    """Write a value of JSON that is neither a string nor null as JSON.

    >>> as_text("a"), as_text(["é", 1]), as_text(None)
    ('a', '["é", 1]', None)
    """
    is_json = isinstance(value, bool | int | float | list | dict)
    return json.dumps(value, ensure_ascii=False) if is_json else value


def _problem(text: Any) -> str | None:
    if text is None:
        return "the text is null, expected text"
    if not isinstance(text, str):
        return f"the text is {kind(text)} ({str(text)[:40]}), expected text"
    return broken_character(text)
