"""Blocks of a few bits in numpy, as onnxruntime's MatMulNBits and GatherBlockQuantized read them.

A row is cut into blocks of neighbours with a scale each: ``r = (q - zero_point) * scale``. Two
4-bit numbers share a byte, the first in its low half. See "Contrib Operators" in onnxruntime.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil_quantize.kernels.scale_search import MOST_CLIPPED, search_scales

_MOST = 15  # greatest 4-bit number
_MIDDLE = 8  # zero point of a block of zeros
_SYMMETRIC_TRIES = 8  # scales for each block, of either sign
_ENDS_TRIES = 7  # places of each end of a block's range
_CHUNK = 1 << 12  # blocks searched at a time: the float32 scratch stays within the cache


class Blocks(NamedTuple):
    """A matrix ``(rows, numbers)`` in blocks along its rows.

    Attributes:
        values: uint8 ``(rows, blocks, block * bits / 8)``.
        scales: float32 ``(rows, blocks)``.
        zero_points: uint8 ``(rows, blocks * bits / 8, rounded up)``; the middle of the range, 8
            or 128, where ``None``.
    """

    values: NDArray[np.uint8]
    scales: NDArray[np.float32]
    zero_points: NDArray[np.uint8] | None


def quantize_symmetric(matrix: NDArray[np.float32], block: int, bits: int) -> Blocks:
    """Round to 4 or 8 bits, the zero point in the middle of the range.

    >>> blocks = quantize_symmetric(np.array([[8, 1, -3, 0]], np.float32), 4, bits=4)
    >>> blocks.scales.tolist(), blocks.values.tolist()  # -8, -1, 3, 0 of scale -1, and 8 more
    ([[-1.0]], [[[112, 139]]])

    Args:
        matrix: float32 ``(rows, numbers)``; a last block that is short is filled with zeros.
        block: Numbers in a block, even.
        bits: 4 or 8.
    """
    groups, count = _split(matrix, block)
    middle = 1 << (bits - 1)
    scales = search_scales(groups, -middle, middle - 1, _SYMMETRIC_TRIES)
    rounded = np.clip(np.rint(groups / scales[:, None]), -middle, middle - 1)
    values = (rounded + middle).astype(np.uint8).reshape(-1, count, block)
    packed = pack_nibbles(values) if bits == 4 else values
    return Blocks(packed, scales.reshape(-1, count), None)


def quantize_asymmetric(matrix: NDArray[np.float32], block: int) -> Blocks:
    """Round to 4 bits, each block's range where its numbers are, ends clipped if that is nearer.

    Args:
        matrix: float32 ``(rows, numbers)``; a last block that is short is filled with zeros.
        block: Numbers in a block, even.
    """
    groups, count = _split(matrix, block)
    values = np.empty(groups.shape, np.uint8)
    scales = np.empty((len(groups), 1), np.float32)
    zeros = np.empty((len(groups), 1), np.uint8)
    for start in range(0, len(groups), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        scales[chunk], zeros[chunk] = _search_ends(groups[chunk])
        values[chunk] = _round(groups[chunk], scales[chunk], zeros[chunk])
    packed = pack_nibbles(values.reshape(-1, count, block))
    return Blocks(packed, scales.reshape(-1, count), pack_nibbles(zeros.reshape(-1, count)))


def pack_nibbles(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put two numbers below 16 into a byte along the last axis; an odd one out gets a 0 beside it.

    >>> pack_nibbles(np.array([[1, 2, 3]], np.uint8)).tolist()
    [[33, 3]]
    """
    if values.shape[-1] % 2:
        values = np.concatenate([values, np.zeros_like(values[..., :1])], axis=-1)
    return values[..., ::2] | values[..., 1::2] << np.uint8(4)


def _split(matrix: NDArray[np.float32], block: int) -> tuple[NDArray[np.float32], int]:
    """Return the blocks ``(rows * blocks, block)`` and the number of blocks in a row."""
    rows, numbers = matrix.shape
    count = -(-numbers // block)
    filled = np.pad(matrix, ((0, 0), (0, count * block - numbers)))
    return filled.reshape(rows * count, block), count


def _search_ends(
    groups: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return scales and zero points ``(groups, 1)`` of the least squared error."""
    low = np.minimum(groups.min(axis=1, keepdims=True), 0)
    high = np.maximum(groups.max(axis=1, keepdims=True), 0)
    best, zeros = _scale(low, high)
    least = np.full_like(best, np.inf)
    factors = np.linspace(1, MOST_CLIPPED, _ENDS_TRIES, dtype=np.float32)
    for below, above in ((a, b) for a in factors for b in factors):
        scales, points = _scale(low * below, high * above)
        error = _round(groups, scales, points) - points.astype(np.float32)
        error *= scales
        error -= groups
        squared = np.einsum("ij,ij->i", error, error)[:, None]
        better = squared < least
        least = np.where(better, squared, least)
        best, zeros = np.where(better, scales, best), np.where(better, points, zeros)
    return best, zeros


def _scale(
    low: NDArray[np.float32], high: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the scale and zero point of a range that holds 0."""
    scales = (high - low) / np.float32(_MOST)
    empty = scales == 0
    scales[empty] = 1
    points = np.where(empty, _MIDDLE, np.clip(np.rint(-low / scales), 0, _MOST))
    return scales, points.astype(np.uint8)


def _round(
    groups: NDArray[np.float32], scales: NDArray[np.float32], points: NDArray[np.uint8]
) -> NDArray[np.float32]:
    scaled = groups / scales
    scaled += points
    return np.clip(np.rint(scaled, out=scaled), 0, _MOST, out=scaled)
