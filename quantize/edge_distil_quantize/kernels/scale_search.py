"""The scale of a group of numbers whose rounding loses least.

A group's greatest magnitude is often an outlier: a scale that clips it leaves the many others
finer steps. The candidate of least squared error is taken (MSE range estimation: Nagel et al.
2021, "A White Paper on Neural Network Quantization", arXiv 2106.08295, section 3.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The least scale tried, of the one that clips nothing; below, clipping costs more than it saves.
MOST_CLIPPED = 0.7
_SMALLEST = 2 * np.finfo(np.float32).tiny
_BLOCK = 1 << 17  # numbers tried at a time: the float32 scratch stays within the cache


def search_scales(
    groups: NDArray[np.float32], lowest: int, highest: int, tries: int
) -> NDArray[np.float32]:
    """Return a scale for each group: ``clip(round(group / scale)) * scale`` is nearest to it.

    A scale may be negative: where `lowest` reaches further than `highest`, as in -8..7, the
    greatest magnitude is best put at `lowest`, whatever its sign.

    >>> search_scales(np.array([[8.0, 1.0, -3.0]], np.float32), -8, 7, tries=4)
    array([-1.], dtype=float32)

    Args:
        groups: float32 ``(groups, numbers)``.
        lowest: Smallest integer.
        highest: Greatest integer.
        tries: Scales tried. The first clips nothing, so more never do worse than one.

    Returns:
        float32 ``(groups,)``; 1 for a group of zeros.
    """
    scales = np.empty(len(groups), np.float32)
    step = max(1, _BLOCK // groups.shape[1])
    for start in range(0, len(groups), step):
        block = slice(start, start + step)
        scales[block] = _search(groups[block], lowest, highest, tries)
    return scales


def _search(
    groups: NDArray[np.float32], lowest: int, highest: int, tries: int
) -> NDArray[np.float32]:
    symmetric = lowest == -highest  # then a scale's sign makes no difference
    plain = _unclipped(np.abs(groups) if symmetric else groups, highest if symmetric else lowest)
    signs = (1,) if symmetric else (1, -1)
    best, least = plain, np.full(len(groups), np.inf, np.float32)
    factors = np.linspace(1, MOST_CLIPPED, tries, dtype=np.float32)
    for factor in (factor * sign for factor in factors for sign in signs):
        scales = plain * factor
        error = _squared_error(groups, scales, lowest, highest)
        better = error < least
        best, least = np.where(better, scales, best), np.where(better, error, least)
    return best


def _unclipped(groups: NDArray[np.float32], lowest: int) -> NDArray[np.float32]:
    """Return the scales that put each group's greatest magnitude at `lowest`."""
    greatest = np.abs(groups).argmax(axis=1)[:, None]
    peaks = np.take_along_axis(groups, greatest, axis=1)[:, 0]
    scales = (peaks / np.float32(lowest)).astype(np.float32)
    scales[np.abs(scales) < _SMALLEST] = 1  # zeros, or too small to divide by
    return scales


def _squared_error(
    groups: NDArray[np.float32], scales: NDArray[np.float32], lowest: int, highest: int
) -> NDArray[np.float32]:
    rounded = groups / scales[:, None]
    np.clip(np.rint(rounded, out=rounded), lowest, highest, out=rounded)
    rounded *= scales[:, None]
    rounded -= groups
    error: NDArray[np.float32] = np.einsum("ij,ij->i", rounded, rounded)
    return error
