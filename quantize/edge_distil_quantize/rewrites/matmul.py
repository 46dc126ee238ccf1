"""MatMul(x, float32 weight) -> integers between, the same numbers within rounding around.

    quantized x ── MatMulInteger ─ Cast ─ Mul ─ Sub ─
    int8 weight ──┘                       │     └ the bias, negated
    x's divisor ── Mul ───────────────────┘
    channel scale ─┘

One quantized activation serves every MatMul that reads it (query, key and value).

onnxruntime fuses MatMulInteger, Cast and Mul to MatMulIntegerToFloat. Where an Add of a bias
follows, its releases up to 1.31 take the bias in as well and then scale it by the token's divisor:
wrong numbers, silently. So the bias is subtracted, which is not fused. (Two Mul, one after the
other, prevent that too and are 3 % slower.) No shapes are stored for the new values: with them
onnxruntime would fuse LayerNormalization and the Add before it, which is 10 % slower.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil_quantize.kernels.int8 import Quantized, quantize_matrix
from edge_distil_quantize.rewrites.activation import Activation, quantize_activation
from edge_distil_quantize.rewrites.editing import Editor, is_weight_matrix, sizes, weight_matrix
from edge_distil_quantize.rewrites.embedding import Table

# Output channels; narrower ones are heads (start and end of an answer, a few labels): a thousandth
# of the weights and of the time, while their rounding goes straight into the logits.
FEWEST_OUTPUTS = 32
_PLAIN_GEMM = {"alpha": 1.0, "beta": 1.0, "transA": 0}


class Target(NamedTuple):
    """A MatMul or Gemm to be quantized.

    Attributes:
        node: The operator.
        weight: The stored matrix it multiplies with.
        transposed: True where the matrix is stored ``(outputs, inputs)``.
    """

    node: ir.Node
    weight: ir.Value
    transposed: bool


class Weight(NamedTuple):
    """A quantized weight.

    Attributes:
        name: What its constants are named after.
        values: int8 ``(inputs, outputs)``.
        scales: float32 ``(outputs,)``: a weight is ``value * scale``.
    """

    name: str
    values: ir.Value
    scales: NDArray[np.float32]


# A target's weight and whether it is transposed -> int8 ``(inputs, outputs)`` with its scales.
Rounded = Mapping[tuple[ir.Value, bool], Quantized]
_NOTHING_ROUNDED: Rounded = MappingProxyType({})


def find_targets(graph: ir.Graph) -> list[Target]:
    """Return every product with a stored matrix of enough columns; others stay float32."""
    candidates = [target for node in graph if (target := _target(node))]
    return [target for target in candidates if _outputs(target) >= FEWEST_OUTPUTS]


def quantize_matmuls(
    editor: Editor,
    targets: list[Target],
    tables: Mapping[ir.Value, Table],
    rounded: Rounded = _NOTHING_ROUNDED,
) -> None:
    """Rewrite `targets`.

    Args:
        editor: The graph.
        targets: What `find_targets` gave.
        tables: Embedding tables that are quantized already; a MatMul with one of them shares it.
        rounded: Weights that calibration rounded; the others are rounded by themselves.
    """
    activations: dict[ir.Value, Activation] = {}
    weights: dict[tuple[ir.Value, bool], Weight] = {}
    for target in targets:
        x, key = target.node.inputs[0], (target.weight, target.transposed)
        assert x is not None  # MatMul and Gemm require it
        if x not in activations:
            activations[x] = quantize_activation(editor, target.node, x)
        if key not in weights:
            weights[key] = quantize_weight(
                editor, target, tables.get(target.weight), rounded.get(key)
            )
        _rewrite(editor, target.node, activations[x], weights[key])


def _target(node: ir.Node) -> Target | None:
    if node.op_type not in ("MatMul", "Gemm"):
        return None
    weight = node.inputs[1]
    if node.op_type == "Gemm":
        return _gemm_target(node)
    if weight is not None and is_weight_matrix(weight):
        return Target(node, weight, transposed=False)
    maker = weight.producer() if weight is not None else None
    if maker is not None and maker.op_type == "Transpose" and is_weight_matrix(maker.inputs[0]):
        assert maker.inputs[0] is not None
        perm = maker.attributes.get_ints("perm", (1, 0))
        return Target(node, maker.inputs[0], transposed=tuple(perm) == (1, 0))
    return None


def _gemm_target(node: ir.Node) -> Target | None:
    weight = node.inputs[1]
    plain = all(
        node.attributes[name].value == value
        for name, value in _PLAIN_GEMM.items()
        if name in node.attributes
    )
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    stored_bias = bias is None or bias.is_initializer()
    if not plain or not stored_bias or weight is None or not is_weight_matrix(weight):
        return None
    return Target(node, weight, transposed=node.attributes.get_int("transB", 0) == 1)


def _outputs(target: Target) -> int:
    rows, columns = sizes(target.weight)
    return rows if target.transposed else columns


def quantize_weight(
    editor: Editor, target: Target, table: Table | None, quantized: Quantized | None = None
) -> Weight:
    """Store a weight as int8, or take the table that holds it already."""
    name = str(target.weight.name)
    if table is not None and target.transposed:
        columns = editor.before(
            target.node, "Transpose", [table.values], f"{name}_columns", {"perm": [1, 0]}
        )
        return Weight(name, columns, table.quantized.scales)
    name = f"{name}_transposed" if target.transposed else name
    quantized = quantized or quantize_matrix(stored_matrix(target), "columns")
    return Weight(
        name, editor.initializer(f"{name}_weight_int8", quantized.values), quantized.scales
    )


def stored_matrix(target: Target) -> NDArray[np.float32]:
    """Return a target's weight as float32 ``(inputs, outputs)``."""
    matrix = weight_matrix(target.weight)
    assert matrix is not None  # find_targets chose it
    return np.ascontiguousarray(matrix.T) if target.transposed else matrix


