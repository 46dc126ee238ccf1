"""The recipe ``int4``: the smallest file, 4-bit weights and tables, onnxruntime's operators."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from edge_distil_quantize.checks import nothing_to_quantize
from edge_distil_quantize.recipe import Made, Request
from edge_distil_quantize.rewrites.blocks import (
    DOMAIN,
    MATRIX_BLOCK,
    TABLE_BLOCKS,
    WIDE_BLOCK,
    store_matmuls,
    store_tables,
    table_block,
)
from edge_distil_quantize.rewrites.editing import Editor, drop_unused
from edge_distil_quantize.rewrites.embedding import SMALLEST_TABLE, find_tables, quantize_tables
from edge_distil_quantize.rewrites.matmul import FEWEST_OUTPUTS, find_targets

SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "weights": f"4 bits, a scale and a zero point for {MATRIX_BLOCK}, searched for the least "
        f"squared error; those with more outputs than inputs 8 bits, a scale for {WIDE_BLOCK}",
        "activations": "float32",
        "embeddings": f"4 bits, a scale for {' or '.join(map(str, TABLE_BLOCKS))}, whichever first "
        "divides a row; else int8, a scale a row",
        "fewest_outputs": FEWEST_OUTPUTS,
        "smallest_table": SMALLEST_TABLE,
        "runtime": "onnxruntime only, 1.22 or later: MatMulNBits and GatherBlockQuantized are "
        "operators of its own",
    }
)


def make(request: Request) -> Made:
    """Quantize the stored weights in place; every sum stays float32.

    Raises:
        QuantizeError: The graph has nothing to quantize.
    """
    graph = request.model.graph
    targets = [t for t in find_targets(graph) if t.node.name not in request.keep]
    tables = find_tables(graph)
    if not targets and not tables:
        raise nothing_to_quantize(graph)
    editor = Editor(graph)
    divisible = {table: gathers for table, gathers in tables.items() if table_block(table)}
    others = {table: gathers for table, gathers in tables.items() if table not in divisible}
    quantize_tables(editor, others, tied=frozenset())
    store_matmuls(editor, targets, store_tables(editor, divisible))
    graph.opset_imports[DOMAIN] = 1
    drop_unused(graph)
    return Made(request.model, SETTINGS)
