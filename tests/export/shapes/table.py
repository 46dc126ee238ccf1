"""The table of published shapes in the documentation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shapes.shape import Shape

DOCUMENT = Path(__file__).parents[3] / "docs" / "published-shapes.md"
_HEAD = """# Checkpoints in the shapes that people publish

Small checkpoints of random weights, each made by a script, exported, loaded and asked, and compared
with what their own library answers to the same texts; the outcome is its numbers to 1e-5, or one
line that refuses. Made by `tests/export/test_published_shapes.py`.

| about | shape | outcome | compared with | largest difference |
|---|---|---|---|--:|
"""


@dataclass(frozen=True)
class Row:
    """One line of the table: a shape and what came of it."""

    shape: Shape
    outcome: str
    witness: str = ""
    difference: float | None = None


def render(rows: Iterable[Row]) -> str:
    """Return the document."""
    return _HEAD + "".join(
        f"| {row.shape.group} | {row.shape.name} | {_outcome(row)} | {row.witness} | "
        f"{'' if row.difference is None else f'{row.difference:.0e}'} |\n"
        for row in rows
    )


def names_in(text: str) -> list[str]:
    """Return the names of the shapes in a document."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [line.split(" | ")[1] for line in lines]


def _outcome(row: Row) -> str:
    return "equal" if row.outcome == "equal" else f"refused: {row.outcome.replace('|', '/')}"
