"""Read the fp32 model of a bundle, ours or another exporter's."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx_ir as ir

from edge_distil.errors import QuantizeError
from edge_distil.manifest import PRODUCER
from edge_distil_quantize.checks import (
    check_kind,
    check_numbers,
    nothing_to_quantize,
    reading_graph,
)
from edge_distil_quantize.reading.normal_form import normalize
from edge_distil_quantize.rewrites.embedding import find_tables
from edge_distil_quantize.rewrites.matmul import find_targets


def read_model(source: Path) -> ir.Model:
    """Read an fp32 model to be rewritten, in the form in which our exporter writes one.

    Args:
        source: The file. Weights that it keeps in another one beside it are read too.

    Raises:
        QuantizeError: It cannot be read, is quantized or of 16 bits already, was fused for
            onnxruntime, or has weights that are no numbers.
    """
    try:
        model = ir.from_proto(onnx.load(source))
    except Exception as error:  # protobuf's and onnx-ir's errors share no other base
        raise QuantizeError(
            f"{source} cannot be read as an ONNX model ({type(error).__name__}): copy or export "
            "the bundle again"
        ) from error
    check_kind(model)
    if model.producer_name != PRODUCER:
        normalize(model)
    check_numbers(model.graph)
    return model


def check_model(source: Path) -> None:
    """Check that a recipe can make something of an fp32 model, before anything is written.

    Raises:
        QuantizeError: None can; see `read_model`.
    """
    with reading_graph(source):
        graph = read_model(source).graph
        if not find_targets(graph) and not find_tables(graph):
            raise nothing_to_quantize(graph)
