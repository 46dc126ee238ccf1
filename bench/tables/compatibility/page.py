"""The figures of `families` as a page that a person reads."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tables.shared.figures import markdown

HEADS = {
    "question-answering": "question answering",
    "text-classification": "labels of texts",
    "token-classification": "labels of tokens",
    "fill-mask": "fill-mask",
    "multiple-choice": "multiple choice",
    "sentence-similarity": "embedding",
}
COLUMNS = {
    "export": "export",
    "end_to_end": "end to end",
    "int8": "int8",
    "coreml": "Core ML",
    "javascript": "JavaScript",
}
NO, NOT_ASKED, NOT_YET = "no", "not asked", "not yet"

# Where a package lay while it was made: a folder of another name each time.
_PASSING = re.compile(r"bundle/\.edge_distil\.[0-9a-f]+\.part/")

Cells = Mapping[str, Any]


class Notes:
    """Reasons, numbered as they are first named.

    >>> notes = Notes()
    >>> notes.number("too long"), notes.number("too odd"), notes.number("too long")
    (1, 2, 1)
    """

    def __init__(self) -> None:
        self._reasons: list[str] = []

    def number(self, reason: str) -> int:
        """Return a reason's number."""
        reason = _PASSING.sub("", reason)
        if reason not in self._reasons:
            self._reasons.append(reason)
        return self._reasons.index(reason) + 1

    def lines(self) -> str:
        """Write them, a line each."""
        return "\n".join(f"{n}. {_plain(r)}" for n, r in enumerate(self._reasons, 1))


def render(document: Mapping[str, Any]) -> str:
    """Write the overview, a table a head, and what is refused whole."""
    figures = document["figures"]
    refused = {name: tasks for name, tasks in figures.items() if not _served(tasks)}
    served = {name: tasks for name, tasks in figures.items() if name not in refused}
    parts = [document["machine"], "## At a glance", overview(served)]
    for task, title in _asked(figures).items():
        parts += [f"## {title[0].upper()}{title[1:]}", details(task, served)]
    if refused:
        parts += ["## Refused", refusals(refused)]
    return "\n\n".join(parts)


def overview(figures: Mapping[str, Any]) -> str:
    """Write how far each family goes with each head."""
    notes = Notes()
    heads = _asked(figures)
    rows = [
        [name, *(_far(tasks.get(task, {}), notes) for task in heads)]
        for name, tasks in sorted(figures.items())
    ]
    return _noted(_words(["family", *heads.values()], rows), notes)


def _asked(figures: Mapping[str, Any]) -> dict[str, str]:
    """Return the heads that were measured of any family."""
    known = set().union(*figures.values())
    return {task: title for task, title in HEADS.items() if task in known}


def details(task: str, figures: Mapping[str, Any]) -> str:
    """Write a head's figures, of the families that it is exported of."""
    notes = Notes()
    rows = [
        [name, *(_cell(column, tasks[task].get(column, {}), notes) for column in COLUMNS)]
        for name, tasks in sorted(figures.items())
        if _works(tasks.get(task, {}))
    ]
    return _noted(markdown(["family", *COLUMNS.values()], rows), notes)


def refusals(figures: Mapping[str, Any]) -> str:
    """Write the lines that whole families are refused with: the one that says most."""
    rows = [
        [name, max((_plain(cells["export"][NO]) for cells in tasks.values()), key=len)]
        for name, tasks in sorted(figures.items())
    ]
    return _words(["family", "the line"], rows)


def _served(tasks: Mapping[str, Cells]) -> bool:
    return any(_works(cells) for cells in tasks.values())


def _works(cells: Cells) -> bool:
    return "figure" in cells.get("export", {})


def _far(cells: Cells, notes: Notes) -> str:
    """Say in words how far a head goes."""
    if not cells:
        return NOT_YET
    if not _works(cells):
        return f"{NO} ({notes.number(cells['export'][NO])})"
    missing = [title for name, title in COLUMNS.items() if "figure" not in cells.get(name, {})]
    return f"{NO} {', '.join(missing)}" if missing else "all"


def _cell(column: str, cell: Cells, notes: Notes) -> str:
    if not cell:
        return NOT_YET
    if "figure" not in cell:
        word = NO if NO in cell else NOT_ASKED
        return f"{word} ({notes.number(cell[word])})"
    return _cosine(cell["figure"]) if column == "int8" else f"{cell['figure']:.0e}"


def _cosine(value: float) -> str:
    """Write a cosine, never better than it is.

    >>> _cosine(0.99997), _cosine(1.0)
    ('0.9999', '1.0000')
    """
    return f"{math.floor(value * 10_000) / 10_000:.4f}"


def _words(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _noted(table: str, notes: Notes) -> str:
    lines = notes.lines()
    return f"{table}\n\n{lines}" if lines else table


def _plain(text: str) -> str:
    """Keep what a table and HTML would take for themselves."""
    return text.replace("|", "\\|").replace("<", "&lt;")
