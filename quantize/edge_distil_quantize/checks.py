"""What every recipe asks of the bundle and its fp32 graph, and what it may say of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx_ir as ir

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import QuantizeError
from edge_distil.manifest import FILE_NAME

_OLDEST_OPSET = 18  # ReduceMax takes its axes as an input from here on
_QUANTIZED = {
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "MatMulInteger",
    "QLinearMatMul",
    "QuantizeLinear",
}


def reopen(bundle: Bundle | str | Path) -> Bundle:
    """Open a bundle that is to be added to.

    From disk even where it is open: another variant may have been added since.

    Raises:
        BundleError: The directory is no bundle.
        QuantizeError: It has no manifest.
    """
    bundle = open_bundle(bundle.path if isinstance(bundle, Bundle) else bundle)
    if bundle.inferred:
        raise QuantizeError(
            f"{bundle.path} has no {FILE_NAME}, so the variant's evidence has no place: export "
            "the checkpoint with edge-distil first"
        )
    return bundle


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
