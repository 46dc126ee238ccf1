"""What a graph holds and does, counted from the graph: parameters and operations.

Needs onnx, so it runs where bundles are made; a device that only measures reads what was counted
there (`provenance.py`). As a program it counts one file and prints JSON: the weights then leave
memory with the process.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper

from edge_distil.errors import InputError
from edge_distil.session import OnnxSession

_FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16}
_PRODUCTS = ("MatMul", "Gemm")
_LENGTHS = (16, 32, 48)  # tokens: two give the coefficients, the third checks that they are all
_TOLERANCE = 1e-9  # relative; all figures are whole numbers


class Counts(NamedTuple):
    """Counted from an fp32 graph.

    Attributes:
        parameters: Elements of the weights; a shared weight counts once.
        flops: ``(a, b)``; see `edge_distil_bench.records.Model.flops`.
    """

    parameters: int
    flops: tuple[float, float]


def count(path: Path) -> Counts:
    """Count an fp32 model file.

    Raises:
        InputError: Its operations do not grow as an encoder's do.
    """
    model = onnx.load(path)
    return Counts(count_parameters(model), _coefficients(_operations(model), path))


def count_parameters(model: ModelProto) -> int:
    """Sum the elements of the weights: floating-point initializers of at least one axis.

    Scalars (an epsilon, the root of the head size) and integers (shapes) are no weights.
    """
    initializers = model.graph.initializer
    return sum(math.prod(t.dims) for t in initializers if t.dims and t.data_type in _FLOATS)


def _coefficients(operations: Sequence[int], path: Path) -> tuple[float, float]:
    """Solve ``a L + b L^2`` for the first two lengths, and check the third."""
    rates = [done / length for done, length in zip(operations, _LENGTHS, strict=True)]
    b = (rates[1] - rates[0]) / (_LENGTHS[1] - _LENGTHS[0])
    a = rates[0] - b * _LENGTHS[0]
    if not math.isclose(a + b * _LENGTHS[2], rates[2], rel_tol=_TOLERANCE):
        raise InputError(
            f"{path} does {rates[2]:g} operations a token at {_LENGTHS[2]} tokens, expected "
            f"{a + b * _LENGTHS[2]:g} from shorter texts: it is not a plain encoder, leave it out"
        )
    return a, b


def _operations(model: ModelProto) -> list[int]:
    """Count the operations of all matrix products at batch 1, for each of `_LENGTHS`.

    The shapes are read while the graph runs: they depend on arithmetic that shape inference does
    not follow.
    """
    products = [node for node in model.graph.node if node.op_type in _PRODUCTS]
    names = sorted({name for node in products for name in (node.input[0], node.output[0])})
    _give_shapes(model, names)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "shapes.onnx"
        onnx.save(model, file)
        session = OnnxSession(file)
    done = []
    for length in _LENGTHS:
        tokens = np.ones((1, length), np.int64)
        found = session.run(dict.fromkeys(session.inputs, tokens), [f"shape_of/{n}" for n in names])
        shapes = {name: found[f"shape_of/{name}"].astype(int).tolist() for name in names}
        done.append(sum(_product(node, shapes) for node in products))
    return done


def _give_shapes(model: ModelProto, names: Sequence[str]) -> None:
    """Let the graph give the shapes of these values as outputs."""
    for name in names:
        shape = f"shape_of/{name}"
        model.graph.node.append(helper.make_node("Shape", [name], [shape]))
        model.graph.output.append(helper.make_tensor_value_info(shape, TensorProto.INT64, [None]))


def _product(node: NodeProto, shapes: Mapping[str, Sequence[int]]) -> int:
    """Count one product: each element of the output sums over the inner dimension."""
    left, output = shapes[node.input[0]], shapes[node.output[0]]
    transposed = any(a.name == "transA" and a.i for a in node.attribute)
    return 2 * math.prod(output) * left[-2 if transposed else -1]


if __name__ == "__main__":
    print(json.dumps(count(Path(sys.argv[1]))._asdict()))
