"""Which masks are nothing where no token is padding, and a graph that takes no padding.

A mask is asked, not recognised: what computes it is run by itself on rows of several lengths in
which every token counts. One that is zero everywhere then is there for padding alone; one that is
not hides what lies ahead or far away, and stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort

from edge_distil._machine.failures import NO_PADDING
from edge_distil_quantize.rewrites.editing import Editor, readers

MASK = "attention_mask"
# Beyond any table, in 32 bits too: looking up a padded row fails instead of giving other numbers.
_NOWHERE = -(1 << 30)
_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_SHAPES = ("Shape",)  # operators that read no numbers
_QUIET = 4  # onnxruntime's log level


def are_for_padding(
    graph: ir.Graph, masks: Sequence[ir.Value], lengths: Sequence[int]
) -> dict[ir.Value, bool]:
    """Say of each mask whether it is zero for rows without padding.

    Args:
        graph: The graph.
        masks: What is added to scores.
        lengths: Tokens of the rows to try.

    Returns:
        For each, ``False`` where it depends on more than the mask given, and on shapes.
    """
    found = {mask: _alone(graph, mask) for mask in dict.fromkeys(masks)}
    return {
        mask: model is not None and all(_is_zero(model, length) for length in lengths)
        for mask, model in found.items()
    }


def refuse_padding(editor: Editor) -> None:
    """Let the graph fail where a token is padding: the least of the mask moves all ids away."""
    graph = editor.graph
    inputs = {value.name: value for value in graph.inputs}
    if MASK not in inputs:
        return
    ids = inputs["input_ids"]
    assert ids.dtype is not None  # a graph's inputs have types
    first = next(node for node in graph)
    least = editor.before(
        first, "ReduceMin", [inputs[MASK]], f"{NO_PADDING}_least", {"keepdims": 0}
    )
    moves = editor.constant(f"{NO_PADDING}_moves", np.array([_NOWHERE, 0], ids.dtype.numpy()))
    moved = editor.before(first, "Gather", [moves, least], f"{NO_PADDING}_moved")
    uses = readers(ids)
    checked = editor.before(first, "Add", [ids, moved], f"{NO_PADDING}_ids")
    for use in uses:
        use.node.replace_input_with(use.idx, checked)
        use.node.name = f"{NO_PADDING}_{use.node.name}"


def _alone(graph: ir.Graph, mask: ir.Value) -> onnx.ModelProto | None:
    """Return what computes a mask as a model of its own, if it reads no more than a mask."""
    nodes, read, stored = _behind(mask)
    inputs = [value for value in read if value in graph.inputs]
    if any(value.name != MASK for value in _numbers(nodes, inputs)):
        return None
    proto = onnx.helper.make_graph(
        [ir.serde.serialize_node(node) for node in graph if node in nodes],
        "mask",
        [ir.serde.serialize_value(value) for value in inputs],
        [onnx.helper.make_tensor_value_info(str(mask.name), onnx.TensorProto.FLOAT, None)],
        [ir.serde.serialize_tensor(v.const_value) for v in stored if v.const_value is not None],
    )
    opset = onnx.helper.make_opsetid("", graph.opset_imports[""])
    return onnx.helper.make_model(proto, opset_imports=[opset], ir_version=10)


def _behind(value: ir.Value) -> tuple[set[ir.Node], list[ir.Value], list[ir.Value]]:
    """Return the operators that a value comes from, and the inputs and constants they read."""
    nodes: set[ir.Node] = set()
    read: dict[ir.Value, None] = {}
    stored: dict[ir.Value, None] = {}
    waiting = [value]
    while waiting:
        value = waiting.pop()
        node = value.producer()
        if node is None:
            (stored if value.const_value is not None else read).setdefault(value)
        elif node not in nodes:
            nodes.add(node)
            waiting += [v for v in node.inputs if v is not None]
    return nodes, list(read), list(stored)


def _numbers(nodes: set[ir.Node], inputs: Sequence[ir.Value]) -> list[ir.Value]:
    """Return the inputs whose numbers the operators read, not their shape alone."""
    return [
        value
        for value in inputs
        if any(use.node in nodes and use.node.op_type not in _SHAPES for use in value.uses())
    ]


def _is_zero(model: onnx.ModelProto, length: int) -> bool:
    options = ort.SessionOptions()
    options.log_severity_level = _QUIET
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    types = {value.name: _TYPES.get(value.type) for value in session.get_inputs()}
    if None in types.values():
        return False
    [mask] = session.run(None, {name: np.ones((1, length), t) for name, t in types.items()})
    return not np.any(mask)
