"""Semantic textual similarity: how well cosines of vectors follow human scores.

The measure is Spearman's rank correlation (Reimers et al. 2016, "Task-Oriented Intrinsic
Evaluation of Semantic Textual Similarity"); Pearson's is given beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_distil.errors import DataError, InputError
from edge_distil.evaluate.files import Row, read_table

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredPair:
    """Two sentences and how alike people find them (STS-B: 0 to 5)."""

    first: str
    second: str
    score: float


def read_pairs(path: str | Path) -> list[ScoredPair]:
    """Read ``sentence1``, ``sentence2``, ``score`` from ``.csv``, ``.tsv`` or ``.jsonl``.

    Raises:
        DataError: The file cannot be read, or a row has a score that is not a number.
    """
    rows = read_table(path, ("sentence1", "sentence2", "score"))
    return [ScoredPair(r.text("sentence1"), r.text("sentence2"), score_of(r)) for r in rows]


def texts_of(pairs: Sequence[ScoredPair]) -> list[str]:
    """Return the first texts of all pairs, then the second ones."""
    return [pair.first for pair in pairs] + [pair.second for pair in pairs]


def score_of(row: Row) -> float:
    """Return the number in the cell ``score``.

    Raises:
        DataError: There is none.
    """
    value = row.cells["score"]
    try:
        score = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        raise DataError(
            f"{row.where}: the score is {value!r}, expected a number: correct or remove the row"
        )
    return score


def cosines(first: ArrayLike, second: ArrayLike) -> Floats:
    """Cosine of each row of `first` with the same row of `second`.

    Two zero vectors count as equal (1), a zero vector and another one as unrelated (0).

    Args:
        first: ``(rows, dimension)``.
        second: The same shape.

    Returns:
        ``(rows,)``.

    Raises:
        InputError: The shapes differ or are not two-dimensional.

    >>> cosines([[3.0, 4.0], [1.0, 0.0]], [[6.0, 8.0], [0.0, 2.0]]).tolist()
    [1.0, 0.0]
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.shape != b.shape or a.ndim != 2:
        raise InputError(
            f"got shapes {a.shape} and {b.shape}, expected two equal (rows, dimension): "
            "give the vectors of the same texts"
        )
    norms_a, norms_b = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    norms = norms_a * norms_b
    products = np.einsum("rd,rd->r", a, b)  # (rows,)
    both_zero = (norms_a == 0) & (norms_b == 0)
    found: Floats = np.divide(products, norms, out=both_zero.astype(np.float64), where=norms != 0)
    return np.clip(found, -1.0, 1.0)


def pearson(first: ArrayLike, second: ArrayLike) -> float:
    """Pearson's correlation; NaN where either side is constant or holds a NaN.

    >>> pearson([1, 2, 3], [1, 3, 2])
    0.5
    """
    a, b = _two_series(first, second)
    if a.size < 2 or (a == a[0]).all() or (b == b[0]).all():
        return math.nan
    a, b = _centred(a), _centred(b)
    return float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation: Pearson's of `average_ranks`; NaN as there.

    >>> spearman([10, 20, 30], [0.1, 0.3, 0.2])
    0.5
    """
    a, b = _two_series(first, second)
    if np.isnan(a).any() or np.isnan(b).any():
        return math.nan
    return pearson(average_ranks(a), average_ranks(b))


def average_ranks(values: ArrayLike) -> Floats:
    """Rank from 1; equal values share the mean of the ranks that they take up.

    >>> average_ranks([10, 30, 20, 20]).tolist()
    [1.0, 4.0, 2.5, 2.5]
    """
    _, positions, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(ranks[positions], np.float64)


def _two_series(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise InputError(
            f"got shapes {a.shape} and {b.shape}, expected two series of one length: "
            "give one value for each example"
        )
    return a, b


def _centred(values: Floats) -> Floats:
    """Subtract the mean and divide by the largest value, so that no square overflows."""
    centred = values - values.mean()
    return np.asarray(centred / np.abs(centred).max(), np.float64)
