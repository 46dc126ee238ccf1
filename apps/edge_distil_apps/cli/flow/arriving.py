"""The lines of stdin as they come, so that each is answered before the next one is there."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator
from typing import Any

from edge_distil.errors import InputError
from edge_distil.rows import BadRow, decode, object_of_line, split_lines

_AT_ONCE = 1 << 20  # bytes; of a pipe what is in it, at most 64 KiB


def inputs(jsonl: bool, takes_pairs: bool) -> Iterator[tuple[int, Any]]:
    """Yield the number and the input of each line, see `groups`."""
    for group in groups(jsonl, takes_pairs):
        yield from group


def groups(jsonl: bool, takes_pairs: bool) -> Iterator[list[tuple[int, Any]]]:
    """Yield what lines give to a task, with their numbers from 1, those there at once together.

    Args:
        jsonl: They are JSON objects; empty ones are passed over.
        takes_pairs: The task takes pairs of texts.

    Raises:
        InputError: stdin cannot be read, is not text, or a line is no such object; those before it
            were yielded.
    """
    first = 1
    for lines in _arriving():
        group: list[tuple[int, Any]] = []
        try:
            for number, line in enumerate(lines, first):
                if not jsonl:
                    group.append((number, line))
                elif line.strip():
                    group.append((number, _row(number, line, takes_pairs)))
        except InputError:
            if group:
                yield group
            raise
        first += len(lines)
        if group:
            yield group


def _row(number: int, line: str, takes_pairs: bool) -> str | tuple[str, str]:
    row = object_of_line(line)
    if isinstance(row, BadRow):
        raise _wrong_line(number, str(row))
    if "text_pair" not in row:
        return _text(number, row, "text")
    if not takes_pairs:
        raise _wrong_line(number, "has a text_pair, which only a text-classification bundle takes")
    return _text(number, row, "text"), _text(number, row, "text_pair")


def _text(number: int, row: dict[str, Any], key: str) -> str:
    if key not in row:
        raise _wrong_line(number, f"has no key {key!r}")
    value = row[key]
    if not isinstance(value, str):
        raise _wrong_line(number, f"has {value!r} as its {key}, expected a string")
    return value


def _wrong_line(number: int, what: str) -> InputError:
    return InputError(f"line {number} of stdin {what}: correct or remove it")


def _arriving() -> Iterator[list[str]]:
    """Yield lines, those that are there at once together.

    Raises:
        InputError: stdin cannot be read, or is not text.
    """
    held, passed, seen = bytearray(), 0, False
    while data := _read():
        if not passed and not held and data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            while more := _read():
                data += more
            yield split_lines(decode(data, "stdin"))
            return
        end = data.rfind(b"\n") + 1
        held += data[:end]
        if end:
            lines = split_lines(decode(bytes(held), "stdin", passed))
            passed, seen = passed + len(held), True
            held.clear()
            yield lines
        held += data[end:]
    if held:
        text = decode(bytes(held), "stdin", passed)
        yield [text] if seen else split_lines(text)


def _read() -> bytes:
    try:
        found: bytes = sys.stdin.buffer.read1(_AT_ONCE)  # type: ignore[union-attr]
    except OSError as error:
        raise InputError(f"cannot read stdin ({error.strerror}): check it") from error
    return found
