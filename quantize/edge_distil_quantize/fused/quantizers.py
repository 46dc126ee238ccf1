"""An activation's five operators to uint8 -> four, and GELU with its bias as one.

    x ─ Abs ─ ReduceMax ─ Max ─┐                  x ─ Abs ─ ReduceMax ─ Mul ─┐
    └───────────────────────── Div ─ Quantize     └──────────────────────── QuantizeLinear

QuantizeLinear of opset 21 takes a scale for each block of an axis, here for each row, and divides
by it itself: one pass over the numbers less. Nothing guards a row of zeros any more: whatever
integers come of 0 / 0, the row's scale of 0 makes zeros of them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil_quantize.rewrites.activation import SMALLEST
from edge_distil_quantize.rewrites.blocks import DOMAIN
from edge_distil_quantize.rewrites.editing import Editor, maker, only_reader, single_number, sizes
from edge_distil_quantize.rewrites.least_value import gelu_source

BLOCKWISE_OPSET = 21
_FAR = np.float32(1e30)  # a scale that makes 0 of any activation, so that zero points are left


class Product(NamedTuple):
    """A product of quantized rows: the operator that scales its sums, and by what.

    Attributes:
        scaling: Mul of the rows' divisor and the channels' scales.
        channels: float32 ``(outputs,)``.
    """

    scaling: ir.Node
    channels: NDArray[np.float32]


class Quantizer(NamedTuple):
    """The operators that turn an activation into uint8.

    Attributes:
        x: float32 ``(..., inputs)``.
        divisor: float32 ``(..., 1)``.
        division: Div of both.
        node: QuantizeLinear.
        products: What is made of the rows.
        inputs: Numbers in a row.
    """

    x: ir.Value
    divisor: ir.Value
    division: ir.Node
    node: ir.Node
    products: tuple[Product, ...]
    inputs: int


def find_quantizers(graph: ir.Graph) -> Iterator[Quantizer]:
    """Find what the recipe ``int8`` wrote; see `rewrites.activation` and `rewrites.matmul`."""
    for node in list(graph):
        if node.op_type == "QuantizeLinear" and (found := _quantizer(node)) is not None:
            yield found


class Rows:
    """Rewrites quantizers; rows that are known to be as many share their zero points."""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor
        self._points: dict[tuple[object, ...], ir.Value] = {}

    def rewrite(self, found: Quantizer) -> None:
        """Let QuantizeLinear divide."""
        editor, name = self._editor, found.x.name
        step, point = found.node.inputs[1:3]
        assert step is not None  # _quantizer looked
        assert point is not None
        assert step.const_value is not None
        greatest = _unguarded(found.divisor)
        steps = editor.before(found.division, "Mul", [greatest, step], f"{name}_steps")
        points = self._zero_points(found, steps, point)
        values = editor.before(
            found.node,
            "QuantizeLinear",
            [found.x, steps, points],
            f"{name}_rows",
            {"axis": -1, "block_size": found.inputs},
        )
        for product in found.products:
            channels = product.channels / step.const_value.numpy()
            stored = editor.initializer(f"{name}_channels", channels.astype(np.float32))
            product.scaling.replace_input_with(0, steps)
            product.scaling.replace_input_with(1, stored)
        editor.replace(found.node, values)

    def _zero_points(self, found: Quantizer, steps: ir.Value, point: ir.Value) -> ir.Value:
        """Return uint8 of the shape of `steps`: QuantizeLinear wants one for each scale."""
        rows = tuple(found.x.shape)[:-1] if found.x.shape is not None else (None,)
        known = all(isinstance(size, int) or (size is not None and size.value) for size in rows)
        key = (point, *map(str, rows)) if known else (point, steps)
        if key not in self._points:
            far = self._editor.constant("zero_points_scale", _FAR)
            self._points[key] = self._editor.before(
                found.division, "QuantizeLinear", [steps, far, point], f"{found.x.name}_points"
            )
        return self._points[key]


def join_gelu(editor: Editor, found: Quantizer) -> Quantizer:
    """Let FastGelu stand for a bias and the GELU behind it, if `x` comes from there.

    It computes by tanh, which differs from erf's GELU by 5e-4 at most: a tenth of the finest step
    that the numbers are rounded to next.
    """
    x = found.x
    source = gelu_source(x)
    biased = maker(source, "Sub")
    bias = biased.inputs[1] if biased is not None else None
    if biased is None or bias is None or bias.const_value is None or bias.const_value.size == 1:
        return found
    assert biased.inputs[0] is not None
    added = editor.initializer(f"{bias.name}_added", -bias.const_value.numpy())
    last = x.producer()
    assert last is not None  # it is a function of `source`
    joined = editor.before(
        last, "FastGelu", [biased.inputs[0], added], f"{x.name}_joined", domain=DOMAIN
    )
    joined.shape = x.shape
    editor.replace(last, joined)
    return found._replace(x=joined)


def _quantizer(node: ir.Node) -> Quantizer | None:
    division = maker(node.inputs[0], "Div")
    x, divisor = division.inputs if division is not None else (None, None)
    constant = all(v is not None and v.const_value is not None for v in node.inputs[1:3])
    if division is None or x is None or divisor is None or not constant or len(node.inputs) != 3:
        return None
    products, inputs = [], 0
    for use in node.outputs[0].uses():
        product, weight = _product(use.node, divisor), use.node.inputs[1]
        if product is None or weight is None:
            return None
        products.append(product)
        inputs = _rows_of(weight)
    return Quantizer(x, divisor, division, node, tuple(products), inputs) if inputs else None


def _product(node: ir.Node, divisor: ir.Value) -> Product | None:
    if node.op_type != "MatMulInteger":
        return None
    cast = only_reader(node.outputs[0])
    scaled = only_reader(cast.outputs[0]) if cast is not None else None
    scaling = maker(scaled.inputs[1], "Mul") if scaled is not None else None
    if scaling is None or scaling.inputs[0] is not divisor or scaling.inputs[1] is None:
        return None
    stored = scaling.inputs[1].const_value
    return Product(scaling, stored.numpy()) if stored is not None else None


def _rows_of(weight: ir.Value) -> int:
    """Return the numbers that a stored weight multiplies; 0 where it is not stored."""
    if weight.const_value is not None:
        return sizes(weight)[0]
    turned = maker(weight, "Transpose")  # of a tied table
    table = turned.inputs[0] if turned is not None else None
    return sizes(table)[1] if table is not None and table.const_value is not None else 0


def _unguarded(divisor: ir.Value) -> ir.Value:
    """Return what a divisor is without its guard against rows of zeros."""
    guard = maker(divisor, "Max")
    if guard is None or single_number(guard.inputs[1]) != np.float32(SMALLEST):
        return divisor
    assert guard.inputs[0] is not None
    return guard.inputs[0]
