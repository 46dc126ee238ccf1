"""A table of tokens that a head has once more, transposed -> one, which the head reads transposed.

torch's first exporter folds the transposing of a tied head's weight into a copy of it. The recipes
store a table that both read once (`rewrites.embedding.quantize_tables`).
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.rewrites.editing import Editor, weight_matrix
from edge_distil_quantize.rewrites.embedding import find_tables


def tie_heads(graph: ir.Graph) -> None:
    """Let what reads a table's transposed copy read the table."""
    for table in find_tables(graph):
        for copy in _copies(graph, table):
            editor, anchor = Editor(graph), next(iter(graph))
            transposed = editor.before(
                anchor, "Transpose", [table], f"{table.name}_transposed", {"perm": [1, 0]}
            )
            ir.convenience.replace_all_uses_with(copy, transposed)
            del graph.initializers[str(copy.name)]


def _copies(graph: ir.Graph, table: ir.Value) -> list[ir.Value]:
    exact = weight_matrix(table)
    assert exact is not None  # find_tables chose it
    return [
        value
        for value in graph.initializers.values()
        if (matrix := weight_matrix(value)) is not None
        and value is not table
        and not value.is_graph_output()
        and matrix.shape == exact.T.shape
        and np.array_equal(matrix.T, exact)
    ]
