"""The corpus that the tests of `edge-distil embed` share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from edge_distil_apps.embed import ROWS

WORDS = "the ship sat on old oil lamp storm charming film cat".split()
COUNT = 3 * ROWS + 100  # four shards


def make_texts(count: int) -> list[str]:
    generator = random.Random(7)
    return [" ".join(generator.choices(WORDS, k=generator.randint(0, 9))) for _ in range(count)]


def write_texts(path: Path, texts: Sequence[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
