"""Symmetric int8 kernels in numpy: one scale a channel or a row, zero point 0.

A real number ``r`` is kept as ``q = round(r / scale)`` (Jacob et al. 2018, arXiv 1712.05877,
equation 1, with zero point 0).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Largest magnitude of a weight that a MatMul multiplies. On x86 without VNNI, onnxruntime's
# kernels add two products of uint8 by int8 in saturating 16 bits (vpmaddubsw; see "U8S8" in
# onnxruntime's quantization guide): 2 * 255 * 64 = 32,640 stays below 32,767, so sums are exact.
MATMUL_LIMIT = 64
# Largest magnitude in a table that is only looked up: nothing is added, so all eight bits serve.
TABLE_LIMIT = 127
_BLOCK = 1 << 18  # numbers rounded at a time: the float32 scratch stays within the cache


class Quantized(NamedTuple):
    """An int8 matrix with its scales: ``values * scales`` is near the original.

    Attributes:
        values: int8, shaped as the original.
        scales: float32, one for each column or each row.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]


def quantize_matrix(
    matrix: NDArray[np.float32],
    along: Literal["columns", "rows"],
    limit: int,
    scales: NDArray[np.float32] | None = None,
) -> Quantized:
    """Round a matrix to int8, each column (or row) to its own scale.

    >>> quantize_matrix(np.array([[0.5, -3.0], [-1.0, 1.6]], np.float32), "columns", 64)
    Quantized(values=array([[ 32, -64],
           [-64,  34]], dtype=int8), scales=array([0.015625, 0.046875], dtype=float32))

    Args:
        matrix: float32 ``(rows, columns)``.
        along: ``"columns"`` for a MatMul's output channels, ``"rows"`` for an embedding table.
        limit: The greatest magnitude stands for this integer.
        scales: One for each column or row, such as a search found; what they cannot reach is
            clipped. By default the greatest magnitude decides.

    Returns:
        Values within ``[-limit, limit]``. A channel of zeros gets scale 1.
    """
    axis = 0 if along == "columns" else 1
    if scales is None:
        greatest = np.maximum(matrix.max(axis), -matrix.min(axis))
        scales = (greatest / np.float32(limit)).astype(np.float32)
        scales[scales == 0] = 1  # zeros, or too small to divide by
    values = np.empty(matrix.shape, np.int8)
    step = max(1, _BLOCK // matrix.shape[1])
    for start in range(0, len(matrix), step):
        rows = slice(start, start + step)
        divisor = scales if along == "columns" else scales[rows, None]
        scaled = matrix[rows] / divisor
        # Beyond the limit only where the given scales clip, or a subnormal one has lost digits.
        np.clip(np.rint(scaled, out=scaled), -limit, limit, out=scaled)
        values[rows] = scaled
    return Quantized(values, scales)


def saturates_16_bits(values: NDArray[np.int8]) -> bool:
    """Say whether two products with uint8 can pass 16 bits, for any activations.

    >>> saturates_16_bits(np.array([64, -64], np.int8))
    False
    >>> saturates_16_bits(np.array([127], np.int8))
    True
    """
    greatest = max(int(values.max()), -int(values.min()))
    return 2 * 255 * greatest > np.iinfo(np.int16).max
