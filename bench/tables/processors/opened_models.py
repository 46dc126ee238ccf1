"""Quantized graphs with their integers laid open: operands and results of each product."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

# onnxruntime's own dynamic recipe, made with and without ``reduce_range``.
OTHERS = {"reduced": "per channel, 7 bits", "full": "per channel, 8 bits"}

Arrays = Mapping[str, NDArray[Any]]


class Product(NamedTuple):
    """The names of a MatMulInteger's values; empty where it has no such input."""

    left: str
    right: str
    left_zero: str
    right_zero: str
    result: str


def open_products(source: Path, target: Path) -> list[Product]:
    """Write a graph that also gives the operands and results of its integer products."""
    model = onnx.load(source)
    found = [_product(node) for node in model.graph.node if node.op_type == "MatMulInteger"]
    stored = {tensor.name for tensor in model.graph.initializer}
    _add_outputs(model, [name for p in found for name in p if name and name not in stored])
    _add_outputs(model, _quantized(model))
    onnx.save(model, target)
    return found


def force_activations(source: Path, target: Path, recorded: Arrays) -> list[str]:
    """Write a graph whose products read their activations from inputs, not from the graph.

    What the graph would have read is given as outputs, so one run tells how each quantizer, fed
    by exact predecessors, rounds.

    Args:
        source: A quantized graph.
        target: Where to write.
        recorded: Arrays of the activations' names, for their types.

    Returns:
        The names of the activations; the inputs are called ``NAME_forced``.
    """
    model = onnx.load(source)
    names = _quantized(model)
    for node in model.graph.node:
        node.input[:] = [f"{name}_forced" if name in names else name for name in node.input]
    for name in names:
        kind = onnx.helper.np_dtype_to_tensor_dtype(recorded[name].dtype)
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(f"{name}_forced", kind, [None] * recorded[name].ndim)
        )
    _add_outputs(model, names)
    onnx.save(model, target)
    return names


def exact(product: Product, model: Mapping[str, NDArray[Any]], outputs: Arrays) -> bool:
    """Say whether a product equals numpy's int32 product of the same operands."""
    values = {**model, **outputs}
    left, right = (values[name].astype(np.int32) for name in (product.left, product.right))
    if product.left_zero:
        left = left - values[product.left_zero].astype(np.int32)
    if product.right_zero:
        right = right - values[product.right_zero].astype(np.int32)
    return np.array_equal(left @ right, values[product.result])


def stored_arrays(file: Path) -> dict[str, NDArray[Any]]:
    """Return the constants of a graph."""
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}


def onnxruntimes_own(source: Path, target: Path, *, reduce_range: bool) -> None:
    """Quantize a graph as onnxruntime's dynamic recipe does, a scale an output channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.disable(logging.WARNING)  # it advises to prepare the graph first, as ours is
    quantize_dynamic(
        source, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=reduce_range
    )


def _quantized(model: onnx.ModelProto) -> list[str]:
    kinds = ("QuantizeLinear", "DynamicQuantizeLinear")
    return [node.output[0] for node in model.graph.node if node.op_type in kinds]


def _product(node: onnx.NodeProto) -> Product:
    left, right, *zeros = node.input
    left_zero, right_zero = [*zeros, "", ""][:2]
    return Product(left, right, left_zero, right_zero, node.output[0])


def _add_outputs(model: onnx.ModelProto, names: list[str]) -> None:
    known = {output.name for output in model.graph.output}
    for name in names:
        if name not in known:  # the type is inferred at load
            model.graph.output.append(onnx.ValueInfoProto(name=name))
            known.add(name)
