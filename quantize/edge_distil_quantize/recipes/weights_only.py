"""The recipe ``weights-only``: int8 weights, fp32 arithmetic, standard operators."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from edge_distil_quantize.checks import nothing_to_quantize
from edge_distil_quantize.kernels.int8 import LIMIT
from edge_distil_quantize.recipe import Made, Request
from edge_distil_quantize.rewrites.editing import Editor, drop_unused
from edge_distil_quantize.rewrites.embedding import SMALLEST_TABLE, find_tables, quantize_tables
from edge_distil_quantize.rewrites.matmul import FEWEST_OUTPUTS, find_targets
from edge_distil_quantize.rewrites.weights import store_weights

SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "weights": f"int8 within +-{LIMIT}, symmetric, an output channel's scale searched "
        "for the least squared error",
        "activations": "float32",
        "embeddings": f"int8 within +-{LIMIT}, a scale a row",
        "fewest_outputs": FEWEST_OUTPUTS,
        "smallest_table": SMALLEST_TABLE,
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
    # Nothing is added in 16 bits here, so a table that a MatMul reads too needs no limit of 64.
    store_weights(editor, targets, quantize_tables(editor, tables, tied=frozenset()))
    drop_unused(graph)
    return Made(request.model, SETTINGS)
