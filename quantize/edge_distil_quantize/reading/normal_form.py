"""A graph of another exporter -> the form in which ours writes graphs.

Exporters write one model in many ways: torch's first one, which optimum uses, leaves constants as
operators, computes shapes that are known, spells layer norms out below opset 17, and starts at
opset 11. The recipes look for one form: constants stored, each once; standard operators of opset 18
or later; a layer norm that is one operator; values with types, and without shapes (see
`rewrites.matmul` on why). All steps but two are onnx-ir's, onnxscript's and onnx's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import onnx_ir as ir
from onnx_ir.passes import common
from onnxscript.optimizer import fold_constants
from onnxscript.version_converter import ConvertVersionPass

from edge_distil.errors import QuantizeError
from edge_distil_quantize.reading.layer_norm import fuse_layer_norms
from edge_distil_quantize.reading.softmax import join_softmaxes
from edge_distil_quantize.reading.tied import tie_heads

OPSET = 18  # ReduceMax, which the recipes add, takes its axes as an input from here on
_CHATTY = ("onnx_ir", "onnxscript")  # loggers that comment on their own internals


def normalize(model: ir.Model) -> None:
    """Bring a graph into the form that the recipes know, in place; it computes what it did.

    Args:
        model: A float32 graph of standard operators, without graphs inside of operators.

    Raises:
        QuantizeError: onnx cannot convert it to opset 18.
    """
    declared = {str(v.name): (v.shape, v.type) for v in model.graph.outputs}
    with _quiet():
        common.RemoveInitializersFromInputsPass()(model)  # before IR version 4 they had to be
        _store_constants(model)
        _infer(model)
        _convert(model)
        join_softmaxes(model.graph)
        fuse_layer_norms(model.graph)
        # Not `optimize_ir`, whose rules take an epsilon of 1e-12 for 0 and drop it.
        fold_constants(model)
        common.RemoveUnusedNodesPass()(model)
        _store_constants(model)
        tie_heads(model.graph)
        common.RemoveUnusedOpsetsPass()(model)
        common.NameFixPass()(model)
        _infer(model)
    _forget_shapes(model.graph)
    _name_tensors(model.graph)
    for value in model.graph.outputs:
        value.shape, value.type = declared[str(value.name)]


def _store_constants(model: ir.Model) -> None:
    """Make initializers of all constants and store equal ones once, as shared weights are."""
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.IdentityEliminationPass()(model)
    common.DeduplicateHashedInitializersPass()(model)
    common.CommonSubexpressionEliminationPass()(model)


def _infer(model: ir.Model) -> None:
    common.ShapeInferencePass(check_type=False, strict_mode=False)(model)


def _convert(model: ir.Model) -> None:
    if model.opset_imports[""] < OPSET:
        before = model.opset_imports[""]
        ConvertVersionPass(OPSET, fallback=True)(model)
        if model.opset_imports[""] != OPSET:  # it logs what onnx says, and goes on
            raise QuantizeError(
                f"onnx cannot convert the fp32 graph from opset {before} to {OPSET}: export the "
                f"checkpoint again, with opset {OPSET}"
            )
        _store_constants(model)
        _infer(model)
    opset = onnx.helper.make_opsetid("", model.opset_imports[""])
    model.ir_version = max(model.ir_version, onnx.helper.find_min_ir_version_for([opset]))


def _forget_shapes(graph: ir.Graph) -> None:
    for node in graph:
        for value in node.outputs:
            value.shape = None


def _name_tensors(graph: ir.Graph) -> None:
    """Call what is stored as its value is called; what was a Constant's has no name."""
    for value in graph.initializers.values():
        if value.const_value is not None:
            value.const_value.name = value.name


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _CHATTY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
