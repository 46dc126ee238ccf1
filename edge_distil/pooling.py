"""Pure numpy kernels that turn token vectors into one vector a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SMALLEST_COUNT = np.float32(1e-9)  # torch.clamp's floor in sentence-transformers' Pooling
_SMALLEST_NORM = 1e-12  # torch.nn.functional.normalize's eps


def pool(hidden: Floats, mask: NDArray[np.int64], mode: str) -> Floats:
    """Pool token vectors as sentence-transformers does.

    >>> hidden = np.array([[[1, 2], [3, 4], [9, 9]]], np.float32)
    >>> mask = np.array([[1, 1, 0]])
    >>> [pool(hidden, mask, mode).tolist() for mode in ("mean", "max", "cls", "lasttoken")]
    [[[2.0, 3.0]], [[3.0, 4.0]], [[1.0, 2.0]], [[3.0, 4.0]]]
    >>> pool(hidden, mask, "cls+max").tolist()
    [[1.0, 2.0, 3.0, 4.0]]

    Args:
        hidden: Token vectors ``(batch, sequence, hidden)``.
        mask: ``(batch, sequence)``, 1 where a token takes part. Positions count from the first
            column, whether it takes part or not.
        mode: One of `manifest_pooling.POOLING_MODES`, or several joined by ``+``.

    Returns:
        ``(batch, hidden)``, or as many times wider as there are modes.
    """
    return np.concatenate([_MODES[name](hidden, mask) for name in mode.split("+")], axis=1)


def _total(hidden: Floats, weights: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Add up token vectors ``(batch, hidden)`` and their weights ``(batch, 1)``."""
    factors = weights[:, :, None].astype(hidden.dtype)  # (batch, sequence, 1)
    total: Floats = (hidden * factors).sum(axis=1)
    count: Floats = factors.sum(axis=1)
    return total, count.clip(min=_SMALLEST_COUNT)


def _mean(hidden: Floats, mask: NDArray[np.int64]) -> Floats:
    total, count = _total(hidden, mask)
    return total / count


def _mean_by_root(hidden: Floats, mask: NDArray[np.int64]) -> Floats:
    total, count = _total(hidden, mask)
    root: Floats = np.sqrt(count).astype(hidden.dtype)
    return total / root


def _weighted_mean(hidden: Floats, mask: NDArray[np.int64]) -> Floats:
    return _mean(hidden, mask * np.arange(1, mask.shape[1] + 1))


def _max(hidden: Floats, mask: NDArray[np.int64]) -> Floats:
    taken = mask[:, :, None] > 0  # (batch, sequence, 1)
    largest: Floats = np.where(taken, hidden, np.float32(-np.inf)).max(axis=1)
    return largest


def _first(hidden: Floats, mask: NDArray[np.int64]) -> Floats:
    if hidden.shape[1] == 1:  # a graph that computes the first token alone
        return hidden[:, 0]
    first: Floats = hidden[np.arange(len(hidden)), mask.argmax(axis=1)]
    return first


def _last(hidden: Floats, mask: NDArray[np.int64]) -> Floats:
    """Take the last token; a row without any gives zeros, as in the library."""
    last = np.where(mask.any(axis=1), mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1), 0)
    rows = np.arange(len(hidden))
    vectors: Floats = hidden[rows, last] * mask[rows, last][:, None].astype(hidden.dtype)
    return vectors


_MODES = {
    "cls": _first,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}


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
