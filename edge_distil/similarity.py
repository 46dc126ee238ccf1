"""How alike vectors are, by the function that a checkpoint names.

Source: ``SentenceTransformer.similarity`` and ``similarity_pairwise``; distances are negated, so
that more is always nearer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_distil.errors import InputError, InputTypeError
from edge_distil.pooling import Floats, normalize

_AT_ONCE = 1 << 22  # differences held at a time, 16 MiB


def all_pairs(first: ArrayLike, second: ArrayLike, function: str) -> Floats:
    """Compare each vector of `first` with each of `second`: ``(n, m)``.

    >>> all_pairs([[3, 4], [0, 1]], [3, 4], "dot").tolist()
    [[25.0], [4.0]]

    Args:
        first: ``(n, dimension)`` or ``(dimension,)``.
        second: ``(m, dimension)`` or ``(dimension,)``.
        function: A key of `FUNCTIONS`.

    Raises:
        InputError: They are no vectors of one length.
    """
    a, b = (np.atleast_2d(vectors) for vectors in _vectors(first, second))
    if function == "cosine":
        return np.asarray(normalize(a) @ normalize(b).T)
    if function == "dot":
        return np.asarray(a @ b.T)
    rows = max(1, _AT_ONCE // max(b.size, 1))
    blocks = [
        FUNCTIONS[function](a[start : start + rows, None], b[None])
        for start in range(0, len(a), rows)
    ]
    return np.concatenate(blocks) if blocks else np.empty((0, len(b)), np.float32)


def pairwise(first: ArrayLike, second: ArrayLike, function: str) -> Floats:
    """Compare the vectors at the same places: ``(n,)``, or a number for two single vectors.

    >>> pairwise([[0, 0], [1, 1]], [[3, 4], [1, 2]], "euclidean").tolist()
    [-5.0, -1.0]

    Raises:
        InputError: They are not as many vectors of one length.
    """
    a, b = _vectors(first, second)
    if a.shape != b.shape:
        raise InputError(
            f"got vectors of shapes {a.shape} and {b.shape}, expected as many of each: use "
            "similarity to compare all with all"
        )
    return FUNCTIONS[function](a, b)


def _vectors(*given: ArrayLike) -> list[Floats]:
    found = []
    for vectors in given:
        try:
            array: NDArray[Any] = np.asarray(vectors, np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputTypeError(
                f"the embeddings cannot be read as numbers ({error}), expected what encode gives"
            ) from error
        found.append(array)
    if any(a.ndim not in (1, 2) for a in found) or len({a.shape[-1:] for a in found}) > 1:
        shapes = " and ".join(str(a.shape) for a in found)
        raise InputError(
            f"got embeddings of shape {shapes}, expected (n, dimension) or (dimension,) of one "
            "dimension: give what encode gives"
        )
    return found


def _cosine(a: Floats, b: Floats) -> Floats:
    return _dot(normalize(a), normalize(b))


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray((a * b).sum(axis=-1))


def _euclidean(a: Floats, b: Floats) -> Floats:
    return np.asarray(-np.linalg.norm(a - b, axis=-1))


def _manhattan(a: Floats, b: Floats) -> Floats:
    return np.asarray(-np.abs(a - b).sum(axis=-1))


# Name in ``config_sentence_transformers.json`` -> (..., dimension) twice -> (...).
FUNCTIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}
