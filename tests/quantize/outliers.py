"""A model made to break: one channel of an activation 50 times as large, the function the same.

A token's int8 scale follows its greatest value, so one such channel leaves all others a few levels.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edge_distil._writing import storage
from edge_distil.bundle import Bundle, write_manifest
from edge_distil.manifest import Variant

FACTOR = 50


def break_bundle(bundle: Bundle, norm: str, factor: float = FACTOR) -> Bundle:
    """Put an outlier into a bundle's fp32 graph; see `scale_normalised`."""
    path = bundle.model_path("fp32")
    model = onnx.load(path)
    scale_normalised(model, norm, factor)
    onnx.save(model, path)
    variant = Variant(storage.record(bundle.path, path), "export")
    return write_manifest(bundle.path, bundle.manifest.with_variant("fp32", variant))


def scale_normalised(model: onnx.ModelProto, norm: str, factor: float = FACTOR) -> None:
    """Scale a channel of a LayerNormalization's output; what reads it divides again.

    A product that reads the channel sees one value far above the rest; SmoothQuant's remedy
    (Xiao et al. 2022, arXiv 2211.10438) undoes exactly this.

    Args:
        model: The fp32 graph, changed in place.
        norm: The node's name.
        factor: By how much.
    """
    node = _node(model, norm)
    gamma, beta = (_array(model, name) for name in node.input[1:])
    scales = np.ones_like(gamma)
    scales[np.argmax(np.abs(gamma) + np.abs(beta))] = factor
    node.input[1] = _store(model, f"{norm}_outlier_scale", gamma * scales)
    node.input[2] = _store(model, f"{norm}_outlier_bias", beta * scales)
    inverse = _store(model, f"{norm}_inverse", 1 / scales)
    output, restored = node.output[0], f"{node.output[0]}_restored"
    for reader in [n for n in model.graph.node if output in n.input]:
        if reader.op_type == "MatMul":
            _scale_rows(model, reader, 1 / scales)
        else:  # the residual connection
            reader.input[:] = [restored if name == output else name for name in reader.input]
    divide = onnx.helper.make_node("Mul", [output, inverse], [restored], f"{norm}_restore")
    model.graph.node.insert(list(model.graph.node).index(node) + 1, divide)


def _scale_rows(
    model: onnx.ModelProto, product: onnx.NodeProto, scales: NDArray[np.float32]
) -> None:
    name = product.input[1]
    product.input[1] = _store(
        model, f"{name}_{product.name}", _array(model, name) * scales[:, None]
    )


def _node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.name == name)


def _array(model: onnx.ModelProto, name: str) -> NDArray[np.float32]:
    return numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == name))


def _store(model: onnx.ModelProto, name: str, array: NDArray[np.float32]) -> str:
    model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    return name
