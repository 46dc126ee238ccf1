"""Rounding that makes up for itself: what one input's rounding loses, the next inputs' gain.

GPTQ (Frantar et al. 2022, arXiv 2210.17323) in the form that QuIP shows to be the same (Chee et
al. 2023, arXiv 2307.13304, theorem 6): with ``H = (U + I) D (U + I)^T``, U strictly upper
triangular, input k is rounded to ``round(w_k + sum_j<k U_jk (w_j - q_j))``. No inverse is needed.

Clipping was tried and left out: with eight bits, a scale below the one that clips nothing lowers
the error of one output channel in seventy (all-MiniLM-L6-v2), and of none by much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil_quantize.kernels.int8 import LIMIT, PAIR_LIMIT, Quantized, full_scales

Matrix = NDArray[np.float32]
# Of the mean diagonal, added to it. GPTQ has 0.01, for language models and 128 texts of 2,048
# tokens; with that, rounding learns a small sample by heart and serves rare texts worse. The 20
# least cosines to fp32 of all-MiniLM-L6-v2 on STS-B dev, calibrated on samples of 10,669, 5,566 and
# 5,043 tokens: 0.99791, 0.99773, 0.99763 with 0.01; 0.99799, 0.99777, 0.99787 with a quarter of
# inputs by tokens. In a last layer sliced to one token a text (CLS pooling) the covariance is not
# even of full rank: the least cosine was 0.99918 with 0.01, 0.99934 with 0.1 (0.99935 unsliced).
DAMPING = 0.01, 0.1  # the least and the most
_BLOCK = 64  # inputs between two products with all that came before
_PANEL = 256  # columns factored at a time
_MOST_TRIES = 6


class Factor(NamedTuple):
    """A covariance, ordered and factored.

    Attributes:
        order: Inputs by decreasing variance (GPTQ's "act-order").
        unit: ``U + I``, upper triangular.
    """

    order: NDArray[np.intp]
    unit: Matrix


def damping_for(inputs: int, tokens: int) -> float:
    """Return the damping for a covariance: a quarter of the inputs for each token, in bounds.

    >>> [damping_for(1536, tokens) for tokens in (260_000, 9_600, 768)]
    [0.01, 0.04, 0.1]
    """
    least, most = DAMPING
    return min(most, max(least, inputs / tokens / 4))


def factor(covariance: Matrix, damping: float) -> Factor:
    """Order and factor a covariance.

    Args:
        covariance: ``(inputs, inputs)``, symmetric.
        damping: Share of the mean variance that every input gets more; times ten as often as it
            takes for the matrix to be positive definite in float32.
    """
    order = np.argsort(-np.diag(covariance), kind="stable")
    # Cholesky's lower factor of the matrix turned round is an upper factor of the matrix.
    turned = order[::-1]
    mean = float(np.diag(covariance).mean()) or 1.0
    for attempt in range(_MOST_TRIES):
        matrix = np.empty_like(covariance)
        for row, source in zip(matrix, turned, strict=True):
            np.take(covariance[source], turned, out=row, mode="clip")  # "raise" makes a copy
        matrix[np.diag_indices_from(matrix)] += np.float32(damping * mean * 10**attempt)
        try:
            cholesky_in_place(matrix)
            break
        except np.linalg.LinAlgError:
            continue
    else:
        matrix = np.eye(len(covariance), dtype=np.float32)  # rounds each input by itself
    upper = matrix[::-1, ::-1]
    upper /= np.diag(upper).copy()
    return Factor(order, upper)


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
        inverse = np.linalg.inv(panel[:columns].astype(np.float64)).astype(np.float32)
        panel[columns:] = panel[columns:] @ inverse.T  # many rows: quicker than to solve for them
        matrix[start : start + columns, start + columns :] = 0


def round_matrix(matrix: Matrix, factored: Factor) -> Quantized:
    """Round a matrix to int8 with little error of the outputs.

    Args:
        matrix: float32 ``(inputs, outputs)``.
        factored: Covariance of the inputs.

    Returns:
        Values within `LIMIT`, pairs of neighbours within `PAIR_LIMIT`, a scale an output.
    """
    scales = full_scales(matrix, "columns")
    goals = matrix / scales
    values = np.zeros(matrix.shape, np.float32)  # by input, as stored
    errors = np.zeros(matrix.shape, np.float32)  # in the order of rounding
    for start in range(0, len(matrix), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(matrix)))
        # A copy: numpy multiplies views that run backwards without BLAS.
        unit = np.ascontiguousarray(factored.unit[: block.stop, block].T)
        carried = unit[:, :start] @ errors[:start]
        for k in range(start, block.stop):
            at, row = factored.order[k], k - start
            goal = goals[at] + carried[row] + unit[row, start:k] @ errors[start:k]
            values[at] = _nearest(goal, values[at ^ 1] if at ^ 1 < len(matrix) else None)
            errors[k] = goals[at] - values[at]
    return Quantized(values.astype(np.int8), scales)


def _nearest(goal: Matrix, neighbour: Matrix | None) -> Matrix:
    """Return the nearest integers that the neighbour, 0 until it is rounded, leaves room for."""
    room = np.float32(LIMIT)
    if neighbour is not None:
        room = np.minimum(room, PAIR_LIMIT - np.abs(neighbour))
    return np.asarray(np.clip(np.rint(goal), -room, room))
