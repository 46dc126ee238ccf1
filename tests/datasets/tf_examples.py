"""Read TensorFlow examples without TensorFlow: zlib, TFRecord framing, protobuf wire format.

Source: tensorflow's ``tfrecord`` format and ``example.proto``. Integer and bytes features alone.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

Value = int | bytes
_LENGTH_AND_CRC, _CRC = 12, 4  # bytes before and behind a record's data
_INTEGERS = 3  # field number of Feature.int64_list


def read_examples(path: Path) -> Iterator[dict[str, list[Value]]]:
    """Yield each example's features: name -> values."""
    data, position = zlib.decompress(path.read_bytes()), 0
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        start = position + _LENGTH_AND_CRC
        yield _example(data[start : start + length])
        position = start + length + _CRC


def _example(data: bytes) -> dict[str, list[Value]]:
    features: dict[str, list[Value]] = {}
    for _, entries in _fields(data):
        for _, entry in _fields(_bytes(entries)):
            pair = dict(_fields(_bytes(entry)))
            [(kind, values)] = _fields(_bytes(pair[2]))
            features[_bytes(pair[1]).decode()] = list(_values(kind, _bytes(values)))
    return features


def _values(kind: int, data: bytes) -> Iterator[Value]:
    for _, value in _fields(data):
        if kind == _INTEGERS and isinstance(value, bytes):  # packed
            position = 0
            while position < len(value):
                number, position = _varint(value, position)
                yield number
        else:
            yield value


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, position = _varint(data, position)
        if tag & 7 == 2:  # length-delimited: `number` is the length
            yield tag >> 3, data[position : position + number]
            position += number
        else:
            yield tag >> 3, number


def _varint(data: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[position]
        number |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return number, position


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)
    return value
