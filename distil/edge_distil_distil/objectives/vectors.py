"""Sentence vectors beside the teacher's."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


def vector_cosine(student: Tensor, teacher: Tensor, projection: nn.Linear | None = None) -> Tensor:
    """One minus the cosine of each text's vectors; for unit vectors half their squared distance.

    So it is the mean squared error of Reimers & Gurevych 2020 (arXiv:2004.09813), up to a factor,
    for models whose vectors have length 1.

    Args:
        student: ``(batch, dimension)``.
        teacher: ``(batch, teacher's dimension)``.
        projection: Brings the student's vectors to the teacher's dimension.
    """
    projected = student if projection is None else projection(student)
    return (1 - functional.cosine_similarity(projected, teacher.detach(), dim=-1)).mean()
