"""The rows of a model's tables of tokens: what looks them up, and what gives each a score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from edge_distil.errors import CheckpointError

_IDS = "_token_id"  # the end of such names in config.json


def rows(model: Any) -> int:
    """Return how many tokens the model knows."""
    return int(model.get_input_embeddings().weight.shape[0])


def config_ids(config: dict[str, Any], limit: int) -> set[int]:
    """Return the ids that a ``config.json`` names, such as that of padding."""
    named = {value for key, value in config.items() if key.endswith(_IDS)}
    return {index for index in named if type(index) is int and 0 <= index < limit}


def fixed_ids(model: Any) -> set[int]:
    """Return the ids that must stay as they are.

    RoBERTa and its kin count positions from the id of padding on, and say so in the table of
    positions: that id stays, with all before it.
    """
    table = model.get_input_embeddings()
    others = [m for m in model.modules() if isinstance(m, torch.nn.Embedding) and m is not table]
    last = max((m.padding_idx for m in others if m.padding_idx is not None), default=-1)
    return set(range(last + 1))


def positions(model: Any) -> int | None:
    """Return how many tokens the model reads, ``None`` where it has no table of positions."""
    length = getattr(model.config, "max_position_embeddings", None)
    return None if length is None else int(length) - len(fixed_ids(model))


def renumber(config: dict[str, Any], new: dict[int, int]) -> dict[str, Any]:
    """Return a ``config.json`` for a vocabulary with these ids alone, old -> new."""
    ids = {key: new[value] for key, value in config.items() if key.endswith(_IDS) and value in new}
    return {**config, **ids, "vocab_size": len(new)}


def keep_rows(model: Any, old: Sequence[int]) -> None:
    """Keep some rows of the model's tables, in this order.

    They are moved to the front, and the library cuts behind them: each family's class knows where
    else the number of tokens is written.

    Args:
        model: Of the transformers library; changed.
        old: The ids to keep; place in it -> new id.

    Raises:
        CheckpointError: Its class cannot be cut.
    """
    chosen = torch.tensor(old)
    with torch.no_grad():
        for table in _tables(model, rows(model)):
            table[: len(old)] = table[chosen].clone()
    try:
        model.resize_token_embeddings(len(old))
    except NotImplementedError as error:
        raise CheckpointError(
            f"the vocabulary of a {type(model).__name__} cannot be cut: transformers has no "
            "resize_token_embeddings for it"
        ) from error


def _tables(model: Any, count: int) -> Iterator[torch.Tensor]:
    """Yield each tensor with a row a token once: tied ones are one."""
    found = list(model.get_input_embeddings().parameters())
    if (head := model.get_output_embeddings()) is not None:
        found += head.parameters()
    seen: set[int] = set()
    for table in found:
        if table.shape[0] == count and table.data_ptr() not in seen:
            seen.add(table.data_ptr())
            yield table
