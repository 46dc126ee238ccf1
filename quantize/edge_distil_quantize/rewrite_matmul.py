"""MatMul(x, float32 weight) -> integers between, the same numbers within rounding around.

    x ─ Abs ─ ReduceMax ─ Max ──────────────┬───────────────────────────────┐  greatest magnitude
    └─────────────────────────────────── Div                                │  of each token
                                          └ QuantizeLinear                  │  (scale 1/127, 128)
                                               └ MatMulInteger ─ Cast ─ Mul ─ Mul ─ (bias Add)
                                                    int8 weight          └ channel scale / 127

One scale a token (a row of the last axis) makes a text's numbers independent of what shares its
batch; a scale a tensor, as DynamicQuantizeLinear computes, does not. Activations are symmetric
around zero point 128, so the same quantized activation serves every MatMul that reads it (query,
key and value).

The two Mul must not be merged into ``Mul(Cast, Mul(token scale, channel scale))``, though it is
5 to 7 % faster: onnxruntime (1.31) fuses that form to MatMulIntegerToFloat together with the bias
and then scales the bias by the token's scale as well, so the numbers are wrong. Measured and no
faster: QDQ form, ReduceMin beside ReduceMax instead of Abs, Mul by the reciprocal instead of
Div. Slower: Mul, Round, Add, Cast instead of QuantizeLinear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.editing import Editor, is_weight_matrix, sizes, weight_matrix
from edge_distil_quantize.rewrite_embedding import Table
from edge_distil_quantize.weights import MATMUL_LIMIT, quantize_matrix

# Output channels; narrower ones are heads (start and end of an answer, a few labels): a thousandth
# of the weights and of the time, while their rounding goes straight into the logits.
FEWEST_OUTPUTS = 32
_LEVELS = np.float32(127)  # a token's greatest magnitude stands for +-127, stored as 1..255
_ZERO_POINT = np.uint8(128)
# Below any activation that matters, so that a token of zeros divides by this, not by zero.
_SMALLEST = np.float32(1e-30)
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


class Activation(NamedTuple):
    """A quantized activation: uint8 ``(..., inputs)`` and float32 ``(..., 1)``."""

    values: ir.Value
    greatest: ir.Value


class Weight(NamedTuple):
    """A quantized weight: int8 ``(inputs, outputs)`` and float32 ``(outputs,)``."""

    values: ir.Value
    scales: ir.Value


def find_targets(graph: ir.Graph) -> list[Target]:
    """Return every product with a stored matrix of enough columns; others stay float32."""
    candidates = [target for node in graph if (target := _target(node))]
    return [target for target in candidates if _outputs(target) >= FEWEST_OUTPUTS]


def quantize_matmuls(
    editor: Editor, targets: list[Target], tables: Mapping[ir.Value, Table]
) -> None:
    """Rewrite `targets`.

    Args:
        editor: The graph.
        targets: What `find_targets` gave.
        tables: Embedding tables that are quantized already; a MatMul with one of them shares it.
    """
    activations: dict[ir.Value, Activation] = {}
    weights: dict[tuple[ir.Value, bool], Weight] = {}
    for target in targets:
        x, key = target.node.inputs[0], (target.weight, target.transposed)
        assert x is not None  # MatMul and Gemm require it
        if x not in activations:
            activations[x] = _quantize_activation(editor, target.node, x)
        if key not in weights:
            weights[key] = _quantize_weight(editor, target, tables.get(target.weight))
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
    if not plain or weight is None or not is_weight_matrix(weight):
        return None
    return Target(node, weight, transposed=node.attributes.get_int("transB", 0) == 1)


def _outputs(target: Target) -> int:
    rows, columns = sizes(target.weight)
    return rows if target.transposed else columns


def _quantize_activation(editor: Editor, anchor: ir.Node, x: ir.Value) -> Activation:
    """Add the operators that turn ``(..., inputs)`` into uint8, a scale a row."""
    last_axis = editor.constant("last_axis", np.array([-1], np.int64))
    smallest = editor.constant("smallest_scale", _SMALLEST)
    step = editor.constant("activation_scale", np.float32(1 / _LEVELS))
    zero_point = editor.constant("activation_zero_point", _ZERO_POINT)
    magnitude = editor.before(anchor, "Abs", [x], f"{x.name}_abs")
    greatest = editor.before(anchor, "ReduceMax", [magnitude, last_axis], f"{x.name}_greatest")
    divisor = editor.before(anchor, "Max", [greatest, smallest], f"{x.name}_scale")
    unit = editor.before(anchor, "Div", [x, divisor], f"{x.name}_unit")
    values = editor.before(
        anchor, "QuantizeLinear", [unit, step, zero_point], f"{x.name}_quantized"
    )
    return Activation(values, divisor)


def _quantize_weight(editor: Editor, target: Target, table: Table | None) -> Weight:
    """Store a weight as int8, or take the table that holds it already."""
    name = target.weight.name
    if table is not None and target.transposed:
        scales = editor.initializer(f"{name}_channel_scale", table.quantized.scales / _LEVELS)
        return Weight(
            editor.before(
                target.node, "Transpose", [table.values], f"{name}_columns", {"perm": [1, 0]}
            ),
            scales,
        )
    matrix = weight_matrix(target.weight)
    assert matrix is not None  # find_targets chose it
    if target.transposed:
        name, matrix = f"{name}_transposed", np.ascontiguousarray(matrix.T)
    quantized = quantize_matrix(matrix, "columns", MATMUL_LIMIT)
    return Weight(
        editor.initializer(f"{name}_weight_int8", quantized.values),
        editor.initializer(f"{name}_channel_scale", quantized.scales / _LEVELS),
    )


def _rewrite(editor: Editor, node: ir.Node, activation: Activation, weight: Weight) -> None:
    name = node.outputs[0].name
    zero_point = editor.constants["activation_zero_point"]
    product = editor.before(
        node, "MatMulInteger", [activation.values, weight.values, zero_point], f"{name}_int32"
    )
    real = editor.before(node, "Cast", [product], f"{name}_cast", {"to": ir.DataType.FLOAT.value})
    scaled = editor.before(node, "Mul", [real, weight.scales], f"{name}_channels")
    result = editor.before(node, "Mul", [scaled, activation.greatest], f"{name}_real")
    if node.op_type == "Gemm" and len(node.inputs) > 2 and node.inputs[2] is not None:
        result = editor.before(node, "Add", [result, node.inputs[2]], f"{name}_biased")
    editor.replace(node, result)
