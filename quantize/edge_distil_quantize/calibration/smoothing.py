"""Ranges evened out before quantizing: from a layer norm's outputs into the weights behind it.

SmoothQuant (Xiao et al. 2022, arXiv 2211.10438) divides each channel of an activation by a factor
and multiplies its row of the weights with it; Outlier Suppression+ (Wei et al. 2023, arXiv
2304.09145) also shifts each channel to its centre, which the next bias takes up. Both go into the
layer norm's own scale and bias:

    LayerNorm(gamma / s, (beta - z) / s) ── MatMul(s * W) ── Add(b + z W)
                                         └─ Mul(s) ── Add(residual, its bias + z)

So a layer norm costs one Mul where a residual reads it too, and nothing where none does. (A second
layer norm instead of the Mul takes three times as long.) In fp32 the graph computes what it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil_quantize.calibration.balance import Smoothing
from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.rewrites.editing import Editor, readers
from edge_distil_quantize.rewrites.matmul import Target, find_bias, stored_matrix


class Norm(NamedTuple):
    """A layer norm that can be smoothed.

    Attributes:
        node: The operator.
        targets: The products that will be quantized and read it, or some of its tokens.
    """

    node: ir.Node
    targets: list[Target]


def find_norms(targets: Sequence[Target]) -> list[Norm]:
    """Return the layer norms before `targets` whose weights nothing else reads."""
    readers: dict[ir.Value, list[Target]] = {}
    for target in targets:
        x = target.node.inputs[0]
        assert x is not None
        readers.setdefault(uncut(x), []).append(target)
    norms = [Norm(node, found) for x, found in readers.items() if (node := x.producer())]
    return [norm for norm in norms if _can_be_smoothed(norm)]


def uncut(x: ir.Value) -> ir.Value:
    """Return what a value is some tokens of: the exporter takes the first of the last layer's."""
    maker = x.producer()
    whole = maker.inputs[0] if maker is not None and _cuts_tokens(maker) else None
    return whole if whole is not None else x


def _cuts_tokens(node: ir.Node) -> bool:
    """Say whether this is a Slice ``[:, from:to]``, which keeps the channels together."""
    axes = node.inputs[3] if node.op_type == "Slice" and len(node.inputs) > 3 else None
    return axes is not None and axes.is_initializer() and numbers(axes).tolist() == [1]


def _can_be_smoothed(norm: Norm) -> bool:
    node = norm.node
    return (
        node.op_type == "LayerNormalization"
        and node.attributes.get_int("axis", -1) == -1
        and not node.outputs[0].is_graph_output()
        and all(v is None or v.is_initializer() for v in node.inputs[1:])
        and all(is_own(target.weight) for target in norm.targets)
    )


def is_own(value: ir.Value) -> bool:
    """Say whether one operator alone reads a value, so that it can be changed for it."""
    return len(list(value.uses())) == 1


def has_own_bias(target: Target) -> bool:
    """Say whether a product has a bias that nothing else reads."""
    bias = find_bias(target.node)[1]
    return bias is not None and is_own(bias)


def smooth(editor: Editor, norm: Norm, smoothing: Smoothing) -> None:
    """Move factors and centres from a layer norm into what reads it."""
    products = {target.node for target in norm.targets}
    y = norm.node.outputs[0]
    cuts = [use.node for use in y.uses() if _cuts_tokens(use.node)]
    for target in norm.targets:
        bias = find_bias(target.node)[1]
        if bias is not None and smoothing.shift.any():
            add_to(bias, smoothing.shift @ stored_matrix(target))
        scale_inputs(target, smoothing.scale)
    for value in (y, *(cut.outputs[0] for cut in cuts)):
        others = [use for use in readers(value) if use.node not in {*products, *cuts}]
        if others:
            _restore(editor, value, others, smoothing)
    _fold(editor, norm.node, smoothing)


def _fold(editor: Editor, node: ir.Node, smoothing: Smoothing) -> None:
    name = node.outputs[0].name
    gamma, beta = numbers(node.inputs[1]), np.zeros_like(smoothing.shift)
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        beta = numbers(node.inputs[2])
    node.resize_inputs(3)
    for index, array in ((1, gamma), (2, beta - smoothing.shift)):
        value = editor.initializer(f"{name}_smooth_{index}", array / smoothing.scale)
        node.replace_input_with(index, value)


def _restore(editor: Editor, y: ir.Value, uses: Sequence[Any], smoothing: Smoothing) -> None:
    """Give the readers that are not quantized what they read before."""
    reading = {use.node for use in uses}
    anchor = next(node for node in editor.graph if node in reading)  # the first of them
    factors = editor.initializer(f"{y.name}_factors", smoothing.scale)
    scaled = editor.before(anchor, "Mul", [y, factors], f"{y.name}_scaled")
    unshifted = []
    for use in uses:
        use.node.replace_input_with(use.idx, scaled)
        bias = _bias_beside(use.node, scaled)
        if bias is not None and is_own(bias):
            add_to(bias, smoothing.shift)
        else:
            unshifted.append(use)
    if unshifted and smoothing.shift.any():
        centres = editor.initializer(f"{y.name}_centres", smoothing.shift)
        whole = editor.before(anchor, "Add", [scaled, centres], f"{y.name}_restored")
        for use in unshifted:
            use.node.replace_input_with(use.idx, whole)


def _bias_beside(add: ir.Node, y: ir.Value) -> ir.Value | None:
    """Return the stored bias of what an Add sums with `y`, if nothing else reads that sum."""
    if add.op_type != "Add":
        return None
    other = add.inputs[1] if add.inputs[0] is y else add.inputs[0]
    inner = other.producer() if other is not None and is_own(other) else None
    if inner is None or inner.op_type != "Add" or inner.outputs[0].is_graph_output():
        return None
    return next((v for v in inner.inputs if v is not None and v.is_initializer()), None)


def numbers(value: ir.Value | None) -> NDArray[np.float32]:
    """Return what a stored constant holds."""
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def add_to(constant: ir.Value, amount: NDArray[Any]) -> None:
    """Add to a stored constant, in place."""
    total = (numbers(constant) + amount).astype(np.float32)
    constant.const_value = ir.tensor(total, name=constant.name)


def scale_inputs(target: Target, factors: Matrix) -> None:
    """Multiply each input's weights with a factor."""
    _scale(target.weight, factors if target.transposed else factors[:, None])


def scale_outputs(target: Target, factors: Matrix) -> None:
    """Multiply each output's weights with a factor."""
    _scale(target.weight, factors[:, None] if target.transposed else factors)


def _scale(weight: ir.Value, factors: Matrix) -> None:
    """Scale a stored matrix when it is read: a copy now would stay beside the original."""
    tensor = weight.const_value
    assert tensor is not None
    weight.const_value = ir.LazyTensor(
        lambda: ir.tensor(tensor.numpy() * factors),
        dtype=tensor.dtype,
        shape=ir.Shape(tensor.shape.numpy()),
        name=weight.name,
    )
