"""Which factor to take from each channel of an activation, and which centre.

With one step a token, set by its loudest channel, the error of the outputs is proportional to

    mean_t max_c (x_tc / s_c)^2  *  sum_c s_c^2 |W_c|^2

SmoothQuant (Xiao et al. 2022, equation 4) guesses s from the greatest magnitudes. Here the guess is
improved by descending along the logarithm's gradient: a channel's factor grows while it is louder
than its share of the noise. The greatest is replaced by a high norm, so that one token does not
decide alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.kernels.int8 import quantize_matrix
from edge_distil_quantize.rewrites.activation import Grid, rounded

STRENGTH = 0.5  # SmoothQuant's alpha, of the first guess
STEPS = 100
_SQUARED = 4  # times
_POWER = 2**_SQUARED  # of the norm in place of the greatest
_TOGETHER = 128  # tokens: their scratch stays within the cache
_QUIET = 0.01  # of a token's greatest; what is less adds nothing to the norm
_FASTEST = 4.0  # first step along the gradient
_HALF = 25  # steps after which they are half as long
_SMALLEST = 1e-5  # of a magnitude, relative to the greatest
# Error of weights that GPTQ will round, relative to the plain rounding that is measured here.
_ROUNDED_WELL = 0.35


class Smoothing(NamedTuple):
    """What is taken from an activation.

    Attributes:
        scale: Factors ``(channels,)``.
        shift: Centres ``(channels,)``.
        before: Error of the outputs, relative to their variance, without it.
        after: The same with it.
    """

    scale: Matrix
    shift: Matrix
    before: float
    after: float

    @property
    def pays(self) -> bool:
        """Say whether it lowers the error."""
        return self.after < self.before


def choose_smoothing(
    sample: Matrix, grid: Grid, matrices: Sequence[Matrix], *, shift: bool
) -> Smoothing:
    """Return the factors and centres for an activation.

    Args:
        sample: ``(tokens, channels)``, in fp32.
        grid: How it will be quantized.
        matrices: The weights that multiply it, ``(channels, outputs)``.
        shift: Whether the products' biases can take up a shift.
    """
    nothing = np.zeros_like(sample[0])
    centre = sample.mean(0) if shift else nothing
    centred = sample - centre
    variances = [_variance(centred @ matrix) for matrix in matrices]  # smoothed or not
    scale = balanced(centred, matrices, variances)
    before, after = (
        _output_error((sample - shift) / factors, factors, grid, matrices, variances)
        for factors, shift in ((nothing + 1, nothing), (scale, centre))
    )
    return Smoothing(scale, centre, before, after)


def balanced(centred: Matrix, matrices: Sequence[Matrix], variances: Sequence[float]) -> Matrix:
    """Return factors around 1 that even channels out.

    Args:
        centred: ``(tokens, channels)``.
        matrices: The weights that multiply it, ``(channels, outputs)``.
        variances: Of each matrix's outputs.
    """
    gains = _gains(matrices, variances)
    magnitudes = _positive(np.abs(centred))
    rows = np.max([np.abs(matrix).max(1) for matrix in matrices], 0)
    logarithm = STRENGTH * np.log(magnitudes.max(0)) - (1 - STRENGTH) * np.log(_positive(rows))
    pace = _FASTEST * min(1.0, len(gains) / 64)
    for step in range(STEPS):
        noise = np.exp(2 * (logarithm - logarithm.max())) * gains
        loud = _loudness(magnitudes, np.exp(logarithm - logarithm.mean()))
        length = np.float32(pace / (1 + step / _HALF))
        logarithm += length * (loud / loud.sum() - noise / noise.sum())
    return np.asarray(np.exp(logarithm - logarithm.mean()), np.float32)


def _gains(matrices: Sequence[Matrix], variances: Sequence[float]) -> Matrix:
    """Return how much noise each channel puts into the outputs, each matrix counting the same."""
    gains = [(m**2).sum(1) / np.float32(v) for m, v in zip(matrices, variances, strict=True)]
    return np.asarray(np.sum(gains, axis=0), np.float32)


def _loudness(magnitudes: Matrix, divisors: Matrix) -> Matrix:
    """Return each channel's part in the squared norms of all tokens, up to a factor."""
    total = np.zeros_like(divisors)
    for start in range(0, len(magnitudes), _TOGETHER):
        powers = magnitudes[start : start + _TOGETHER] / divisors
        top = powers.max(1, keepdims=True)
        powers /= top
        np.maximum(powers, _QUIET, out=powers)  # numbers below float32's normal ones are slow
        for _ in range(_SQUARED):
            np.square(powers, out=powers)
        weights = np.square(top[:, 0]) * powers.sum(1) ** np.float32(2 / _POWER - 1)
        total += weights @ powers
    return total


def _positive(values: Matrix) -> Matrix:
    return np.maximum(values, _SMALLEST * (values.max() or 1))


def _variance(outputs: Matrix) -> float:
    return max(float(outputs.var(0).sum()), float(np.finfo(np.float32).tiny))


def _output_error(
    smooth: Matrix,
    factors: Matrix,
    grid: Grid,
    matrices: Sequence[Matrix],
    variances: Sequence[float],
) -> float:
    """Mean squared error of the outputs, relative to their variance, averaged over matrices."""
    difference = rounded(smooth, grid) - smooth
    total = 0.0
    for matrix, variance in zip(matrices, variances, strict=True):
        scaled = matrix * factors[:, None]
        values, scales = quantize_matrix(scaled, "columns")
        of_weights = smooth @ (values * scales - scaled)
        noise = (difference @ scaled).var(0).sum() + _ROUNDED_WELL * of_weights.var(0).sum()
        total += float(noise) / variance
    return total / len(matrices)
