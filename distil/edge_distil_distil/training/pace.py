"""The learning rate by what is done of the run, in steps or by the clock."""

from __future__ import annotations

import time


class Pace:
    """Factor of the learning rate: up in the first share of the run, then down to 0.

    With a time limit the clock decides: what is left of the time, not of the steps, so that the
    rate ends at 0 however fast the machine is (Li et al. 2020, "Budgeted Training",
    arXiv:1905.04753). The scheduler keeps this object's numbers in its checkpoints.

    Args:
        steps: Of the whole run.
        seconds: The time limit, if there is one.
        warmup: Share of the run in which the rate rises.
    """

    def __init__(self, steps: int, seconds: float | None, warmup: float) -> None:
        self.steps, self.seconds, self.warmup = steps, seconds, warmup
        self.spent = 0.0  # seconds, in earlier processes too
        self.before, self.started = 0.0, time.monotonic()

    def go_on(self) -> None:
        """Start the clock, in a process that goes on with a checkpoint too."""
        self.before, self.started = self.spent, time.monotonic()

    def share(self, step: int) -> float:
        """Return how much of the run is done, 0 to 1."""
        self.spent = self.before + time.monotonic() - self.started
        by_clock = self.spent / self.seconds if self.seconds else 0.0
        return min(1.0, max(step / self.steps, by_clock))

    def left(self, step: int) -> float | None:
        """Return the seconds that are left, ``None`` before anything is known."""
        share = self.share(step)
        return self.spent * (1 - share) / share if share else None

    def __call__(self, step: int) -> float:
        """Return the factor for a step."""
        done = self.share(step)
        if done < self.warmup:
            return done / self.warmup
        return (1 - done) / (1 - self.warmup)
