"""Attention beside the teacher's: its scores (TinyBERT), or relations of vectors (MiniLM)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from edge_distil_distil.objectives.averages import mean_over


def attention_scores(query: Tensor, key: Tensor, heads: int) -> Tensor:
    """Return what softmax is taken of: ``(batch, heads, sequence, sequence)``.

    Args:
        query: ``(batch, sequence, hidden)``, all heads side by side.
        key: The same shape.
        heads: How many; they divide `hidden`.
    """
    q, k = _split(query, heads), _split(key, heads)
    return q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])


def scores_error(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of attention scores (TinyBERT, arXiv:1909.10351, equation 7).

    Before softmax, as there. Both models need the same number of heads.

    Args:
        student: ``(batch, heads, sequence, sequence)``; see `attention_scores`.
        teacher: The same shape.
        mask: ``(batch, sequence)``: only pairs of tokens count, none with padding.
    """
    pairs = (mask[:, :, None] * mask[:, None, :]).bool()  # (batch, sequence, sequence)
    each = torch.square(student - teacher.detach()).mean(1)
    return mean_over(each, pairs)


def relations(student: Tensor, teacher: Tensor, heads: int, mask: Tensor) -> Tensor:
    """Divergence of the relations among a layer's queries, keys or values.

    The relation of a token to the others is the softmax of its scaled products with them, in each
    of `heads` slices: so student and teacher may be of any width (MiniLM, arXiv:2002.10957, for
    values; MiniLMv2, arXiv:2012.15828, equations 6 to 8, for all three).

    Args:
        student: ``(batch, sequence, hidden)``.
        teacher: ``(batch, sequence, teacher's hidden)``.
        heads: Slices; they divide both widths.
        mask: ``(batch, sequence)``, 1 for tokens and 0 for padding.

    Returns:
        The mean over slices and tokens.
    """
    theirs, ours = (
        functional.log_softmax(_masked(attention_scores(x, x, heads), mask), dim=-1)
        for x in (teacher.detach(), student)
    )
    each = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return mean_over(each.mean(1), mask.bool())


def _split(states: Tensor, heads: int) -> Tensor:
    """Return ``(batch, heads, sequence, hidden / heads)``."""
    batch, sequence, hidden = states.shape
    return states.view(batch, sequence, heads, hidden // heads).transpose(1, 2)


def _masked(scores: Tensor, mask: Tensor) -> Tensor:
    """Leave no share of the softmax to padding."""
    lowest = torch.finfo(scores.dtype).min
    return scores.masked_fill(~mask.bool()[:, None, None, :], lowest)
