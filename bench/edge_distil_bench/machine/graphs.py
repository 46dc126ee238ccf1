"""The one ONNX graph that the runtime makes itself: a matrix product, as bytes.

The runtime does without the ``onnx`` package, and a message of Protocol Buffers is quickly
written: it is a row of fields, each a key ``number << 3 | type`` and a value, which is an integer
in base 128, least digits first (type 0), or a length and so many bytes (type 2). The numbers are
those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_INTEGER, _BYTES = 0, 2
# TensorProto.DataType
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}
_IR_VERSION, _OPSET = 8, 17  # of 2022: every onnxruntime of these years reads them


def matrix_product(left: np.dtype[Any], right: NDArray[Any]) -> bytes:
    """Return a model that multiplies its input ``left`` by a constant.

    The right side is a constant, as an encoder's weights are: onnxruntime lays it out again for
    its kernels when it loads it.

    Args:
        left: Type of the input ``(rows, inner)``: float32, or uint8 for ``MatMulInteger``.
        right: The constant ``(inner, columns)``, float32 or int8.

    Returns:
        An ONNX model with the output ``product``: float32, or int32.
    """
    floats = left == np.float32
    product = "float32" if floats else "int32"
    node = _field(1, b"left") + _field(1, b"right") + _field(2, b"product")
    node += _field(4, b"MatMul" if floats else b"MatMulInteger")
    graph = _field(1, node) + _field(2, b"product") + _field(5, _constant("right", right))
    graph += _field(11, _value("left", left.name)) + _field(12, _value("product", product))
    return _field(1, _IR_VERSION) + _field(7, graph) + _field(8, _field(2, _OPSET))


def _constant(name: str, array: NDArray[Any]) -> bytes:
    """Return a TensorProto: dims, data_type, name, raw_data."""
    shape = b"".join(_field(1, size) for size in array.shape)
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
    return shape + _field(2, _TYPES[array.dtype.name]) + _field(8, name.encode()) + _field(9, raw)


def _value(name: str, kind: str) -> bytes:
    """Return a ValueInfoProto of a matrix whose sizes are not said."""
    shape = _field(1, b"") + _field(1, b"")
    tensor = _field(1, _TYPES[kind]) + _field(2, shape)
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, value: int | bytes) -> bytes:
    """Return a field.

    The example is that of the format's documentation: field 1, the integer 150.

    >>> _field(1, 150).hex(" ")
    '08 96 01'
    >>> _field(2, b"testing").hex(" ")
    '12 07 74 65 73 74 69 6e 67'
    """
    if isinstance(value, int):
        return _integer(number << 3 | _INTEGER) + _integer(value)
    return _integer(number << 3 | _BYTES) + _integer(len(value)) + value


def _integer(value: int) -> bytes:
    """Return a number in base 128; all digits but the last have the highest bit set."""
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*digits, value])
