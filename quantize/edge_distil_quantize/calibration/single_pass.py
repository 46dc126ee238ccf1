"""One pass of the calibration texts through the fp32 graph: smooth, then round, layer by layer.

The texts go through the graph as it was; what smoothing makes of an activation is computed from
it. So what is found for one operator does not depend on what becomes of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import onnx_ir as ir

from edge_distil_quantize.calibration.equivalence import Equivalence, Prepared, take_sample
from edge_distil_quantize.calibration.known import Known, Rounding
from edge_distil_quantize.calibration.piecewise import Walk
from edge_distil_quantize.calibration.rounding import Rounder
from edge_distil_quantize.calibration.smoothing import uncut
from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.kernels.int8 import Quantized
from edge_distil_quantize.recipe import Feeds, Progress
from edge_distil_quantize.rewrites.matmul import Target, find_targets

Roundings = dict[tuple[ir.Value, bool], Rounding]


def run(
    model: ir.Model,
    inputs: Sequence[Feeds],
    known: Known,
    progress: Progress,
    *,
    smoothed: Sequence[Target],
    rounded: Sequence[Target],
) -> tuple[Prepared, Roundings]:
    """Change the graph so that it quantizes well, round weights, and correct their biases.

    Args:
        model: The fp32 graph, changed in place.
        inputs: To calibrate on.
        known: What was found before with the same graph and inputs; what is found is added.
        progress: Called with one line at the start of every stage.
        smoothed: The products whose inputs are evened out.
        rounded: Those whose weights are rounded.

    Returns:
        What was done to the graph; weight, and whether it is stored transposed -> how it was
        rounded.
    """
    stops = _Stops(model, inputs)
    equivalence = Equivalence(model, smoothed, known)
    rounder = Rounder(rounded, equivalence.moves, known, progress)
    for name in stops.names:
        rows: list[Matrix] | None = None
        if equivalence.reads(name):
            sample = known.sample(name)
            if sample is None:
                rows = list(stops.rows(name))
                sample = take_sample(rows)
                known.keep_sample(name, sample)
            equivalence.smooth(name, sample)
        if rounder.needs(name):
            rounder.add(name, stops.rows(name) if rows is None else rows)
        rounder.round(name)
    prepared = equivalence.finish()
    rounder.correct()
    for weight, factors in equivalence.divided.items():
        if weight in rounder.done:
            rounder.done[weight] = _divided(rounder.done[weight], factors)
    return prepared, rounder.done


def _divided(rounding: Rounding, factors: Matrix) -> Rounding:
    """Divide the outputs of a rounded weight: its integers stay what they are."""
    values, scales = rounding.quantized
    return rounding._replace(quantized=Quantized(values, scales / factors))


class _Stops:
    """The activations before all products, in the graph's order, and a walk from one to the next.

    Whatever is asked for, pieces end at each of them: onnxruntime's sums depend on what it can
    fuse, and the tokens shall be the same, bit for bit, whichever operators stay in fp32.
    """

    def __init__(self, model: ir.Model, inputs: Sequence[Feeds]) -> None:
        read = [x for t in find_targets(model.graph) if (x := t.node.inputs[0]) is not None]
        wanted = {str(value.name) for x in read for value in (x, uncut(x))}
        made = [str(value.name) for node in model.graph for value in node.outputs]
        own = [str(value.name) for value in model.graph.inputs]
        self.names = [name for name in (*own, *made) if name in wanted]
        self._ahead = list(self.names)
        self._walk = Walk(model.clone(), inputs, self.names)

    def rows(self, name: str) -> Iterator[Matrix]:
        """Yield the tokens ``(tokens, channels)`` of each input; once for each name, in order."""
        while (stop := self._ahead.pop(0)) != name:
            for _ in self._walk.advance([stop]):
                pass
        for values in self._walk.advance([name]):
            yield values[name].reshape(-1, values[name].shape[-1])
