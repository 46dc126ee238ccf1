"""What people labelled: classes of texts and of tokens, and the tokens behind masks."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

IGNORED = -100  # torch's own: a place that has no label


def label_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with labels, whose kind says which.

    Args:
        logits: ``(..., classes)``.
        labels: Class indices ``(...)``, `IGNORED` where there is none; or for texts that may have
            many labels 0.0 and 1.0, ``(batch, classes)``, each class a question of its own.

    Returns:
        The mean over labels, 0 where there are none.
    """
    if labels.is_floating_point():
        return functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    flat, targets = logits.flatten(0, -2), labels.flatten()
    total = functional.cross_entropy(flat, targets, ignore_index=IGNORED, reduction="sum")
    return total / (targets != IGNORED).sum().clamp(min=1)


def masked_lm(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the tokens behind masks (Devlin et al. 2018, arXiv:1810.04805).

    Args:
        logits: ``(batch, sequence, vocabulary)``.
        labels: Token ids ``(batch, sequence)``, `IGNORED` where nothing was masked.
    """
    return label_loss(logits, labels)
