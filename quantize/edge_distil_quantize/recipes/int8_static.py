"""The recipe ``int8-static``: QDQ with scales from calibration, for accelerators that need them.

NNAPI, QNN, XNNPACK, OpenVINO and their like run int8 when every scale is a constant. On a CPU the
recipe ``int8`` is more faithful: its scales follow each token.
"""

from __future__ import annotations

from typing import Any

from edge_distil_quantize.calibration.static_ranges import PERCENTILE, activation_ranges
from edge_distil_quantize.checks import nothing_to_quantize
from edge_distil_quantize.recipe import Made, Request
from edge_distil_quantize.recipes import int8
from edge_distil_quantize.rewrites.editing import Editor, drop_unused
from edge_distil_quantize.rewrites.embedding import SMALLEST_TABLE, find_tables, quantize_tables
from edge_distil_quantize.rewrites.matmul import FEWEST_OUTPUTS, find_targets
from edge_distil_quantize.rewrites.qdq import (
    FEWEST_STEPS,
    fits,
    operand,
    product_name,
    quantize_products,
)


def make(request: Request) -> Made:
    """Quantize the graph in place.

    Attention scores, masks, softmax, normalisation and activations stay float32: the mask's
    -3.4e38 would leave a scale for all no room for anything else.

    Raises:
        QuantizeError: The graph has nothing to quantize, or the method is unknown.
    """
    graph = request.model.graph
    targets = [t for t in find_targets(graph) if t.node.name not in request.keep]
    if not targets:
        raise nothing_to_quantize(graph, tables=False)
    names = [name for t in targets for name in (str(operand(t.node).name), product_name(t.node))]
    request.progress(f"calibrating on {len(request.calibration)} texts ({request.method})")
    ranges = activation_ranges(
        request.model, request.calibration, list(dict.fromkeys(names)), request.method
    )
    editor, tables = Editor(graph), find_tables(graph)
    tied = {t.weight for t in targets if t.transposed} & tables.keys()
    quantize_products(editor, targets, quantize_tables(editor, tables, tied), ranges)
    drop_unused(graph)
    wide = [n for n in map(product_name, (t.node for t in targets)) if not fits(ranges[n])]
    return Made(request.model, _settings(request), {"results_in_float32": wide})


def _settings(request: Request) -> dict[str, Any]:
    return {
        "weights": int8.SETTINGS["weights"],
        "activations": "uint8, one scale and zero point a tensor, from calibration",
        "embeddings": int8.SETTINGS["embeddings"],
        "method": request.method,
        **({"percentile": PERCENTILE} if request.method == "percentile" else {}),
        "calibration_texts": len(request.calibration),
        "fewest_steps": FEWEST_STEPS,
        "fewest_outputs": FEWEST_OUTPUTS,
        "smallest_table": SMALLEST_TABLE,
    }
