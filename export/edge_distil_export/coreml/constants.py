"""Compressed weights back to numbers: what Core ML's ``constexpr`` operations stand for.

Source: coremltools' MIL reference, "constexpr ops" of iOS 16 and iOS 18.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def affine_dequantize(
    quantized_data: Array, scale: Array, zero_point: Array | int = 0, axis: int = 0
) -> Array:
    """``scale * (quantized - zero point)``, one pair for each row along `axis` (iOS 16).

    >>> affine_dequantize(np.int8([[1, 2], [3, 4]]), np.float32([0.5, 2]), np.int8([0, 1]))
    array([[0.5, 1. ],
           [4. , 6. ]], dtype=float32)
    """
    shape = [1] * quantized_data.ndim
    shape[axis] = -1
    steps, zero = (
        np.asarray(value, np.float32).reshape(shape if np.ndim(value) else [])
        for value in (scale, zero_point)
    )
    return steps * (quantized_data.astype(np.float32) - zero)


def blockwise_shift_scale(data: Array, scale: Array, offset: Array | None = None) -> Array:
    """``scale * (data - offset)``, one pair for each block (iOS 18).

    `scale` has the rank of `data`; along each axis a value of it serves equally many of `data`.

    >>> blockwise_shift_scale(np.int8([[1, 2, 3, 4]]), np.float32([[1, 10]]))
    array([[ 1.,  2., 30., 40.]], dtype=float32)
    """
    shifted = data.astype(np.float32)
    if offset is not None:
        shifted = shifted - _spread(offset.astype(np.float32), data.shape)
    return shifted * _spread(scale.astype(np.float32), data.shape)


def lut_to_dense(indices: Array, lut: Array, shape: Array) -> Array:
    """Look numbers up in one table; indices are packed bit by bit, the lowest first (iOS 16).

    >>> lut_to_dense(np.uint8([0b11_10_01_00]), np.float32([5, 6, 7, 8]), np.uint32([2, 2]))
    array([[5., 6.],
           [7., 8.]], dtype=float32)
    """
    bits = len(lut).bit_length() - 1
    count = int(np.prod(shape))
    found = np.unpackbits(indices, bitorder="little")[: count * bits].reshape(count, bits)
    places = found @ (1 << np.arange(bits))
    return lut[places].reshape([int(n) for n in shape])


def grouped_lut_to_dense(indices: Array, lut: Array) -> Array:
    """Look numbers up in tables, one for each block of `indices` (iOS 18).

    `lut` is ``(blocks along each axis of indices..., entries, 1)``.

    >>> grouped_lut_to_dense(np.uint8([[0, 1], [1, 0]]), np.float32([[[[1], [2]]], [[[3], [4]]]]))
    array([[1., 2.],
           [4., 3.]], dtype=float32)
    """
    tables = _spread(lut[..., 0], (*indices.shape, lut.shape[-2]))  # (indices..., entries)
    return np.take_along_axis(tables, indices[..., None].astype(np.int64), axis=-1)[..., 0]


def _spread(blocks: Array, shape: tuple[int, ...]) -> Array:
    """Repeat along each axis until the shape is reached."""
    for axis, length in enumerate(shape):
        if blocks.shape[axis] != length:
            blocks = np.repeat(blocks, length // blocks.shape[axis], axis)
    return blocks


def constexpr_lut_to_dense(
    indices: Array, lut: Array, shape: Array | None = None, vector_axis: int | None = None
) -> Array:
    """Dispatch: iOS 16's operation has a shape, iOS 18's has tables for blocks."""
    return (
        grouped_lut_to_dense(indices, lut) if shape is None else lut_to_dense(indices, lut, shape)
    )


CONSTANTS: dict[str, Callable[..., Any]] = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_lut_to_dense": constexpr_lut_to_dense,
}
