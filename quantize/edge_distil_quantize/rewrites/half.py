"""float32 constants, operators and values between them -> float16, with Casts at the borders.

onnxruntime.transformers.float16 does this for any graph, and to learn the types infers the shapes
of a copy of a copy of the whole model. The graphs here say the type of every value.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil.errors import QuantizeError
from edge_distil_quantize.rewrites.editing import Editor

_FLOAT, _HALF = ir.DataType.FLOAT, ir.DataType.FLOAT16
# Stands for what is beyond float16's range, as the mask's constant is: half of that range, so that
# a score added to it does not pass the end. Where a whole row is -inf, softmax gives NaN.
_CLIPPED = np.float16(32_768)
_SMALLEST = np.finfo(np.float16).smallest_subnormal

_Twins = dict[tuple[ir.Value, ir.DataType], ir.Value]  # a value in the other precision


def to_half(array: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round to float16; no finite number becomes infinite, and none but 0 becomes 0.

    >>> to_half(np.array([0.1, -3.4e38, 1e-12, -np.inf], np.float32)).tolist()
    [0.0999755859375, -32768.0, 5.960464477539063e-08, -inf]
    """
    with np.errstate(over="ignore", under="ignore"):
        half = array.astype(np.float16)
    magnitude = np.where(np.isinf(half) & np.isfinite(array), _CLIPPED, np.abs(half))
    magnitude = np.where((half == 0) & (array != 0), _SMALLEST, magnitude)
    return np.copysign(magnitude, half)


def convert_to_half(editor: Editor, exact: Set[ir.Node]) -> None:
    """Rewrite the whole graph; its inputs and outputs keep their types.

    Args:
        editor: The graph.
        exact: Operators that stay in float32.

    Raises:
        QuantizeError: A value's type is not known.
    """
    graph, nodes = editor.graph, list(editor.graph)
    _check_types(nodes)
    for node in nodes:
        if node not in exact:
            _convert(node)
    twins: _Twins = {}
    for index, output in enumerate(graph.outputs):
        if output.dtype == _HALF:
            graph.outputs[index] = _restore_output(graph, output, twins)
    for node in nodes:
        wanted = _FLOAT if node in exact else _HALF
        for index, value in enumerate(node.inputs):
            if value is not None and value.dtype in (_FLOAT, _HALF) and value.dtype != wanted:
                node.replace_input_with(index, _twin(editor, node, value, wanted, twins))


def after_outputs(graph: ir.Graph) -> set[ir.Node]:
    """Return the pooling of an embedding model: what is computed from a graph output.

    And what nothing else reads: the count of a text's tokens, which float16 holds up to 2,048.
    """
    found: set[ir.Node] = set()
    for node in graph:
        inputs = [value for value in node.inputs if value is not None]
        if any(value.is_graph_output() or value.producer() in found for value in inputs):
            found.add(node)
    for node in reversed(graph):
        readers = {use.node for value in node.outputs for use in value.uses()}
        given = any(value.is_graph_output() for value in node.outputs)
        if readers and readers <= found and not given:
            found.add(node)
    return found


def _check_types(nodes: list[ir.Node]) -> None:
    untyped = [output.name for node in nodes for output in node.outputs if output.dtype is None]
    if untyped:
        raise QuantizeError(
            f"the fp32 graph does not say the type of {untyped[0]} ({len(untyped)} such values): "
            "export the checkpoint again"
        )


def _convert(node: ir.Node) -> None:
    """Let an operator give float16 where it gave float32."""
    for output in node.outputs:
        if output.dtype == _FLOAT:
            output.dtype = _HALF
    for name, attribute in list(node.attributes.items()):
        if name == "to" and attribute.value == _FLOAT.value:
            node.attributes[name] = ir.AttrInt64(name, _HALF.value)
        elif attribute.type == ir.AttributeType.TENSOR and attribute.value.dtype == _FLOAT:
            tensor = ir.tensor(to_half(attribute.value.numpy()))
            node.attributes[name] = ir.AttrTensor(name, tensor)


def _restore_output(graph: ir.Graph, output: ir.Value, twins: _Twins) -> ir.Value:
    """Give a graph output back its type under its own name."""
    producer, name = output.producer(), output.name
    assert producer is not None  # an input is never converted
    output.name = f"{name}_half"
    cast = ir.node("Cast", [output], {"to": _FLOAT.value}, name=f"{name}_Cast")
    restored = cast.outputs[0]
    restored.name, restored.shape, restored.dtype = name, output.shape, _FLOAT
    graph.insert_after(producer, cast)
    twins[output, _FLOAT] = restored
    return restored


def _twin(
    editor: Editor, reader: ir.Node, value: ir.Value, wanted: ir.DataType, twins: _Twins
) -> ir.Value:
    """Return `value` in the precision wanted, made once: a stored constant or a Cast."""
    key = (value, wanted)
    if key not in twins:
        if value.is_initializer():
            assert value.const_value is not None
            half = to_half(value.const_value.numpy())
            twins[key] = editor.initializer(f"{value.name}_half", half)
        else:
            name = f"{value.name}_{wanted.name.lower()}"
            twins[key] = editor.before(reader, "Cast", [value], name, {"to": wanted.value})
            twins[key].dtype = wanted
    return twins[key]
