"""Which losses a task has, out of what a model gives for a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from edge_distil_distil import objectives

Batch = Mapping[str, Tensor]


def task_losses(
    task: str, found: Any, batch: Batch, wanted: Mapping[str, float], temperature: float, mode: str
) -> dict[str, Tensor]:
    """Compute those losses of a task that are wanted, as far as the batch has what they need.

    Args:
        task: One of `edge_distil.manifest.TASKS`.
        found: The student's outputs.
        batch: Inputs and targets; see `edge_distil_distil.data.examples`.
        wanted: Loss -> weight.
        temperature: Of soft targets.
        mode: How an embedder pools.
    """
    if task == "question-answering":
        losses = _spans(found, batch, wanted, temperature)
    elif "vectors" in wanted:
        ours = pooled(found.last_hidden_state, batch["attention_mask"], mode)
        losses = {"vectors": objectives.vector_cosine(ours, batch["teacher_vectors"])}
    else:
        losses = _classes(found.logits, batch, wanted, temperature)
    return losses


def pooled(hidden: Tensor, mask: Tensor, mode: str) -> Tensor:
    """Make one vector of a text's token vectors ``(batch, sequence, hidden)``, as it is trained.

    Args:
        hidden: The token vectors.
        mask: ``(batch, sequence)``.
        mode: ``"cls"`` or ``"mean"``.
    """
    if mode == "cls":
        return hidden[:, 0]
    counts = mask[:, :, None].to(hidden.dtype)
    return (hidden * counts).sum(1) / counts.sum(1).clamp(min=1e-9)


def _spans(
    found: Any, batch: Batch, wanted: Mapping[str, float], temperature: float
) -> dict[str, Tensor]:
    mask, ours = batch["attention_mask"], (found.start_logits, found.end_logits)
    losses = {}
    if "soft" in wanted:
        theirs = batch["teacher_start_logits"], batch["teacher_end_logits"]
        losses["soft"] = objectives.span_soft_targets(ours, theirs, temperature, mask)
    if "labels" in wanted:
        losses["labels"] = objectives.span_labels(ours, (batch["starts"], batch["ends"]), mask)
    return losses


def _classes(
    logits: Tensor, batch: Batch, wanted: Mapping[str, float], temperature: float
) -> dict[str, Tensor]:
    """Losses of classes, of a text or of each of its tokens."""
    per_token = logits.dim() == 3
    mask = batch["attention_mask"].bool() if per_token else None
    labels = batch.get("token_labels" if per_token else "labels")
    losses = {}
    if "soft" in wanted:
        theirs = batch["teacher_logits"]
        if labels is not None and labels.is_floating_point():  # each class is a yes or a no
            logits_of_two, theirs = (_yes_and_no(x) for x in (logits, theirs))
            losses["soft"] = objectives.soft_targets(logits_of_two, theirs, temperature)
        else:
            losses["soft"] = objectives.soft_targets(logits, theirs, temperature, mask)
    if "masked_lm" in wanted and labels is not None:
        losses["masked_lm"] = objectives.masked_lm(logits, labels)
    if "labels" in wanted and labels is not None:
        losses["labels"] = objectives.label_loss(logits, labels)
    return losses


def _yes_and_no(logits: Tensor) -> Tensor:
    """Write a sigmoid as the softmax of two."""
    return torch.stack([logits, torch.zeros_like(logits)], dim=-1)
