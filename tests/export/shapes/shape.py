"""What a published shape is, and the list of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tiny


@dataclass(frozen=True)
class Shape:
    """A checkpoint of a shape that people publish.

    Attributes:
        group: What it is about.
        name: Short, and its own.
        make: Writes the checkpoint into an empty folder.
        task: For ``--task``, where the checkpoint does not say.
        refused: A part of the one line that refuses it; ``None`` where its numbers must be equal.
        plain: Load it as a hub folder: the bundle without its manifest.
        trust_pickle: Export it with ``--trust-pickle``.
    """

    group: str
    name: str
    make: Callable[[Path], object]
    task: str | None = None
    refused: str | None = None
    plain: bool = False
    trust_pickle: bool = False


def edit(file: Path, **changes: Any) -> None:
    """Change fields of a JSON file, which may not be there yet; ``...`` takes one out."""
    old = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    fields = {key: value for key, value in {**old, **changes}.items() if value is not ...}
    file.write_text(json.dumps(fields), "utf-8")


def settings(
    file: str, family: str = "bert", task: str = "text-classification", **changes: Any
) -> Callable[[Path], object]:
    """A tiny checkpoint with one file of settings changed."""

    def make(folder: Path) -> None:
        tiny.save_checkpoint(folder, family, task)
        edit(folder / file, **changes)

    return make


def plainly(family: str, task: str, **options: Any) -> Callable[[Path], object]:
    """A tiny checkpoint as transformers saves it."""
    return lambda folder: tiny.save_checkpoint(folder, family, task, **options)
