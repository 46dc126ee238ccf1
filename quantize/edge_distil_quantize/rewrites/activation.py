"""An activation -> uint8 with one scale a token (a row of the last axis).

    x ─ Abs ─ ReduceMax ─ Max ─┐  greatest magnitude of each token
    └────────────────────────── Div ─ QuantizeLinear  (scale 1/127, zero point 128)

What comes out of GELU or ReLU has nearly no negative side (`rewrites.least_value`): there the zero
point is 32 or 0, so the positive side gets 223 or 255 levels instead of 127, and Abs falls away.

A scale a token makes a text's numbers independent of what shares its batch; a scale a tensor, as
DynamicQuantizeLinear computes, does not. Measured and no faster: QDQ form, ReduceMin beside
ReduceMax instead of Abs, Mul by the reciprocal instead of Div, QuantizeLinear with a scale for
each row (1 % faster for three operators more). Slower: Mul, Round, Add, Cast instead of
QuantizeLinear.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil_quantize.rewrites.editing import Editor
from edge_distil_quantize.rewrites.least_value import least_value

_HIGHEST = 255  # uint8
# Below any activation that matters, so that a token of zeros divides by this, not by zero.
SMALLEST = 1e-30


class Grid(NamedTuple):
    """How the numbers of a token lie on uint8.

    Attributes:
        zero_point: The integer that stands for 0.
        least: The least number to be held; ``None`` for as low as the token's greatest.
    """

    zero_point: int
    least: float | None

    @property
    def levels(self) -> int:
        """Integers above the zero point: the token's greatest number stands at the last."""
        return _HIGHEST - self.zero_point

    @property
    def smallest(self) -> float:
        """The least divisor: below it the negative side would not fit under the zero point."""
        if not self.least:
            return SMALLEST
        return -self.least * self.levels / self.zero_point


_SYMMETRIC = Grid(128, None)
_SHORT = 32  # zero point for GELU: its -0.17 fits under it for tokens that reach 1.2


class Activation(NamedTuple):
    """A quantized activation.

    Attributes:
        values: uint8 ``(..., inputs)``.
        divisor: float32 ``(..., 1)``: a number is ``(value - zero point) * divisor / levels``.
        zero_point: uint8 scalar.
        levels: See `Grid.levels`.
    """

    values: ir.Value
    divisor: ir.Value
    zero_point: ir.Value
    levels: int


def choose_grid(x: ir.Value) -> Grid:
    """Return the grid for an activation: finer where its negative side is known to be short."""
    least = least_value(x)
    if least is None:
        return _SYMMETRIC
    return Grid(_SHORT if least else 0, least)


def rounded(x: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """Return what `quantize_activation` makes of ``(..., inputs)``, as real numbers again.

    >>> rounded(np.array([[127.0, -63.6, 0.4]], np.float32), Grid(128, None)).tolist()
    [[127.0, -64.0, 0.0]]
    """
    magnitude = x if grid.least is not None else np.abs(x)
    step = np.maximum(magnitude.max(-1, keepdims=True), grid.smallest) / np.float32(grid.levels)
    values = np.clip(np.rint(x / step), -grid.zero_point, grid.levels)
    return np.asarray(values * step, np.float32)


def quantize_activation(editor: Editor, anchor: ir.Node, x: ir.Value) -> Activation:
    """Add, before `anchor`, the operators that turn ``(..., inputs)`` into uint8."""
    grid = choose_grid(x)
    last_axis = editor.constant("last_axis", np.array([-1], np.int64))
    smallest = editor.constant(f"smallest_{grid.smallest:.3g}", np.float32(grid.smallest))
    step = editor.constant(f"step_{grid.levels}", np.float32(1 / grid.levels))
    zero_point = editor.constant(f"zero_point_{grid.zero_point}", np.uint8(grid.zero_point))
    magnitude = x if grid.least is not None else editor.before(anchor, "Abs", [x], f"{x.name}_abs")
    greatest = editor.before(anchor, "ReduceMax", [magnitude, last_axis], f"{x.name}_greatest")
    divisor = editor.before(anchor, "Max", [greatest, smallest], f"{x.name}_scale")
    unit = editor.before(anchor, "Div", [x, divisor], f"{x.name}_unit")
    values = editor.before(
        anchor, "QuantizeLinear", [unit, step, zero_point], f"{x.name}_quantized"
    )
    return Activation(values, divisor, zero_point, grid.levels)
