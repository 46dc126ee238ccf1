"""What layer norms give on: the product's bias and smoothing's factors in a layer norm of its own.

    x ─ LayerNormalization ─ Mul ─┐                x ─ LayerNormalization ─┐
    product ─ Sub ─────────────── Add              product ─────────────── Add

Beside the layer norm whose channels are smoothed for the next product there is one that gives them
back as they were, less the bias of the product that they are added to: one operator for two.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil_quantize.rewrites.editing import Editor, maker, only_reader


def split_norms(editor: Editor) -> None:
    """Rewrite every such place."""
    for node in list(editor.graph):
        if node.op_type == "Mul":
            _split(editor, node)


def _split(editor: Editor, scaling: ir.Node) -> None:
    norm, factors = maker(scaling.inputs[0], "LayerNormalization"), _vector(scaling.inputs[1])
    added = only_reader(scaling.outputs[0])
    if norm is None or factors is None or added is None or added.op_type != "Add":
        return
    weight, bias = (_vector(v) for v in norm.inputs[1:3]) if len(norm.inputs) == 3 else (None, None)
    if weight is None or bias is None or not len(weight) == len(bias) == len(factors):
        return
    own = 1 - next(i for i, v in enumerate(added.inputs) if v is scaling.outputs[0])
    biased = maker(added.inputs[own], "Sub")
    shift = bias * factors
    if biased is not None and only_reader(biased.outputs[0]) is added:
        negated = _vector(biased.inputs[1])
        if negated is not None and len(negated) == len(shift):
            added.replace_input_with(own, biased.inputs[0])
            shift = shift - negated
    name, x = scaling.outputs[0].name, norm.inputs[0]
    assert x is not None  # LayerNormalization requires it
    stored = [
        editor.initializer(f"{name}_weight", weight * factors),
        editor.initializer(f"{name}_bias", shift),
    ]
    attributes = {key: attribute.value for key, attribute in norm.attributes.items()}
    given = editor.before(
        scaling, "LayerNormalization", [x, *stored], f"{name}_given_on", attributes
    )
    editor.replace(scaling, given)


def _vector(value: ir.Value | None) -> NDArray[np.float32] | None:
    stored = value.const_value if value is not None else None
    return stored.numpy() if stored is not None and len(stored.shape) == 1 else None
