"""What was found, for a terminal: rank, place, headings, and the lines that say most."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from edge_distil_apps.search.answer import Sourced
from edge_distil_apps.search.full_text import MARKS
from edge_distil_apps.search.index import Hit

_INDENT = 4  # columns left of a passage, where its rank stands
_ROWS = 5  # of a passage, unless the whole of it is wanted
_WIDEST = 110  # columns of text: longer lines are hard to read
_WORD, _ANSWER = "bold yellow", "bold black on green"
_PLACE, _QUIET = "bold cyan", "dim"
# A text must not command the terminal; half a character (of a file's name) cannot be printed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKED = re.compile(f"{MARKS[0]}(.*?){MARKS[1]}", re.DOTALL)


@dataclass(frozen=True)
class _Row:
    """A row of the terminal: a file's line, or a part of a long one."""

    line: int  # its number in the file
    text: Text
    weight: int  # what it has of the answer and the query's words


@dataclass(frozen=True)
class Page:
    """All hits; rich prints it at the width of the terminal.

    Attributes:
        hits: The best first.
        folder: The folder that was indexed.
        answer: Shown above, and painted in its passage.
        whole: Show whole passages.
    """

    hits: Sequence[Hit]
    folder: Path
    answer: Sourced | None = None
    whole: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(options.max_width, _WIDEST)
        if self.answer:
            yield from self._answer(self.answer)
        for rank, hit in enumerate(self.hits, start=1):
            answer = self.answer if self.answer and self.answer.hit == rank - 1 else None
            yield from self._hit(console, width, rank, hit, answer)

    def _answer(self, answer: Sourced) -> Iterator[Text]:
        indent = " " * _INDENT
        text = " ".join(_clean(answer.text).split())
        yield Text.assemble(indent, (f" {text} ", _ANSWER), overflow="fold")
        place = self._place(answer.file, str(answer.line))
        score = (f"{answer.score:.2f} · ", _QUIET)
        yield Text.assemble(indent, score, place, overflow="fold")
        yield Text()

    def _hit(
        self, console: Console, width: int, rank: int, hit: Hit, answer: Sourced | None
    ) -> Iterator[Text]:
        place = self._place(hit.file, f"{hit.start}-{hit.end}")
        title = Text.assemble((f"{rank:>{_INDENT - 2}}  ", "bold"), place, overflow="fold")
        figures = Text(_figures(hit), _QUIET)
        room = width - cell_len(title.plain) - cell_len(figures.plain)
        yield Text.assemble(title, " " * max(2, room), figures, overflow="fold")
        if hit.heading:
            heading = Text(" " * _INDENT + _clean(hit.heading), "italic")
            heading.truncate(width, overflow="ellipsis")
            yield heading
        digits = len(str(hit.end))
        rows = list(_rows(console, hit, answer, width - _INDENT - digits - 3))
        above = 0
        for row in rows if self.whole else _best(rows):
            number = "" if row.line == above else str(row.line)
            gutter = (f"{' ' * _INDENT}{number:>{digits}} │ ", _QUIET)
            yield Text.assemble(gutter, row.text, no_wrap=True)
            above = row.line
        yield Text()

    def _place(self, file: str, lines: str) -> Text:
        """Return ``file:lines``, which terminals open on a click."""
        path = self.folder / file
        return Text(f"{_clean(_near(path))}:{lines}", f"{_PLACE} link {path.as_uri()}")


def _figures(hit: Hit) -> str:
    """Write the two places and the score: that which is made of them, or the cross-encoder's."""
    ranks = [
        f"{name} {rank}"
        for name, rank in (("meaning", hit.vector_rank), ("words", hit.words_rank))
        if rank
    ]
    by_rank = hit.relevance is None
    score = f"{hit.score:.4f}" if by_rank else f"relevance {hit.relevance:.4f}"
    return " · ".join([*ranks, score])


def _rows(console: Console, hit: Hit, answer: Sourced | None, width: int) -> Iterator[_Row]:
    """Yield the rows of a passage."""
    text = _painted(hit.marked)
    if answer:
        text.stylize(_ANSWER, answer.start, answer.end)
    for number, line in enumerate(text.split("\n", allow_blank=True), start=hit.start):
        line.expand_tabs(4)
        for row in line.wrap(console, max(width, 20)):
            row.rstrip()
            weight = sum(100 if span.style == _ANSWER else 1 for span in row.spans)
            yield _Row(number, row, weight)


def _painted(marked: str) -> Text:
    """Turn the marks of the words into colour; the characters are those of the passage."""
    text = Text()
    end = 0
    for match in _MARKED.finditer(marked):
        text.append(_clean(marked[end : match.start()]))
        text.append(_clean(match[1]), _WORD)
        end = match.end()
    return text.append(_clean(marked[end:]))


def _best(rows: list[_Row]) -> list[_Row]:
    """Return the `_ROWS` neighbouring rows that weigh most; of equals those in the middle."""
    full = [row for row in rows if row.text.plain]
    starts = range(max(1, len(full) - _ROWS + 1))
    weights = [sum(row.weight for row in full[i : i + _ROWS]) for i in starts]
    best = [i for i in starts if weights[i] == max(weights)]
    first = best[len(best) // 2] if max(weights) else 0
    return full[first : first + _ROWS]


def _clean(text: str) -> str:
    """Replace control characters, each by one that is seen."""
    return _CONTROL.sub("�", text)


def _near(path: Path) -> str:
    """Return the path from here where that is shorter, so that it can be clicked and typed."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive of Windows
        return str(path)
    return min(relative, str(path), key=len)
