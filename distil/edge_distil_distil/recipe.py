"""The numbers of a training, with the published ones by default."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from edge_distil.errors import InputError, TaskError

ARCHITECTURES = ("same", "distilbert")  # of a student
PRECISIONS = ("fp32", "bf16", "fp16")
# Losses of each task, with their weights. Pre-training: DistilBERT's published training code;
# question answering: run_squad_w_distillation.py, whose weights the other labelled tasks share.
WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "fill-mask": {"soft": 5.0, "masked_lm": 2.0, "cosine": 1.0},
    "question-answering": {"soft": 0.5, "labels": 0.5},
    "text-classification": {"soft": 0.5, "labels": 0.5},
    "token-classification": {"soft": 0.5, "labels": 0.5},
    "sentence-similarity": {"vectors": 1.0},
    "feature-extraction": {"vectors": 1.0},
}
# For every task; the teacher runs beside the student where one of these counts.
LIVE = ("cosine", "hidden", "attention", "relations")
_RATES = {"fill-mask": 5e-4}  # published; the others' is `_RATE`
_RATE = 1e-4
_CLIPS = {"fill-mask": 5.0}
_CLIP = 1.0
_EPOCHS = 3.0


@dataclass(frozen=True)
class Recipe:
    """How a student is trained; ``None`` leaves a number to the task.

    Attributes:
        weights: Loss -> weight, for those that differ from the task's; 0 leaves one out.
        temperature: What logits are divided by in training (2, as published).
        learning_rate: At its highest.
        batch_size: Examples a step and device.
        accumulate: Batches whose gradients are added up to a step.
        epochs: Passes over the data; 3 where there is no time limit.
        minutes: Time limit. The learning rate falls to 0 by whichever ends first.
        warmup: Share of the run in which the learning rate rises.
        weight_decay: Of AdamW.
        clip: Greatest norm of a gradient.
        dropout: Of the student; the checkpoint's own when ``None``.
        relation_heads: Slices of the relations of MiniLM; the student's heads when ``None``.
        seed: Of weights that are new, of the order, of what is masked and of dropout.
        precision: ``"fp32"``, or products in ``"bf16"`` (teachers' too) or ``"fp16"``.
        max_length: Longest example in tokens; the model's when ``None``.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    temperature: float = 2.0
    learning_rate: float | None = None
    batch_size: int = 32
    accumulate: int = 1
    epochs: float | None = None
    minutes: float | None = None
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip: float | None = None
    dropout: float | None = None
    relation_heads: int | None = None
    seed: int = 0
    precision: str = "fp32"
    max_length: int | None = None

    def settled(self, task: str) -> Self:
        """Return the recipe with the task's numbers in the place of ``None``.

        Raises:
            InputError: A number is out of range, or the task has no such loss.
            TaskError: No student is trained for the task.
        """
        if task not in WEIGHTS:
            raise TaskError(
                f"no student is trained for {task}, expected one of {', '.join(WEIGHTS)}: choose "
                "another teacher"
            )
        usual = WEIGHTS[task]
        known = {*usual, *LIVE}
        for name, weight in self.weights.items():
            if name not in known or not weight >= 0:
                raise InputError(
                    f"the weight {name}={weight} is not one of {task}, expected a number of at "
                    f"least 0 for one of {', '.join(sorted(known))}"
                )
        self._check()
        found = {name: w for name, w in {**usual, **self.weights}.items() if w > 0}
        if not found:
            raise InputError("all weights are 0, expected one loss at least: give one a weight")
        return dataclasses.replace(
            self,
            weights=found,
            learning_rate=self.learning_rate or _RATES.get(task, _RATE),
            clip=self.clip or _CLIPS.get(task, _CLIP),
            epochs=self.epochs or (None if self.minutes else _EPOCHS),
        )

    @property
    def is_live(self) -> bool:
        """Whether a loss needs the teacher's inner states, so that it runs beside the student."""
        return any(self.weights.get(name) for name in LIVE)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, ready for JSON."""
        return dataclasses.asdict(self) | {"weights": dict(self.weights)}

    def _check(self) -> None:
        ranges = {
            "temperature": self.temperature > 0,
            "learning_rate": self.learning_rate is None or self.learning_rate > 0,
            "batch_size": self.batch_size >= 1,
            "accumulate": self.accumulate >= 1,
            "epochs": self.epochs is None or self.epochs > 0,
            "minutes": self.minutes is None or self.minutes > 0,
            "warmup": 0 <= self.warmup < 1,
            "weight_decay": self.weight_decay >= 0,
            "clip": self.clip is None or self.clip > 0,
            "dropout": self.dropout is None or 0 <= self.dropout < 1,
            "seed": self.seed >= 0,
            "precision": self.precision in PRECISIONS,
        }
        for name, right in ranges.items():
            if not right:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}, which is out of range: "
                    f"see the recipe's documentation"
                )
