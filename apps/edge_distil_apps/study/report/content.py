"""What a report consists of: sections of words, figures and tables, for a page or for Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

# CSS pixels. The page shows the wide drawing where it has room, else the narrow one.
WIDE, NARROW = 560.0, 318.0


@dataclass(frozen=True)
class Cell:
    """A cell of a table; ``value`` is the figure behind the words, in its plain unit."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """A table; its first column names the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    wraps: bool = False  # cells hold sentences
    folded: bool = False  # the page shows it when asked to

    def cells(self) -> list[list[Cell]]:
        """Return the rows with every cell as `Cell`."""
        return [
            [cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows
        ]


@dataclass(frozen=True)
class Figure:
    """A drawing in two widths."""

    title: str
    note: str
    wide: Markup
    narrow: Markup


@dataclass(frozen=True)
class Section:
    """A part of the report: words, tables that come first, figures, tables, remarks."""

    title: str
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    first: Sequence[Table] = ()

    @property
    def anchor(self) -> str:
        """Its name in an address."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


@dataclass(frozen=True)
class Tile:
    """A figure in large type, and what it is."""

    figure: str
    words: str


def figure(title: str, note: str, draw: Callable[[float], str]) -> Figure:
    """Draw in both widths; what `draw` returns is SVG whose words are escaped."""
    return Figure(title, note, Markup(draw(WIDE)), Markup(draw(NARROW)))
