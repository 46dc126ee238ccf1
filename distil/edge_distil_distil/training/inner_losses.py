"""Losses on what is inside the models: hidden states, attention, relations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from edge_distil.errors import DistilError
from edge_distil_distil import objectives
from edge_distil_distil.students.layers import layer_list

_PROJECTIONS = {
    "query": re.compile(r".*\b(query|q_lin|attn\.q|query_proj)$"),
    "key": re.compile(r".*\b(key|k_lin|attn\.k|key_proj)$"),
    "value": re.compile(r".*\b(value|v_lin|attn\.v|value_proj)$"),
}


class Attention:
    """Keeps what the attention of each layer of a model is made of, in its last run.

    Args:
        model: A transformers model.

    Raises:
        DistilError: Its queries, keys and values do not come from layers of their own.
    """

    def __init__(self, model: Any) -> None:
        self.layers: list[dict[str, Tensor]] = []
        layers = model.get_submodule(layer_list(model, model.config))
        for layer in layers:
            kept: dict[str, Tensor] = {}
            self.layers.append(kept)
            for kind, pattern in _PROJECTIONS.items():
                found = [m for name, m in layer.named_modules() if pattern.fullmatch(name)]
                if len(found) != 1:
                    raise DistilError(
                        f"a layer of a {type(model).__name__} has {len(found)} modules for {kind}, "
                        "expected one: leave the losses attention and relations out"
                    )
                found[0].register_forward_hook(_keep(kept, kind))


def _keep(kept: dict[str, Tensor], kind: str) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        kept[kind] = output

    return hook


def layer_pairs(student: int, teacher: int) -> list[tuple[int, int]]:
    """Pair each of the student's layers with the teacher's at the same share of its depth.

    As TinyBERT does (arXiv:1909.10351, section 4.1: a uniform strategy), the last with the last.

    >>> layer_pairs(3, 6)
    [(0, 1), (1, 3), (2, 5)]
    """
    return [(layer, round((layer + 1) * teacher / student) - 1) for layer in range(student)]


def hidden_losses(
    ours: tuple[Tensor, ...],
    theirs: tuple[Tensor, ...],
    mask: Tensor,
    wanted: Mapping[str, float],
    projection: nn.Linear | None,
) -> dict[str, Tensor]:
    """Compute the losses of hidden states.

    Args:
        ours: The student's, ``(batch, sequence, hidden)`` each, the embeddings first.
        theirs: The teacher's.
        mask: ``(batch, sequence)``.
        wanted: Loss -> weight.
        projection: From the student's width to the teacher's, where they differ.
    """
    losses = {}
    if "cosine" in wanted:
        last = ours[-1] if projection is None else projection(ours[-1])
        losses["cosine"] = objectives.cosine(last, theirs[-1], mask)
    if "hidden" in wanted:
        pairs = [(-1, -1), *layer_pairs(len(ours) - 1, len(theirs) - 1)]  # the embeddings, too
        each = [
            objectives.hidden_error(ours[a + 1], theirs[b + 1], mask, projection) for a, b in pairs
        ]
        losses["hidden"] = sum(each[1:], each[0]) / len(each)
    return losses


def attention_losses(
    ours: Attention,
    theirs: Attention,
    heads: tuple[int, int],
    mask: Tensor,
    wanted: Mapping[str, float],
    relation_heads: int,
) -> dict[str, Tensor]:
    """Compute the losses of attention.

    Args:
        ours: The student's.
        theirs: The teacher's.
        heads: How many each has.
        mask: ``(batch, sequence)``.
        wanted: Loss -> weight.
        relation_heads: Slices of the relations.
    """
    losses = {}
    if "attention" in wanted:
        each = []
        for a, b in layer_pairs(len(ours.layers), len(theirs.layers)):
            scores = [
                objectives.attention_scores(layer["query"], layer["key"], count)
                for layer, count in zip((ours.layers[a], theirs.layers[b]), heads, strict=True)
            ]
            each.append(objectives.scores_error(scores[0], scores[1], mask))
        losses["attention"] = sum(each[1:], each[0]) / len(each)
    if "relations" in wanted:
        last, taught = ours.layers[-1], theirs.layers[-1]
        kinds = [objectives.relations(last[k], taught[k], relation_heads, mask) for k in taught]
        losses["relations"] = sum(kinds[1:], kinds[0]) / len(kinds)
    return losses
