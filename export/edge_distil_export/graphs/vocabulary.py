"""The product with the vocabulary at the end of a masked-LM head, taken out of the head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def take_decoder(encoder: nn.Module, model: Any) -> nn.Linear | None:
    """Let a model stop before its product with the vocabulary: its logits are what goes in there.

    Args:
        encoder: What runs the model.
        model: The transformers model; changed where the product is returned.

    Returns:
        The product, its bias included; ``None`` where the head does more behind it, or has none.
    """
    decoder: nn.Linear | None = model.get_output_embeddings()
    if not isinstance(decoder, nn.Linear):
        return None
    given: list[Tensor] = []
    hook = decoder.register_forward_hook(lambda _module, _inputs, output: given.append(output))
    try:
        tokens = torch.ones((1, 2), dtype=torch.long)
        with torch.inference_mode():
            (logits,) = encoder(tokens, tokens)
    finally:
        hook.remove()
    if len(given) != 1 or not torch.equal(given[0], logits):
        return None
    for module in model.modules():
        for name, child in module.named_children():
            if child is decoder:
                setattr(module, name, nn.Identity())
    return decoder
