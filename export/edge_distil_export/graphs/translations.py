"""Our own translations of a few ATen operators to ONNX.

Some are about the graph: see `preferred`. The rest are about time: torch's exporter
first *decomposes*: it traces the whole program twice more, only to turn a handful of trivial
operators, which its table does not hold, into others. That is two thirds of its time (measured
on DistilBERT: 7.3 s against 2.5 s). With a translation for each of that handful the program
goes to ONNX as it is, and the graph comes out the same, node for node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import opset18 as op
from torch._ops import OpOverload

_GELU_OPSET = 20  # the first with Gelu as an operator
_SQRT_2 = 1.4142135623730951

Table = dict[Callable[..., Any], Callable[..., Any]]


def preferred(program: torch.export.ExportedProgram, opset: int) -> Table:
    """Return translations to what onnxruntime fuses, or computes alike for all, and not torch's.

    Args:
        program: The traced program.
        opset: ONNX operator set.
    """
    gelu = torch.ops.aten.gelu.default
    calls = [node for node in program.graph.nodes if node.target is gelu]
    exact = all(node.kwargs.get("approximate", "none") == "none" for node in calls)
    fusible: Table = {gelu: _gelu} if exact and opset < _GELU_OPSET else {}
    return {**fusible, torch.ops.aten.log1p.default: _log1p}


def translations() -> Table:
    """Return translations that make decomposition unnecessary."""
    aten = torch.ops.aten
    return {
        aten.__and__.Tensor: _and,
        aten.add_.Tensor: _add,
        aten.contiguous.default: _same,
        aten.dropout.default: _same,
        aten.min.other: _min,
        aten.to.device: _cast_second,
        aten.to.dtype: _cast_first,
        aten.to.dtype_layout: _cast_first,
        aten.type_as.default: _cast_like,
    }


def is_direct(program: torch.export.ExportedProgram) -> bool:
    """True where the nodes can be translated one by one, each as a function of its inputs.

    An operator that writes into its input is such a function only if nobody else sees that
    input: it is no view of another tensor and has no other reader.
    """
    return all(_is_function(node) for node in program.graph.nodes if node.op == "call_function")


def _is_function(node: torch.fx.Node) -> bool:
    if not isinstance(node.target, OpOverload) or not node.target._schema.is_mutable:
        return True
    written = node.args[0]
    if not isinstance(written, torch.fx.Node) or not isinstance(written.target, OpOverload):
        return False
    is_view = any(value.alias_info is not None for value in written.target._schema.returns)
    return not is_view and len(written.users) == 1


def _gelu(x: Any, **_: Any) -> Any:
    """Translate to x (1 + erf(x / sqrt 2)) 0.5, multiplied in just this order.

    onnxruntime's GeluFusion knows this tree, and not torch's x (0.5 (1 + erf(x / sqrt 2))).
    """
    return op.Mul(op.Mul(x, op.Add(op.Erf(op.Div(x, _SQRT_2)), 1.0)), 0.5)


def _log1p(x: Any) -> Any:
    """Translate to a logarithm of sums of one number each.

    onnxruntime's Log takes as many numbers at a time as the CPU does, and what is left over at the
    end of an array, or of a thread's share of it, by another function, which differs in the last
    bit: a row's numbers would depend on its place in a batch. A reduction takes them one by one.
    """
    axis = op.Constant(value_ints=[1])
    return op.ReduceLogSum(op.Unsqueeze(op.Add(x, 1.0), axis), axis, keepdims=0)


def _same(x: Any, *_: Any, **__: Any) -> Any:
    return op.Identity(x)


def _and(x: Any, y: Any) -> Any:
    return op.And(x, y)


def _add(x: Any, y: Any) -> Any:  # no alpha: with one, torch's exporter takes the long way
    return op.Add(x, y)


def _min(x: Any, y: Any) -> Any:
    return op.Min(x, y)


def _cast_first(x: Any, dtype: int, *_: Any, **__: Any) -> Any:
    return op.Cast(x, to=dtype)


def _cast_second(x: Any, device: str, dtype: int, *_: Any, **__: Any) -> Any:
    return op.Cast(x, to=dtype)


def _cast_like(x: Any, y: Any) -> Any:
    return op.CastLike(x, y)
