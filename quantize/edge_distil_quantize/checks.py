"""What every recipe asks of the fp32 graph, and what it may say of it."""

from __future__ import annotations

from collections import Counter

import onnx_ir as ir

from edge_distil.errors import QuantizeError

_OLDEST_OPSET = 18  # ReduceMax takes its axes as an input from here on
_QUANTIZED = {
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "QLinearMatMul",
    "QuantizeLinear",
}


def check_fp32(model: ir.Model) -> None:
    """Check that a graph is what the exporter writes.

    Raises:
        QuantizeError: It is quantized already, of an old opset, or has operators that are not
            standard.
    """
    graph = model.graph
    if found := sorted({n.op_type for n in graph} & _QUANTIZED):
        raise QuantizeError(
            f"the fp32 graph has {', '.join(found)}, so it is quantized already: export the "
            "checkpoint again, in float32"
        )
    if foreign := sorted({f"{n.domain}.{n.op_type}" for n in graph if n.domain}):
        raise QuantizeError(
            f"the fp32 graph has {', '.join(foreign)}, expected standard ONNX operators alone: "
            "export the checkpoint again, without fusing"
        )
    opset = model.opset_imports.get("", 0)
    if opset < _OLDEST_OPSET:
        raise QuantizeError(
            f"the fp32 graph is of ONNX opset {opset}, expected {_OLDEST_OPSET} or later: "
            "export the checkpoint again"
        )


def nothing_to_quantize(graph: ir.Graph, wanted: str) -> QuantizeError:
    """Return the error for a graph without what a recipe works on.

    Args:
        graph: The graph.
        wanted: What it lacks, such as ``"a MatMul with a stored matrix"``.
    """
    found = Counter(n.op_type for n in graph).most_common(5)
    operators = ", ".join(f"{n} {op}" for op, n in found)
    return QuantizeError(
        f"the graph has no {wanted}, so nothing can be quantized; its operators are {operators}: "
        "use fp32"
    )
