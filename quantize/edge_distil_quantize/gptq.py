"""Rounding that makes up for itself: what one input's rounding loses, the next inputs' gain.

GPTQ (Frantar et al. 2022, arXiv 2210.17323) in the form that QuIP shows to be the same (Chee et
al. 2023, arXiv 2307.13304, theorem 6): with ``H = (U + I) D (U + I)^T``, U strictly upper
triangular, input k is rounded to ``round(w_k + sum_j<k U_jk (w_j - q_j))``. No inverse is needed.
The squared error ``e^T H e`` is then the sum of ``D_kk`` times each input's own rounding error
squared, so each channel's scale is chosen among several by that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil_quantize.weights import LIMIT, PAIR_LIMIT, Quantized, full_scales

Matrix = NDArray[np.float32]
DAMPING = 0.01  # of the mean diagonal, added to it: GPTQ's own
# Of the scale with which nothing is clipped: what is clipped, the next inputs make up for.
CLIPPING = (1.0, 0.92, 0.84, 0.76, 0.68)
_BLOCK = 64  # inputs between two products with all that came before
_PANEL = 256  # columns factored at a time
_MOST_TRIES = 6


class Factor(NamedTuple):
    """A covariance, ordered and factored.

    Attributes:
        order: Inputs by decreasing variance (GPTQ's "act-order").
        unit: ``U + I``, upper triangular.
        weights: D's diagonal.
    """

    order: NDArray[np.intp]
    unit: Matrix
    weights: Matrix


def factor(covariance: Matrix, damping: float = DAMPING) -> Factor:
    """Order and factor a covariance.

    Args:
        covariance: ``(inputs, inputs)``, symmetric.
        damping: Share of the mean variance that every input gets more; times ten as often as it
            takes for the matrix to be positive definite in float32.
    """
    order = np.argsort(-np.diag(covariance), kind="stable")
    # Cholesky's lower factor of the matrix turned round is an upper factor of the matrix.
    turned = np.ix_(order[::-1], order[::-1])
    mean = float(np.diag(covariance).mean()) or 1.0
    for attempt in range(_MOST_TRIES):
        matrix = covariance[turned]
        matrix[np.diag_indices_from(matrix)] += np.float32(damping * mean * 10**attempt)
        try:
            cholesky_in_place(matrix)
            break
        except np.linalg.LinAlgError:
            continue
    else:
        matrix = np.eye(len(covariance), dtype=np.float32)  # rounds each input by itself
    upper = matrix[::-1, ::-1]
    diagonal = np.diag(upper).copy()
    upper /= diagonal
    return Factor(order, upper, diagonal**2)


def cholesky_in_place(matrix: Matrix) -> None:
    """Replace a symmetric matrix by its lower Cholesky factor, panel by panel.

    numpy's own needs several times the matrix's memory: too much beside a model.

    Raises:
        numpy.linalg.LinAlgError: It is not positive definite; part of it is lost.
    """
    for start in range(0, len(matrix), _PANEL):
        panel = matrix[start:, start : start + _PANEL]
        columns = panel.shape[1]
        panel -= matrix[start:, :start] @ matrix[start : start + columns, :start].T
        panel[:columns] = np.linalg.cholesky(panel[:columns])
        panel[columns:] = np.linalg.solve(panel[:columns], panel[columns:].T).T
        matrix[start : start + columns, start + columns :] = 0


def round_matrix(matrix: Matrix, moment: Factor, clipping: Sequence[float] = CLIPPING) -> Quantized:
    """Round a matrix to int8 with the least error of the outputs.

    Args:
        matrix: float32 ``(inputs, outputs)``.
        moment: Of the inputs.
        clipping: Scales to choose among for each output, as a share of the full one.

    Returns:
        Values within `LIMIT`, pairs of neighbours within `PAIR_LIMIT`, a scale an output.
    """
    full = full_scales(matrix, "columns")
    least = np.full(matrix.shape[1], np.inf)
    values, scales = np.zeros(matrix.shape, np.int8), full.copy()
    for share in clipping:
        tried = full * np.float32(share)
        found, error = _round(matrix / tried, moment)
        error *= tried.astype(np.float64) ** 2
        better = error < least
        least[better], scales[better] = error[better], tried[better]
        values[:, better] = found[:, better]
    return Quantized(values, scales)


def _round(matrix: Matrix, moment: Factor) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """Round to integers; also return the error of each output."""
    inputs, outputs = matrix.shape
    values = np.zeros(matrix.shape, np.float32)  # by input, as stored
    errors = np.zeros(matrix.shape, np.float32)  # in the order of rounding
    total = np.zeros(outputs)
    for start in range(0, inputs, _BLOCK):
        block = slice(start, min(start + _BLOCK, inputs))
        carried = moment.unit[:start, block].T @ errors[:start]
        for k in range(start, block.stop):
            at = moment.order[k]
            goal = matrix[at] + carried[k - start] + moment.unit[start:k, k] @ errors[start:k]
            values[at] = _nearest(goal, values[at ^ 1] if at ^ 1 < inputs else None)
            errors[k] = matrix[at] - values[at]
            total += moment.weights[k] * (goal - values[at]).astype(np.float64) ** 2
    return values.astype(np.int8), total


def _nearest(goal: Matrix, neighbour: Matrix | None) -> Matrix:
    """Return the nearest integers that the neighbour, 0 until it is rounded, leaves room for."""
    room = np.float32(LIMIT)
    if neighbour is not None:
        room = np.minimum(room, PAIR_LIMIT - np.abs(neighbour))
    return np.asarray(np.clip(np.rint(goal), -room, room))
