"""Smaller weights for a converted model: int8, or palettes of 2^n numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_distil.errors import InputError

# Name of the compression -> what coremltools is asked for.
COMPRESSIONS = ("none", "int8", "palette6", "palette4")
_LEAST_WEIGHTS = 2048  # biases and norms stay as they are: small, and not worth their error


def compress(model: Any, kind: str) -> Any:
    """Return the model with compressed weights.

    int8 is linear and symmetric, one scale for each output channel. A palette is found by k-means
    and holds 64 or 16 numbers for each matrix.

    Args:
        model: From `convert`.
        kind: One of `COMPRESSIONS`.

    Raises:
        InputError: The compression is unknown.
    """
    if kind not in COMPRESSIONS:
        raise InputError(f"compression is {kind!r}, expected one of {', '.join(COMPRESSIONS)}")
    if kind == "none":
        return model
    import coremltools.optimize.coreml as optimize

    shrink: Callable[..., Any] = optimize.palettize_weights
    if kind == "int8":
        shrink = optimize.linear_quantize_weights
        how: Any = optimize.OpLinearQuantizerConfig(
            mode="linear_symmetric", weight_threshold=_LEAST_WEIGHTS
        )
    else:
        how = optimize.OpPalettizerConfig(
            mode="kmeans", nbits=int(kind[-1]), weight_threshold=_LEAST_WEIGHTS
        )
    return shrink(model, optimize.OptimizationConfig(global_config=how))
