"""The attention mask as few operators, for every family at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

MaskFunction = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def additive_mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    mask_function: MaskFunction | None = None,
    attention_mask: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    **_: Any,
) -> Tensor:
    """Build what is added to the attention scores: 0 where a token may look, else the minimum.

    transformers' own ``eager_mask`` gives the same numbers as ``(batch, 1, query, key)``; here
    the query axis stays 1 wherever all queries see the same keys, which is every layer without
    a sliding window.

    Args:
        batch_size: Rows.
        q_length: Tokens that look.
        kv_length: Tokens that are looked at.
        mask_function: ``(batch, head, query, key) -> allowed``, from ``masking_utils``.
        attention_mask: ``(batch, key)``, nonzero where a token is real.
        dtype: Of the scores.

    Returns:
        ``(batch, 1, 1, key)``, or ``(batch, 1, query, key)`` under a sliding window.
    """
    from transformers.masking_utils import bidirectional_mask_function

    if attention_mask is None:
        attention_mask = torch.ones(batch_size, kv_length, dtype=torch.bool)
    allowed = attention_mask[:, None, None, :].to(torch.bool)  # (batch, 1, 1, key)
    if mask_function not in (None, bidirectional_mask_function):
        zero = torch.zeros((), dtype=torch.long)
        query = torch.arange(q_length)[:, None]
        key = torch.arange(kv_length)[None, :]
        allowed = allowed & mask_function(zero, zero, query, key)  # (batch, 1, query, key)
    return torch.where(allowed, 0.0, torch.finfo(dtype).min).to(dtype)


@contextmanager
def lean_masks() -> Iterator[None]:
    """Let transformers' eager attention take its masks from `additive_mask` inside the block.

    ``AttentionMaskInterface`` is transformers' own extension point. All encoder families ask it
    for their masks, so no family needs a wrapper of its own.
    """
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    original = ALL_MASK_ATTENTION_FUNCTIONS["eager"]
    ALL_MASK_ATTENTION_FUNCTIONS["eager"] = additive_mask
    try:
        yield
    finally:
        ALL_MASK_ATTENTION_FUNCTIONS["eager"] = original
