"""MatMul(x, float32 weight) -> MatMul(x, Mul(Cast(int8 weight), channel scales)).

A runtime that folds constants, as onnxruntime does at load, computes Cast and Mul once: from then
on the model is as fast, and in memory as large, as fp32. DequantizeLinear would say the same, but
onnxruntime keeps it for fusions of its own and runs it at every call.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.kernels.int8 import LIMIT, quantize_matrix
from edge_distil_quantize.kernels.scale_search import search_scales
from edge_distil_quantize.rewrites.editing import Editor, weight_matrix
from edge_distil_quantize.rewrites.embedding import Table
from edge_distil_quantize.rewrites.matmul import Target

_TRIES = 31  # scales for each channel; from 15 on a cosine's fifth digit changes no more


def store_weights(editor: Editor, targets: list[Target], tables: Mapping[ir.Value, Table]) -> None:
    """Store the weights of `targets` as int8, each once, whatever the number of its readers.

    Args:
        editor: The graph.
        targets: What `find_targets` gave.
        tables: Embedding tables that are quantized already; a MatMul with one of them shares it.
    """
    real: dict[ir.Value, ir.Value] = {}
    for target in targets:
        weight = target.weight
        if weight not in real:
            table = tables.get(weight)
            values, scales = (table.values, table.scales) if table else _store(editor, target)
            real[weight] = _dequantize(editor, target.node, weight, values, scales)
        _read(editor, target, real[weight])


def _store(editor: Editor, target: Target) -> tuple[ir.Value, ir.Value]:
    """Store a weight as int8 with scales shaped to multiply it, one an output channel."""
    matrix, name = weight_matrix(target.weight), target.weight.name
    assert matrix is not None  # find_targets chose it
    channels = matrix if target.transposed else np.ascontiguousarray(matrix.T)
    found = search_scales(channels, -LIMIT, LIMIT, _TRIES)
    quantized = quantize_matrix(
        matrix, "rows" if target.transposed else "columns", multiplied=False, scales=found
    )
    scales = found[:, None] if target.transposed else found
    return (
        editor.initializer(f"{name}_int8", quantized.values),
        editor.initializer(f"{name}_scale", scales),
    )


def _dequantize(
    editor: Editor, anchor: ir.Node, weight: ir.Value, values: ir.Value, scales: ir.Value
) -> ir.Value:
    to_float = {"to": ir.DataType.FLOAT.value}
    cast = editor.before(anchor, "Cast", [values], f"{weight.name}_cast", to_float)
    return editor.before(anchor, "Mul", [cast, scales], f"{weight.name}_real")


def _read(editor: Editor, target: Target, real: ir.Value) -> None:
    """Let the operator read `real`, through a Transpose where it read the weight through one."""
    node = target.node
    if target.transposed and node.op_type == "MatMul":
        name = f"{node.outputs[0].name}_weight"
        real = editor.before(node, "Transpose", [real], name, {"perm": [1, 0]})
    node.replace_input_with(1, real)
