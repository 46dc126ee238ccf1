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
from edge_distil_quantize.calibration.piecewise import Walk
from edge_distil_quantize.calibration.smoothing import (
    Norm,
    find_norms,
    has_own_bias,
    is_own,
    numbers,
    smooth,
)
from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.recipe import Feeds
from edge_distil_quantize.rewrites.activation import choose_grid
from edge_distil_quantize.rewrites.editing import Editor
from edge_distil_quantize.rewrites.matmul import Target, find_bias, stored_matrix

_SAMPLE_TEXTS = 40
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


def prepare(model: ir.Model, targets: Sequence[Target], inputs: Sequence[Feeds]) -> Prepared:
    """Smooth layer norms and values, drop the biases of keys and fold those of values.

    Args:
        model: The fp32 graph, changed in place. Where a pattern is not found, nothing is done.
        targets: The products that will be quantized.
        inputs: To calibrate on; some of them serve.
    """
    editor = Editor(model.graph)
    _separate_biases(editor, targets)
    norms = find_norms(targets)
    attentions = find_attentions(model.graph, {target.node: target for target in targets})
    mixed = [_mixed(a) for a in attentions if a.output is not None]
    sample = sample_tokens(model, [*(norm.node.outputs[0] for norm in norms), *mixed], inputs)
    smoothed = [_smooth(editor, norm, sample[str(norm.node.outputs[0].name)]) for norm in norms]
    keys = [drop_bias(a.key) for a in attentions if a.key is not None]
    whole = [a for a in attentions if a.output is not None]
    folded = [fold_value_bias(a) for a in whole]
    values = [
        _even_out(a, sample[str(_mixed(a).name)] - bias)
        for a, bias in zip(whole, folded, strict=True)
        if a.value and a.output and is_own(a.value.weight) and is_own(a.output.weight)
    ]
    return Prepared(smoothed, values, sum(keys) + sum(len(bias) > 1 for bias in folded))


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


def _smooth(editor: Editor, norm: Norm, sample: Matrix) -> Smoothing:
    shift = all(has_own_bias(target) for target in norm.targets)
    matrices = [stored_matrix(target) for target in norm.targets]
    found = choose_smoothing(sample, choose_grid(norm.node.outputs[0]), matrices, shift=shift)
    if found.pays:
        smooth(editor, norm, found)
    return found


def _even_out(attention: Attention, sample: Matrix) -> Smoothing:
    assert attention.output is not None
    matrix, grid = stored_matrix(attention.output), choose_grid(_mixed(attention))
    found = choose_smoothing(sample, grid, [matrix], shift=False)
    if found.pays:
        scale_values(attention, found.scale)
    return found


def sample_tokens(
    model: ir.Model, values: Sequence[ir.Value], inputs: Sequence[Feeds]
) -> dict[str, Matrix]:
    """Return some tokens of activations, from all parts of `inputs`, always the same.

    Args:
        model: The graph.
        values: Activations ``(batch, sequence, channels)`` or ``(batch, channels)``.
        inputs: One text each.

    Returns:
        Name -> float32 ``(tokens, channels)``.
    """
    names = [str(value.name) for value in values]
    if not names:
        return {}
    generator = np.random.default_rng(_SEED)
    some = inputs[:: -(-len(inputs) // _SAMPLE_TEXTS)]
    share = min(1.0, _SAMPLE_TOKENS / sum(next(iter(f.values())).size for f in some))
    found: dict[str, list[Matrix]] = {name: [] for name in names}
    walk = Walk(model, some, names)
    for name in names:
        for arrays in walk.advance([name]):
            rows = arrays[name].reshape(-1, arrays[name].shape[-1])
            count = max(1, round(share * len(rows)))
            found[name].append(rows[generator.choice(len(rows), count, replace=False)])
    return {name: np.concatenate(rows) for name, rows in found.items()}
