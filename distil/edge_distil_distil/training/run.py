"""Run a training, or go on with one: transformers' Trainer with an order and a pace of our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_model
from transformers import PrinterCallback, Trainer, TrainingArguments

from edge_distil_distil import processes
from edge_distil_distil.data.examples import Batches
from edge_distil_distil.recipe import Recipe
from edge_distil_distil.status import Status
from edge_distil_distil.training.distillation import Distillation
from edge_distil_distil.training.following import COMPLETE, Following
from edge_distil_distil.training.order import ByLength
from edge_distil_distil.training.pace import Pace
from edge_distil_distil.training.stopping import noticed

_MANY = 100_000  # epochs, where the clock decides
_KEPT = 2  # checkpoints: one that is whole, and one that may be half written


@dataclass(frozen=True)
class Plan:
    """What is trained, and how.

    Attributes:
        distillation: The student with its losses.
        batches: Makes batches of the examples.
        recipe: A settled one.
        folder: Takes the checkpoints.
        save_every: Seconds between two checkpoints.
        look: Scores the student on the evaluation file, where there is one.
        look_every: Seconds between two looks.
        tell: Hears how far it is.
        tensorboard: Takes what TensorBoard shows, where it is wanted.
    """

    distillation: Distillation
    batches: Batches
    recipe: Recipe
    folder: Path
    save_every: float
    look: Callable[[], dict[str, float]] | None
    look_every: float
    tell: Callable[[Status], None]
    tensorboard: Path | None = None


@dataclass(frozen=True)
class Trained:
    """What a training did.

    Attributes:
        steps: Steps in all.
        epochs: Passes over the data.
        seconds: Time in all, of processes before an interruption too.
        losses: The means of the last steps.
        history: Scores on the way.
    """

    steps: int
    epochs: float
    seconds: float
    losses: dict[str, float]
    history: list[dict[str, float]]


class _Trainer(Trainer):  # type: ignore[misc]  # transformers is untyped here
    """The Trainer, with an order of the examples and a pace of our own."""

    order: ByLength
    pace: Pace

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        return self.order

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        self.pace.steps = num_training_steps
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer or self.optimizer, self.pace
        )
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the weights; tied ones once, which the Trainer's own way refuses."""
        if not self.args.should_save:
            return
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(self.model, str(folder / "model.safetensors"))


def train(plan: Plan) -> Trained:
    """Train the student, from the last whole checkpoint on where there is one.

    A signal that asks for the end is heeded after the step, with a checkpoint; then it acts.
    """
    recipe = plan.recipe
    examples = plan.batches.examples
    arguments = _arguments(plan)
    if arguments.n_gpu > 1:  # several need a process each: see `processes`
        arguments._n_gpu = 1
    order = ByLength(
        examples.lengths, recipe.batch_size * max(1, arguments.world_size), recipe.seed
    )
    seconds = None if recipe.minutes is None else 60 * recipe.minutes
    pace = Pace(1, seconds, recipe.warmup)
    with noticed() as stop:
        following = Following(
            plan.distillation, examples, order, pace, stop,
            plan.save_every, plan.look_every, plan.look, plan.tell, _board(plan.tensorboard),
        )  # fmt: skip
        trainer = _Trainer(
            model=plan.distillation,
            args=arguments,
            data_collator=plan.batches,
            train_dataset=examples,
            callbacks=[following],
        )
        trainer.remove_callback(PrinterCallback)  # it writes to stdout
        trainer.order, trainer.pace = order, pace
        processes.meet()  # what is there is what the first process left
        last = last_checkpoint(plan.folder)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
    state = trainer.state
    plan.tell(following.status(state))
    return Trained(
        state.global_step, float(state.epoch or 0), pace.spent, following.losses(),
        following.history,
    )  # fmt: skip


def _board(folder: Path | None) -> Any:
    """Open what TensorBoard shows, where it is wanted."""
    if folder is None:
        return None
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(folder))


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that was written to its end."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _arguments(plan: Plan) -> TrainingArguments:
    recipe = plan.recipe
    several = processes.count() > 1
    return TrainingArguments(
        output_dir=str(plan.folder),
        per_device_train_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        num_train_epochs=recipe.epochs or _MANY,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.clip,
        bf16=recipe.precision == "bf16",
        fp16=recipe.precision == "fp16",
        use_cpu=not torch.accelerator.is_available(),  # else bf16 is refused
        seed=recipe.seed,
        save_strategy="no",  # `Following` says when
        save_total_limit=_KEPT,
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        ddp_backend="gloo" if several and not torch.cuda.is_available() else None,
        ddp_find_unused_parameters=True if several else None,  # a pooler has no part in a loss
        log_level="error",
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
