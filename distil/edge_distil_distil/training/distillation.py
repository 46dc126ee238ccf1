"""The module that is trained: a student with its losses, and the teacher where it runs along."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from edge_distil.errors import InputError
from edge_distil_distil.recipe import Recipe
from edge_distil_distil.teachers.torch_session import model_inputs
from edge_distil_distil.training.inner_losses import Attention, attention_losses, hidden_losses
from edge_distil_distil.training.task_losses import task_losses

_LOGITS = ("logits", "start_logits", "end_logits")  # what a teacher says, as transformers names it


class Distillation(nn.Module):
    """A student and what it is told; a call gives the loss of a batch.

    Args:
        student: The model that learns.
        task: Its task.
        recipe: A settled one.
        pooling: How an embedder pools.
        teacher: Runs on every batch, where a loss needs what is inside it, or where what is masked
            changes; else what it says is in the batch.

    Attributes:
        accepts_loss_kwargs: Tells the Trainer that a loss is the mean of its batch.
        parts: The losses of the last batch, each without its weight.
    """

    accepts_loss_kwargs = False
    _keys_to_ignore_on_save = None  # the Trainer asks it where tied weights are saved once

    def __init__(
        self, student: Any, task: str, recipe: Recipe, pooling: str = "mean", teacher: Any = None
    ) -> None:
        super().__init__()
        self.student = student
        self.parts: dict[str, Tensor] = {}
        self._task, self._recipe, self._pooling = task, recipe, pooling
        self._inputs = model_inputs(student)
        self._teacher = [teacher.requires_grad_(False)] if teacher is not None else []  # unsaved
        self._attention: tuple[Attention, Attention] | None = None
        self.projection: nn.Linear | None = None
        if teacher is not None:
            self._match(student.config, teacher)

    def _match(self, config: Any, teacher: Any) -> None:
        """Prepare what the inner losses need of two models that may differ in width."""
        weights, theirs = self._recipe.weights, teacher.config
        inner = {"cosine", "hidden"} & set(weights)
        if inner and config.hidden_size != theirs.hidden_size:
            self.projection = nn.Linear(config.hidden_size, theirs.hidden_size)
        if "attention" in weights and config.num_attention_heads != theirs.num_attention_heads:
            raise InputError(
                f"the student has {config.num_attention_heads} attention heads and the teacher "
                f"{theirs.num_attention_heads}, expected as many for the loss attention: take "
                "relations, which do not need it"
            )
        if {"attention", "relations"} & set(weights):
            self._attention = Attention(self.student), Attention(teacher)

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        """Return the weighted loss of a batch, under ``loss``."""
        weights = self._recipe.weights
        inputs = {name: batch[name] for name in self._inputs if name in batch}
        states = self._recipe.is_live
        found = self.student(**inputs, output_hidden_states=states)
        losses: dict[str, Tensor] = {}
        if self._teacher:
            batch, losses = self._beside(inputs, batch, found)
        losses |= task_losses(
            self._task, found, batch, weights, self._recipe.temperature, self._pooling
        )
        self.parts = {name: loss.detach() for name, loss in losses.items()}
        each = [weights[name] * loss for name, loss in losses.items()]
        return {"loss": torch.stack(each).sum()}

    def _beside(
        self, inputs: dict[str, Tensor], batch: dict[str, Tensor], found: Any
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Run the teacher on a batch; return the batch with its logits, and the inner losses."""
        teacher, weights, mask = self._teacher[0], self._recipe.weights, inputs["attention_mask"]
        teacher.to(mask.device)
        given = {name: batch[name] for name in model_inputs(teacher) if name in batch}
        with torch.no_grad():
            theirs = teacher(**given, output_hidden_states=self._recipe.is_live)
        said = {f"teacher_{name}": theirs[name].float() for name in _LOGITS if name in theirs}
        batch = {**batch, **said}
        losses = {}
        if self._recipe.is_live:
            losses = hidden_losses(
                found.hidden_states, theirs.hidden_states, mask, weights, self.projection
            )
        if self._attention is not None:
            heads = [m.config.num_attention_heads for m in (self.student, teacher)]
            slices = self._recipe.relation_heads or heads[0]
            losses |= attention_losses(
                *self._attention, (heads[0], heads[1]), mask, weights, slices
            )
        return batch, losses
