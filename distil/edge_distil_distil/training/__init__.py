"""Training itself, on transformers' Trainer."""

from edge_distil_distil.training.distillation import Distillation
from edge_distil_distil.training.run import Plan, Trained, train

__all__ = ["Distillation", "Plan", "Trained", "train"]
