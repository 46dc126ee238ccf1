"""Models made to break: one channel of an activation 50 times as large, the function the same.

A token's int8 scale follows its greatest value, so one such channel leaves all others a few levels.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

FACTOR = 50


def scale_normalised(model: onnx.ModelProto, norm: str, factor: float = FACTOR) -> None:
    """Scale a channel of a LayerNormalization's output; what reads it divides again.

    SmoothQuant's remedy undoes exactly this.

    Args:
        model: The fp32 graph, changed in place.
        norm: The node's name.
        factor: By how much.
    """
    node = _node(model, norm)
    gamma, beta = (_array(model, name) for name in node.input[1:])
    scales = _scales(np.abs(gamma) + np.abs(beta), factor)
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


def scale_context(model: onnx.ModelProto, value: str, output: str, factor: float = FACTOR) -> None:
    """Scale a channel of the value projection; the attention's output projection divides again.

    No layer norm stands between, so nothing can be folded into one.

    Args:
        model: The fp32 graph, changed in place.
        value: Name of the value projection's MatMul.
        output: Name of the MatMul that reads the attention's context.
        factor: By how much.
    """
    producer, reader = _node(model, value), _node(model, output)
    add = next(n for n in model.graph.node if producer.output[0] in n.input)
    bias = next(name for name in add.input if name != producer.output[0])
    matrix, offset = _array(model, producer.input[1]), _array(model, bias)
    scales = _scales(np.linalg.norm(matrix, axis=0) + np.abs(offset), factor)
    producer.input[1] = _store(model, f"{value}_outlier", matrix * scales)
    add.input[list(add.input).index(bias)] = _store(model, f"{bias}_outlier", offset * scales)
    _scale_rows(model, reader, 1 / scales)


def _scales(greatness: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return ones with `factor` at the greatest channel."""
    scales = np.ones_like(greatness)
    scales[greatness.argmax()] = factor
    return scales


def _scale_rows(model: onnx.ModelProto, product: onnx.NodeProto, scales: NDArray) -> None:
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