def _rewrite(editor: Editor, node: ir.Node, activation: Activation, weight: Weight) -> None:
    name, levels = node.outputs[0].name, activation.levels
    product = editor.before(
        node,
        "MatMulInteger",
        [activation.values, weight.values, activation.zero_point],
        f"{name}_int32",
    )
    real = editor.before(node, "Cast", [product], f"{name}_cast", {"to": ir.DataType.FLOAT.value})
    # The divisor stands for `levels` steps, so a step's share goes into the channel scales.
    channels = editor.constant(f"{weight.name}_scale_{levels}", weight.scales / np.float32(levels))
    scale = editor.before(node, "Mul", [activation.divisor, channels], f"{name}_scale")
    result = editor.before(node, "Mul", [real, scale], f"{name}_real")
    _replace(editor, node, result)


def _replace(editor: Editor, node: ir.Node, result: ir.Value) -> None:
    """Let `result` stand for `node`'s, with the bias subtracted where one was added."""
    last, bias = find_bias(node)
    if bias is not None:
        assert bias.const_value is not None
        negated = editor.constant(f"{bias.name}_negated", -bias.const_value.numpy())
        result = editor.before(last, "Sub", [result, negated], f"{node.outputs[0].name}_biased")
    editor.replace(last, result)


def find_bias(node: ir.Node) -> tuple[ir.Node, ir.Value | None]:
    """Find the stored bias of a product.

    Returns:
        The operator that adds it and the bias; `node` itself and ``None`` where there is none.
    """
    if node.op_type == "Gemm":
        return node, node.inputs[2] if len(node.inputs) > 2 else None
    uses = list(node.outputs[0].uses())
    if len(uses) == 1 and uses[0].node.op_type == "Add" and not node.outputs[0].is_graph_output():
        add = uses[0].node
        bias = add.inputs[1 - uses[0].idx]
        if bias is not None and bias.is_initializer():
            return add, bias
    return node, None
