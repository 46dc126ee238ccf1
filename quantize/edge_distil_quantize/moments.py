"""What rounding a layer's weights needs to know of its inputs: their means and covariance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]  # (tokens, inputs)
_TOGETHER = 1024  # tokens a matrix product


class Moments:
    """Moments of the tokens that a layer is given.

    They are centred: a bias takes up the mean of the error, so rounding minimises the rest.
    """

    def __init__(self) -> None:
        self._tokens = 0
        self._waiting: list[tuple[Rows, Rows]] = []

    def add(self, given: Rows, exact: Rows) -> None:
        """Take tokens.

        Args:
            given: ``(tokens, inputs)`` as the layer gets them, quantized.
            exact: The same tokens in fp32.
        """
        if not self._tokens and not self._waiting:
            width = given.shape[1]
            self._origin = given.mean(0)  # near the mean: sums of float32 keep their digits
            self._products = np.zeros((width, width), np.float32)
            self._sums = np.zeros((2, width))
        self._waiting.append((given, exact))
        if sum(len(rows) for rows, _ in self._waiting) >= _TOGETHER:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        given, exact = (np.concatenate(rows) for rows in zip(*self._waiting, strict=True))
        self._waiting.clear()
        given, exact = given - self._origin, exact - self._origin
        self._tokens += len(given)
        self._products += given.T @ given
        self._sums += given.sum(0, np.float64), exact.sum(0, np.float64)

    def means(self) -> NDArray[np.float64]:
        """Return means ``(2, inputs)``: of what is given, and in fp32."""
        self._flush()
        return np.asarray(self._sums / self._tokens + self._origin)

    def covariance(self) -> Rows:
        """Return the covariance ``(inputs, inputs)`` of what is given."""
        self._flush()
        mean = (self._sums[0] / self._tokens).astype(np.float32)
        return np.asarray(self._products / np.float32(self._tokens) - np.outer(mean, mean))
