"""Edits of an int8 graph's attention, tried and timed by `attempts`."""

from __future__ import annotations

import onnx
from onnx import NodeProto, TensorProto, helper

from tables.graphs.draft import CONTRIB, Draft, attentions


def fused_attention(model: onnx.ModelProto, heads: int, *, masked: bool) -> onnx.ModelProto:
    """Let onnxruntime's MultiHeadAttention do scores, softmax and sums.

    Args:
        model: The int8 graph.
        heads: Of a layer.
        masked: Give it the mask; without, it holds a tile of the scores at a time.
    """
    draft = Draft(model)
    for layer in list(attentions(draft)):
        inputs = [*layer.projections, *(("", "keys") if masked else ())]
        node = helper.make_node(
            "MultiHeadAttention",
            inputs,
            layer.end.output,
            domain=CONTRIB,
            num_heads=heads,
            scale=layer.scale,
        )
        draft.replace(layer.end, node)
    if masked:
        draft.begin(helper.make_node("Cast", ["attention_mask"], ["keys"], to=TensorProto.INT32))
    return draft.finish()


def without_mask(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave the mask out, as a graph for texts without padding could."""
    draft = Draft(model)
    for layer in list(attentions(draft)):
        layer.softmax.input[0] = layer.masking.input[0]
    return draft.finish()


def mask_where_needed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Add the mask in a branch that is taken where a token is padding."""
    draft = Draft(model)
    for layer in list(attentions(draft)):
        (scores, mask), name = layer.masking.input, layer.softmax.output[0]
        branches = {
            "then_branch": [_softmax(scores, f"{name}_whole")],
            "else_branch": [
                helper.make_node("Add", [scores, mask], [f"{name}_masked"]),
                _softmax(f"{name}_masked", f"{name}_padded"),
            ],
        }
        graphs = {branch: _graph(branch, nodes) for branch, nodes in branches.items()}
        draft.replace(layer.softmax, helper.make_node("If", ["whole"], [name], **graphs))
    draft.begin(
        helper.make_node("Cast", ["attention_mask"], ["mask_numbers"], to=TensorProto.INT32),
        helper.make_node("ReduceMin", ["mask_numbers"], ["least_mask"], keepdims=0),
        helper.make_node("Cast", ["least_mask"], ["whole"], to=TensorProto.BOOL),
    )
    return draft.finish()


def _softmax(scores: str, name: str) -> NodeProto:
    return helper.make_node("Softmax", [scores], [name], axis=-1)


def _graph(name: str, nodes: list[NodeProto]) -> onnx.GraphProto:
    end = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [end])
