"""Does a package compute what PyTorch computes? Layer by layer, on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_distil.errors import ParityError
from edge_distil_export.coreml.evaluate import Program
from edge_distil_export.heads import LENGTH_AXIS, Head

Feeds = Mapping[str, NDArray[np.int64]]


def check_program(
    program: Program,
    head: Head,
    feeds: Sequence[Feeds],
    axes: Mapping[str, tuple[str, ...]],
    atol: float | None,
) -> dict[str, Any]:
    """Run a package and the PyTorch module on the same inputs and compare attended positions.

    Args:
        program: The saved package.
        head: The module it was converted from.
        feeds: Inputs, each ``(1, sequence)``.
        axes: Output name -> its named axes.
        atol: Largest absolute difference allowed; ``None`` records it only.

    Returns:
        The evidence for the manifest.

    Raises:
        ParityError: A difference is above `atol`, or something is not finite.
    """
    worst: dict[str, float] = dict.fromkeys(axes, 0.0)
    for one in feeds:
        expected, found = _torch(head, one), program.run(one)
        for name, names in axes.items():
            mask = one["attention_mask"] if LENGTH_AXIS in names else None
            worst[name] = max(worst[name], _difference(expected[name], found[name], mask))
    greatest = max(worst.values())
    if atol is not None and not greatest <= atol:
        raise ParityError(
            f"the Core ML program differs from PyTorch by {greatest:.2e}, allowed {atol:.2e}: "
            "nothing was written; choose --coreml-precision fp32 or less compression"
        )
    return {
        "max_abs_diff": greatest,
        "outputs": worst,
        "inputs": len(feeds),
        "lengths": sorted({one["input_ids"].shape[1] for one in feeds}),
        "atol": atol,
        "evaluated": "operation by operation in numpy, float32 sums",
    }


def _torch(head: Head, feeds: Feeds) -> dict[str, NDArray[np.float32]]:
    with torch.inference_mode():
        outputs = head(*(torch.from_numpy(feeds[name]) for name in head.inputs))
    return {name: out.numpy() for name, out in zip(head.outputs, outputs, strict=True)}


def _difference(
    expected: NDArray[np.float32], found: NDArray[Any], mask: NDArray[np.int64] | None
) -> float:
    """Return the largest absolute difference at attended positions; infinite where not finite."""
    if expected.shape != found.shape or not np.isfinite(found).all():
        return float("inf")
    difference = np.abs(expected - found.astype(np.float32))
    if mask is None:
        return float(difference.max())
    return float(difference[mask == 1].max())
