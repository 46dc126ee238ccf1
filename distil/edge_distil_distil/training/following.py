"""What happens beside the steps: checkpoints, looks at the evaluation file, progress, the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from edge_distil_distil.data.examples import Examples
from edge_distil_distil.processes import agreed, is_first, meet
from edge_distil_distil.status import Status
from edge_distil_distil.training.distillation import Distillation
from edge_distil_distil.training.order import ByLength
from edge_distil_distil.training.pace import Pace
from edge_distil_distil.training.stopping import Stop

COMPLETE = "complete"  # in a checkpoint that was written to its end
_RECENT = 50  # steps that the shown losses are the mean of
_DRAWN = 10  # steps between two points in TensorBoard
_TELL = 0.5  # seconds between two reports


@dataclass
class Following(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Follows a training.

    Attributes:
        distillation: What is trained.
        examples: What it is trained on.
        order: Their order.
        pace: How far it is.
        stop: Whether somebody asked for the end.
        save_every: Seconds between two checkpoints.
        look_every: Seconds between two looks.
        look: Scores the student; ``None`` looks at nothing.
        tell: Hears the status.
        board: TensorBoard's writer, where there is one.
    """

    distillation: Distillation
    examples: Examples
    order: ByLength
    pace: Pace
    stop: Stop
    save_every: float
    look_every: float
    look: Callable[[], dict[str, float]] | None
    tell: Callable[[Status], None]
    board: Any = None

    def __post_init__(self) -> None:
        self._recent: deque[dict[str, float]] = deque(maxlen=_RECENT)
        self._saved = self._looked = self._told = time.monotonic()
        self._scores: dict[str, float] = {}
        self.history: list[dict[str, float]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Start the clock."""
        self.pace.go_on()
        self._saved = self._looked = time.monotonic()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Say which pass it is, on which order and masks depend."""
        per_epoch = -(-len(more["train_dataloader"]) // args.gradient_accumulation_steps)
        self.order.epoch = self.examples.epoch = state.global_step // per_epoch

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Decide what is due after a step."""
        now = time.monotonic()
        self._recent.append({n: float(v) for n, v in self.distillation.parts.items()})
        asked = self.stop.number is not None
        due = asked or now - self._saved >= self.save_every
        done, asked, due = agreed([self.pace.share(state.global_step) >= 1, asked, due])
        control.should_training_stop |= done or asked
        control.should_save |= due
        if self.look is not None and not done and now - self._looked >= self.look_every:
            self._scores = self.look()
            self._looked = time.monotonic()
            self.history.append({"step": float(state.global_step), **self._scores})
            self._draw("score", self._scores, state.global_step)
        if state.global_step % _DRAWN == 0 or done:
            rate = more["lr_scheduler"].get_last_lr()[0]
            self._draw("training", {**self.losses(), "learning_rate": rate}, state.global_step)
        if now - self._told >= _TELL or done:
            self._told = now
            self.tell(self.status(state))

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Mark the checkpoint as whole: a process that is killed before leaves it without."""
        meet()
        if is_first():
            Path(args.output_dir, f"checkpoint-{state.global_step}", COMPLETE).touch()
        self._saved = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Write what TensorBoard has not got yet."""
        if self.board is not None:
            self.board.close()

    def _draw(self, group: str, figures: Mapping[str, float], step: int) -> None:
        for name, value in figures.items() if self.board is not None else ():
            self.board.add_scalar(f"{group}/{name}", value, step)

    def status(self, state: Any) -> Status:
        """Return how far the training is."""
        share = self.pace.share(state.global_step)
        steps = round(state.global_step / share) if share else state.max_steps
        return Status(
            "training",
            state.global_step,
            min(steps, state.max_steps),
            float(state.epoch or 0),
            self.losses(),
            self.pace.left(state.global_step),
            self._scores,
        )

    def losses(self) -> dict[str, float]:
        """Return the mean of each loss in the last steps."""
        names = self._recent[-1] if self._recent else {}
        return {n: sum(part[n] for part in self._recent) / len(self._recent) for n in names}
