"""The student before its first step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from edge_distil.errors import InputError
from edge_distil_distil.students.distilbert import to_distilbert
from edge_distil_distil.students.layers import chosen_layers
from edge_distil_distil.students.shorten import shorten

_DROPOUTS = (
    "dropout", "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob",
    "embedding_dropout", "mlp_dropout",
)  # fmt: skip


def begin(
    origin: Any,
    layers: int | Sequence[int],
    architecture: str,
    *,
    random: bool,
    seed: int,
    dropout: float | None,
) -> tuple[Any, tuple[int, ...]]:
    """Make a student.

    Args:
        origin: The transformers model that it begins as.
        layers: How many layers, or which.
        architecture: One of `edge_distil_distil.recipe.ARCHITECTURES`.
        random: Draw all weights anew, as an untrained model has them.
        seed: Of weights that are new.
        dropout: In the place of the checkpoint's own.

    Returns:
        The student, and which of the origin's layers it has.

    Raises:
        InputError: `layers` or `architecture` is not possible.
    """
    of = origin.config.num_hidden_layers
    chosen = chosen_layers(of, layers) if isinstance(layers, int) else tuple(layers)
    if not chosen or list(chosen) != sorted(set(chosen)) or not set(chosen) <= set(range(of)):
        raise InputError(
            f"layers are {', '.join(map(str, chosen)) or 'none'}, expected numbers from 0 to "
            f"{of - 1} in rising order: choose some of the teacher's"
        )
    torch.manual_seed(seed)
    student = (to_distilbert if architecture == "distilbert" else shorten)(origin, chosen)
    if random:
        torch.manual_seed(seed)
        student = type(student)(student.config)
    if dropout is not None:
        student = _with_dropout(student, dropout)
    return student, chosen


def _with_dropout(student: Any, dropout: float) -> Any:
    for name in _DROPOUTS:
        if hasattr(student.config, name):
            setattr(student.config, name, dropout)
    other = type(student)(student.config)
    other.load_state_dict(student.state_dict())
    return other
