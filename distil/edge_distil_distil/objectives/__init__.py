"""What a student is told: one file a kind of loss, each a function of tensors with its source."""

from edge_distil_distil.objectives.attention import attention_scores, relations, scores_error
from edge_distil_distil.objectives.hidden import cosine, hidden_error
from edge_distil_distil.objectives.labels import label_loss, masked_lm
from edge_distil_distil.objectives.soft_targets import soft_targets
from edge_distil_distil.objectives.spans import span_labels, span_soft_targets
from edge_distil_distil.objectives.vectors import vector_cosine

__all__ = [
    "attention_scores",
    "cosine",
    "hidden_error",
    "label_loss",
    "masked_lm",
    "relations",
    "scores_error",
    "soft_targets",
    "span_labels",
    "span_soft_targets",
    "vector_cosine",
]
