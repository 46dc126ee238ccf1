"""What an operator must read to give the first position of its output along an axis alone.

One rule for each kind of operator; where none applies, the operator must run whole. Every value
needs its shape, as `torch.export` gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir

# Input -> the axis along which its first position is enough; other inputs are read whole.
Reads = dict[int, int]

# Number by number, operands broadcast against each other.
_ELEMENTWISE = (
    "Abs", "Add", "And", "Cast", "Cos", "Div", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid",
    "HardSwish", "LeakyRelu", "Max", "Min", "Mish", "Mul", "Neg", "Not", "Pow", "Reciprocal",
    "Relu", "Selu", "Sigmoid", "Sin", "Softplus", "Sqrt", "Sub", "Tanh", "Where",
)  # fmt: skip


def reads(node: ir.Node, axis: int) -> Reads | None:
    """Return what `node` reads for position 0 of its outputs along `axis`.

    Args:
        node: The operator; its outputs have the same rank.
        axis: Counted from the front.

    Returns:
        The inputs of which less is enough; ``None`` where the operator cannot do with less.
    """
    rule = _RULES.get(node.op_type)
    return rule(node, axis) if rule is not None else None


def constant(value: ir.Value | None) -> np.ndarray[Any, Any] | None:
    """Return what a stored constant holds; ``None`` for anything else."""
    if value is None or not value.is_initializer() or value.const_value is None:
        return None
    return value.const_value.numpy()


def shape(value: ir.Value | None) -> ir.Shape:
    """Return the shape of a value."""
    assert value is not None
    assert value.shape is not None  # torch.export and onnx's inference know them all
    return value.shape


def _elementwise(node: ir.Node, axis: int) -> Reads:
    rank = len(shape(node.outputs[0]))
    found = {}
    for index, value in enumerate(node.inputs):
        own = axis - rank + len(shape(value)) if value is not None else -1
        if own >= 0 and shape(value)[own] != 1:  # what broadcasts along the axis stays as it is
            found[index] = own
    return found


def _along_another_axis(node: ir.Node, axis: int) -> Reads | None:
    """Softmax, Concat and Split: they mix positions along their own axis alone."""
    own = node.attributes.get_int("axis", -1 if node.op_type == "Softmax" else 0)
    if own % len(shape(node.outputs[0])) == axis:
        return None
    return dict.fromkeys(range(len(node.inputs) if node.op_type == "Concat" else 1), axis)


def _layer_norm(node: ir.Node, axis: int) -> Reads | None:
    first_mixed = node.attributes.get_int("axis", -1) % len(shape(node.inputs[0]))
    return {0: axis} if axis < first_mixed else None


def _product(node: ir.Node, axis: int) -> Reads | None:
    """A row of a product comes from that row of the left side and all of the right side."""
    is_row = axis == len(shape(node.outputs[0])) - 2 and len(shape(node.inputs[1])) >= 2
    return {0: len(shape(node.inputs[0])) - 2} if is_row else None


def _transpose(node: ir.Node, axis: int) -> Reads:
    rank = len(shape(node.outputs[0]))
    return {0: node.attributes.get_ints("perm", tuple(reversed(range(rank))))[axis]}


def _slice(node: ir.Node, axis: int) -> Reads | None:
    axes = constant(node.inputs[3]) if len(node.inputs) > 3 else None
    if axes is None or axis in axes % len(shape(node.outputs[0])):
        return None
    return {0: axis}


def _squeeze(node: ir.Node, axis: int) -> Reads | None:
    axes = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    if axes is None:
        return None
    rank = len(shape(node.inputs[0]))
    return {0: [place for place in range(rank) if place not in axes % rank][axis]}


def _unsqueeze(node: ir.Node, axis: int) -> Reads | None:
    axes = constant(node.inputs[1])
    if axes is None or axis in (added := axes % len(shape(node.outputs[0]))):
        return None
    return {0: axis - int((added < axis).sum())}


def _reshape(node: ir.Node, axis: int) -> Reads | None:
    """Heads apart or together again: all axes up to this one stay as they are."""
    before, after = (list(shape(v))[: axis + 1] for v in (node.inputs[0], node.outputs[0]))
    known = all(isinstance(size, int) or size.value is not None for size in before)
    return {0: axis} if known and before == after and _can_be_resized(node, axis) else None


def _can_be_resized(node: ir.Node, axis: int) -> bool:
    """Say whether the sizes are stored, or put together from one number an axis."""
    sizes = node.inputs[1]
    if constant(sizes) is not None:
        return True
    maker = sizes.producer() if sizes is not None else None
    if maker is None or maker.op_type != "Concat":
        return False
    return all(list(shape(part)) == [1] for part in maker.inputs) and axis < len(maker.inputs)


_RULES: dict[str, Callable[[ir.Node, int], Reads | None]] = {
    **dict.fromkeys(_ELEMENTWISE, _elementwise),
    **dict.fromkeys(("Concat", "Softmax", "Split"), _along_another_axis),
    "LayerNormalization": _layer_norm,
    "MatMul": _product,
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
