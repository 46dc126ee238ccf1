"""A softmax over the last axis that onnx's converter wrote for opset 12 and before -> one operator.

Up to opset 12 Softmax flattened its input to a matrix first. For a matrix's last axis, taken from
the input's last, that changes nothing, yet the converter writes it out: Flatten, Softmax, Reshape.
"""

from __future__ import annotations

import onnx_ir as ir

from edge_distil_quantize.rewrites.editing import maker, only_reader


def join_softmaxes(graph: ir.Graph) -> None:
    """Replace them in a graph whose values have their ranks."""
    for node in list(graph):
        if node.op_type != "Softmax" or node.attributes.get_int("axis", -1) not in (-1, 1):
            continue
        flatten, reshape = maker(node.inputs[0], "Flatten"), only_reader(node.outputs[0])
        if flatten is None or reshape is None or reshape.op_type != "Reshape":
            continue
        x, shape = flatten.inputs[0], maker(reshape.inputs[1], "Shape")
        if x is None or shape is None or shape.inputs[0] is not x or not _keeps_last(flatten, x):
            continue
        whole = ir.node("Softmax", [x], {"axis": -1}, name=f"{node.name}_whole")
        ir.convenience.replace_nodes_and_values(
            graph, reshape, [reshape], [whole], reshape.outputs, whole.outputs
        )


def _keeps_last(flatten: ir.Node, x: ir.Value) -> bool:
    """Say whether a Flatten puts all axes together but the last."""
    rank = len(x.shape) if x.shape is not None else None
    return rank is not None and flatten.attributes.get_int("axis", 1) in (rank - 1, -1)
