"""Smaller forms of embeddings, as sentence-transformers' ``quantize_embeddings`` makes them."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edge_distil import calls
from edge_distil.errors import InputError
from edge_distil.pooling import Floats

Precision = Literal["float32", "int8", "uint8", "binary", "ubinary"]

_LEVELS = 255  # steps of an 8-bit scale


def check_precision(precision: str) -> None:
    """Raise `InputError` for an unknown precision."""
    calls.choice("precision", precision, get_args(Precision))


def quantize_embeddings(
    vectors: Floats, precision: Precision, ranges: Floats | None = None
) -> NDArray[Any]:
    """Quantize embeddings.

    >>> quantize_embeddings(np.float32([[1, -1, 1, 1, 0, 0, 0, 1]]), "ubinary").tolist()
    [[177]]

    Args:
        vectors: ``(n, dimension)``.
        precision: ``"int8"`` and ``"uint8"`` scale each dimension between its least and its
            greatest value; ``"binary"`` and ``"ubinary"`` keep the signs, eight a byte.
        ranges: Least and greatest value of each dimension ``(2, dimension)``, from a larger
            sample; by default those of `vectors`, of which there must be several.

    Returns:
        ``(n, dimension)``, or ``(n, dimension / 8)`` for the binary forms.

    Raises:
        InputError: Unknown precision, or a single vector and no ranges.
    """
    check_precision(precision)
    if precision == "float32":
        return vectors
    if precision in ("binary", "ubinary"):
        packed = np.packbits(vectors > 0, axis=-1)
        return packed if precision == "ubinary" else (packed.astype(np.int16) - 128).astype(np.int8)
    if ranges is None:
        ranges = _ranges(vectors, precision)
    steps = (ranges[1] - ranges[0]) / _LEVELS
    scaled = np.floor((vectors - ranges[0]) / np.where(steps == 0, 1, steps))
    levels: NDArray[Any] = np.clip(scaled, 0, _LEVELS)
    return levels.astype(np.uint8) if precision == "uint8" else (levels - 128).astype(np.int8)


def _ranges(vectors: Floats, precision: Precision) -> Floats:
    """Return the least and the greatest value of each dimension ``(2, dimension)``."""
    if len(vectors) == 1:
        raise InputError(
            f"a single vector has no range to scale to {precision}: embed several at once, or give "
            "edge_distil.precision.quantize_embeddings the ranges of a larger sample"
        )
    if not len(vectors):
        return np.zeros((2, vectors.shape[-1]), np.float32)
    return np.stack([vectors.min(axis=0), vectors.max(axis=0)])
