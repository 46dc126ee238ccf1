"""What attention lets one do exactly: drop the key's bias, fold the value's, scale the values.

A key's bias adds the same number to all scores of a query, which softmax does not see. The rows
of a softmax sum to 1, so a value's bias comes out of the attention as it went in and is a bias of
the output projection. A value's channels stay apart up to that projection, so a factor taken from
its weights can be given back there (Xiao et al. 2022 and Wei et al. 2023 do so).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.calibration.smoothing import (
    add_to,
    has_own_bias,
    numbers,
    scale_inputs,
    scale_outputs,
)
from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.rewrites.editing import maker, only_reader, readers, single_number
from edge_distil_quantize.rewrites.matmul import Target, find_bias, stored_matrix

_HEADS_APART = (0, 2, 1, 3)  # (batch, sequence, heads, size) <-> (batch, heads, sequence, size)
_MOST_STEPS = 8


class Attention(NamedTuple):
    """The products around a softmax that will be quantized; ``None`` where one was not found."""

    key: Target | None
    value: Target | None
    output: Target | None


def find_attentions(graph: ir.Graph, targets: Mapping[ir.Node, Target]) -> list[Attention]:
    """Return every softmax over scores of queries and keys with its projections."""
    softmaxes = [node for node in graph if node.op_type == "Softmax"]
    return [_around(node, targets) for node in softmaxes if _is_over_keys(node)]


def _is_over_keys(softmax: ir.Node) -> bool:
    return softmax.attributes.get_int("axis", -1) in (-1, 3)


def _around(softmax: ir.Node, targets: Mapping[ir.Node, Target]) -> Attention:
    scores, weights = _scores(softmax), _without_nan(softmax.outputs[0])
    mixed = only_reader(weights)
    key = _projection(scores.inputs[1], targets) if scores is not None else None
    value = output = None
    if mixed is not None and mixed.op_type == "MatMul" and mixed.inputs[0] is weights:
        value = _projection(mixed.inputs[1], targets, _HEADS_APART)
        output = _reader(mixed.outputs[0], targets)
    return Attention(key, value if output else None, output if value else None)


def _without_nan(weights: ir.Value) -> ir.Value:
    """Return a softmax's result, NaN replaced: a mask of -inf for all gives that.

    ``Where(IsNaN(weights), 0, weights)`` is what torch writes for its fused attention. A row in
    which some token is not masked is what it was.
    """
    checks: list[ir.Node] = [use.node for use in readers(weights)]
    for node in checks:
        test = maker(node.inputs[0], "IsNaN") if node.op_type == "Where" else None
        if test is not None and {*checks} == {node, test} and node.inputs[2] is weights:
            return node.outputs[0]
    return weights


def _scores(softmax: ir.Node) -> ir.Node | None:
    """Return the product of queries and keys: scaled and masked, it is what softmax reads."""
    value = _unmasked(softmax.inputs[0])
    for _ in range(_MOST_STEPS):
        node = value.producer() if value is not None else None
        if node is None or node.op_type not in ("Add", "Mul", "Div", "MatMul"):
            return None
        if node.op_type == "MatMul":
            return node
        value = next((v for v in node.inputs if _is_scores(v)), None)
    return None


def _is_scores(value: ir.Value | None) -> bool:
    node = value.producer() if value is not None else None
    return node is not None and node.op_type in ("Add", "Mul", "Div", "MatMul")


def _unmasked(value: ir.Value | None) -> ir.Value | None:
    """Return what a Where puts a number in the place of, as older masks do."""
    node = maker(value, "Where")
    if node is None or single_number(node.inputs[1]) is None:
        return value
    return node.inputs[2]


def _projection(
    value: ir.Value | None, targets: Mapping[ir.Node, Target], perm: tuple[int, ...] | None = None
) -> Target | None:
    """Return the product that a value comes from by reshaping alone, its bias added or not."""
    for _ in range(_MOST_STEPS):
        node = value.producer() if value is not None else None
        if node is None or only_reader(node.outputs[0]) is None:
            return None
        if node in targets:
            return targets[node]
        if node.op_type == "Add":
            makers = [v.producer() for v in node.inputs if v is not None]
            inner = next((maker for maker in makers if maker in targets), None)
            return targets[inner] if inner and find_bias(inner)[0] is node else None
        # torch's fused attention scales keys as it does queries: that keeps their channels too.
        scaled = node.op_type == "Mul" and single_number(node.inputs[1]) is not None
        if not _is_reshaping(node, perm) and not (scaled and perm is None):
            return None
        value = node.inputs[0]
    return None


def _reader(value: ir.Value, targets: Mapping[ir.Node, Target]) -> Target | None:
    """Return the product that reads a value, heads put together again."""
    for _ in range(_MOST_STEPS):
        node = only_reader(value)
        if node is None or node in targets:
            return targets[node] if node is not None else None
        if not _is_reshaping(node, _HEADS_APART):
            return None
        value = node.outputs[0]
    return None


def _is_reshaping(node: ir.Node, perm: tuple[int, ...] | None) -> bool:
    if node.op_type == "Transpose":
        return perm is None or tuple(node.attributes.get_ints("perm", ())) == perm
    return node.op_type == "Reshape"


def drop_bias(target: Target) -> bool:
    """Let what reads a product's sum with its bias read the product; say whether it has one."""
    add, bias = find_bias(target.node)
    if bias is None or add is target.node:
        return False
    ir.convenience.replace_all_uses_with(add.outputs[0], target.node.outputs[0])
    assert add.graph is not None
    add.graph.remove(add, safe=True)
    return True


def fold_value_bias(attention: Attention) -> Matrix:
    """Move the value's bias behind the output projection; return what it was.

    Args:
        attention: One with a value and an output projection; without a bias of its own behind
            the latter nothing is done.
    """
    value, output = attention.value, attention.output
    assert value is not None
    assert output is not None
    add, bias = find_bias(value.node)
    behind = find_bias(output.node)[1]
    if bias is None or add is value.node or behind is None or not has_own_bias(output):
        return np.zeros(1, np.float32)
    amount = numbers(bias)
    add_to(behind, amount @ stored_matrix(output))
    drop_bias(value)
    return amount


def scale_values(attention: Attention, factors: Matrix) -> None:
    """Divide the value's channels by factors that the output projection gives back."""
    assert attention.value is not None
    assert attention.output is not None
    scale_outputs(attention.value, np.float32(1) / factors)
    scale_inputs(attention.output, factors)
