"""Round every weight on the inputs that calibration gives it, and let its bias take the rest.

Bias correction is that of Nagel et al. 2019 (arXiv 1906.04721), with measured means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil.progress import Stage
from edge_distil_quantize.calibration.piecewise import Walk
from edge_distil_quantize.calibration.smoothing import add_to, is_own
from edge_distil_quantize.kernels.gptq import DAMPING, Matrix, factor, round_matrix
from edge_distil_quantize.kernels.int8 import Quantized, quantize_matrix
from edge_distil_quantize.kernels.moments import Moments
from edge_distil_quantize.recipe import Feeds, Progress
from edge_distil_quantize.rewrites.activation import choose_grid, rounded
from edge_distil_quantize.rewrites.matmul import Target, find_bias, stored_matrix

Weights = dict[tuple[ir.Value, bool], Quantized]
# Positions of the activations that a weight is multiplied with: ALBERT's are shared.
Places = tuple[int, ...]
# Of fewer tokens than inputs, as in a last layer sliced to one token a text, a covariance is not of
# full rank, and rounding would fit these tokens alone. all-MiniLM-L6-v2 with CLS pooling, STS-B
# dev, mean and least cosine to fp32: 0.99951 and 0.99918 with GPTQ's own damping, 0.99958 and
# 0.99934 with this one (0.99957 and 0.99935 unsliced).
DAMPING_OF_FEW = 0.1
_PANEL = 256  # inputs of a covariance taken at a time


class Rounding(NamedTuple):
    """A rounded weight.

    Attributes:
        quantized: int8 ``(inputs, outputs)`` with its scales.
        by_itself: Error of the outputs, relative to their variance, of plain rounding.
        calibrated: The same of `quantized`.
    """

    quantized: Quantized
    by_itself: float
    calibrated: float


def round_weights(
    model: ir.Model, targets: Sequence[Target], inputs: Sequence[Feeds], progress: Progress
) -> dict[tuple[ir.Value, bool], Rounding]:
    """Round the weights of `targets` and correct their biases, in the fp32 graph.

    Returns:
        Weight, and whether it is stored transposed -> how it was rounded.
    """
    done: dict[tuple[ir.Value, bool], Rounding] = {}
    corrections: list[tuple[ir.Value, Matrix]] = []  # at the end: the fp32 graph runs till then
    places = _places(targets)
    groups = len(set(places.values()))
    for number, (members, moments) in enumerate(_gather(model, targets, places, inputs)):
        progress(Stage("rounding weights", number, groups))
        means, covariance = moments.means(), moments.take_covariance()
        factored = factor(covariance, _damping(moments.tokens, len(covariance)))
        for target in members:
            key, matrix = (target.weight, target.transposed), stored_matrix(target)
            if key not in done:
                quantized = round_matrix(matrix, factored)
                done[key] = _describe(matrix, quantized, covariance)
            bias = find_bias(target.node)[1]
            if bias is not None and is_own(bias):
                exact, given = means[1] @ matrix, means[0] @ _real(done[key].quantized)
                corrections.append((bias, exact - given))
    for bias, amount in corrections:
        add_to(bias, amount)
    return done


def _damping(tokens: int, inputs: int) -> float:
    return DAMPING if tokens >= inputs else DAMPING_OF_FEW


def _activations(targets: Sequence[Target]) -> list[ir.Value | None]:
    return list(dict.fromkeys(t.node.inputs[0] for t in targets))


def _places(targets: Sequence[Target]) -> dict[ir.Value, Places]:
    """Return which of the activations each weight is multiplied with."""
    activations = _activations(targets)
    places: dict[ir.Value, Places] = {}
    for target in targets:
        place = activations.index(target.node.inputs[0])
        places[target.weight] = tuple(sorted({*places.get(target.weight, ()), place}))
    return places


def _gather(
    model: ir.Model,
    targets: Sequence[Target],
    weights: Mapping[ir.Value, Places],
    inputs: Sequence[Feeds],
) -> Iterator[tuple[list[Target], Moments]]:
    """Yield targets whose weights have the same inputs, with these inputs' moments."""
    activations, places = _activations(targets), dict(weights)
    waiting: dict[Places, Moments] = {}
    walk = Walk(model, inputs, [str(x.name) for x in activations if x is not None])
    for place, x in enumerate(activations):
        assert x is not None
        here = {key for key in places.values() if place in key}
        _add(walk, x, [waiting.setdefault(key, Moments()) for key in sorted(here)])
        for key in sorted(key for key in here if key[-1] == place):
            yield [t for t in targets if places[t.weight] == key], waiting.pop(key)


def _add(walk: Walk, x: ir.Value, moments: Sequence[Moments]) -> None:
    grid, name = choose_grid(x), str(x.name)
    for values in walk.advance([name]):
        exact = values[name].reshape(-1, values[name].shape[-1])
        given = rounded(exact, grid)
        for moment in moments:
            moment.add(given, exact)


def _describe(matrix: Matrix, quantized: Quantized, covariance: Matrix) -> Rounding:
    plain = quantize_matrix(matrix, "columns")
    variance = _energy(matrix, covariance) or 1.0
    of_plain, of_quantized = (_energy(_real(q) - matrix, covariance) for q in (plain, quantized))
    return Rounding(quantized, of_plain / variance, of_quantized / variance)


def _energy(matrix: Matrix, covariance: Matrix) -> float:
    """Return the variance of all outputs: the trace of ``matrix.T @ covariance @ matrix``.

    The covariance is symmetric: what lies below its diagonal counts twice above.
    """
    total = 0.0
    for start in range(0, len(matrix), _PANEL):
        stop = start + _PANEL
        rows = covariance[start:stop]
        outputs = rows[:, start:stop] @ matrix[start:stop]
        outputs += 2 * (rows[:, stop:] @ matrix[stop:])
        total += float(np.vdot(matrix[start:stop], outputs))
    return total


def _real(quantized: Quantized) -> Matrix:
    return quantized.values * quantized.scales
