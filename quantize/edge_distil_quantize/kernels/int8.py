"""Symmetric int8 kernels in numpy: one scale a channel or a row, zero point 0.

A real number ``r`` is kept as ``q = round(r / scale)`` (Jacob et al. 2018, arXiv 1712.05877,
equation 1, with zero point 0).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

# On x86 without VNNI, onnxruntime's kernels add two products of uint8 by int8 in saturating 16 bits
# (vpmaddubsw; see "U8S8" in onnxruntime's quantization guide). They are those of the inputs 2k and
# 2k + 1, so it is the sum of two neighbours' magnitudes that must stay small: 255 * 128 = 32,640
# is below 32,767. One of the two may then take all eight bits, which a limit of 64 each forbids.
PAIR_LIMIT = 128
LIMIT = 127  # of one value: int8, symmetric
_BLOCK = 1 << 18  # numbers rounded at a time: the float32 scratch stays within the cache


class Quantized(NamedTuple):
    """An int8 matrix with its scales: ``values * scales`` is near the original.

    Attributes:
        values: int8, shaped as the original.
        scales: float32, one for each column or each row.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]


Along = Literal["columns", "rows"]


def quantize_matrix(
    matrix: NDArray[np.float32],
    along: Along,
    *,
    multiplied: bool = True,
    scales: NDArray[np.float32] | None = None,
) -> Quantized:
    """Round a matrix to int8, each column (or row) to its own scale.

    >>> quantize_matrix(np.array([[0.5, -3.0], [-1.0, 1.0]], np.float32), "columns")
    Quantized(values=array([[ 43, -96],
           [-85,  32]], dtype=int8), scales=array([0.01171875, 0.03125   ], dtype=float32))

    Args:
        matrix: float32 ``(rows, columns)``.
        along: ``"columns"`` for a MatMul's output channels, ``"rows"`` for an embedding table.
        multiplied: Keep pairs of neighbours, across `along`, within `PAIR_LIMIT`. False where
            nothing is multiplied in integers.
        scales: One for each column or row, such as a search found; what they cannot reach is
            clipped. By default the least with which nothing is.

    Returns:
        Values within ``[-127, 127]``. A channel of zeros gets scale 1.
    """
    if scales is None:
        scales = full_scales(matrix, along, multiplied=multiplied)
    values = np.empty(matrix.shape, np.int8)
    step = 2 * max(1, _BLOCK // matrix.shape[1] // 2)  # even: a block divides no pair
    for start in range(0, len(matrix), step):
        rows = slice(start, start + step)
        divisor = scales if along == "columns" else scales[rows, None]
        scaled = matrix[rows] / divisor
        # Beyond the limit only where the given scales clip, or a subnormal one has lost digits.
        np.clip(np.rint(scaled, out=scaled), -LIMIT, LIMIT, out=scaled)
        if multiplied:
            _limit_pairs(_pairs(scaled, along))
        values[rows] = scaled
    return Quantized(values, scales)


def full_scales(
    matrix: NDArray[np.float32], along: Along, *, multiplied: bool = True
) -> NDArray[np.float32]:
    """Return the least scale of each channel with which nothing is clipped."""
    axis = 0 if along == "columns" else 1
    scales = np.maximum(matrix.max(axis), -matrix.min(axis)) / np.float32(LIMIT)
    if multiplied:
        first, second = _pairs(matrix, along)
        half = np.float32(0.5)  # the sum of two large numbers would pass float32
        halves = (np.abs(first) * half + np.abs(second) * half).max(axis, initial=0)
        scales = np.maximum(scales, halves / np.float32(PAIR_LIMIT / 2))
    scales[scales == 0] = 1  # zeros, or too small to divide by
    return np.asarray(scales, np.float32)


def _pairs(matrix: NDArray[Any], along: Along) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return views of the first and the second of every two neighbouring inputs."""
    by_input = matrix if along == "columns" else matrix.T
    whole = len(by_input) // 2 * 2
    first, second = by_input[0:whole:2], by_input[1:whole:2]
    return (first, second) if along == "columns" else (first.T, second.T)


def _limit_pairs(pairs: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    """Cut, in place, what rounding both of a pair upwards puts above the limit."""
    first, second = pairs
    room = PAIR_LIMIT - np.abs(first)
    np.clip(second, -room, room, out=second)


def saturates_16_bits(values: NDArray[np.int8], along: Along = "columns") -> bool:
    """Say whether two products with uint8 can pass 16 bits, for any activations.

    >>> saturates_16_bits(np.array([[127], [1], [-64], [64]], np.int8))
    False
    >>> saturates_16_bits(np.array([[1], [127], [2]], np.int8))
    False
    >>> saturates_16_bits(np.array([[127], [2]], np.int8))
    True

    Args:
        values: int8 ``(inputs, outputs)``.
        along: ``"rows"`` where it is stored ``(outputs, inputs)``.
    """
    first, second = _pairs(values, along)
    sums = np.abs(first.astype(np.int16)) + np.abs(second.astype(np.int16))
    return bool(255 * int(sums.max(initial=0)) > np.iinfo(np.int16).max)
