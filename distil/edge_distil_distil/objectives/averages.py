"""Means over the places that count."""

from __future__ import annotations

from torch import Tensor


def mean_over(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean of those values for which `mask` is True, 0 where there are none.

    Args:
        values: ``(...)``.
        mask: The same shape; ``None`` counts all.
    """
    if mask is None:
        return values.mean()
    counts = mask.to(values.dtype)
    return (values * counts).sum() / counts.sum().clamp(min=1)
