"""A task object that answers from a table."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil.bundle import Bundle
from edge_distil.manifest import Checkpoint, Manifest


@dataclass
class StandIn:
    """A task object that looks its results up and notes the options it was called with."""

    task: str
    results: dict[Any, Any]
    labels: tuple[str, ...] = ()
    problem_type: str | None = None
    variant: str = "fp32"
    options: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bundle(self) -> Bundle:
        manifest = Manifest(self.task, Checkpoint("x"), (), (), 8, self.labels, self.problem_type)
        return Bundle(Path("some-bundle"), manifest)

    def batch(self, inputs: Any, **options: Any) -> list[Any]:
        self.options.append(options)
        return [self.results[i] for i in inputs]

    def encode(self, texts: Any) -> np.ndarray:
        return np.array([self.results[text] for text in texts], np.float32)

    def changed(self, results: dict[Any, Any]) -> StandIn:
        return dataclasses.replace(self, results={**self.results, **results}, variant="int8")
