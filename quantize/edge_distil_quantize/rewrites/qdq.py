"""MatMul(x, float32 weight) -> the same between QuantizeLinear and DequantizeLinear (QDQ).

    x ─ QuantizeLinear ─ DequantizeLinear ─┐
    int8 weight ──────── DequantizeLinear ─ MatMul ─ QuantizeLinear ─ DequantizeLinear ─ (bias Add)

Scales and zero points of activations are constants, one a tensor, as accelerators want them; they
recognise the pattern, the result's pair included, and run it in integers ("Quantizing an ONNX
model", onnxruntime.ai; nodes that take part need QDQ on both sides). A result whose few outliers
leave the rest a handful of integers stays float32: in BERT, what the feed-forward network adds to
the residual (Bondarenko et al. 2021, arXiv 2109.12948).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import onnx_ir as ir

from edge_distil_quantize.rewrites.editing import Editor
from edge_distil_quantize.rewrites.embedding import Table
from edge_distil_quantize.rewrites.matmul import Target, Weight, quantize_weight

_HIGHEST = 255  # uint8
# Integers that one standard deviation of a result must cover. Over all-MiniLM-L6-v2 feed-forward
# results have 3 and everything else 6 or more; with those pairs the mean cosine to fp32 falls from
# 0.991 to 0.933.
FEWEST_STEPS = 5


class Range(NamedTuple):
    """What an activation spans.

    Attributes:
        least: The least value that is told apart from lesser ones.
        greatest: The greatest such value.
        deviation: Standard deviation of the values.
    """

    least: float
    greatest: float
    deviation: float


class Grid(NamedTuple):
    """How numbers lie on uint8: a number is ``(value - zero_point) * scale``."""

    scale: np.float32
    zero_point: np.uint8


def grid_of(span: Range) -> Grid:
    """Return the grid that spans a range, with 0 on it exactly.

    >>> scale, zero_point = grid_of(Range(-1.0, 4.1, deviation=0.5))
    >>> round(float(scale), 6), int(zero_point)
    (0.02, 50)
    """
    least, greatest = min(span.least, 0.0), max(span.greatest, 0.0)
    scale = np.float32((greatest - least) / _HIGHEST or 1)  # all zeros: any scale serves
    return Grid(scale, np.uint8(np.clip(np.rint(-least / scale), 0, _HIGHEST)))


def quantize_products(
    editor: Editor,
    targets: list[Target],
    tables: Mapping[ir.Value, Table],
    ranges: Mapping[str, Range],
) -> None:
    """Rewrite `targets`.

    Args:
        editor: The graph.
        targets: What `find_targets` gave.
        tables: Embedding tables that are quantized already; a MatMul with one of them shares it.
        ranges: The range of every value that a target reads or gives, by name.
    """
    activations: dict[ir.Value, ir.Value] = {}
    weights: dict[tuple[ir.Value, bool], ir.Value] = {}
    for target in targets:
        x, key = operand(target.node), (target.weight, target.transposed)
        if x not in activations:
            activations[x] = _pair(editor, target.node, x, ranges[str(x.name)])
        if key not in weights:
            weight = quantize_weight(editor, target, tables.get(target.weight))
            weights[key] = _dequantize_weight(editor, target.node, weight)
        _rewrite(editor, target.node, activations[x], weights[key], ranges)


def _pair(editor: Editor, anchor: ir.Node, x: ir.Value, span: Range) -> ir.Value:
    """Add QuantizeLinear and DequantizeLinear; return what is within a rounding of `x`."""
    grid = grid_of(span)
    scale = editor.initializer(f"{x.name}_scale", grid.scale)
    zero_point = editor.initializer(f"{x.name}_zero_point", grid.zero_point)
    values = editor.before(anchor, "QuantizeLinear", [x, scale, zero_point], f"{x.name}_quantized")
    return editor.before(
        anchor, "DequantizeLinear", [values, scale, zero_point], f"{x.name}_dequantized"
    )


def _dequantize_weight(editor: Editor, anchor: ir.Node, weight: Weight) -> ir.Value:
    scales = editor.initializer(f"{weight.name}_channel_scale", weight.scales)
    zero_points = editor.initializer(
        f"{weight.name}_channel_zero_point", np.zeros(len(weight.scales), np.int8)
    )
    return editor.before(
        anchor,
        "DequantizeLinear",
        [weight.values, scales, zero_points],
        f"{weight.name}_weight",
        {"axis": 1},
    )


def _rewrite(
    editor: Editor, node: ir.Node, x: ir.Value, weight: ir.Value, ranges: Mapping[str, Range]
) -> None:
    name = product_name(node)
    bias = [value for value in node.inputs[2:] if value is not None]
    # Without attributes: the weight of a Gemm that transposed it is stored transposed.
    product = editor.before(node, node.op_type, [x, weight, *bias], f"{name}_product")
    if fits(ranges[name]):
        product = _pair(editor, node, product, ranges[name])
    editor.replace(node, product)


def fits(span: Range) -> bool:
    """Say whether eight bits serve a result.

    >>> fits(Range(-1.0, 1.0, deviation=0.25)), fits(Range(-1.0, 40.0, deviation=0.25))
    (True, False)
    """
    return bool(span.deviation >= FEWEST_STEPS * grid_of(span).scale)


def operand(node: ir.Node) -> ir.Value:
    """Return the activation that a MatMul or Gemm reads."""
    x = node.inputs[0]
    assert x is not None  # both require it
    return x


def product_name(node: ir.Node) -> str:
    """Return the name of what a MatMul or Gemm gives."""
    return str(node.outputs[0].name)
