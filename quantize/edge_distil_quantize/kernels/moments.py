"""What rounding a layer's weights needs to know of its inputs: their means and covariance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]  # (tokens, inputs)
_TOGETHER = 1024  # tokens a matrix product
_PANEL = 256  # inputs whose products with those behind them are summed at a time


class Moments:
    """Moments of the tokens that a layer is given.

    They are centred: a bias takes up the mean of the error, so rounding minimises the rest.
    """

    def __init__(self) -> None:
        self._tokens = 0
        self._waiting: list[Rows] = []

    def add(self, given: Rows, exact: Rows) -> None:
        """Take tokens.

        Args:
            given: ``(tokens, inputs)`` as the layer gets them, quantized.
            exact: The same tokens in fp32.
        """
        if not self._tokens:
            width = given.shape[1]
            self._origin = given.mean(0)  # near the mean: sums of float32 keep their digits
            self._products = np.zeros((width, width), np.float32)
            self._sums = np.zeros((2, width))
        self._tokens += len(given)
        self._sums += given.sum(0, np.float64), exact.sum(0, np.float64)
        self._waiting.append(given - self._origin)
        if sum(map(len, self._waiting)) >= _TOGETHER:
            self._flush()

    @property
    def tokens(self) -> int:
        """How many were taken."""
        return self._tokens

    def _flush(self) -> None:
        """Sum products on and above the diagonal; `take_covariance` mirrors them."""
        rows = np.concatenate(self._waiting)
        self._waiting.clear()
        for start in range(0, rows.shape[1], _PANEL):
            panel = slice(start, start + _PANEL)
            self._products[panel, start:] += rows[:, panel].T @ rows[:, start:]

    def means(self) -> NDArray[np.float64]:
        """Return means ``(2, inputs)``: of what is given, and in fp32."""
        return np.asarray(self._sums / self._tokens)

    def take_covariance(self) -> Rows:
        """Return the covariance ``(inputs, inputs)`` of what is given, and keep no copy of it."""
        if self._waiting:
            self._flush()
        covariance = self._products
        del self._products
        covariance /= np.float32(self._tokens)
        mean = (self.means()[0] - self._origin).astype(np.float32)
        for row, value in zip(covariance, mean, strict=True):
            row -= value * mean
        for start in range(0, len(covariance), _PANEL):
            stop = start + _PANEL
            covariance[stop:, start:stop] = covariance[start:stop, stop:].T
        return covariance
