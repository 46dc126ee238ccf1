"""The longest sequence that a checkpoint takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from edge_distil.errors import CheckpointError

_FALLBACK = 512  # tokens, for a checkpoint that states no limit anywhere


def position_limit(model: nn.Module, config: Any) -> int:
    """Return how many positions the model has.

    RoBERTa and its kin count positions from ``padding_idx + 1``, so that many of their position
    vectors are never used: 514 vectors make 512 positions. Their embedding says so itself, by
    having a ``padding_idx``. Others keep vectors that their configuration leaves unused, or have
    a second, longer table for entities: the least holds.
    """
    limits = [int(getattr(config, "max_position_embeddings", 0) or 0)]
    limits += [rows - first for rows, first in _position_tables(model)]
    return min((limit for limit in limits if limit > 0), default=_FALLBACK)


def first_position(model: nn.Module) -> int:
    """Return the position of a row's first token: 0, or where RoBERTa's table begins."""
    return max((first for _, first in _position_tables(model)), default=0)


def _position_tables(model: nn.Module) -> Iterator[tuple[int, int]]:
    """Yield of each table of position vectors its length and the first that is used."""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if name.rsplit(".", 1)[-1] == "position_embeddings" and isinstance(weight, Tensor):
            padding = getattr(module, "padding_idx", None)
            yield len(weight), 0 if padding is None else padding + 1


def max_length(model: nn.Module, config: Any, tokenizer: Any, sentence: int | None = None) -> int:
    """Return the longest sequence in tokens, special tokens included.

    Args:
        model: The PyTorch model.
        config: Its configuration.
        tokenizer: transformers' tokenizer of the checkpoint, which may know a lower limit.
        sentence: ``max_seq_length`` of an embedding checkpoint, which overrides the tokenizer's.

    Raises:
        CheckpointError: That many leave no room for a text.
    """
    limit = sentence or tokenizer.model_max_length  # 1e30 where nobody told it one
    longest = min(position_limit(model, config), int(limit))
    special = int(tokenizer.num_special_tokens_to_add(pair=False))
    if longest <= special:
        raise CheckpointError(
            f"the checkpoint takes sequences of {longest} tokens, expected more than the {special} "
            "special tokens around a text: correct model_max_length in tokenizer_config.json, or "
            "max_seq_length in sentence_bert_config.json"
        )
    return longest
