"""Attention as the one operation that iOS 18 has for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from edge_distil_export.graphs.heads import Head
from edge_distil_export.graphs.masks import additive_mask

_NAME = "edge_distil_fused"


@contextmanager
def fused_attention(head: Head) -> Iterator[None]:
    """Let the head's attention be traced as ``scaled_dot_product_attention`` inside the block.

    transformers gives PyTorch's function its scale even where that is the default, and coremltools
    takes the operation apart where a scale is given. A model whose scale is another one, or that
    has attention of its own kind, stays as it is.
    """
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(_NAME, _attend)
    ALL_MASK_ATTENTION_FUNCTIONS.register(_NAME, additive_mask)
    # The outermost one tells those in it.
    model: Any = next(m for m in head.modules() if hasattr(m, "set_attn_implementation"))
    try:
        model.set_attn_implementation(_NAME)
        yield
    finally:
        model.set_attn_implementation("eager")


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend; query, key and value are ``(batch, heads, sequence, head size)``."""
    usual = 1 / math.sqrt(query.shape[-1])
    query = query if scaling is None or scaling == usual else query * (scaling / usual)
    mixed = torch.nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask
    )
    return mixed.transpose(1, 2).contiguous(), None
