"""The texts that the tests of search share, and what an index of them holds."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from edge_distil_apps.search import Hit, open_index

WORDS = (
    "light keeper film charming dull lovely ada london paris bern lives works acme river sea ship "
    "storm lamp oil old new great small red blue green cat dog mat one two three four five"
).split()
LEAST_RECALL = 0.98
# Vectors are kept as 16-bit floats: a cosine moves by at most this.
HALF = 1e-3


def write_texts(folder: Path, files: int = 30, seed: int = 0) -> Path:
    """Write files of some ten short passages each, no two alike."""
    folder.mkdir()
    draw = random.Random(seed)
    for number in range(files):
        paragraphs = [
            " ".join(draw.choices(draw.sample(WORDS, 12), k=150)) + "." for _ in range(10)
        ]
        (folder / f"{number:02}.txt").write_text("\n\n".join(paragraphs))
    return folder


def everything(index: Path, query: str = "storm at sea") -> list[Hit]:
    """All passages of an index, by their likeness to a query."""
    with open_index(index) as opened:
        return opened.search(query, k=10_000, mode="vector")


def places(index: Path) -> set[tuple[str, int, int, str]]:
    """What an index holds, by SQLite alone."""
    query = 'SELECT name, start, "end", text FROM passages JOIN files ON files.id = passages.file'
    with closing(sqlite3.connect(index / "passages.sqlite")) as database:
        return set(database.execute(query))


def recall(index: Path, exact: Path, k: int = 10) -> float:
    """Return the share of the `k` nearest passages by an exact index that another one finds."""
    found = []
    with open_index(index) as some, open_index(exact) as every:
        for query in WORDS:
            nearest = every.search(query, k=k, mode="vector")
            least = nearest[-1].similarity - HALF
            hits = some.search(query, k=k, mode="vector")
            found.append(sum(hit.similarity >= least for hit in hits) / len(nearest))
    return sum(found) / len(found)
