"""The corpus that the tests of `edge-distil embed` share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from edge_distil_apps.embed import ROWS, Row, Source

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


def everything(source: Source, rows: int) -> list[Row]:
    """Read all shards, each by itself and in any order, and put them in order."""
    shards = list(source.shards(rows))
    assert [shard.number for shard in shards] == list(range(len(shards)))
    assert all(shard.rows == rows for shard in shards[:-1])
    read = {shard: source.read(shard) for shard in random.Random(0).sample(shards, len(shards))}
    together = [row for _, found in source.read_all(shards) for row in found]
    alone = [row for shard in shards for row in read[shard]]
    assert [row[:4] for row in alone] == [row[:4] for row in together]
    return alone
