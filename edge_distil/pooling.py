"""Pure numpy kernels that turn token vectors into one vector a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SMALLEST_COUNT = 1e-9  # torch.clamp's floor in sentence-transformers' Pooling
_SMALLEST_NORM = 1e-12  # torch.nn.functional.normalize's eps


def pool(hidden: Floats, mask: NDArray[np.int64], mode: str) -> Floats:
    """Pool token vectors as sentence-transformers does.

    >>> hidden = np.array([[[1, 2], [3, 4], [9, 9]]], np.float32)
    >>> mask = np.array([[1, 1, 0]])
    >>> [pool(hidden, mask, mode).tolist() for mode in ("mean", "max", "cls")]
    [[[2.0, 3.0]], [[3.0, 4.0]], [[1.0, 2.0]]]

    Args:
        hidden: Token vectors ``(batch, sequence, hidden)``.
        mask: Attention mask ``(batch, sequence)``.
        mode: ``"mean"`` or ``"max"`` over the attended tokens, or ``"cls"``, the first token.

    Returns:
        ``(batch, hidden)``.
    """
    if mode == "cls":
        return hidden[:, 0]
    attended = mask[:, :, None].astype(hidden.dtype)  # (batch, sequence, 1)
    if mode == "max":
        pooled: Floats = np.where(attended > 0, hidden, np.float32(-1e9)).max(axis=1)
        return pooled
    mean: Floats = (hidden * attended).sum(axis=1) / np.maximum(
        attended.sum(axis=1), _SMALLEST_COUNT
    )
    return mean


def normalize(vectors: Floats) -> Floats:
    """Scale each row to Euclidean length 1; a zero row stays zero.

    >>> normalize(np.array([[3, 4], [0, 0]], np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]

    Args:
        vectors: ``(n, dimension)``.
    """
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = vectors / np.maximum(norms, _SMALLEST_NORM)
    return scaled


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis.

    >>> softmax(np.zeros((1, 4), np.float32)).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def sigmoid(logits: Floats) -> Floats:
    """Logistic function, without overflow for large negative numbers.

    >>> sigmoid(np.array([0.0, -1000.0], np.float32)).tolist()
    [0.5, 0.0]
    """
    powers = np.exp(-np.abs(logits))
    probabilities: Floats = np.where(logits >= 0, 1, powers) / (1 + powers)
    return probabilities
