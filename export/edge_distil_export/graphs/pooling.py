"""Pooling of sentence-transformers, as operators that keep a row's numbers from its batch.

Every mode holds for rows padded on either side, save ``"cls"``, which is the first column.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

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


def pool_hidden(
    hidden: Tensor, attention_mask: Tensor, decoder: nn.Linear, activation: str
) -> Tensor:
    """Pool ``(batch, sequence, hidden)`` to ``(batch, vocabulary)``: the greatest of the tokens.

    Each step of SpladePooling grows with what it is given, the bias and its rounding too, so the
    greatest product is found first: the same numbers, and one array as large as the logits, of
    which onnxruntime would hold two (the product and its sum with the bias). A token of padding
    takes the vector of the first token that is none.

    Args:
        hidden: What goes into the product.
        attention_mask: ``(batch, sequence)``.
        decoder: The product with the vocabulary.
        activation: One of `edge_distil._reading.manifest_pooling.ACTIVATIONS`.
    """
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (batch, sequence, 1)
    first = _total(hidden, (mask.cumsum(1) * mask == 1).to(hidden.dtype))  # (batch, hidden)
    products = linear(torch.where(mask != 0, hidden, first.unsqueeze(1)), decoder.weight)
    greatest = _greatest(products) if decoder.bias is None else _greatest(products) + decoder.bias
    return _activate(greatest * mask.amax(1), activation)  # none of a row without tokens


def pool_logits(logits: Tensor, attention_mask: Tensor, strategy: str, activation: str) -> Tensor:
    """Pool logits ``(batch, sequence, vocabulary)`` to ``(batch, vocabulary)`` as SpladePooling.

    Args:
        logits: Of the masked-LM head.
        attention_mask: ``(batch, sequence)``.
        strategy: One of `edge_distil._reading.manifest_pooling.STRATEGIES`.
        activation: One of `edge_distil._reading.manifest_pooling.ACTIVATIONS`.
    """
    mask = attention_mask.unsqueeze(-1).to(logits.dtype)  # (batch, sequence, 1)
    if strategy == "max":
        return _activate(_greatest(logits * mask), activation)
    return _total(_activate(logits, activation), mask)


def _greatest(logits: Tensor) -> Tensor:
    """Return the greatest along the tokens; NaN where a token has no numbers.

    A maximum may pass over such a token, which one column tells of.
    """
    return logits.amax(1) + logits[:, :, 0].sum(1, keepdim=True) * 0


def _activate(logits: Tensor, activation: str) -> Tensor:
    """Turn logits into weights: none where a logit is not above 0."""
    weights = logits.relu().log1p()
    return weights.log1p() if activation == "log1p_relu" else weights


def _total(hidden: Tensor, weights: Tensor) -> Tensor:
    """Add up token vectors by weights ``(batch, sequence, 1)``.

    As a product: onnxruntime adds up a batch of one in another order than a batch of several.
    """
    return torch.matmul(weights.transpose(1, 2), hidden).squeeze(1)  # (batch, hidden)
