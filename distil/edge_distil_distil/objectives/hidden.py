"""Hidden states beside the teacher's: their direction, or their values."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_distil_distil.objectives.averages import mean_over


def cosine(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """One minus the cosine of each token's states (DistilBERT, arXiv:1910.01108, section 3).

    Args:
        student: ``(batch, sequence, hidden)``.
        teacher: The same shape.
        mask: ``(batch, sequence)``, 1 for tokens and 0 for padding.

    Returns:
        The mean over the tokens.

    >>> import torch
    >>> a, b = torch.tensor([[[3.0, 4.0]]]), torch.tensor([[[4.0, 3.0]]])
    >>> round(cosine(a, b, torch.ones(1, 1)).item(), 4)  # 1 - 24 / 25
    0.04
    """
    each = 1 - functional.cosine_similarity(student, teacher.detach(), dim=-1)
    return mean_over(each, mask.bool())


def hidden_error(
    student: Tensor, teacher: Tensor, mask: Tensor, projection: nn.Linear | None = None
) -> Tensor:
    """Mean squared error of hidden states (TinyBERT, arXiv:1909.10351, equations 8 and 9).

    Args:
        student: ``(batch, sequence, hidden)``.
        teacher: ``(batch, sequence, teacher's hidden)``.
        mask: ``(batch, sequence)``, 1 for tokens and 0 for padding.
        projection: Brings the student's states to the teacher's width; learnt beside the student.
    """
    projected = student if projection is None else projection(student)
    each = torch.square(projected - teacher.detach()).mean(-1)
    return mean_over(each, mask.bool())
