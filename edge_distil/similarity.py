"""How alike vectors are, by the function that a checkpoint names.

Source: ``SentenceTransformer.similarity`` and ``similarity_pairwise``; distances are negated, so
that more is always nearer. ``MultiVectorEncoder.similarity`` for texts of a vector a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edge_distil import calls
from edge_distil.errors import InputError, InputTypeError
from edge_distil.pooling import Floats, normalize

_AT_ONCE = 1 << 22  # differences held at a time, 16 MiB
_TOKENS_AT_ONCE = 4_096  # of a document, which may be of any length
_NO_VECTORS = -1e9  # of a document without vectors: sentence-transformers' number


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


def late(
    queries: ArrayLike | Sequence[ArrayLike],
    documents: ArrayLike | Sequence[ArrayLike],
    function: str,
) -> Floats:
    """Compare each query with each document by their tokens' vectors: ``(n, m)``.

    A pair's number depends on nothing else: its products are taken by themselves.

    >>> query, document = [[1, 0], [0, 1]], [[3, 0], [1, 2], [0, 1]]
    >>> late([query], [document], "maxsim").tolist()
    [[5.0]]
    >>> late([query], [document], "meanmaxsim").tolist()
    [[2.5]]

    Args:
        queries: Arrays ``(tokens, dimension)``, or one of them.
        documents: Arrays ``(tokens, dimension)``, or one of them.
        function: ``"maxsim"`` or ``"meanmaxsim"``.

    Raises:
        InputError: They are no vectors of one length.
    """
    a, b = _token_vectors(queries, "queries"), _token_vectors(documents, "documents")
    if len(lengths := {text.shape[1] for text in (*a, *b)}) > 1:
        raise InputError(
            f"got vectors of {' and '.join(map(str, sorted(lengths)))} numbers, expected one "
            "length: give what one model encodes"
        )
    found = np.empty((len(a), len(b)), np.float32)
    for row, query in zip(found, a, strict=True):
        share = 1 / max(1, len(query)) if function == "meanmaxsim" else 1.0
        row[:] = [share * _maxsim(query, document) for document in b]
    return found


def _maxsim(query: Floats, document: Floats) -> float:
    """Add up each query vector's greatest product with any of the document's."""
    if not len(document):
        return _NO_VECTORS
    parts = (document[i : i + _TOKENS_AT_ONCE] for i in range(0, len(document), _TOKENS_AT_ONCE))
    best = [(query @ part.T).max(axis=1) for part in parts]
    return float(np.max(best, axis=0).sum(dtype=np.float64))


def _token_vectors(given: Any, name: str) -> list[Floats]:
    """Return the vectors of each text; one text alone is a list of one."""
    axes = given.ndim if isinstance(given, np.ndarray) else 1
    texts = [given] if axes == 2 else list(given if axes == 3 else calls.many(given, name))
    found = [_numbers(text) for text in texts]
    for text in found:
        if text.ndim != 2:
            raise InputError(
                f"one of the {name} is of shape {text.shape}, expected (tokens, dimension): give "
                "what encode_query and encode_document give"
            )
    return [np.ascontiguousarray(text) for text in found]


def _numbers(vectors: ArrayLike) -> Floats:
    try:
        found = np.asarray(vectors)
        if found.dtype.kind == "c":
            raise TypeError("complex numbers")
        return found.astype(np.float32, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            f"the embeddings cannot be read as numbers ({error}), expected what encode gives"
        ) from error


def _vectors(*given: ArrayLike) -> list[Floats]:
    found = [_numbers(vectors) for vectors in given]
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
