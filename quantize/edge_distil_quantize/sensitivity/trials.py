"""Trials: the task's measure of one candidate after the other, each measured once."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._writing.journal import Journal
from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder
from edge_distil.evaluate import evaluate
from edge_distil.session import OnnxSession
from edge_distil.tasks import BY_NAME
from edge_distil_quantize.recipe import Progress
from edge_distil_quantize.sensitivity.candidates import Workbench

_PREFIX = "trial "


@dataclass
class Trials:
    """What a search asks, and what was answered.

    Attributes:
        bundle: The bundle.
        bench: Where candidates are made.
        journal: What is known already.
        data: The file that the measure is taken on.
        say: Called with one line before every evaluation.
        allowed: A candidate passes from this score on.
        seconds: How long the evaluations of this run took.
    """

    bundle: Bundle
    bench: Workbench
    journal: Journal
    data: Path
    say: Progress
    allowed: float = float("-inf")
    seconds: list[float] = field(default_factory=list)

    def passes(self, keep: frozenset[str], left: int) -> bool:
        """Say whether the candidate is within the budget."""
        return bool(self.measure(keep, left)["value"] >= self.allowed)

    def measure(self, keep: frozenset[str] | None, left: int = 1) -> dict[str, Any]:
        """Evaluate a candidate; ``None`` is fp32 itself."""
        name = "fp32" if keep is None else _PREFIX + " ".join(sorted(keep))
        if name not in self.journal:
            self.say(self._stage(keep, left))
        found: dict[str, Any] = self.journal.recall(name, lambda: self._evaluate(keep))
        return found

    def count(self) -> int:
        """Return how many candidates were evaluated, in runs that were interrupted too."""
        return self.journal.count(_PREFIX)

    def _evaluate(self, keep: frozenset[str] | None) -> dict[str, Any]:
        started = time.monotonic()
        model = self.bench.source if keep is None else self.bench.make(keep, "candidate")
        tokenizer = Tokenizer(self.bundle.path, self.bundle.manifest.max_length)
        encoder = Encoder(self.bundle, self.bench.recipe, tokenizer, OnnxSession(model))
        found = evaluate(BY_NAME[self.bundle.manifest.task](encoder), self.data)
        self.seconds.append(time.monotonic() - started)
        metric, value = next(iter(found.metrics.items()))
        value = value if math.isfinite(value) else 0.0  # no correlation where all is constant
        return {"metric": metric, "value": value, "bytes": model.stat().st_size}

    def _stage(self, keep: frozenset[str] | None, left: int) -> str:
        kept = "fp32" if keep is None else f"{self.bench.recipe} with {len(keep)} kept in fp32"
        if not self.seconds:
            return f"evaluating {kept}"
        seconds = statistics.median(self.seconds) * left
        return f"evaluating {kept} (at most {left} in this stage, about {seconds:.0f} s)"
