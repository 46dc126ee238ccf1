"""How far long work is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Status:
    """How far a training is.

    Attributes:
        stage: ``"teaching"``, the teachers say what they think of the examples, or ``"training"``.
        step: Steps that are done, or examples.
        steps: Of the whole run, as far as can be told.
        epoch: Passes over the data.
        losses: The mean of each loss in the last steps; ``loss`` is all with their weights.
        seconds_left: As far as can be told.
        scores: What the last look at the evaluation file found, in percent.
    """

    stage: str
    step: int
    steps: int
    epoch: float
    losses: Mapping[str, float]
    seconds_left: float | None
    scores: Mapping[str, float] = field(default_factory=dict)
