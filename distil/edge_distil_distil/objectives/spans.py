"""Answers as spans: a distribution over tokens for the start and one for the end.

Source: ``run_squad_w_distillation.py``, published with DistilBERT: the mean of start and end, of
soft targets as of labels. Padding gets no share here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_distil_distil.objectives.labels import label_loss
from edge_distil_distil.objectives.soft_targets import soft_targets

Span = tuple[Tensor, Tensor]  # of starts and of ends


def span_soft_targets(student: Span, teacher: Span, temperature: float, mask: Tensor) -> Tensor:
    """Soft targets of starts and ends.

    Args:
        student: Logits, each ``(batch, sequence)``.
        teacher: Those of the teacher.
        temperature: See `soft_targets`.
        mask: ``(batch, sequence)``, 1 for tokens and 0 for padding.
    """
    losses = [
        soft_targets(_masked(ours, mask), _masked(theirs, mask), temperature)
        for ours, theirs in zip(student, teacher, strict=True)
    ]
    return torch.stack(losses).mean()


def span_labels(student: Span, labels: Span, mask: Tensor) -> Tensor:
    """Cross-entropy with where answers start and end.

    Args:
        student: Logits, each ``(batch, sequence)``.
        labels: Places, each ``(batch,)``; 0, the first token's, where a window holds no answer.
        mask: ``(batch, sequence)``, 1 for tokens and 0 for padding.
    """
    losses = [
        label_loss(_masked(logits, mask), places)
        for logits, places in zip(student, labels, strict=True)
    ]
    return torch.stack(losses).mean()


def _masked(logits: Tensor, mask: Tensor) -> Tensor:
    """Put padding so low that nothing of the distribution is there, but finite: 0 times it is 0."""
    return logits.masked_fill(~mask.bool(), torch.finfo(logits.dtype).min / 2)
