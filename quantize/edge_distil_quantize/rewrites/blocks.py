"""MatMul -> MatMulNBits and Gather -> GatherBlockQuantized, operators of onnxruntime's own.

No standard form is as small: ONNX has 4-bit tensors from opset 21 on, but Gather takes none, and
a MatMul behind DequantizeLinear needs the whole float32 weight at every call. Tables are packed in
uint8 as the weights of MatMulNBits are, so one that is tied serves both; onnxruntime reads that
from 1.22 on.

Activations stay float32. With accuracy_level = 4 onnxruntime rounds them to int8, which is faster
and costs next to nothing, but its AVX2 kernel for a single row then gives wrong sums where there
are zero points (microsoft/onnxruntime, issue 29853; open at release 1.31).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.kernels.int4 import Blocks, quantize_asymmetric, quantize_symmetric
from edge_distil_quantize.rewrites.editing import Editor, sizes, weight_matrix
from edge_distil_quantize.rewrites.matmul import Target

DOMAIN = "com.microsoft"
MATRIX_BLOCK = 32  # weights; measured the best use of bits, with a zero point for each block
WIDE_BLOCK = 128  # weights of 8 bits
TABLE_BLOCKS = (64, 32, 16)  # the first that divides a row: GatherBlockQuantized knows no filling
_WHOLE_BYTE = 8  # bits


class BlockWeight(NamedTuple):
    """A stored weight of MatMulNBits: inputs after the activation, and attributes."""

    inputs: list[ir.Value]
    attributes: dict[str, int]


def table_block(table: ir.Value) -> int | None:
    """Return the block that a table is cut into, or ``None`` where none divides its rows."""
    return next((block for block in TABLE_BLOCKS if sizes(table)[1] % block == 0), None)


def is_widening(target: Target) -> bool:
    """Say whether a weight has more outputs than inputs: the first half of a feed-forward.

    Its rounding goes through GELU, and costs more than that of all other matrices together.
    """
    rows, columns = sizes(target.weight)
    inputs, outputs = (columns, rows) if target.transposed else (rows, columns)
    return outputs > inputs


def store_tables(
    editor: Editor, tables: Mapping[ir.Value, list[ir.Node]]
) -> dict[ir.Value, BlockWeight]:
    """Store tables in 4 bits and rewrite the Gathers that read them.

    Args:
        editor: The graph.
        tables: As `rewrites.embedding.find_tables` gives; `table_block` is not ``None``.

    Returns:
        The original table -> the same as a weight of MatMulNBits.
    """
    done = {}
    for table, gathers in tables.items():
        matrix, block = weight_matrix(table), table_block(table)
        assert matrix is not None  # find_tables chose it
        assert block is not None
        stored = quantize_symmetric(matrix, block, bits=4)
        rows = stored.values.reshape(len(matrix), -1)  # (rows, dimension / 2)
        values = editor.initializer(f"{table.name}_4bit", rows)
        scales = editor.initializer(f"{table.name}_scale", stored.scales)
        for node in gathers:
            _look_up(editor, node, values, scales, block)
        done[table] = BlockWeight([values, scales], _attributes(matrix.shape, block, bits=4))
    return done


def store_matmuls(
    editor: Editor, targets: list[Target], tables: Mapping[ir.Value, BlockWeight]
) -> None:
    """Rewrite `targets`; each weight is stored once, whatever the number of its readers.

    Args:
        editor: The graph.
        targets: What `rewrites.matmul.find_targets` gave.
        tables: What `store_tables` gave; a MatMul with one of them shares it.
    """
    weights: dict[tuple[ir.Value, bool], BlockWeight] = {}
    for target in targets:
        key = (target.weight, target.transposed)
        if key not in weights:
            tied = tables.get(target.weight) if target.transposed else None
            weights[key] = _in_blocks(editor, target, tied) if tied else _store(editor, target)
        _multiply(editor, target.node, weights[key])


def _look_up(editor: Editor, node: ir.Node, values: ir.Value, scales: ir.Value, block: int) -> None:
    indices, name = node.inputs[1], node.outputs[0].name
    assert indices is not None  # Gather requires it
    attributes = {"bits": 4, "block_size": block, "gather_axis": 0, "quantize_axis": 1}
    inputs = [values, indices, scales]
    real = editor.before(
        node, "GatherBlockQuantized", inputs, f"{name}_real", attributes, domain=DOMAIN
    )
    editor.replace(node, real)


def _attributes(shape: tuple[int, ...], block: int, bits: int) -> dict[str, int]:
    outputs, inputs = shape
    return {"K": inputs, "N": outputs, "bits": bits, "block_size": block}


def _store(editor: Editor, target: Target) -> BlockWeight:
    matrix, name = weight_matrix(target.weight), target.weight.name
    assert matrix is not None  # find_targets chose it
    if not target.transposed:
        name, matrix = f"{name}_columns", np.ascontiguousarray(matrix.T)
    bits, block = (8, WIDE_BLOCK) if is_widening(target) else (4, MATRIX_BLOCK)
    if bits == _WHOLE_BYTE:
        stored = quantize_symmetric(matrix, block, bits)
    else:
        stored = quantize_asymmetric(matrix, block)
    inputs = _initializers(editor, f"{name}_{bits}bit", stored)
    return BlockWeight(inputs, _attributes(matrix.shape, block, bits))


def _initializers(editor: Editor, name: str, stored: Blocks) -> list[ir.Value]:
    inputs = [
        editor.initializer(name, stored.values),
        editor.initializer(f"{name}_scale", stored.scales),
    ]
    if stored.zero_points is not None:
        inputs.append(editor.initializer(f"{name}_zero_point", stored.zero_points))
    return inputs


def _in_blocks(editor: Editor, target: Target, tied: BlockWeight) -> BlockWeight:
    """Give a table the shape that MatMulNBits takes: ``(rows, blocks, bytes)``."""
    values, scales = tied.inputs
    shape = np.array([*sizes(scales), tied.attributes["block_size"] // 2], np.int64)
    name = f"{values.name}_blocks"
    stored_shape = editor.initializer(f"{name}_shape", shape)
    blocks = editor.before(target.node, "Reshape", [values, stored_shape], name)
    return BlockWeight([blocks, scales], tied.attributes)


def _multiply(editor: Editor, node: ir.Node, weight: BlockWeight) -> None:
    x, name = node.inputs[0], node.outputs[0].name
    assert x is not None  # MatMul and Gemm require it
    result = editor.before(
        node, "MatMulNBits", [x, *weight.inputs], f"{name}_real", weight.attributes, domain=DOMAIN
    )
    bias = node.inputs[2] if node.op_type == "Gemm" and len(node.inputs) > 2 else None
    if bias is not None:
        result = editor.before(node, "Add", [result, bias], f"{name}_biased")
    editor.replace(node, result)
