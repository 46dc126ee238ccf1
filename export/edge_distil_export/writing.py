"""Write an ONNX model, weights straight from memory: in its file, or in a second one beside it.

Protobuf's own writer builds the whole message in memory twice: 2 s and 800 MB for a model of
265 MB. A message is only its fields in a row, so the weights, the one large field, are put
there by hand: 0.5 s and no copy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil.bundle import WEIGHTS_SUFFIX

LARGEST = (1 << 31) - 1  # bytes; no protobuf message may be larger
_MOST_FIELDS = 128  # bytes of a weight beside its name and its values
_LEAST_OUTSIDE = 1024  # bytes of a weight in the second file; shapes are read before that is
_PAGE = 4096  # bytes; where a weight begins there, onnxruntime may map the file instead of reading
_MODEL_GRAPH = onnx.ModelProto.GRAPH_FIELD_NUMBER
_GRAPH_INITIALIZER = onnx.GraphProto.INITIALIZER_FIELD_NUMBER
_TENSOR_RAW_DATA = onnx.TensorProto.RAW_DATA_FIELD_NUMBER

_Tensor = tuple[bytes, NDArray[Any] | None]  # its fields, and what follows them in the file


def write_model(model: ir.Model, path: Path, *, external: bool = False) -> list[Path]:
    """Write `model` to `path`.

    Args:
        model: The model.
        path: Its file.
        external: Put the weights into a second file; so it is done anyway where one file would be
            larger than a protobuf message may be.

    Returns:
        The files that were written beside `path`: none, or that of the weights.

    Raises:
        OSError: The place cannot be written.
    """
    weights = [(v.name, v.const_value) for v in model.graph.initializers.values()]
    named = [(str(name), tensor) for name, tensor in weights if tensor is not None]
    proto = _without_weights(model)
    size = proto.ByteSize() + sum(t.nbytes + len(name) + _MOST_FIELDS for name, t in named)
    beside = []
    if external or size > LARGEST:
        beside = [path.with_name(path.name + WEIGHTS_SUFFIX)]
        with beside[0].open("wb") as file:
            tensors = [_put_outside(name, tensor, file) for name, tensor in named]
    else:
        tensors = [_inside(name, tensor) for name, tensor in named]
    _write(proto, tensors, path)
    return beside


def _write(proto: onnx.ModelProto, tensors: list[_Tensor], path: Path) -> None:
    graph = proto.graph.SerializeToString(deterministic=True)
    proto.ClearField("graph")
    sizes = [len(header) + (0 if data is None else data.nbytes) for header, data in tensors]
    total = len(graph) + sum(len(_length(_GRAPH_INITIALIZER, size)) + size for size in sizes)
    with path.open("wb") as file:
        file.write(proto.SerializeToString(deterministic=True))
        file.write(_length(_MODEL_GRAPH, total))
        file.write(graph)
        for (header, data), size in zip(tensors, sizes, strict=True):
            file.write(_length(_GRAPH_INITIALIZER, size))
            file.write(header)
            if data is not None:
                _write_array(file, data)


def _without_weights(model: ir.Model) -> onnx.ModelProto:
    kept = dict(model.graph.initializers)
    model.graph.initializers.clear()
    try:
        return ir.to_proto(model)
    finally:
        model.graph.initializers.update(kept)


def _inside(name: str, tensor: ir.TensorProtocol) -> _Tensor:
    """Serialise all of a TensorProto but its bytes, which follow at once."""
    fields: bytes = _described(name, tensor).SerializeToString(deterministic=True)
    return fields + _length(_TENSOR_RAW_DATA, tensor.nbytes), _little_endian(tensor)


def _put_outside(name: str, tensor: ir.TensorProtocol, file: BinaryIO) -> _Tensor:
    """Write a weight to the second file, and serialise where it stands there."""
    if tensor.nbytes < _LEAST_OUTSIDE:
        return _inside(name, tensor)
    file.write(b"\0" * (-file.tell() % _PAGE))
    place = {"location": Path(file.name).name, "offset": file.tell(), "length": tensor.nbytes}
    _write_array(file, _little_endian(tensor))
    proto = _described(name, tensor)
    proto.data_location = onnx.TensorProto.EXTERNAL
    for key, value in place.items():
        proto.external_data.add(key=key, value=str(value))
    return proto.SerializeToString(deterministic=True), None


def _described(name: str, tensor: ir.TensorProtocol) -> onnx.TensorProto:
    return onnx.TensorProto(name=name, data_type=tensor.dtype.value, dims=tensor.shape.numpy())


def _little_endian(tensor: ir.TensorProtocol) -> NDArray[Any]:
    array = np.ascontiguousarray(tensor.numpy())
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _write_array(file: BinaryIO, array: NDArray[Any]) -> None:
    file.write(array.reshape(-1).view(np.uint8).data)


def _length(field: int, size: int) -> bytes:
    """Encode tag and size of a length-delimited field (protobuf encoding, wire type 2).

    >>> _length(7, 300).hex()
    '3aac02'
    """
    encoded = bytearray()
    for number in (field << 3 | 2, size):
        while number > 0x7F:
            encoded.append(number & 0x7F | 0x80)
            number >>= 7
        encoded.append(number)
    return bytes(encoded)
