"""A model whose weights are in memory once while onnxruntime loads it.

onnxruntime parses a model file whole, and what it then packs for its matrix products comes on top:
fp32 takes 1.3 times its file while it is loaded. Weights outside of a model (external data) it maps
instead, and lets go of those that it has packed. So it is given the model without its weights,
which says of each at what byte of the file it stands. Those that are not packed, such as tables of
embeddings, would stay mapped, and an edit of the file would change them: they are read, and given
as arrays, also where a model keeps its weights in a second file. The graph is the same, and so is
each bit of what it gives.

Source: the field numbers of ``onnx.proto``.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil._reading import protobuf
from edge_distil._reading.protobuf import Field

# onnxruntime's option: where a model that is given as bytes has its external data.
FOLDER = "session.model_external_initializers_file_folder_path"

_MAPS = Path("/proc/self/maps")
_LEAST = 1 << 16  # bytes of a tensor that is worth a mapping of its own
_MOST_FIELDS = 200_000  # a model of ours has some thousand; a hostile one would take minutes

_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER = 1, 5  # of GraphProto
_INPUT, _OPERATOR = 1, 4  # of NodeProto
_DIMS, _DATA_TYPE, _NAME, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 8, 9, 13, 14
_EXTERNAL = 1  # a data location
_LOCATION = b"location"
_NUMBERED = enumerate("f4 u1 i1 u2 i2 i4 i8 - ? f2 f8 u4 u8".split(), 1)
_TYPES = {number: np.dtype(name) for number, name in _NUMBERED if name != "-"}  # texts
# Operators that pack their second input. Should they not, it is found mapped afterwards.
_PACKING = (b"MatMul", b"Gemm", b"MatMulInteger", b"MatMulIntegerToFloat")


class Weightless(NamedTuple):
    """A model without its large weights, those of them that are not packed, and all their files."""

    model: bytes
    arrays: dict[str, NDArray[np.generic]]
    files: set[Path]


class _Weights(NamedTuple):
    """A tensor outside of the model: its name, type and shape; its file, and where it begins."""

    name: bytes
    kind: int
    shape: tuple[int, ...]
    file: str
    start: int


def without_weights(path: Path, *, packed: bool = True) -> Weightless | None:
    """Return a model whose large weights are external data, in the model's own file.

    Args:
        path: The model file.
        packed: Leave what onnxruntime packs as a rule to be mapped; give all as arrays otherwise.

    ``None`` where that gains nothing or cannot be told: elsewhere than on Linux (where `are_mapped`
    works), of another format, damaged, or of small weights in the model's own file alone.
    """
    if sys.platform != "linux" or path.suffix != ".onnx" or "\n" in str(path):
        return None
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data, path).read(packed)
    except (OSError, ValueError, IndexError, OverflowError):  # onnxruntime will say what is wrong
        return None


def are_mapped(files: set[Path]) -> bool:
    """Return whether a part of a file is mapped into this process, so that an edit would show."""
    lines = _MAPS.read_bytes().split(b"\n")[:-1]  # no other separator: names may hold them
    names = {line.split(maxsplit=5)[-1].removesuffix(b" (deleted)") for line in lines}
    return any(os.fsencode(path.resolve()) in names for path in files)


class _Reader:
    """Reads a model's messages no deeper than its nodes and tensors."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._left = _MOST_FIELDS
        self._large: list[_Weights] = []
        self._elsewhere: set[bytes] = set()  # inputs of nodes that do not pack them

    def read(self, packed: bool) -> Weightless | None:
        """Return the model and its arrays, or ``None`` where no tensor is large or outside."""
        model = self._changed(0, len(self._data), {_GRAPH: self._graph})
        arrays = {
            weights.name.decode(): self._array(weights)
            for weights in self._large
            if not packed or weights.name in self._elsewhere
        }
        files = {self._path.with_name(weights.file) for weights in self._large}
        return Weightless(model, arrays, files) if self._large else None

    def _array(self, weights: _Weights) -> NDArray[np.generic]:
        file = self._path.with_name(weights.file)
        kind, count = _TYPES[weights.kind], math.prod(weights.shape)
        if weights.start + count * kind.itemsize > file.stat().st_size:  # no room is made
            raise ValueError("a tensor ends behind its file")
        return np.fromfile(file, kind, count, offset=weights.start).reshape(weights.shape)

    def _graph(self, graph: Field) -> bytes:
        changes = {_NODE: self._node, _INITIALIZER: self._tensor}
        return self._changed(graph.content, graph.end, changes)

    def _node(self, node: Field) -> None:
        fields = self._fields(node.content, node.end)
        inputs = [self._content(field) for field in fields if field.number == _INPUT]
        operator = next((self._content(f) for f in fields if f.number == _OPERATOR), b"")
        packed = inputs[1:2] if operator in _PACKING else []
        self._elsewhere.update(inputs[:1], inputs[len(packed) + 1 :])

    def _tensor(self, tensor: Field) -> bytes | None:
        if (
            tensor.end - tensor.content < _LEAST
            and self._data.find(_LOCATION, tensor.content, tensor.end) < 0
        ):
            return None
        fields = self._fields(tensor.content, tensor.end)
        raw = [field for field in fields if field.number == _RAW_DATA]
        large = len(raw) == 1 and raw[0].end - raw[0].content >= _LEAST
        place = (self._path.name, raw[0].content) if large else self._outside(fields)
        weights = self._weights(fields, *place) if place else None
        if weights is None:
            return None
        self._large.append(weights)
        if not large:  # it says itself where its bytes are
            return None
        kept = b"".join(self._data[f.start : f.end] for f in fields if f.number != _RAW_DATA)
        where = {
            _LOCATION: self._path.name.encode(),
            b"offset": b"%d" % raw[0].content,
            b"length": b"%d" % (raw[0].end - raw[0].content),
        }
        entries = (
            _message(_EXTERNAL_DATA, _message(1, k) + _message(2, v)) for k, v in where.items()
        )
        return kept + b"".join(entries) + _varint(_DATA_LOCATION << 3) + _varint(_EXTERNAL)

    def _outside(self, fields: list[Field]) -> tuple[str, int] | None:
        """Return the file beside the model in which a tensor stands, and where it begins there."""
        entries = (field for field in fields if field.number == _EXTERNAL_DATA)
        found: dict[bytes, bytes] = {}
        for entry in entries:
            parts = self._fields(entry.content, entry.end)
            pair = {field.number: self._content(field) for field in parts}
            found[pair.get(1, b"")] = pair.get(2, b"")
        name = found.get(_LOCATION, b"").decode()
        return (name, int(found.get(b"offset", 0))) if name and name == Path(name).name else None

    def _weights(self, fields: list[Field], file: str, start: int) -> _Weights | None:
        """Return a tensor of a form that can be read; ``None`` of others."""
        name = next((self._content(f) for f in fields if f.number == _NAME), b"")
        kinds = [protobuf.number(self._data, f.content) for f in fields if f.number == _DATA_TYPE]
        if len(kinds) != 1 or kinds[0] not in _TYPES:
            return None
        return _Weights(name, kinds[0], tuple(self._dims(fields)), file, start)

    def _dims(self, fields: list[Field]) -> Iterator[int]:
        """Yield a tensor's sizes, which may stand one by one or packed."""
        for field in fields:
            if field.number == _DIMS and field.kind == protobuf.VARINT:
                yield protobuf.number(self._data, field.content)
            elif field.number == _DIMS:
                yield from protobuf.numbers(self._data, field.content, field.end)

    def _changed(
        self, start: int, end: int, changes: dict[int, Callable[[Field], bytes | None]]
    ) -> bytes:
        """Return a message's content with another one of the fields for which a change has it."""
        parts: list[bytes] = []
        for field in self._fields(start, end):
            change = changes.get(field.number)
            content = change(field) if change else None
            if content is not None:
                parts += (self._data[start : field.start], _message(field.number, content))
                start = field.end
        return b"".join((*parts, self._data[start:end]))

    def _content(self, field: Field) -> bytes:
        return self._data[field.content : field.end]

    def _fields(self, start: int, end: int) -> list[Field]:
        found = list(islice(protobuf.fields(self._data, start, end), self._left))
        self._left -= len(found)
        if not self._left:
            raise ValueError("there are too many fields")
        return found


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | protobuf.BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
