"""The fields of a protobuf message in a file, without protobuf: what is large is stepped over.

Source: the wire format of Protocol Buffers.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple

LARGEST = 2**31 - 1  # bytes of one protobuf or flatbuffer, which .onnx and .ort are
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5  # wire types
_LARGEST_KEY = 2**32 - 1
_FIXED = {FIXED_64: 8, FIXED_32: 4}  # bytes


class Field(NamedTuple):
    """A field of a message: its number and wire type; where it, its content and the next begin."""

    number: int
    kind: int
    start: int
    content: int
    end: int


def fields(data: mmap.mmap, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message that stands from `start` to `end`.

    Raises:
        IndexError: The data ends within a number.
        ValueError: This is no message.
    """
    while start < end:
        key, content = data[start], start + 1  # most numbers take one byte
        if key > 127:
            key, content = _number(data, start)
        if key > _LARGEST_KEY:  # protobuf itself would drop what is beyond, and see another field
            raise ValueError("the key of a field has more than 32 bits")
        kind = key & 7
        if kind == BYTES:
            size, content = data[content], content + 1
            if size > 127:
                size, content = _number(data, content - 1)
            behind = content + size
        elif kind == VARINT:
            behind = _number(data, content)[1]
        elif kind in _FIXED:
            behind = content + _FIXED[kind]
        else:
            raise ValueError(f"wire type {kind} is no field's")
        if behind > end:
            raise ValueError("a field ends behind its message")
        yield Field(key >> 3, kind, start, content, behind)
        start = behind


def number(data: mmap.mmap, at: int) -> int:
    """Return the varint that stands at a place."""
    return _number(data, at)[0]


def numbers(data: mmap.mmap, start: int, end: int) -> Iterator[int]:
    """Yield the varints that stand from `start` to `end`: a packed field's."""
    while start < end:
        value, start = _number(data, start)
        yield value


def _number(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Return a varint, seven bits a byte, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a varint of more than ten bytes")
