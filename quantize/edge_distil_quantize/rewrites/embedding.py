"""Gather(float32 table) -> Gather(int8 table) -> Cast -> Mul(Gather(row scales))."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import NamedTuple

import onnx_ir as ir

from edge_distil_quantize.kernels.int8 import Quantized, quantize_matrix
from edge_distil_quantize.rewrites.editing import Editor, is_weight_matrix, sizes, weight_matrix

# Numbers; a smaller table (token types, relative positions) is 64 KB at most: it saves nothing
# and its few rows touch every token.
SMALLEST_TABLE = 1 << 14


class Table(NamedTuple):
    """A quantized embedding table: int8 ``(rows, dimension)``, float32 scales ``(rows, 1)``."""

    values: ir.Value
    scales: ir.Value
    quantized: Quantized


def find_tables(graph: ir.Graph) -> dict[ir.Value, list[ir.Node]]:
    """Return every table that is worth quantizing with the Gathers that look rows up in it."""
    tables: dict[ir.Value, list[ir.Node]] = {}
    for node in graph:
        if node.op_type != "Gather" or node.attributes.get_int("axis", 0) != 0:
            continue
        table = node.inputs[0]
        if (
            is_weight_matrix(table)
            and table is not None
            and math.prod(sizes(table)) >= SMALLEST_TABLE
            and sizes(table)[1] > 1  # one number a row: its scale alone would be as large
        ):
            tables.setdefault(table, []).append(node)
    return tables


def quantize_tables(
    editor: Editor, tables: Mapping[ir.Value, list[ir.Node]], tied: Set[ir.Value]
) -> dict[ir.Value, Table]:
    """Rewrite the Gathers of `tables`.

    Args:
        editor: The graph.
        tables: What `find_tables` gave.
        tied: Tables that a MatMul reads too, transposed. The scale of a row is then the scale
            of an output channel, so one table with limited pairs serves both.

    Returns:
        The original table -> the quantized one.
    """
    done = {}
    for table, gathers in tables.items():
        matrix = weight_matrix(table)
        assert matrix is not None  # find_tables chose it
        quantized = quantize_matrix(matrix, "rows", multiplied=table in tied)
        values = editor.initializer(f"{table.name}_int8", quantized.values)
        # (rows, 1): gathered beside its row, (..., 1) then scales (..., dimension).
        scales = editor.initializer(f"{table.name}_scale", quantized.scales[:, None])
        for node in gathers:
            _rewrite(editor, node, values, scales)
        done[table] = Table(values, scales, quantized)
    return done


def _rewrite(editor: Editor, node: ir.Node, values: ir.Value, scales: ir.Value) -> None:
    indices, name = node.inputs[1], node.outputs[0].name
    assert indices is not None  # Gather requires it
    rows = editor.before(node, "Gather", [values, indices], f"{name}_int8")
    real = editor.before(node, "Cast", [rows], f"{name}_cast", {"to": ir.DataType.FLOAT.value})
    scale = editor.before(node, "Gather", [scales, indices], f"{name}_scale")
    editor.replace(node, editor.before(node, "Mul", [real, scale], f"{name}_real"))
