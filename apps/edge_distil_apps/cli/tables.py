"""Tables that are never cut: rows wider than the terminal become a block of lines each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.cells import cell_len

from edge_distil._reading.printable import printable
from edge_distil_apps.cli import console

_BETWEEN = 2  # blanks between two columns
_LEAST = 20  # columns; a terminal may say that it has none


def paragraph(text: str, indent: int) -> None:
    """Print a text; where the terminal ends it goes on between two words, so that none is cut.

    Args:
        text: The text.
        indent: Blanks before the lines that follow the first.
    """
    lines = textwrap.wrap(
        printable(text, lines=True), max(console.width(), _LEAST),
        subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    for line in lines:
        console.say(console.text(line))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; all columns but the first are figures.

    Args:
        title: What stands above it.
        columns: Their headings, with units.
        rows: The cells; a row's first one is its name.
    """
    rows = [[printable(cell, lines=True) for cell in row] for row in rows]
    if title:
        console.say(console.text(title))
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    if sum(widths) + _BETWEEN * (len(widths) - 1) > console.width():
        for row in rows:
            _fold(columns, row)
        return
    console.say(f"[bold]{console.text(_line(columns, widths))}[/bold]")
    for row in rows:
        console.say(console.text(_line(row, widths)))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Put cells below those of other rows, the first one to the left, figures to the right."""
    blanks = [" " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)]
    first, *others = zip(cells, blanks, strict=True)
    line = ["".join(first), *(blank + cell for cell, blank in others)]
    return (" " * _BETWEEN).join(line).rstrip()


def _fold(columns: Sequence[str], row: Sequence[str]) -> None:
    """Print a row as its name and a line for each cell; the terminal itself breaks long ones."""
    console.say(f"[bold]{console.text(row[0])}[/bold]")
    widest = max(map(cell_len, columns[1:]))
    for column, cell in zip(columns[1:], row[1:], strict=True):
        if cell:
            console.say(console.text(f"  {column:{widest}}  {cell}"))
