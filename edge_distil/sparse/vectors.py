"""Sparse embeddings: a weight for each of some tokens of the vocabulary, and how alike they are.

Source: ``SparseEncoder`` of sentence-transformers 6.2 and its ``select_max_active_dims``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from edge_distil import calls, similarity
from edge_distil.errors import InputError, InputTypeError
from edge_distil.pooling import Floats

_AT_ONCE = 1 << 22  # numbers of vectors that are written out at a time, 16 MiB


class SparseVector(NamedTuple):
    """The embedding of one text: its active tokens, by ascending id, and their weights.

    Attributes:
        indices: Token ids ``(active,)``.
        values: Their weights ``(active,)``, none of them 0.
    """

    indices: NDArray[np.int32]
    values: Floats

    @classmethod
    def of(cls, dense: Floats, most: int | None = None) -> SparseVector:
        """Keep the numbers that are not 0, of more than `most` the greatest (of equals the first).

        >>> SparseVector.of(np.float32([0, 3, 0, 2, 3]), most=2).indices.tolist()
        [1, 4]

        Args:
            dense: ``(vocabulary,)``.
            most: Keep at most so many; all when ``None``.
        """
        (active,) = np.nonzero(dense)
        if most is not None and len(active) > most:
            greatest = np.argsort(-np.abs(dense[active]), kind="stable")[:most]
            active = np.sort(active[greatest])
        return cls(active.astype(np.int32), dense[active])


@dataclass(frozen=True, eq=False)
class SparseVectors(Sequence[SparseVector]):
    """The embeddings of texts as compressed sparse rows (CSR), the usual form of such a matrix.

    Row ``i`` is ``indices[indptr[i]:indptr[i + 1]]`` with the same part of `values`; scipy takes
    ``csr_array((v.values, v.indices, v.indptr), shape=v.shape)``.

    Attributes:
        indptr: Where each row begins, and the last one ends: ``(n + 1,)``.
        indices: Token ids of all rows.
        values: Their weights.
        dimension: Size of the vocabulary.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: Floats
    dimension: int

    @classmethod
    def of(cls, vectors: Iterable[SparseVector], dimension: int) -> SparseVectors:
        """Put the vectors of texts together.

        Raises:
            InputTypeError: Something is no vector.
            InputError: A vector has a token that is not among `dimension`.
        """
        rows = [_checked(number, row, dimension) for number, row in enumerate(vectors)]
        ends = np.cumsum([0, *(len(row.indices) for row in rows)], dtype=np.int64)
        none = SparseVector(np.empty(0, np.int32), np.empty(0, np.float32))
        indices, values = (np.concatenate(parts) for parts in zip(none, *rows, strict=True))
        return cls(ends, indices, values, dimension)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and size of the vocabulary."""
        return len(self), self.dimension

    def __len__(self) -> int:
        return len(self.indptr) - 1

    @overload
    def __getitem__(self, index: int) -> SparseVector: ...
    @overload
    def __getitem__(self, index: slice) -> SparseVectors: ...
    def __getitem__(self, index: int | slice) -> SparseVector | SparseVectors:
        """Return one row, or some."""
        rows = range(len(self))[index]
        if isinstance(rows, range):
            return SparseVectors.of((self[row] for row in rows), self.dimension)
        part = slice(*self.indptr[rows : rows + 2])
        return SparseVector(self.indices[part], self.values[part])

    def normalized(self) -> SparseVectors:
        """Scale each row to Euclidean length 1; a row without tokens stays as it is."""
        rows = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        squares = np.bincount(rows, self.values.astype(np.float64) ** 2, len(self))
        values = (self.values / np.sqrt(squares[rows])).astype(np.float32)
        return replace(self, values=values)

    def dense(self) -> Floats:
        """Write out every number: ``(n, vocabulary)``."""
        found = np.zeros(self.shape, np.float32)
        rows = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        found[rows, self.indices] = self.values
        return found


def all_pairs(first: SparseVectors, second: SparseVectors, function: str) -> Floats:
    """Compare each vector of `first` with each of `second`: ``(n, m)``.

    Args:
        first: Of n texts.
        second: Of m texts.
        function: A key of `similarity.FUNCTIONS`.
    """
    found = np.empty((len(first), len(second)), np.float32)
    for rows in blocks(first):
        dense = first[rows].dense()
        for columns in blocks(second):
            others = second[columns].dense()
            found[rows, columns] = similarity.all_pairs(dense, others, function)
    return found


def pairwise(first: SparseVectors, second: SparseVectors, function: str) -> Floats:
    """Compare the vectors at the same places: ``(n,)``.

    Raises:
        InputError: They are not as many.
    """
    if len(first) != len(second):
        raise InputError(
            f"got {len(first)} and {len(second)} embeddings, expected as many of each: use "
            "similarity to compare all with all"
        )
    found = np.empty(len(first), np.float32)
    for rows in blocks(first):
        a, b = first[rows].dense(), second[rows].dense()
        found[rows] = similarity.pairwise(a, b, function)
    return found


def blocks(vectors: SparseVectors) -> Iterator[slice]:
    """Yield parts of the rows, such as are not too many to be written out."""
    size = max(1, _AT_ONCE // vectors.dimension)
    return (slice(start, start + size) for start in range(0, len(vectors), size))


def _checked(number: int, row: SparseVector, dimension: int) -> SparseVector:
    if not isinstance(row, SparseVector):
        raise InputTypeError(
            f"embedding {number} is {calls.kind(row)}, expected a SparseVector: give what encode "
            "gives"
        )
    indices, values = _array(row.indices), _array(row.values)
    numbers = indices.dtype.kind in "iu" and values.dtype.kind in "fiu"
    if indices.ndim != 1 or indices.shape != values.shape or not (numbers or not len(indices)):
        raise InputError(
            f"embedding {number} has {indices.dtype} indices of shape {indices.shape} and "
            f"{values.dtype} values of shape {values.shape}, expected whole numbers and as many "
            "values: give what encode gives"
        )
    if len(wrong := indices[(indices < 0) | (indices >= dimension)]):
        raise InputError(
            f"embedding {number} has the token {wrong[0]}, expected one of {dimension:,}: "
            "compare embeddings of one model"
        )
    return SparseVector(indices.astype(np.int32, copy=False), values.astype(np.float32, copy=False))


def _array(values: Any) -> NDArray[Any]:
    """Return what was given as an array: of objects, where it is no row of numbers."""
    try:
        return np.asarray(values)
    except ValueError:  # rows of different lengths
        return np.array(None)
