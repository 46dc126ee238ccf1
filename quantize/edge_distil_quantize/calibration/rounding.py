"""Round every weight on the inputs that calibration gives it, and let its bias take the rest.

Bias correction is that of Nagel et al. 2019 (arXiv 1906.04721), with measured means.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from edge_distil.progress import Stage
from edge_distil_quantize.calibration.equivalence import Move
from edge_distil_quantize.calibration.known import Known, Rounding, digest
from edge_distil_quantize.calibration.smoothing import add_to, is_own
from edge_distil_quantize.kernels.gptq import Matrix, damping_for, factor, round_matrix
from edge_distil_quantize.kernels.int8 import Quantized, quantize_matrix
from edge_distil_quantize.kernels.moments import Moments
from edge_distil_quantize.recipe import Progress
from edge_distil_quantize.rewrites.activation import choose_grid, rounded
from edge_distil_quantize.rewrites.matmul import Target, find_bias, stored_matrix

# Positions of the activations that a weight is multiplied with: ALBERT's are shared.
Places = tuple[int, ...]
_PANEL = 256  # inputs of a covariance taken at a time


class Rounder:
    """Rounds the weights of products, in the order in which the graph gives their inputs.

    Args:
        targets: The products.
        moves: Name of an activation -> what became of it in the graph; may grow meanwhile.
        known: What was rounded before on the same inputs.
        progress: Called before each group of weights with the same inputs.

    Attributes:
        done: Weight, and whether it is stored transposed -> how it was rounded.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        moves: Mapping[str, Move],
        known: Known,
        progress: Progress,
    ) -> None:
        self._moves, self._known, self._progress = moves, known, progress
        self._inputs = {str(x.name): x for t in targets if (x := t.node.inputs[0]) is not None}
        names = list(self._inputs)
        places = _places(targets, names)
        self._groups: dict[Places, list[Target]] = {}
        for target in targets:
            self._groups.setdefault(places[target.weight], []).append(target)
        self._names = names
        self._waiting: dict[Places, Moments] = {}
        self._rounded = 0
        self._corrections: list[tuple[Target, Matrix]] = []
        self.done: dict[tuple[ir.Value, bool], Rounding] = {}

    def needs(self, name: str) -> bool:
        """Say whether the tokens of an activation are to be given."""
        return any(not self._is_known(group) for group in self._reading(name))

    def add(self, name: str, inputs: Iterable[Matrix]) -> None:
        """Take an activation's tokens ``(tokens, channels)`` of each input, in the graph as it was.

        To be called in the graph's order.
        """
        grid, move = choose_grid(self._inputs[name]), self._moves.get(name)
        moments = [self._waiting.setdefault(group, Moments()) for group in self._reading(name)]
        for rows in inputs:
            exact = rows if move is None else (rows - move.shift) / move.scale
            given = rounded(exact, grid)
            for moment in moments:
                moment.add(given, exact)

    def round(self, name: str) -> None:
        """Round the weights of which this activation is the last that they are multiplied with."""
        for group in self._reading(name):
            if self._names[group[-1]] == name:
                self._progress(Stage("rounding weights", self._rounded, len(self._groups)))
                self._rounded += 1
                self._round(group)

    def correct(self) -> None:
        """Add to the biases, at the end: mean errors of products that have one of their own."""
        for target, amount in self._corrections:
            bias = find_bias(target.node)[1]
            if bias is not None and is_own(bias):
                add_to(bias, amount)

    def _reading(self, name: str) -> list[Places]:
        here = self._names.index(name) if name in self._inputs else -1
        return sorted(group for group in self._groups if here in group)

    def _key(self, group: Places, target: Target) -> Hashable:
        given = [(name, self._moves.get(name)) for name in (self._names[i] for i in group)]
        moved = [(name, *map(digest, move)) if move else name for name, move in given]
        return target.weight.name, target.transposed, *moved

    def _is_known(self, group: Places) -> bool:
        return all(self._key(group, t) in self._known.roundings for t in self._groups[group])

    def _round(self, group: Places) -> None:
        fresh = {self._key(group, target): target for target in self._groups[group]}
        fresh = {key: t for key, t in fresh.items() if key not in self._known.roundings}
        if fresh:
            self._known.roundings |= _rounded(fresh, self._waiting.pop(group))
        for target in self._groups[group]:
            rounding, correction = self._known.roundings[self._key(group, target)]
            self.done[target.weight, target.transposed] = rounding
            self._corrections.append((target, correction))


def _rounded(
    targets: Mapping[Hashable, Target], moments: Moments
) -> dict[Hashable, tuple[Rounding, Matrix]]:
    """Round weights with the same inputs; return also what their biases are to take up."""
    means, covariance = moments.means(), moments.take_covariance()
    factored = factor(covariance, damping_for(len(covariance), moments.tokens))
    found = {}
    for key, target in targets.items():
        matrix = stored_matrix(target)
        quantized = round_matrix(matrix, factored)
        correction = means[1] @ matrix - means[0] @ _real(quantized)
        found[key] = _describe(matrix, quantized, covariance), correction
    return found


def _places(targets: Sequence[Target], names: Sequence[str]) -> dict[ir.Value, Places]:
    """Return which of the activations each weight is multiplied with."""
    places: dict[ir.Value, Places] = {}
    for target in targets:
        x = target.node.inputs[0]
        assert x is not None
        here = names.index(str(x.name))
        places[target.weight] = tuple(sorted({*places.get(target.weight, ()), here}))
    return places


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
