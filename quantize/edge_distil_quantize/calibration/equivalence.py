"""The fp32 graph made easier to quantize, without a change of what it computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.calibration.attention import (
    Attention,
    drop_bias,
    find_attentions,
    fold_value_bias,
    scale_values,
)
from edge_distil_quantize.calibration.balance import Smoothing, choose_smoothing
from edge_distil_quantize.calibration.known import Known, digest
from edge_distil_quantize.calibration.smoothing import (
    Norm,
    find_norms,
    has_own_bias,
    is_own,
    numbers,
    smooth,
)
from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.rewrites.activation import choose_grid
from edge_distil_quantize.rewrites.editing import Editor
from edge_distil_quantize.rewrites.matmul import Target, find_bias, stored_matrix

_SAMPLE_TOKENS = 1024
_SEED = 2018


class Prepared(NamedTuple):
    """What was done.

    Attributes:
        norms: How each layer norm was smoothed.
        values: How the values of each attention were.
        biases: Biases of keys and values that the graph needs no more.
    """

    norms: list[Smoothing]
    values: list[Smoothing]
    biases: int


class Move(NamedTuple):
    """What became of an activation: ``(x - shift) / scale``."""

    shift: Matrix
    scale: Matrix


class Equivalence:
    """Smooths layer norms and values, drops the biases of keys and folds those of values.

    Args:
        model: The fp32 graph, changed in place. Where a pattern is not found, nothing is done.
        targets: The products that will be quantized.
        known: What was chosen before on the same inputs.

    Attributes:
        moves: Name of an activation -> what became of it, as far as `smooth` was called.
        divided: Weight, and whether it is stored transposed -> by what its outputs were divided.
    """

    def __init__(self, model: ir.Model, targets: Sequence[Target], known: Known) -> None:
        self._editor, self._known = Editor(model.graph), known
        _separate_biases(self._editor, targets)
        self._norms = {str(norm.node.outputs[0].name): norm for norm in find_norms(targets)}
        found = find_attentions(model.graph, {target.node: target for target in targets})
        self._keys = [a.key for a in found if a.key is not None]
        self._attentions = {str(_mixed(a).name): a for a in found if a.output is not None}
        self._done = Prepared([], [], 0)
        self.moves: dict[str, Move] = {}
        self.divided: dict[tuple[ir.Value, bool], Matrix] = {}

    def reads(self, name: str) -> bool:
        """Say whether an activation is smoothed here."""
        return name in self._norms or name in self._attentions

    def smooth(self, name: str, sample: Matrix) -> None:
        """Change the graph around an activation; to be called in the graph's order.

        Args:
            name: One that `reads` takes.
            sample: Some of its tokens in the graph as it was, ``(tokens, channels)``.
        """
        if name in self._norms:
            self._smooth_norm(name, self._norms[name], sample)
        else:
            self._smooth_values(name, self._attentions[name], sample)

    def finish(self) -> Prepared:
        """Drop what biases no query sees; return all that was done."""
        dropped = sum(drop_bias(key) for key in self._keys)
        return self._done._replace(biases=self._done.biases + dropped)

    def _smooth_norm(self, name: str, norm: Norm, sample: Matrix) -> None:
        shift = all(has_own_bias(target) for target in norm.targets)
        found = self._choose(norm.node.outputs[0], norm.targets, sample, shift=shift)
        if found.pays:
            smooth(self._editor, norm, found)
            read = [x for target in norm.targets if (x := target.node.inputs[0]) is not None]
            move = Move(found.shift, found.scale)  # of what is cut from it too
            self.moves |= {name: move, **{str(x.name): move for x in read}}
        self._done.norms.append(found)

    def _smooth_values(self, name: str, attention: Attention, sample: Matrix) -> None:
        bias = fold_value_bias(attention)
        self._done = self._done._replace(biases=self._done.biases + (len(bias) > 1))
        self.moves[name] = Move(bias, np.ones(1, np.float32))
        value, output = attention.value, attention.output
        assert value is not None
        assert output is not None
        if not is_own(value.weight) or not is_own(output.weight) or find_bias(value.node)[1]:
            return
        found = self._choose(_mixed(attention), [output], sample - bias, shift=False)
        if found.pays:
            scale_values(attention, found.scale)
            self.moves[name] = Move(bias, found.scale)
            self.divided[value.weight, value.transposed] = found.scale
        self._done.values.append(found)

    def _choose(
        self, x: ir.Value, targets: Sequence[Target], sample: Matrix, *, shift: bool
    ) -> Smoothing:
        matrices = [stored_matrix(target) for target in targets]
        return self._known.smoothing(
            (x.name, shift, digest(sample), *map(digest, matrices)),
            lambda: choose_smoothing(sample, choose_grid(x), matrices, shift=shift),
        )


def _separate_biases(editor: Editor, targets: Sequence[Target]) -> None:
    """Give each product a bias of its own: equal ones are stored once."""
    for target in targets:
        add, bias = find_bias(target.node)
        if bias is not None and not is_own(bias):
            copy = editor.initializer(f"{target.node.outputs[0].name}_bias", numbers(bias))
            add.replace_input_with(list(add.inputs).index(bias), copy)


def _mixed(attention: Attention) -> ir.Value:
    """Return what the output projection reads: values mixed by the scores."""
    assert attention.output is not None
    value = attention.output.node.inputs[0]
    assert value is not None
    return value


def take_sample(rows: Sequence[Matrix]) -> Matrix:
    """Return some tokens of an activation, from all inputs, always the same.

    Args:
        rows: ``(tokens, channels)`` for each input.
    """
    generator = np.random.default_rng(_SEED)
    share = min(1.0, _SAMPLE_TOKENS / sum(map(len, rows)))
    counts = [max(1, round(share * len(own))) for own in rows]
    chosen = [
        own[generator.choice(len(own), count, replace=False)]
        for own, count in zip(rows, counts, strict=True)
    ]
    return np.concatenate(chosen)
