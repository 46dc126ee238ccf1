"""The teacher's distribution as a target (Hinton et al. 2015, arXiv:1503.02531, section 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edge_distil_distil.objectives.averages import mean_over


def soft_targets(
    student: Tensor, teacher: Tensor, temperature: float, mask: Tensor | None = None
) -> Tensor:
    """Cross-entropy of the student's softened distribution with the teacher's, less its entropy.

    The entropy of the teacher alone has no gradient: what is left is the Kullback-Leibler
    divergence, 0 where both agree, as in the published code of DistilBERT. It is multiplied by
    the temperature's square, so that the gradient's size does not depend on it (Hinton et al.).

    Args:
        student: Logits, ``(..., classes)``.
        teacher: Logits of the same shape; no gradient flows there.
        temperature: What both are divided by; 1 softens nothing.
        mask: ``(...)``, True where a distribution counts; by default all do.

    Returns:
        The mean over the distributions that count.

    >>> import torch
    >>> one = torch.tensor([[0.0, 0.0]])
    >>> round(soft_targets(one, torch.tensor([[2.1972, 0.0]]), 1.0).item(), 4)  # 0.9 and 0.1
    0.3681
    """
    log_student = functional.log_softmax(student / temperature, dim=-1)
    log_teacher = functional.log_softmax(teacher.detach() / temperature, dim=-1)
    each = functional.kl_div(log_student, log_teacher, reduction="none", log_target=True).sum(-1)
    return mean_over(each, mask) * temperature**2
