"""What rounding a layer's weights needs to know of its inputs: their means and covariance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]  # (tokens, inputs)
_TOGETHER = 512  # tokens a matrix product


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
        rows = np.concatenate(self._waiting)
        self._waiting.clear()
        self._products += rows.T @ rows

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
        return covariance
