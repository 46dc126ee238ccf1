"""What one processor gave beside what this machine gave, from the folders that hold both."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tables.processors.opened_models import OTHERS, Product, exact, stored_arrays

TOLERANCE = 1e-3  # logits are about 5


@dataclass
class Models:
    """The graphs to run.

    Attributes:
        files: Name -> model file.
        products: Name -> the integer products that the graph lays open.
        forced: Feeds of the graph that takes its activations from outside.
    """

    files: dict[str, Path]
    products: dict[str, list[Product]]
    forced: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """What one processor gave, beside this machine.

    Attributes:
        exact: Model -> integer products equal to numpy's, and all.
        flips: Activations rounded to another integer, one quantizer at a time, and all.
        forced: Greatest difference of logits with the activations rounded as here.
        free: The difference of logits for each question.
        answers: Equal answers, and all.
        others: Recipe of onnxruntime -> greatest difference of logits.
    """

    exact: dict[str, tuple[int, int]]
    flips: tuple[int, int]
    forced: float
    free: list[float]
    answers: tuple[int, int]
    others: dict[str, float]

    @property
    def within(self) -> tuple[int, int]:
        """Questions whose logits differ by no more than the tolerance, and all."""
        return sum(drift <= TOLERANCE for drift in self.free), len(self.free)

    @property
    def good(self) -> bool:
        """True where the processor gives what this machine gives; see ``arm_check.py``."""
        right, products = self.exact["int8"]
        return right == products and self.forced <= TOLERANCE and self.answers[0] == self.answers[1]


def compare(models: Models, here: Path, there: Path) -> Row:
    """Compare one processor's outputs with this machine's."""
    count = len(models.forced)
    ours, theirs = (json.loads((f / "answers.json").read_text("utf-8")) for f in (here, there))
    windows = sorted(path.name for path in here.glob("logits-*.npz"))
    return Row(
        exact={name: exact_products(models, name, there, count) for name in models.products},
        flips=count_flips(here, there, count),
        forced=max(drift(here, there, f"forced-{i}.npz") for i in range(count)),
        free=[drift(here, there, name) for name in windows],
        answers=(sum(a == b for a, b in zip(ours, theirs, strict=True)), len(ours)),
        others={
            name: max(drift(here, there, f"{name}-{i}.npz") for i in range(count))
            for name in ("fp32", *(f"{name}_closed" for name in OTHERS))
        },
    )


def exact_products(models: Models, name: str, folder: Path, count: int) -> tuple[int, int]:
    stored = stored_arrays(models.files[name])
    found = [
        exact(product, stored, outputs)
        for outputs in (load(folder / f"{name}-{index}.npz") for index in range(count))
        for product in models.products[name]
    ]
    return sum(found), len(found)


def count_flips(here: Path, there: Path, count: int) -> tuple[int, int]:
    flips = total = 0
    for index in range(count):
        ours, theirs = load(here / f"forced-{index}.npz"), load(there / f"forced-{index}.npz")
        for name in ours.keys() - {"start_logits", "end_logits"}:
            flips += int(np.count_nonzero(ours[name] != theirs[name]))
            total += ours[name].size
    return flips, total


def drift(here: Path, there: Path, name: str) -> float:
    ours, theirs = load(here / name), load(there / name)
    logits = ("start_logits", "end_logits")
    return max(float(np.abs(ours[key] - theirs[key]).max()) for key in logits)


def load(file: Path) -> dict[str, NDArray[Any]]:
    with np.load(file) as stored:
        return dict(stored)
