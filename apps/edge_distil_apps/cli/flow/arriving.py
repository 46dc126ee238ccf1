"""The lines of stdin as they come, so that each is answered before the next one is there."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator

from edge_distil.errors import InputError
from edge_distil.rows import decode, split_lines
from edge_distil_apps.cli.flow.given import Fields, Given, of_line

_AT_ONCE = 1 << 20  # bytes; of a pipe what is in it, at most 64 KiB


def groups(jsonl: bool, fields: Fields) -> Iterator[list[Given]]:
    """Yield what lines give to a task, those there at once together.

    Args:
        jsonl: They are JSON objects; empty ones are passed over.
        fields: What a line holds.

    Raises:
        InputError: stdin cannot be read, is not text, or a line does not hold that; those before it
            were yielded.
    """
    first = 1
    for lines in _arriving():
        group: list[Given] = []
        try:
            for number, line in enumerate(lines, first):
                given = of_line(line, f"line {number} of stdin", fields, jsonl)
                group += [given] if given else []
        except InputError:
            if group:
                yield group
            raise
        first += len(lines)
        if group:
            yield group


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
