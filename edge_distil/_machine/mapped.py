"""A model whose weights onnxruntime maps from its file, so that they are in memory once.

onnxruntime parses a model file whole, and what it then packs for its matrix products comes on top:
fp32 takes 1.3 times its file while it is loaded. Weights outside of a model (external data) it maps
instead, and lets go of those that it has packed. So it is given the model without its weights,
which says of each at what byte of the file it stands. The graph is the same, and so is each bit of
what it gives.

Source: the field numbers of ``onnx.proto``.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from edge_distil._reading import external_data, protobuf
from edge_distil._reading.protobuf import Field

# onnxruntime's option: where a model that is given as bytes has its external data.
FOLDER = "session.model_external_initializers_file_folder_path"

_MAPS = Path("/proc/self/maps")
_MAP_FIXED = 0x10  # Linux's, on each processor that onnxruntime is built for
_AT_A_TIME = 1 << 22  # bytes, whole pages of any size

_LEAST = 1 << 16  # bytes of a tensor that is worth a mapping of its own
_MOST_FIELDS = 200_000  # a model of ours has some thousand; a hostile one would take minutes

_GRAPH, _INITIALIZER = 7, 5  # of ModelProto, of GraphProto
_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 9, 13, 14  # of TensorProto
_EXTERNAL = 1  # a data location


def without_weights(path: Path) -> bytes | None:
    """Return a model whose large weights are external data, in the model's own file.

    ``None`` where that gains nothing or cannot be told: elsewhere than on Linux (where `own`
    works), of another format, damaged, or of small weights alone.
    """
    if sys.platform != "linux" or path.suffix != ".onnx" or "\n" in str(path):
        return None
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data, path.name.encode()).model()
    except (OSError, ValueError, IndexError):  # onnxruntime will say what is wrong with the file
        return None


def own(path: Path) -> None:
    """Put memory of this process's own in place of what is mapped of a file, with the same content.

    A later edit of the file changes nothing then. (A page that a private mapping has copied goes
    with the file when that is cut short.)

    What is mapped must not change meanwhile: one thread at a time opens models.
    """
    for line in _MAPS.read_bytes().split(b"\n")[:-1]:  # no other separator: names may hold them
        addresses, permissions, *_, name = line.split(maxsplit=5)
        if permissions == b"rw-p" and name.removesuffix(b" (deleted)") == os.fsencode(path):
            low, high = (int(address, 16) for address in addresses.split(b"-"))
            for start in range(low, high, _AT_A_TIME):
                _replace(start, min(_AT_A_TIME, high - start))


def own_beside(path: Path) -> None:
    """Do what `own` does for the files in which a model says that its weights stand."""
    if sys.platform == "linux" and path.suffix == ".onnx":
        for name in external_data.locations(path):
            own((path.parent / name).resolve())


def _replace(address: int, size: int) -> None:
    """Put memory without a file in the place of pages that nobody uses yet, with their content."""
    content = ctypes.string_at(address, size)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
    place = ctypes.CDLL(None, use_errno=True).mmap
    place.restype = ctypes.c_void_p
    place.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    found = place(address, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if found != address:
        raise MemoryError(f"errno {ctypes.get_errno()}")
    ctypes.memmove(address, content, size)


class _Reader:
    """Reads a model's messages no deeper than its tensors."""

    def __init__(self, data: mmap.mmap, name: bytes) -> None:
        self._data = data
        self._name = name
        self._left = _MOST_FIELDS
        self._moved = 0

    def model(self) -> bytes | None:
        """Return the model without its weights, or ``None`` where none is large."""
        made = self._changed(0, len(self._data), _GRAPH, self._graph)
        return made if self._moved else None

    def _graph(self, graph: Field) -> bytes:
        return self._changed(graph.content, graph.end, _INITIALIZER, self._tensor)

    def _tensor(self, tensor: Field) -> bytes:
        fields = list(self._fields(tensor.content, tensor.end))
        raw = [field for field in fields if field.number == _RAW_DATA]
        if len(raw) != 1 or raw[0].end - raw[0].content < _LEAST:
            return self._data[tensor.content : tensor.end]
        self._moved += 1
        kept = b"".join(self._data[f.start : f.end] for f in fields if f.number != _RAW_DATA)
        where = {
            b"location": self._name,
            b"offset": b"%d" % raw[0].content,
            b"length": b"%d" % (raw[0].end - raw[0].content),
        }
        entries = (
            _message(_EXTERNAL_DATA, _message(1, k) + _message(2, v)) for k, v in where.items()
        )
        return kept + b"".join(entries) + _varint(_DATA_LOCATION << 3) + _varint(_EXTERNAL)

    def _changed(
        self, start: int, end: int, number: int, change: Callable[[Field], bytes]
    ) -> bytes:
        """Return a message's content in which the fields of one number are changed."""
        return b"".join(
            _message(number, change(field))
            if field.number == number
            else self._data[field.start : field.end]
            for field in self._fields(start, end)
        )

    def _fields(self, start: int, end: int) -> Iterator[Field]:
        for field in protobuf.fields(self._data, start, end):
            self._left -= 1
            if not self._left:
                raise ValueError("there are too many fields")
            yield field


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | protobuf.BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])
