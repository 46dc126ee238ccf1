"""A layer norm that is spelled out -> LayerNormalization, which ONNX has from opset 17 on.

    x ─ ReduceMean ─┐          ┌ Pow 2 ─ ReduceMean ─ Add epsilon ─ Sqrt ─┐
    └────────────── Sub ───────┴──────────────────────────────────────── Div ─ Mul ─ Add
                                                                              scale   bias

onnxscript has rules for this; they want attributes written out that exporters leave to their
defaults, and would take a residual that is added for a bias.
"""

from __future__ import annotations

from typing import NamedTuple

import onnx_ir as ir

from edge_distil_quantize.rewrites.editing import maker, only_reader, single_number, sizes


class _Normalized(NamedTuple):
    """What is normalised along its last axis, and what is added to the variance."""

    x: ir.Value
    epsilon: float


def fuse_layer_norms(graph: ir.Graph) -> int:
    """Replace the layer norms of a graph; returns how many there were.

    What they consisted of stays where something else reads it, and is unused otherwise.
    """
    found = 0
    for node in list(graph):
        normalized = _normalized(node)
        scaled = only_reader(node.outputs[0]) if normalized else None
        scale = _vector_beside(scaled, "Mul", node.outputs[0])
        if normalized is None or scaled is None or scale is None:
            continue
        shifted = only_reader(scaled.outputs[0])
        bias = _vector_beside(shifted, "Add", scaled.outputs[0])
        last = shifted if shifted is not None and bias is not None else scaled
        _replace(graph, last, normalized, [scale] if bias is None else [scale, bias])
        found += 1
    return found


def _replace(
    graph: ir.Graph, last: ir.Node, normalized: _Normalized, parameters: list[ir.Value]
) -> None:
    attributes = {"axis": -1, "epsilon": normalized.epsilon}
    norm = ir.node("LayerNormalization", [normalized.x, *parameters], attributes, name=last.name)
    ir.convenience.replace_nodes_and_values(graph, last, [last], [norm], last.outputs, norm.outputs)


def _normalized(node: ir.Node) -> _Normalized | None:
    """Read ``(x - mean) / sqrt(variance + epsilon)`` off its last operator."""
    centred, deviation = _quotient(node)
    root = maker(deviation, "Sqrt")
    total = maker(root.inputs[0], "Add") if root is not None else None
    difference = maker(centred, "Sub")
    if centred is None or total is None or difference is None:
        return None
    x, mean = difference.inputs
    epsilons = [number for v in total.inputs if (number := single_number(v)) is not None]
    variance = next((m for v in total.inputs if (m := maker(v, "ReduceMean"))), None)
    if x is None or variance is None or len(epsilons) != 1:
        return None
    squares = variance.inputs[0]
    means_x = _is_mean_of(maker(mean, "ReduceMean"), x)
    whole = means_x and _is_mean_of(variance, squares) and _is_square(squares, centred)
    return _Normalized(x, epsilons[0]) if whole else None


def _quotient(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    """Return dividend and divisor of a Div, or of a Mul by a Reciprocal."""
    if node.op_type == "Div":
        return node.inputs[0], node.inputs[1]
    if node.op_type == "Mul":
        for index, value in enumerate(node.inputs):
            if (inverse := maker(value, "Reciprocal")) is not None:
                return node.inputs[1 - index], inverse.inputs[0]
    return None, None


def _is_square(value: ir.Value | None, of: ir.Value) -> bool:
    node = value.producer() if value is not None else None
    if node is None or node.op_type not in ("Pow", "Mul") or node.inputs[0] is not of:
        return False
    return node.inputs[1] is of if node.op_type == "Mul" else single_number(node.inputs[1]) == 2


def _is_mean_of(node: ir.Node | None, value: ir.Value | None) -> bool:
    """Say whether an operator gives the mean along the last axis, which it keeps with length 1."""
    if node is None or node.inputs[0] is not value or node.attributes.get_int("keepdims", 1) != 1:
        return False
    axes = node.inputs[1] if len(node.inputs) > 1 else None
    axis = single_number(axes)
    rank = len(value.shape) if value is not None and value.shape is not None else None
    return axis is not None and (axis == -1 or (rank is not None and axis == rank - 1))


def _vector_beside(node: ir.Node | None, op_type: str, value: ir.Value) -> ir.Value | None:
    """Return the stored vector that an operator of this type reads beside `value`."""
    if node is None or node.op_type != op_type:
        return None
    other = node.inputs[1] if node.inputs[0] is value else node.inputs[0]
    stored = other is not None and other.is_initializer() and len(sizes(other)) == 1
    return other if stored else None
