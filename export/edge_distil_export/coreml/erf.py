"""The error function in numpy, which has none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_TERMS = 40  # of the Maclaurin series, enough for |x| < 2.5 in double precision
_DEPTH = 60  # of the continued fraction, enough beyond
_BORDER = 2.5
_FLAT = 6.0  # erf differs from 1 by 2e-17 there


def erf(x: NDArray[Any]) -> NDArray[Any]:
    """Return the error function of every value, in the type of `x`.

    Small values by the series ``2 / sqrt(pi) * exp(-x^2) * sum (2 x^2)^n x / (1 3 5 ... (2n+1))``
    (Abramowitz and Stegun 1964, 7.1.6), great ones by the continued fraction of ``erfc`` (7.1.14).

    >>> erf(np.array([0.0, 0.5, -1.0, 3.0])).round(9).tolist()
    [0.0, 0.520499878, -0.842700793, 0.999977910]
    """
    size = np.minimum(np.abs(np.asarray(x, np.float64)), _FLAT)
    found = np.where(size < _BORDER, _series(np.minimum(size, _BORDER)), _fraction(size))
    return np.copysign(found, x).astype(np.asarray(x).dtype)


def _series(x: NDArray[np.float64]) -> NDArray[np.float64]:
    term = total = x
    for n in range(1, _TERMS):
        term = term * (2 * x * x) / (2 * n + 1)
        total = total + term
    return 2 / np.sqrt(np.pi) * np.exp(-x * x) * total


def _fraction(x: NDArray[np.float64]) -> NDArray[np.float64]:
    large = np.maximum(x, 1.0)
    below = large
    for n in range(_DEPTH, 0, -1):
        below = large + n / 2 / below
    return 1 - np.exp(-large * large) / (np.sqrt(np.pi) * below)
