"""The least value that an activation function can give, told from the graph itself.

The values between two layers of a feed-forward block come out of GELU or ReLU, and these are never
far below zero: GELU's least value is -0.17. Who knows that can spend nearly all of uint8 on the
positive side, and needs no search for the greatest magnitude among negative values.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import erf, pi, sqrt

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

# Operators that work number by number; with scalar constants, what they make is a function.
_ELEMENTWISE = {
    "Add", "Div", "Erf", "Exp", "Gelu", "HardSigmoid", "LeakyRelu", "Max", "Min", "Mul", "Neg",
    "Pow", "Relu", "Sigmoid", "Softplus", "Sqrt", "Sub", "Tanh",
}  # fmt: skip
_BEND = np.linspace(-30, 30, 12_001, dtype=np.float32)  # where activation functions bend
_FAR = np.logspace(np.log10(30), 4, 100, dtype=np.float32)  # where a line would have fallen far
_GRID = np.concatenate([-_FAR[::-1], _BEND, _FAR])
_LOWEST = -0.3  # SiLU reaches -0.28; tanh and lines, which go lower, have no short negative side
_MOST_NODES = 20  # of an activation function; GELU by tanh has nine


def least_value(value: ir.Value) -> float | None:
    """Return the least number that can stand in `value`.

    The operators from `value` back to the one value that they all come from are run on a grid.

    Returns:
        Between -0.3 and 0; ``None`` where no such function is found, or where its negative side
        is longer.
    """
    nodes, source = _function(value)
    if source is None or not nodes:
        return None
    results = _evaluate(nodes, source, value)
    least = float(results.min())
    return min(least, 0.0) if np.isfinite(results).all() and least >= _LOWEST else None


def gelu_source(value: ir.Value) -> ir.Value | None:
    """Return what `value` is the GELU of, erf's or tanh's, however it is written."""
    nodes, source = _function(value)
    if source is None or not nodes:
        return None
    results = _evaluate(nodes, source, value)
    near = (np.allclose(results, gelu, rtol=1e-5, atol=1e-5) for gelu in _gelus())
    return source if any(near) else None


@cache
def _gelus() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return erf's and tanh's GELU of `_GRID`."""
    x = _GRID.astype(np.float64)
    by_erf = np.array([erf(number / sqrt(2)) for number in x])
    by_tanh = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + by_erf), 0.5 * x * (1 + by_tanh)


def _function(value: ir.Value) -> tuple[list[ir.Node], ir.Value | None]:
    """Return the elementwise operators that make `value`, in order, and their one source."""
    nodes: dict[ir.Node, None] = {}
    sources: set[ir.Value] = set()
    _walk(value, nodes, sources)
    return list(nodes), sources.pop() if len(sources) == 1 else None


def _walk(value: ir.Value, nodes: dict[ir.Node, None], sources: set[ir.Value]) -> None:
    node = value.producer()
    if node is None or not _is_elementwise(node) or len(nodes) > _MOST_NODES:
        sources.add(value)
        return
    for operand in _operands(node):
        _walk(operand, nodes, sources)
    nodes.setdefault(node)  # after what it reads


def _is_elementwise(node: ir.Node) -> bool:
    return node.op_type in _ELEMENTWISE and all(
        value is not None and (not value.is_initializer() or _is_scalar(value))
        for value in node.inputs
    )


def _operands(node: ir.Node) -> Iterator[ir.Value]:
    return (v for v in node.inputs if v is not None and not v.is_initializer())


def _is_scalar(value: ir.Value) -> bool:
    return value.const_value is not None and value.const_value.size == 1


def _evaluate(nodes: list[ir.Node], source: ir.Value, value: ir.Value) -> NDArray[np.float32]:
    """Run the operators on `_GRID` with ONNX's own reference implementation."""
    constants = {v.name: v for n in nodes for v in n.inputs if v is not None and v.is_initializer()}
    graph = onnx.helper.make_graph(
        [ir.serde.serialize_node(node) for node in nodes],
        "activation",
        [onnx.helper.make_tensor_value_info(str(source.name), onnx.TensorProto.FLOAT, [None])],
        [onnx.helper.make_tensor_value_info(str(value.name), onnx.TensorProto.FLOAT, [None])],
        [ir.serde.serialize_tensor(v.const_value) for v in constants.values() if v.const_value],
    )
    opset = source.graph.opset_imports.get("", 18) if source.graph else 18
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    with np.errstate(all="ignore"):
        [results] = ReferenceEvaluator(model).run(None, {str(source.name): _GRID})
    return np.asarray(results)
