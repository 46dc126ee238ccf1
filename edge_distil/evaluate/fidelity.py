"""How near a variant stays to the reference (fp32) on the same inputs. Pure functions."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_distil import sparse
from edge_distil.errors import InputError
from edge_distil.evaluate.sts import cosines, spearman
from edge_distil.sparse import SparseVectors


@dataclass(frozen=True)
class Fidelity:
    """What two variants have in common; ``None`` where a figure makes no sense for the task.

    Attributes:
        count: Number of rows or answers compared.
        max_difference: Largest absolute difference of two numbers (logits, scores, components).
        mean_difference: Mean absolute difference.
        agreement: Share of inputs with the same answer or the same best class, 0 to 1.
        cosine_mean: Mean cosine of the rows.
        cosine_min: Cosine of the worst row.
        cosine_p1: The cosine that 99 % of the rows reach (1st percentile).
        spearman: Rank correlation between the two variants' scores.
    """

    count: int
    max_difference: float
    mean_difference: float
    agreement: float | None = None
    cosine_mean: float | None = None
    cosine_min: float | None = None
    cosine_p1: float | None = None
    spearman: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """Return the figures that are there, ready for JSON: one that is not finite is None."""
        found = {k: v for k, v in dataclasses.asdict(self).items() if v is not None}
        return {k: v if math.isfinite(v) else None for k, v in found.items()}


def of_vectors(reference: ArrayLike, variant: ArrayLike) -> Fidelity:
    """Compare two ``(rows, dimension)``: vectors, or hidden states as rows.

    >>> of_vectors([[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]]).cosine_min
    1.0
    """
    a, b = np.asarray(reference, np.float64), np.asarray(variant, np.float64)
    _require_rows(len(a))
    rows = cosines(a, b)
    difference = np.abs(a - b)
    return Fidelity(
        count=len(rows),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        cosine_mean=float(rows.mean()),
        cosine_min=float(rows.min()),
        cosine_p1=float(np.percentile(rows, 1)),
    )


def of_sparse(reference: SparseVectors, variant: SparseVectors) -> Fidelity:
    """Compare the sparse embeddings of the same texts, of which some are written out at a time."""
    _require_rows(len(reference))
    rows, greatest, total = [], [], 0.0
    for part in sparse.blocks(reference):
        a, b = (vectors[part].dense().astype(np.float64) for vectors in (reference, variant))
        difference = np.abs(a - b)
        rows.append(cosines(a, b))
        greatest.append(float(difference.max()))
        total += float(difference.sum())
    found = np.concatenate(rows)
    return Fidelity(
        count=len(found),
        max_difference=max(greatest),
        mean_difference=total / (len(found) * reference.dimension),
        cosine_mean=float(found.mean()),
        cosine_min=float(found.min()),
        cosine_p1=float(np.percentile(found, 1)),
    )


def of_logits(reference: ArrayLike, variant: ArrayLike) -> Fidelity:
    """Compare two ``(rows, classes)`` of logits or probabilities: also which class is best.

    >>> of_logits([[0.1, 0.9], [0.6, 0.4]], [[0.2, 0.8], [0.4, 0.6]]).agreement
    0.5
    """
    a, b = np.asarray(reference, np.float64), np.asarray(variant, np.float64)
    return dataclasses.replace(
        of_vectors(a, b),
        agreement=float((a.argmax(axis=1) == b.argmax(axis=1)).mean()),
        spearman=spearman(a.ravel(), b.ravel()),
    )


def of_scores(reference: ArrayLike, variant: ArrayLike) -> Fidelity:
    """Compare one number a text, ``(texts,)``.

    >>> of_scores([0.1, 0.9, 0.5], [0.2, 0.9, 0.4]).spearman
    1.0
    """
    a, b = np.asarray(reference, np.float64), np.asarray(variant, np.float64)
    _require_rows(len(a))
    difference = np.abs(a - b)
    return Fidelity(
        count=len(a),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        spearman=spearman(a, b),
    )


def of_answers(
    reference: Sequence[Hashable],
    variant: Sequence[Hashable],
    reference_scores: ArrayLike,
    variant_scores: ArrayLike,
) -> Fidelity:
    """Compare answers, one an input, and the scores that came with them.

    >>> of_answers(["Ada", "1843"], ["Ada", "in 1843"], [0.9, 0.5], [0.8, 0.5]).agreement
    0.5
    """
    _require_rows(len(reference))
    same = [a == b for a, b in zip(reference, variant, strict=True)]
    a, b = np.asarray(reference_scores, np.float64), np.asarray(variant_scores, np.float64)
    difference = np.abs(a - b)
    return Fidelity(
        count=len(same),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        agreement=sum(same) / len(same),
        spearman=spearman(a, b),
    )


def _require_rows(count: int) -> None:
    if not count:
        raise InputError("no rows to compare: give at least one input")
