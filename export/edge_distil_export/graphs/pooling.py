"""Pooling of sentence-transformers, as operators that keep a row's numbers from its batch.

Every mode holds for rows padded on either side, save ``"cls"``, which is the first column.
"""

from __future__ import annotations

import torch
from torch import Tensor

_MASKED = -1e9  # below any hidden state: padding under max pooling
_SMALLEST_COUNT = 1e-9  # sentence-transformers' guard against a row without tokens


def pool(hidden: Tensor, attention_mask: Tensor, mode: str) -> Tensor:
    """Pool ``(batch, sequence, hidden)`` to ``(batch, hidden)`` as sentence-transformers does.

    Args:
        hidden: Hidden states.
        attention_mask: ``(batch, sequence)``.
        mode: One of `edge_distil._reading.manifest_pooling.POOLING_MODES`.
    """
    if mode == "cls":
        return hidden[:, 0]
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (batch, sequence, 1)
    if mode == "max":
        return hidden.masked_fill(mask == 0, _MASKED).amax(1)
    if mode in ("weightedmean", "lasttoken"):
        mask = mask.cumsum(1) * mask  # 1, 2, 3, ... along the tokens
    if mode == "lasttoken":
        return _total(hidden, (mask == mask.amax(1, keepdim=True)).to(hidden.dtype))
    count = mask.sum(1).clamp(min=_SMALLEST_COUNT)
    return _total(hidden, mask) / (count.sqrt() if mode == "mean_sqrt_len_tokens" else count)


def _total(hidden: Tensor, weights: Tensor) -> Tensor:
    """Add up token vectors by weights ``(batch, sequence, 1)``.

    As a product: onnxruntime adds up a batch of one in another order than a batch of several.
    """
    return torch.matmul(weights.transpose(1, 2), hidden).squeeze(1)  # (batch, hidden)
