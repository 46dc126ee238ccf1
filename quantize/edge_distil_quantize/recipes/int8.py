"""The recipe ``int8``: dynamic, standard operators, the same integers on every CPU."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import onnx_ir as ir

from edge_distil.errors import QuantizeError
from edge_distil_quantize.calibration.steps import ALL, Steps, calibrate
from edge_distil_quantize.checks import nothing_to_quantize
from edge_distil_quantize.kernels.int8 import LIMIT, PAIR_LIMIT, saturates_16_bits
from edge_distil_quantize.recipe import Made, Request
from edge_distil_quantize.rewrites.editing import Editor, drop_unused
from edge_distil_quantize.rewrites.embedding import SMALLEST_TABLE, find_tables, quantize_tables
from edge_distil_quantize.rewrites.matmul import FEWEST_OUTPUTS, find_targets, quantize_matmuls
from edge_distil_quantize.rewrites.operators import without_kept

SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "weights": f"int8, symmetric, one scale an output channel; two neighbours' magnitudes "
        f"(inputs 2k and 2k + 1) sum to {PAIR_LIMIT} at most",
        "activations": "uint8, zero point 128 (after GELU 32, after ReLU 0), one scale a token, "
        "computed at run time",
        "embeddings": f"int8 within +-{LIMIT} (pairs limited where tied), a scale a row",
        "fewest_outputs": FEWEST_OUTPUTS,
        "smallest_table": SMALLEST_TABLE,
    }
)
BATCH_INVARIANT = "batch_invariant"  # what is said of it goes where a graph's own sums break it
# What holds by construction, whatever the weights; `_check_after` makes sure of the first.
PROPERTIES: Mapping[str, Any] = MappingProxyType(
    {
        "exact_integers": "no pair of products passes 16 bits: the same int32 sums on every CPU",
        BATCH_INVARIANT: "a token's scale depends on that token alone",
    }
)


def make(request: Request, steps: Steps = ALL) -> Made:
    """Quantize the graph in place.

    Tables and matrices are each quantized once, however many operators read them.

    Args:
        request: The graph, and what to calibrate on; without, weights are rounded by themselves.
        steps: Steps of the calibration.

    Raises:
        QuantizeError: The graph has nothing to quantize, or no operator of a name to keep.
    """
    graph = request.model.graph
    targets, tables = find_targets(graph), find_tables(graph)
    if not targets and not tables:
        raise nothing_to_quantize(graph)
    targets, tables = without_kept(targets, tables, request.keep)
    editor = Editor(graph)
    tied = {t.weight for t in targets if t.transposed} & tables.keys()
    calibrated = calibrate(request, targets, tables.keys(), steps)
    quantized = quantize_tables(editor, tables, tied)
    quantize_matmuls(editor, targets, quantized, calibrated.weights)
    drop_unused(graph)
    _check_after(graph, len(targets))
    kept = {"kept_fp32": sorted(request.keep)} if request.keep else {}
    return Made(
        request.model,
        {**SETTINGS, **calibrated.settings, **kept},
        {**PROPERTIES, **calibrated.evidence},
    )


def _check_after(graph: ir.Graph, matmuls: int) -> None:
    """Check what the recipe promises; a failure is a fault of ours."""
    products = [n for n in graph if n.op_type == "MatMulInteger"]
    if len(products) != matmuls:
        raise QuantizeError(f"{len(products)} of {matmuls} MatMuls were quantized: report it")
    for node in products:
        if _saturates(node):
            raise QuantizeError(f"{node.name} could saturate 16 bits: report it")


def _saturates(product: ir.Node) -> bool:
    weight = product.inputs[1]
    assert weight is not None
    maker = weight.producer()
    stored = maker.inputs[0] if maker is not None else weight  # behind a Transpose: a tied table
    assert stored is not None
    assert stored.const_value is not None
    return saturates_16_bits(stored.const_value.numpy(), "columns" if maker is None else "rows")
