"""The recipe ``fp16``: weights and arithmetic in float16, for GPU, Apple and WebGPU."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from edge_distil_quantize.checks import check_half_range
from edge_distil_quantize.recipe import Made, Request
from edge_distil_quantize.rewrites.editing import Editor, drop_unused
from edge_distil_quantize.rewrites.half import after_outputs, convert_to_half

WARNING = (
    "fp16 is meant for GPU, Apple and WebGPU: on a CPU onnxruntime computes it in float32, with "
    "casts around every operator, so it is slower than fp32 there"
)
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "weights": "float16",
        "activations": "float16; what follows a graph output (pooling) float32",
        "inputs_and_outputs": "as fp32's",
        "warning": WARNING,
    }
)


def make(request: Request) -> Made:
    """Convert the graph in place.

    Raises:
        QuantizeError: A weight is beyond float16's range, or the type of a value is not known.
    """
    graph = request.model.graph
    request.progress(f"warning: {WARNING}")
    check_half_range(graph)
    exact = after_outputs(graph) | {node for node in graph if node.name in request.keep}
    convert_to_half(Editor(graph), exact)
    drop_unused(graph)
    return Made(request.model, SETTINGS)
